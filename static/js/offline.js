// Pages that were seen can be read again without a network, with their age.

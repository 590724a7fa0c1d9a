// What could not be sent stays on this device, and is sent in order, once, as soon as the server answers again.

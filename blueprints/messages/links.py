"""Finds the web addresses in what somebody wrote. Pure, and in one pass however nasty the text."""

import re
from collections.abc import Iterator

_ADDRESS = re.compile(r"(?<![\w@/.])https?://[^\s<>\"'`\x00-\x20\x7f]+", re.IGNORECASE)
# Only plain names and numbers: letters of other alphabets look like these, and what stands before an @ looks like the host.
_HOST = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,62}(?::[0-9]{1,5})?(?=[/?#]|$)", re.IGNORECASE)
_PARTNERS = {")": "(", "]": "[", "}": "{"}
_TRAILING = frozenset(".,;:!?*_~…’”»")


def parts_of(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is an address; together they are the text."""
    done = 0
    for found in _ADDRESS.finditer(text):
        address = _without_what_follows(found[0])
        if _HOST.match(address):
            if found.start() > done:
                yield text[done : found.start()], False
            yield address, True
            done = found.start() + len(address)
    if done < len(text):
        yield text[done:], False


def _without_what_follows(address: str) -> str:
    """Without the full stop of the sentence, and without a bracket that was opened before the address."""
    counts = {bracket: address.count(bracket) for pair in _PARTNERS.items() for bracket in pair}
    end = len(address)
    while end:
        last = address[end - 1]
        if last in _PARTNERS:
            if counts[last] <= counts[_PARTNERS[last]]:
                break
            counts[last] -= 1
        elif last not in _TRAILING:
            break
        end -= 1
    return address[:end]

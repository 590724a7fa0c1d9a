"""What members are told of, in words. Pure: no database, no Flask."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Data = Mapping[str, Any]
Words = Callable[[int, Data], str]

IN_APP, BROWSER, EMAIL = CHANNELS = ("in_app", "browser", "email")
SAVERS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000)  # below the first nobody can be guessed
MOST_NAMED = 3


@dataclass(frozen=True)
class Kind:
    """``words(count, data)`` follow the name of whom it is about, or stand alone; ``channels``: what is on unless the member says otherwise."""

    name: str
    label: str  # in the settings
    words: Words
    channels: Sequence[str] = CHANNELS
    is_counted_elsewhere: bool = False  # the navigation has a number of its own for it: once is enough
    can_be_off: bool = True


def asks(count: int, data: Data) -> str:
    return "asks to work with you"


def answers(count: int, data: Data) -> str:
    return "accepted your request" if data.get("state") == "accepted" else "declined your request"


def writes(count: int, data: Data) -> str:
    return "wrote to you" if count == 1 else f"wrote to you: {count} messages"


def save(count: int, data: Data) -> str:
    return f"{count:,} people have saved your profile"


def matches(count: int, data: Data) -> str:
    return "is a perfect match for you"


def changes(count: int, data: Data) -> str:
    return f"changed their {listed(data.get('fields', ()))}"


def warns(count: int, data: Data) -> str:
    return "The people who run Duet sent you a warning" + (f": {data['reason']}" if data.get("reason") else "")


TABLE = (
    Kind("request", "Somebody asks to work with you", asks, is_counted_elsewhere=True),
    Kind("answer", "Somebody answers your request", answers),
    Kind("message", "Somebody writes to you", writes, is_counted_elsewhere=True),
    Kind("match", "A perfect match appears", matches, (IN_APP, EMAIL)),
    Kind("change", "A profile you saved changes", changes, (IN_APP,)),
    Kind("saves", "More people have saved you", save, (IN_APP,)),
    Kind("warning", "A warning from the people who run Duet", warns, can_be_off=False),
)
KINDS = {kind.name: kind for kind in TABLE}
ONCE_EVER = "match"  # of a pair


def milestone(savers: int) -> int:
    """How many savers one is told of: 5, 10, 25, 50, 100 …; 0 below."""
    return max((number for number in SAVERS if number <= savers), default=0)


def listed(names: Sequence[str]) -> str:
    """``budget, platforms and topics``; of many, the first three and how many more."""
    named = [*names[:MOST_NAMED], *([f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else [])]
    if len(named) < 2:
        return named[0] if named else "profile"
    return f"{', '.join(named[:-1])} and {named[-1]}"

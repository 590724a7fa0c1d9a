"""What a page shows that can change under the reader, who may see it, and at which version it stands.

A *subject* is written ``profile:42`` or ``me``; with the version a page shows, ``profile:42@17``. Some subjects read the same for
everyone (``profile:42``), others depend on who looks (``me``, ``deck``, ``match:42``). Inside the server a subject with its audience
is a *topic*: ``profile:42``, ``me/7``, ``deck/brand``, ``match:42/7``. Features register their kinds; this package knows none of them.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from blueprints.extensions import MAX_ID

MAX_SUBJECTS = 2_000  # what one browser may watch: many tabs full of cards
NO_ID = 0

_SUBJECT = re.compile(r"([a-z]{1,20})(?::([1-9][0-9]{0,17}))?(?:@([0-9]{1,18}))?")

Versions = Callable[[Any, Collection[int]], dict[int, int]]
Audience = Callable[[Any], object]


class Subject(NamedTuple):
    """``kind`` and ``id`` (``NO_ID`` for kinds without), as a page names it."""

    kind: str
    id: int = NO_ID

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


@dataclass(frozen=True)
class Kind:
    name: str
    versions: Versions
    audience: Audience | None

    def topic(self, subject: Subject, viewer: Any) -> str:
        return f"{subject}/{self.audience(viewer)}" if self.audience else str(subject)


_kinds: dict[str, Kind] = {}


def subject(name: str, audience: Audience | None = None) -> Callable[[Versions], Versions]:
    """Register a kind by its one function ``versions(viewer, ids) -> {id: version}``: those the viewer may see, and where they stand.

    ``audience(viewer)`` names for whom the subject reads differently; without it all viewers share it. A kind without ids gets ``{NO_ID}``.
    """

    def register(versions: Versions) -> Versions:
        _kinds[name] = Kind(name, versions, audience)
        return versions

    return register


def parse(words: Iterable[str]) -> dict[Subject, int]:
    """``["profile:42@17", "me"]`` as ``{profile:42: 17, me: -1}``. What is no known subject is left out; of one named twice the oldest counts."""
    shown: dict[Subject, int] = {}
    for word in words:
        match = _SUBJECT.fullmatch(word)
        if match and match[1] in _kinds and len(shown) < MAX_SUBJECTS:
            named, version = Subject(match[1], int(match[2] or NO_ID)), int(match[3]) if match[3] else -1
            shown[named] = min(version, shown.get(named, version))
    return shown


def current_versions(viewer: Any, subjects: Collection[Subject]) -> dict[Subject, int]:
    """The subjects among these that ``viewer`` may see, with the version each stands at: a query a kind."""
    ids_of: dict[str, set[int]] = defaultdict(set)
    for name, id in subjects:
        if id <= MAX_ID:
            ids_of[name].add(id)
    asked = ((name, ids, _kinds[name].versions(viewer, ids)) for name, ids in sorted(ids_of.items()))
    return {Subject(name, id): version for name, ids, versions in asked for id, version in versions.items() if id in ids}


def topic_of(subject: Subject, viewer: Any) -> str:
    return _kinds[subject.kind].topic(subject, viewer)

"""The saves of one's own profile in words, and taking one of them back."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from os.path import commonprefix
from typing import Any

from flask import current_app
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from blueprints.extensions import db, utc_now
from blueprints.formats import number
from blueprints.profiles import avatars
from blueprints.profiles.forms import NOTHING, ChoiceField, ChoicesField, ProfileForm
from blueprints.profiles.history import KEPT, Edit
from blueprints.profiles.models import DISTANCES_KM, FIELDS, MAX_LINKS, City, Profile
from blueprints.profiles.values import merge_lines, merge_sets, plain

PAGE_SIZE = 25
MAX_PAGE = 100
LONG = 120  # characters: what is longer is shown where it changed
CONTEXT = 40
MOVED: Any = object()
LABELS = {"avatar": "Picture", "musts": "Preferences, musts", "dont_minds": "Preferences, what you do not mind", "max_km": "Preferences, how near"}

offered: dict[str, Callable[[str], Mapping[str, str]]] = {}  # for fields whose choices another package knows: by field, given the role


@dataclass(frozen=True)
class Change:
    """What one save did to one field. ``kind`` says how it is shown: text, set, lines or avatar."""

    name: str
    label: str
    kind: str
    before: str
    after: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        return len(self.before) > LONG or len(self.after) > LONG

    @cached_property
    def around(self) -> tuple[str, str]:
        """Both values near where they differ."""
        start = len(commonprefix((self.before, self.after)))
        end = min(len(commonprefix((self.before[::-1], self.after[::-1]))), len(self.before) - start, len(self.after) - start)
        first = self.before.rfind(" ", 0, max(0, start - CONTEXT)) + 1 if start > CONTEXT else 0
        return _part(self.before, first, end), _part(self.after, first, end)


@dataclass(frozen=True)
class Save:
    version: int
    saved_at: datetime
    where: str
    changes: list[Change]


@dataclass(frozen=True)
class History:
    """A page of one's saves, the newest first."""

    version: int
    page: int
    saves: list[Save]
    has_more: bool

    @classmethod
    def of(cls, profile: Profile, page: int, here: int) -> "History":
        mine = (Edit.profile_id == profile.id, Edit.saved_at > utc_now() - KEPT)
        newest = select(Edit.version).where(*mine).group_by(Edit.version).order_by(Edit.version.desc())
        versions = db.session.scalars(newest.limit(PAGE_SIZE + 1).offset((page - 1) * PAGE_SIZE)).all()
        shown = versions[:PAGE_SIZE]
        edits = db.session.scalars(select(Edit).where(*mine, Edit.version.in_(shown)).order_by(Edit.version.desc(), Edit.id)).all() if shown else []
        words = Words(profile, edits)
        saves = []
        for version, one in groupby(edits, lambda edit: edit.version):
            fields = list(one)
            where = "in this browser" if fields[0].session_id == here else fields[0].where(None)
            saves.append(Save(version, fields[0].saved_at, where, [words.change(edit) for edit in fields]))
        return cls(profile.version, page, saves, len(versions) > PAGE_SIZE)


class Words:
    """What stands in edits, as a person reads it."""

    def __init__(self, profile: Profile, edits: Iterable[Edit]) -> None:
        self.role = profile.role
        self.form = ProfileForm.of(profile)
        ids = {id for edit in edits if edit.field == "city" for id in (edit.before, edit.after)} - {None}
        self.cities = {city.id: city for city in db.session.scalars(select(City).where(City.id.in_(ids)))} if ids else {}
        if profile.city:
            self.cities[profile.city.id] = profile.city

    def label(self, name: str) -> str:
        return LABELS.get(name) or (self.form[name].label.text if name in self.form else name)

    def choices(self, name: str) -> Mapping[str, str] | None:
        """What a field offers; None when it takes more than that."""
        if name in offered:
            return offered[name](self.role)
        control = self.form[name] if name in self.form else None  # noqa: SIM401  a form has no get
        return control.offered if isinstance(control, ChoicesField | ChoiceField) else None

    def of(self, name: str, value: Any) -> str:
        """A value as it is kept, in words."""
        choices = self.choices(name)
        if name == "avatar":
            return value or ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if value is None or value in ("", []):
            return NOTHING
        if name == "city":
            return self.cities[value].label if value in self.cities else "a city that is no longer listed"
        if isinstance(value, list):
            return ", ".join(_named(value, choices)) if choices is not None else "\n".join(value)
        if name == "max_km":
            return f"within {number(value)} km"
        return choices.get(value, value) if choices is not None else self.form[name].words(value) if name in self.form else str(value)

    def change(self, edit: Edit) -> Change:
        name, before, after = edit.field, edit.before, edit.after
        is_list = isinstance(before, list) or isinstance(after, list)
        kind = "avatar" if name == "avatar" else "text" if not is_list else "set" if self.choices(name) is not None else "lines"
        added, removed = ([one for one in new or [] if one not in (old or [])] for new, old in ((after, before), (before, after))) if is_list else ([], [])
        choices = self.choices(name)
        return Change(name, self.label(name), kind, self.of(name, before), self.of(name, after), _named(added, choices), _named(removed, choices))


@dataclass(frozen=True)
class Moved:
    """A field that was changed again since the save that was to be undone."""

    name: str
    label: str
    now: str
    then: str


@dataclass
class Undone:
    """What became of undoing a save: fields put back, those that were changed since, and why others cannot be as they were."""

    save: int
    version: int = 0
    done: list[str] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    impossible: list[str] = field(default_factory=list)


def undo(profile: Profile, edits: Sequence[Edit], anyway: Collection[str] = (), base: int | None = None) -> Undone:
    """Put back what the edits of one save changed, as an edit of its own.

    Of sets and links just what that save added or took away; another field only while its value is still the one of that save.
    ``anyway``: only these, whatever stands there now, as it was at version ``base``.
    """
    words = Words(profile, edits)
    undone = Undone(edits[0].version)
    wanted: dict[str, Any] = {}
    for edit in edits:
        name, now = edit.field, plain(getattr(profile, edit.field, None))
        if (anyway and name not in anyway) or now == edit.before:
            continue
        before, gone = _still_possible(words, profile, edit)
        undone.impossible += gone
        if gone and not isinstance(before, list):
            continue
        value = before if anyway or now == edit.after else _taken_back(words, name, now, before, edit.after)
        if value is MOVED:
            undone.moved.append(_moved(words, name, now, before))
        elif value != now:
            wanted[name] = value
    wanted = {name: value for name, value in wanted.items() if name not in _refused(words, profile, wanted, undone)}
    conflict = profile.revise({name: _restored(words, name, value) for name, value in wanted.items()}, profile.version if base is None else base) or {}
    undone.moved += [_moved(words, name, plain(difference.theirs), wanted[name]) for name, difference in conflict.items()]
    undone.done = [words.label(name) for name in wanted if name not in conflict]
    undone.version = profile.version
    return undone


def _taken_back(words: Words, name: str, now: Any, before: Any, after: Any) -> Any:
    """``now`` without what was done from ``before`` to ``after``; MOVED where that cannot be told."""
    if not isinstance(now, list):
        return MOVED
    if words.choices(name) is not None:
        return sorted(merge_sets(frozenset(after), frozenset(before), frozenset(now)))
    merged = merge_lines(tuple(after), tuple(before), tuple(now))
    return MOVED if merged is None or len(merged) > MAX_LINKS else list(merged)


def _still_possible(words: Words, profile: Profile, edit: Edit) -> tuple[Any, list[str]]:
    """The value before the edit, less what is no longer offered, and that in words."""
    name, before = edit.field, edit.before
    choices, label = words.choices(name), words.label(edit.field)
    if name not in (*FIELDS[profile.role], *LABELS):
        return before, [f"{label}: it is no longer part of your profile."]
    if isinstance(before, list) and choices is not None:
        return [one for one in before if one in choices], [f"{label}: “{one}” is no longer offered." for one in before if one not in choices]
    if choices is not None and before is not None and before not in choices or name == "max_km" and before not in (None, *DISTANCES_KM):
        return before, [f"{label}: “{words.of(name, before)}” is no longer offered."]
    if name == "city" and before is not None and before not in words.cities:
        return before, [f"{label}: it was {words.of(name, before)}."]
    if name == "avatar" and before and not is_stored(before):
        return before, [f"{label}: the one before is no longer stored."]
    return before, []


def _refused(words: Words, profile: Profile, wanted: Mapping[str, Any], undone: Undone) -> set[str]:
    """Fields that today's rules do not let through, said in ``undone``."""
    typed = MultiDict({"base": str(profile.version)})
    for name in wanted.keys() & set(FIELDS[profile.role]):
        typed.setlist(name, words.form[name].typed(_restored(words, name, wanted[name])) or [""])
    form = ProfileForm.of(profile, typed)
    form.validate()
    faults = {name: said for name, said in form.faults.items() if name in wanted}
    musts, dont_minds = (set(wanted.get(name, getattr(profile, name))) for name in ("musts", "dont_minds"))
    for name in wanted.keys() & {"musts", "dont_minds"} if musts & dont_minds else ():
        faults[name] = "The same would be a must and not matter. Change that in your preferences."
    undone.impossible += [f"{words.label(name)}: {said}" for name, said in sorted(faults.items())]
    return set(faults)


def _moved(words: Words, name: str, now: Any, then: Any) -> Moved:
    return Moved(name, words.label(name), words.of(name, now), words.of(name, then))


def _restored(words: Words, name: str, value: Any) -> Any:
    """What a profile holds for a value as it is kept."""
    if name == "city":
        return words.cities.get(value)
    if isinstance(value, list):
        return tuple(value) if words.choices(name) is None else frozenset(value)
    return value


def is_stored(digest: str) -> bool:
    try:
        return avatars.path(current_app.config["MEDIA_PATH"], digest, avatars.SIZES[0]).is_file()
    except ValueError:
        return False


def _named(slugs: Iterable[str], choices: Mapping[str, str] | None) -> list[str]:
    return list(slugs) if choices is None else [label for slug, label in choices.items() if slug in slugs] + [one for one in slugs if one not in choices]


def _part(text: str, first: int, end: int) -> str:
    last = min(len(text), max(first, len(text) - end) + CONTEXT)
    if last - first > 2 * LONG:
        last = first + 2 * LONG
    return f"{'…' if first else ''}{text[first:last].strip()}{'…' if last < len(text) else ''}"

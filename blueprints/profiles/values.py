"""Values that are more than one, a set of choices or a few lines: their column types, and how two changes of one become one."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator


class Choices(TypeDecorator[frozenset[str]]):
    """A set of slugs, stored as ``,film,food,`` so that one of them can be looked for with ``LIKE '%,food,%'``."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> str | None:
        if value is None or isinstance(value, str):  # a pattern in a query is text already
            return value
        slugs = sorted(set(value))
        return f",{','.join(slugs)}," if slugs else ""

    def process_result_value(self, value: str | None, dialect: Dialect) -> frozenset[str] | None:
        return None if value is None else frozenset(value.strip(",").split(",")) - {""}


class Lines(TypeDecorator[tuple[str, ...]]):
    """A few texts without line breaks in the order given, stored one a line."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> str | None:
        if value is None or isinstance(value, str):
            return value
        return "\n".join(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(value.splitlines())


def plain(value: Any, city: str = "id") -> Any:
    """A field's value in JSON: a city by its id, or by another of its attributes."""
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return getattr(value, city) if hasattr(value, "label") else value


def as_kept(value: Any, plainly: Any) -> Any:
    """``plainly``, a value in JSON, as the same kind of collection as ``value``."""
    if isinstance(value, frozenset | set):
        return frozenset(plainly or ())
    return tuple(plainly or ()) if isinstance(value, tuple) else plainly


def can_merge(value: Any) -> bool:
    return isinstance(value, frozenset | set | tuple)


def merge(base: Any, mine: Any, theirs: Any) -> Any | None:
    """What both sides added to ``base`` and without what either took away; None where they cannot be had together."""
    if isinstance(theirs, tuple):
        return merge_lines(tuple(base), tuple(mine), theirs)
    return merge_sets(frozenset(base), frozenset(mine), frozenset(theirs))


def merge_sets(base: frozenset[str], mine: frozenset[str], theirs: frozenset[str]) -> frozenset[str]:
    return (theirs - (base - mine)) | (mine - base)


def merge_lines(base: tuple[str, ...], mine: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[str, ...] | None:
    """The same in an order: that of the side that put it into another one, or else theirs. None when both did, each differently."""
    if mine == theirs:
        return mine
    i_moved, they_moved = ([line for line in side if line in base] != [line for line in base if line in side] for side in (mine, theirs))
    if i_moved and they_moved:
        return None
    merged, other = (list(mine), theirs) if i_moved else (list(theirs), mine)
    gone = set(base) - set(other)
    merged = [line for line in merged if line not in gone]
    for index, line in enumerate(other):
        if line not in base and line not in merged:
            merged.insert(_place(other, index, merged), line)
    return tuple(merged)


def _place(lines: Sequence[str], index: int, merged: list[str]) -> int:
    """Behind the line that it stands behind in ``lines``, or else before the one it stands before, or else last."""
    before = next((merged.index(line) for line in reversed(lines[:index]) if line in merged), None)
    if before is not None:
        return before + 1
    return next((merged.index(line) for line in lines[index + 1 :] if line in merged), len(merged))

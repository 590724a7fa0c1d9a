"""Column types for values that are more than one: a set of choices, a few lines."""

from collections.abc import Iterable

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

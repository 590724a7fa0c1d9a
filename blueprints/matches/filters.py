"""What a deck can be narrowed to, and its order, as they stand in the address: shareable, and the same without JavaScript."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

import numpy as np
from werkzeug.datastructures import MultiDict

from blueprints import formats
from blueprints.matches.index import MANY, Table
from blueprints.matches.scoring import Facts, Point, Score, km_between, log_of, mask, point
from blueprints.profiles import choices, cities
from blueprints.profiles.models import DISTANCES_KM, MAX_AUDIENCE, MAX_EUROS
from blueprints.profiles.search import words_of
from blueprints.texts import clean_line

DAY_SECONDS = 24 * 3600
RECENT_DAYS = 14
LONGEST_SEARCH = 100
SORTS = {"fit": "Best fit", "newest": "Newest", "audience": "Largest audience", "distance": "Nearest"}

WHOLE = re.compile(r"[0-9]{1,10}")
DECIMAL = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?")

CHOICES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "niche": ("niches", choices.NICHES),
    "industry": ("industries", choices.INDUSTRIES),
    "campaign": ("campaigns", choices.CAMPAIGN_TYPES),
    "platform": ("platforms", choices.PLATFORMS),
    "language": ("languages", choices.LANGUAGES),
}
BOUNDS: Mapping[str, int] = {"audience_min": MAX_AUDIENCE, "audience_max": MAX_AUDIENCE, "pay_min": MAX_EUROS, "pay_max": MAX_EUROS}
RANGES = (("audience_min", "audience_max"), ("pay_min", "pay_max"))


Test = Callable[[Facts, Score, Table, Any, float], Any]


@dataclass(frozen=True)
class Place:
    """A city as an address names it, and its centre in degrees."""

    label: str
    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Filters:
    """Nothing asked for: everybody, best fit first. Sets mean "any of these"; between different filters all must hold."""

    q: str = ""
    niche: frozenset[str] = frozenset()
    industry: frozenset[str] = frozenset()
    campaign: frozenset[str] = frozenset()
    platform: frozenset[str] = frozenset()
    language: frozenset[str] = frozenset()
    near: Place | None = None
    within: int | None = None
    audience_min: int | None = None
    audience_max: int | None = None
    pay_min: int | None = None
    pay_max: int | None = None
    engagement: float | None = None
    score: int | None = None
    avatar: bool = False
    active: bool = False
    sort: str = "fit"

    @classmethod
    def read(cls, args: MultiDict[str, str]) -> tuple["Filters", list[str]]:
        """From an address; what makes no sense is left out, with a note for the person."""
        reader = _Reader(args)
        found = cls(
            q=reader.text("q"),
            **{name: reader.chosen(name, offered) for name, (_, offered) in CHOICES.items()},  # type: ignore[arg-type]
            near=reader.place("near"),
            within=reader.one_of("within", {str(km): km for km in DISTANCES_KM}, None),
            **{name: reader.whole(name, most) for name, most in BOUNDS.items()},  # type: ignore[arg-type]
            engagement=reader.percentage("engagement"),
            score=reader.whole("score", 100),
            avatar=reader.flag("avatar"),
            active=reader.flag("active"),
            sort=reader.one_of("sort", {sort: sort for sort in SORTS}, "fit"),
        )
        for low, high in RANGES:
            first, last = getattr(found, low), getattr(found, high)
            if first is not None and last is not None and first > last:
                reader.notes.append(f"{WORDS[low]} was above {WORDS[high].lower()}: both are left out.")
                found = found.without(low, high)
        return found, reader.notes

    def from_nowhere(self) -> tuple["Filters", list[str]]:
        """For a viewer without a city: a distance needs a place, which the address may name."""
        if self.near or not (self.within or self.sort == "distance"):
            return self, []
        found = self.without("within", "sort") if self.sort == "distance" else self.without("within")
        return found, ["Say a place, or add your city to your profile: without one nobody is near or far, and distance is left out."]

    def without(self, *names: str) -> "Filters":
        nothing = NO_FILTERS
        return Filters(**{each.name: getattr(nothing if each.name in names else self, each.name) for each in fields(self)})

    @property
    def args(self) -> dict[str, list[str]]:
        """As they stand in an address, for ``url_for``: the same filters always read the same."""
        asked = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _written(value) for name, value in asked.items() if value != getattr(NO_FILTERS, name)}

    @property
    def query(self) -> str:
        return urlencode(self.args, doseq=True)

    @property
    def is_narrow(self) -> bool:
        """Whether anybody could be left out by them."""
        return bool(self._parts())

    @property
    def said(self) -> list[tuple[tuple[str, ...], str]]:
        """Each filter that is on: the names it goes by in the address, and its words."""
        return [(names, words) for names, words, _ in self._parts()]

    def passes(self, me: Facts, score: Score, table: Table, rows: Any, now: float) -> dict[tuple[str, ...], Any]:
        """For each filter that is on, which of these rows pass it; the search for words is the caller's."""
        return {names: test(me, score, table, rows, now) for names, _, test in self._parts() if test}

    def _parts(self) -> list[tuple[tuple[str, ...], str, Test | None]]:
        parts: list[tuple[tuple[str, ...], str, Test | None]] = []
        if self.q:
            parts.append((("q",), f"“{self.q}”", None))
        for name, (kind, offered) in CHOICES.items():
            if chosen := getattr(self, name):
                words = " or ".join(label for slug, label in offered.items() if slug in chosen)
                parts.append(((name,), words, _shares(kind, mask(kind, chosen))))
        if self.within:
            where = f" of {self.near.name}" if self.near else ""
            parts.append((("within", "near"), f"Within {formats.number(self.within)} km{where}", _near(self.near, self.within)))
        if self.audience_min is not None or self.audience_max is not None:
            parts.append((("audience_min", "audience_max"), f"Audience {_range(self.audience_min, self.audience_max, formats.compact)}", _audience(self)))
        if self.pay_min is not None or self.pay_max is not None:
            parts.append((("pay_min", "pay_max"), f"Pay {_range(self.pay_min, self.pay_max, formats.money)}", _pay(self)))
        if self.engagement:
            parts.append((("engagement",), f"Engagement from {formats.percent(self.engagement)}", _engagement(self.engagement)))
        if self.score:
            parts.append((("score",), f"Score from {self.score}", _score(self.score)))
        if self.avatar:
            parts.append((("avatar",), "Has a picture", lambda me, score, table, rows, now: table["has_avatar"][rows]))
        if self.active:
            recent = RECENT_DAYS * DAY_SECONDS
            parts.append((("active",), "Active lately", lambda me, score, table, rows, now: table["seen"][rows] > now - recent))
        return parts


def _written(value: Any) -> list[str]:
    if isinstance(value, frozenset):
        return sorted(value)
    return [value.label if isinstance(value, Place) else f"{value:g}" if isinstance(value, float) else str(int(value) if value is True else value)]


class _Reader:
    """Reads one value after the other out of an address, and remembers what to say of those that it left out."""

    def __init__(self, args: MultiDict[str, str]) -> None:
        self.args, self.notes = args, list[str]()

    def text(self, name: str) -> str:
        typed = self.args.get(name, "")
        try:
            words = clean_line(typed[:LONGEST_SEARCH])[:LONGEST_SEARCH].rstrip()  # cut again: some characters are two in their normal form
        except ValueError:
            return self._left_out(name, "")
        return words if words_of(words) or not typed.strip() else self._left_out(name, "")

    def chosen(self, name: str, offered: Mapping[str, str]) -> frozenset[str]:
        sent = {value for value in self.args.getlist(name) if value}
        if sent - offered.keys():
            self._left_out(name, None)
        return frozenset(sent & offered.keys())

    def one_of(self, name: str, offered: Mapping[str, Any], otherwise: Any) -> Any:
        value = self.args.get(name, "")
        if value and value not in offered:
            self._left_out(name, None)
        return offered.get(value, otherwise)

    def whole(self, name: str, most: int) -> int | None:
        value = re.sub(r"[\s,]", "", self.args.get(name, "")[:40])
        if value and not (WHOLE.fullmatch(value) and int(value) <= most):
            return self._left_out(name, None)
        return int(value) if value else None

    def percentage(self, name: str) -> float | None:
        value = self.args.get(name, "").strip().removesuffix("%").strip().replace(",", ".")
        if value and not (DECIMAL.fullmatch(value) and float(value) <= 100):
            return self._left_out(name, None)
        return float(value) if value else None

    def flag(self, name: str) -> bool:
        value = self.args.get(name, "")
        if value not in ("", "0", "1"):
            self._left_out(name, None)
        return value == "1"

    def place(self, name: str) -> Place | None:
        typed = self.args.get(name, "").strip()[:LONGEST_SEARCH]
        city = cities.resolve(typed) if typed else None
        if city:
            return Place(city.label, city.name, city.latitude, city.longitude)
        return self._left_out(name, None) if typed else None

    def _left_out(self, name: str, value: Any) -> Any:
        self.notes.append(f"“{WORDS[name]}” in the address makes no sense here and is left out.")
        return value


WORDS = {
    "q": "Search", "niche": "Topic", "industry": "Industry", "campaign": "Campaign", "platform": "Platform", "language": "Language", "near": "Place",
    "within": "Distance", "audience_min": "Audience from", "audience_max": "Audience up to", "pay_min": "Pay from", "pay_max": "Pay up to",
    "engagement": "Engagement", "score": "Score", "avatar": "Has a picture", "active": "Active lately", "sort": "Order",
}  # fmt: skip


def _range(low: int | None, high: int | None, write: Callable[[int], str]) -> str:
    if low is None:
        return f"up to {write(high or 0)}"
    return f"from {write(low)}" if high is None else f"{write(low)} to {write(high)}"


# The tests: which rows pass. What a profile does not say does not pass.


def _shares(kind: str, wanted: int) -> Test:
    return lambda me, score, table, rows, now: (table[kind][rows] & wanted) != 0


def _near(place: Place | None, km: int) -> Test:
    return lambda me, score, table, rows, now: km_from(place, me, table, rows) <= km


def km_from(place: Place | None, me: Facts, table: Table, rows: Any) -> Any:
    """From the place that was chosen, else from the viewer's own; NaN for those who do not say where they are."""
    x, y, z = point(place.latitude, place.longitude) if place else (me.x, me.y, me.z)
    return km_between(Point(x, y, z), Point(*(table[axis][rows] for axis in "xyz")), MANY)


def _audience(asked: Filters) -> Test:
    """Creators by what they have; brands by what they ask for, where the two overlap."""
    low, high = (asked.audience_min or 0), (np.inf if asked.audience_max is None else asked.audience_max)
    first, last = log_of(asked.audience_min or 0), np.inf if asked.audience_max is None else log_of(asked.audience_max)

    def test(me: Facts, score: Score, table: Table, rows: Any, now: float) -> Any:
        followers = table["followers"][rows]
        band = (table["audience_low"][rows] <= last) & (table["audience_high"][rows] >= first)
        return ((followers >= low) & (followers <= high)) | band

    return test


def _pay(asked: Filters) -> Test:
    """Creators by their own rate; brands by their budget, where the two overlap."""
    low, high = asked.pay_min or 0, np.inf if asked.pay_max is None else asked.pay_max

    def test(me: Facts, score: Score, table: Table, rows: Any, now: float) -> Any:
        rate = table["rate"][rows]
        own = table["rate_is_own"][rows] & (rate >= low) & (rate <= high)
        return own | ((table["budget_low"][rows] <= high) & (table["budget_high"][rows] >= low))

    return test


def _engagement(least: float) -> Test:
    return lambda me, score, table, rows, now: table["engagement_percent"][rows] >= least


def _score(least: int) -> Test:
    return lambda me, score, table, rows, now: np.rint(score.overall) >= least


NO_FILTERS = Filters()

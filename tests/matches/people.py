"""Anybody: what a profile may say to be matched, whether a database would take it at this moment or not."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.matches.scoring import CRITERIA_OF, Facts, facts_of
from blueprints.profiles.choices import CAMPAIGN_TYPES, INDUSTRIES, LANGUAGES, NICHES, PLATFORMS
from blueprints.profiles.models import MAX_AUDIENCE, MAX_EUROS, City, Profile

Test = Callable[..., None]
Place = tuple[float, float]

BERLIN = (52.52, 13.41)


@dataclass(frozen=True)
class Side:
    """What scoring reads of a profile; a new one has answered nothing."""

    niches: frozenset[str] = frozenset()
    industries: frozenset[str] = frozenset()
    industry: str | None = None
    campaign_types: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    audience_size: int | None = None
    engagement_rate: float | None = None
    rate: int | None = None
    budget_min: int | None = None
    budget_max: int | None = None
    audience_min: int | None = None
    audience_max: int | None = None
    works_remotely: bool = False
    musts: frozenset[str] = frozenset()
    dont_minds: frozenset[str] = frozenset()
    max_km: int | None = None
    place: Place | None = None

    @property
    def facts(self) -> Facts:
        return facts_of(self, *(self.place or (None, None)))

    def at(self, place: Place | None) -> "Side":
        return replace(self, place=place)

    def profile(self, role: str) -> Profile:
        """The same as a profile; its city is called by where it is."""
        said = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "place"}
        city = self.place and City(id=abs(hash(self.place)), label=f"{abs(hash(self.place)) % 1_000}ville, Land", latitude=self.place[0], longitude=self.place[1])
        return Profile(id=1 if role == "creator" else 2, role=role, name=role.title(), city=city, **said)


NUMBERS = st.integers(1, MAX_EUROS)
AUDIENCES = st.integers(0, MAX_AUDIENCE)
PERCENTS = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def some(choices: Any) -> st.SearchStrategy[frozenset[str]]:
    """About a quarter of them."""
    return st.binary(min_size=8, max_size=8).map(lambda drawn: Dice(drawn).some(choices))


class Dice:
    """Answers out of bytes, since one draw of many bytes is many times faster than many draws. Zeros have answered nothing."""

    def __init__(self, drawn: bytes) -> None:
        self.drawn = iter(drawn)

    def number(self, size: int) -> int:
        return int.from_bytes([next(self.drawn) for _ in range(size)])

    def some(self, choices: Any) -> frozenset[str]:
        bits = self.number(4) & self.number(4)
        return frozenset(slug for place, slug in enumerate(sorted(choices)[:32]) if bits & 1 << place)

    def maybe(self, least: int, most: int) -> int | None:
        """None, a round number, or any; small ones as often as large ones."""
        kind, size = self.number(1) % 4, self.number(1) % 10
        exact = 10**size + self.number(4) % (9 * 10**size)
        return None if kind == 0 else max(least, min(most, 10**size if kind == 1 else exact))

    def ends(self, least: int, most: int) -> tuple[int | None, int | None]:
        """Of a range: both, one or none."""
        low, high = self.maybe(least, most), self.maybe(least, most)
        return (high, low) if low is not None and high is not None and low > high else (low, high)

    def place(self) -> Place | None:
        kind, up, around = self.number(1) % 4, self.number(2), self.number(2)
        return None if kind == 0 else BERLIN if kind == 1 else (90 - 180 * up / 65_535, 180 - 360 * around / 65_535)

    def side(self, role: str) -> Side:
        side = Side(self.some(NICHES), campaign_types=self.some(CAMPAIGN_TYPES), platforms=self.some(PLATFORMS), languages=self.some(LANGUAGES))
        musts, easy = self.some(CRITERIA_OF[role]), self.some(CRITERIA_OF[role])
        side = replace(side, works_remotely=bool(self.number(1) % 2), place=self.place(), musts=musts, dont_minds=easy - musts, max_km=self.maybe(1, 20_000))
        if role == "creator":
            percent = self.maybe(0, 10_000)
            engagement = None if percent is None else percent / 100
            return replace(side, industries=self.some(INDUSTRIES), audience_size=self.maybe(0, MAX_AUDIENCE), engagement_rate=engagement, rate=self.maybe(1, MAX_EUROS))
        (low, high), (fewest, most) = self.ends(1, MAX_EUROS), self.ends(0, MAX_AUDIENCE)
        industry = [None, *sorted(INDUSTRIES)][self.number(1) % (1 + len(INDUSTRIES))]
        return replace(side, industry=industry, budget_min=low, budget_max=high, audience_min=fewest, audience_max=most)


def sides(role: str) -> st.SearchStrategy[Side]:
    return st.binary(min_size=100, max_size=100).map(lambda drawn: Dice(drawn).side(role))


CREATORS, BRANDS = sides("creator"), sides("brand")


def for_any(*strategies: st.SearchStrategy, **named: st.SearchStrategy) -> Callable[[Test], Test]:
    """Sixty examples each; without a deadline, for a busy machine is not a slow function."""
    return lambda test: settings(deadline=None, max_examples=60)(given(*strategies, **named)(test))

"""How well a creator and a brand fit, judged from both profiles and from both sides. Pure: no database, no Flask.

Six factors, each with a weight (the original system's). A factor is judged for the creator and for the brand where both have a
stake, as 0 (does not fit) to 1 (fits); where a profile leaves it unanswered there is no evidence and the factor does not count.

    side  = Σ weight · value / Σ weight            over the factors with evidence for that side
    score = 100 · Σ weight · mean(values) / Σ weight   over the factors with evidence for either side

With fewer than three answered factors there is no score: it would be a made-up number.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import asin, cos, log10, radians, sin, sqrt
from typing import Protocol

from blueprints import formats
from blueprints.profiles.choices import NICHES, PLATFORMS

ENOUGH_FACTORS = 3
TIERS = ((90, "perfect", "Perfect match"), (75, "excellent", "Excellent match"), (60, "good", "Good match"), (0, "fair", "Fair match"))
UNKNOWN_TIER = ("unknown", "Not enough to tell yet")
USUAL_ENGAGEMENT = ((1_000, 8.0), (10_000, 5.0), (100_000, 3.0), (1_000_000, 1.8), (10_000_000, 1.2))  # percent, falling with audience
HALF_FIT_KM = 400
EARTH_KM = 6371


class Facts(Protocol):
    """What scoring reads of a profile; a model instance or a row of a query."""

    @property
    def niches(self) -> Collection[str]: ...
    @property
    def platforms(self) -> Collection[str]: ...
    @property
    def audience_size(self) -> int | None: ...
    @property
    def engagement_rate(self) -> float | None: ...
    @property
    def rate(self) -> int | None: ...
    @property
    def budget_min(self) -> int | None: ...
    @property
    def budget_max(self) -> int | None: ...
    @property
    def audience_min(self) -> int | None: ...
    @property
    def audience_max(self) -> int | None: ...
    @property
    def latitude(self) -> float | None: ...
    @property
    def longitude(self) -> float | None: ...
    @property
    def place(self) -> str | None: ...


@dataclass(frozen=True)
class Judgement:
    """A factor's value for each side, 0 to 1; None where that side has no stake in it."""

    for_creator: float | None
    for_brand: float | None

    @property
    def value(self) -> float:
        sides = [side for side in (self.for_creator, self.for_brand) if side is not None]
        return sum(sides) / len(sides)


Judge = Callable[[Facts, Facts], Judgement | None]


@dataclass(frozen=True)
class Factor:
    name: str
    label: str
    weight: int
    judge: Judge
    words: Callable[[Facts, Facts], str]
    asks_creator: str
    asks_brand: str


@dataclass(frozen=True)
class Score:
    """0 to 100 overall and for each side, rounded once; None where there is not enough to tell."""

    overall: int | None
    for_creator: int | None
    for_brand: int | None
    judgements: Mapping[str, Judgement]


def score(creator: Facts, brand: Facts) -> Score:
    judged = {factor.name: judgement for factor in FACTORS if (judgement := factor.judge(creator, brand))}
    if len(judged) < ENOUGH_FACTORS:
        return Score(None, None, None, judged)
    return Score(
        _weighted({name: judgement.value for name, judgement in judged.items()}),
        _weighted({name: judgement.for_creator for name, judgement in judged.items()}),
        _weighted({name: judgement.for_brand for name, judgement in judged.items()}),
        judged,
    )


def tier_of(overall: int | None) -> tuple[str, str]:
    """Slug and words."""
    if overall is None:
        return UNKNOWN_TIER
    return next((slug, words) for least, slug, words in TIERS if overall >= least)


def _weighted(values: Mapping[str, float | None]) -> int | None:
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return None
    return round(100 * sum(WEIGHTS[name] * value for name, value in known.items()) / sum(WEIGHTS[name] for name in known))


def _niche(creator: Facts, brand: Facts) -> Judgement | None:
    return _overlap(creator.niches, brand.niches)


def _platforms(creator: Facts, brand: Facts) -> Judgement | None:
    return _overlap(creator.platforms, brand.platforms)


def _overlap(theirs: Collection[str], wanted: Collection[str]) -> Judgement | None:
    """Each side asks how much of its own list the other shares; the root makes the first in common count most."""
    if not theirs or not wanted:
        return None
    shared = len(set(theirs) & set(wanted))
    return Judgement(sqrt(shared / len(theirs)), sqrt(shared / len(wanted)))


def _budget(creator: Facts, brand: Facts) -> Judgement | None:
    """The brand asks whether the rate stays within its budget, the creator whether the budget reaches the rate."""
    if not creator.rate or brand.budget_max is None:
        return None
    low = brand.budget_min or 0
    middle, reach = (low + brand.budget_max) / 2, brand.budget_max / creator.rate
    within = 1.0 if creator.rate <= middle else 0.7 + 0.3 * _falling(creator.rate, middle, brand.budget_max)
    return Judgement(_rising(reach, 0.5, 1.3), within if reach >= 1 else 0.7 * _rising(reach, 0.5, 1))


def _engagement(creator: Facts, brand: Facts) -> Judgement | None:
    """Against what is usual at that audience: half of usual or less is 0, usual is 0.5, twice usual is 1."""
    if creator.engagement_rate is None:
        return None
    ratio = creator.engagement_rate / usual_engagement(creator.audience_size)
    return Judgement(None, 0.5 * _rising(ratio, 0.5, 1) + 0.5 * _rising(ratio, 1, 2))


def _audience(creator: Facts, brand: Facts) -> Judgement | None:
    """Inside the band the brand asks for is 1; ten times outside is 0."""
    if creator.audience_size is None or (brand.audience_min is None and brand.audience_max is None):
        return None
    size = max(creator.audience_size, 1)
    outside = max(log10(max(brand.audience_min or 1, 1) / size), log10(size / (brand.audience_max or size)) if brand.audience_max else 0, 0)
    return Judgement(None, max(0.0, 1 - outside))


def _location(creator: Facts, brand: Facts) -> Judgement | None:
    km = distance_km(creator, brand)
    if km is None:
        return None
    near = 1 / (1 + km / HALF_FIT_KM)
    return Judgement(near, near)


def usual_engagement(audience: int | None) -> float:
    """Percent, interpolated between sizes on a logarithmic scale."""
    if audience is None:
        return 3.0
    below = USUAL_ENGAGEMENT[0]
    if audience <= below[0]:
        return below[1]
    for above in USUAL_ENGAGEMENT[1:]:
        if audience <= above[0]:
            share = log10(audience / below[0]) / log10(above[0] / below[0])
            return below[1] + share * (above[1] - below[1])
        below = above
    return below[1]


def distance_km(one: Facts, other: Facts) -> float | None:
    """Between the two cities' centres, along the sphere."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    a, b = radians(one.latitude), radians(other.latitude)
    half_lat, half_lon = (b - a) / 2, radians(other.longitude - one.longitude) / 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(sin(half_lat) ** 2 + cos(a) * cos(b) * sin(half_lon) ** 2)))


def _rising(value: float, zero: float, one: float) -> float:
    return min(1.0, max(0.0, (value - zero) / (one - zero)))


def _falling(value: float, one: float, zero: float) -> float:
    return 1 - _rising(value, one, zero) if zero > one else float(value <= one)


def _niche_words(creator: Facts, brand: Facts) -> str:
    shared = _listed(set(creator.niches) & set(brand.niches), NICHES)
    return f"Both about {shared.lower()}" if shared else f"Different topics: {_listed(creator.niches, NICHES).lower()}"


def _platform_words(creator: Facts, brand: Facts) -> str:
    shared = _listed(set(creator.platforms) & set(brand.platforms), PLATFORMS)
    return f"Both on {shared}" if shared else "No platform in common"


def _budget_words(creator: Facts, brand: Facts) -> str:
    assert creator.rate and brand.budget_max is not None
    asked = formats.money(creator.rate)
    given = f"up to {formats.money(brand.budget_max)}" if not brand.budget_min else f"{formats.money(brand.budget_min)} to {formats.money(brand.budget_max)}"
    return f"{asked} fits the budget of {given}" if creator.rate <= brand.budget_max else f"{asked} is above the budget of {given}"


def _engagement_words(creator: Facts, brand: Facts) -> str:
    assert creator.engagement_rate is not None
    ratio = creator.engagement_rate / usual_engagement(creator.audience_size)
    judged = "high" if ratio >= 1.3 else "usual" if ratio >= 0.8 else "low"
    where = "" if creator.audience_size is None else f" for {formats.compact(creator.audience_size)} followers"
    return f"{formats.percent(creator.engagement_rate)} engagement, {judged}{where}"


def _audience_words(creator: Facts, brand: Facts) -> str:
    assert creator.audience_size is not None
    has = f"{formats.compact(creator.audience_size)} followers"
    if creator.audience_size < (brand.audience_min or 0):
        return f"{has}, fewer than the {formats.compact(brand.audience_min or 0)} asked for"
    if brand.audience_max and creator.audience_size > brand.audience_max:
        return f"{has}, more than the {formats.compact(brand.audience_max)} asked for"
    return f"{has}, within what is asked for"


def _location_words(creator: Facts, brand: Facts) -> str:
    km = distance_km(creator, brand)
    assert km is not None
    return f"Both in {creator.place}" if creator.place == brand.place else f"{creator.place} and {brand.place}: {formats.distance(km)}"


def _listed(slugs: Collection[str], labels: Mapping[str, str]) -> str:
    """At most three, as one says them."""
    names = [labels[slug] for slug in labels if slug in slugs][:3]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


FACTORS = (
    Factor("niche", "Topics", 25, _niche, _niche_words, "niches", "niches"),
    Factor("budget", "Budget", 20, _budget, _budget_words, "rate", "budget_max"),
    Factor("platforms", "Platforms", 15, _platforms, _platform_words, "platforms", "platforms"),
    Factor("engagement", "Engagement", 15, _engagement, _engagement_words, "engagement_rate", ""),
    Factor("audience", "Audience", 15, _audience, _audience_words, "audience_size", "audience_min"),
    Factor("location", "Location", 10, _location, _location_words, "city", "city"),
)
WEIGHTS = {factor.name: factor.weight for factor in FACTORS}

"""How well a creator and a brand fit, judged from both profiles and from both sides. Pure: no database, no Flask.

Six factors, each with a weight (the original system's). A factor is judged for the creator and for the brand where that side has a
stake in it, as 0 (does not fit) to 1 (fits). Where a profile leaves it unanswered there is no evidence (NaN).

    side    = (Σ weight · value + M · Σ weight of the unanswered) / Σ weight
    fit     = 100 · spread(side),   spread(x) = x√x / (x√x + K · (1 − x)√(1 − x))
    overall = √(fit for the creator · fit for the brand)

The second term draws a side towards the middle ``M`` by how much is unanswered: little evidence makes no extreme score, and what one
does not say costs less than a bad answer. ``spread`` keeps 0, 1 and the order and lets a real community use the whole scale. The
geometric mean stays nearer to the lower of the two fits, because a collaboration needs both. What a side does not mind counts for
nothing on that side. With fewer than three answered factors there is no score: it would be a made-up number.

The same formula judges one pair (``ONE``: plain numbers) and one against everyone (``index.MANY``: NumPy arrays): a card, its
breakdown and the order of the deck cannot disagree.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import asin, cos, inf, isnan, log10, nan, radians, sin, sqrt
from typing import Any, Protocol

from blueprints.profiles.choices import CAMPAIGN_TYPES, INDUSTRIES, LANGUAGES, NICHE_FAMILIES, NICHES, PLATFORMS

WEIGHTS = {"niche": 25, "budget": 20, "platforms": 15, "engagement": 15, "audience": 15, "location": 10}
NICHE_PARTS = {"niche": 3, "industry": 1, "campaign": 1}  # what they talk about, for whom, in which form

ENOUGH_FACTORS = 3
MIDDLE = 0.5  # M
SPREAD = 1.1  # K: above 1 makes high scores rarer
TIERS = ((90, "perfect", "Perfect match"), (75, "excellent", "Excellent match"), (60, "good", "Good match"), (0, "fair", "Fair match"))
UNKNOWN_TIER = ("unknown", "Not enough to tell yet")

RELATED = 0.5  # how near two niches under one roof are
USUAL_ENGAGEMENT = ((1_000, 8.0), (10_000, 5.0), (100_000, 3.0), (1_000_000, 1.8), (10_000_000, 1.2))  # percent, falling with audience
USUAL_RATE = ((1_000, 40.0), (10_000, 200.0), (100_000, 1_100.0), (1_000_000, 6_500.0), (10_000_000, 38_000.0))  # euros a collaboration
USUAL_FROM = 0.8  # of what is usual
A_HAIR = 1e-9  # 2.4 % of 3 % is a little less than 0.8
HALF_FIT_KM = 400
REMOTE_FIT = 0.8
EARTH_KM = 6371
USUAL_MAX_KM = 100  # where distance is a must and no distance is chosen

CRITERIA = ("niche", "industry", "campaign", "budget", "platforms", "engagement", "audience", "location", "language")
CRITERIA_OF = {
    "creator": ("niche", "industry", "campaign", "budget", "platforms", "location", "language"),
    "brand": ("niche", "campaign", "budget", "platforms", "engagement", "audience", "location", "language"),
}
CHOICE_BITS = {
    kind: {slug: 1 << number for number, slug in enumerate(offered)}
    for kind, offered in {
        "niches": NICHES, "industries": INDUSTRIES, "campaigns": CAMPAIGN_TYPES, "platforms": PLATFORMS, "languages": LANGUAGES, "criteria": CRITERIA,
    }.items()
}  # fmt: skip
BITS = CHOICE_BITS["criteria"]
# The factors each side has a stake in, with the criteria it can say "don't mind" of: who minds none of them has no stake any more.
MINDED = {
    role: {
        name: sum(BITS[part] for part in (NICHE_PARTS if name == "niche" else (name,)) if part in criteria) for name in WEIGHTS if name in criteria
    }
    for role, criteria in CRITERIA_OF.items()
}


@dataclass(slots=True)
class Facts:
    """What scoring reads of a profile: sets as bit masks, sizes as logarithms, NaN or 0 where nothing was said.

    An attribute may also hold an array, one element a profile; then everything below comes as arrays.
    """

    niches: Any  # mask
    near_niches: Any  # mask of those under one roof with them, themselves not among them
    industries: Any  # mask: the creator's wanted, the brand's own
    campaigns: Any  # mask
    platforms: Any  # mask
    languages: Any  # mask
    audience: Any  # log10 of followers
    engagement: Any  # as a multiple of what is usual at that audience
    rate: Any  # euros; the creator's own, else the market's
    rate_is_own: Any
    budget_low: Any  # euros; 0 where open
    budget_high: Any
    audience_low: Any  # log10; -inf and inf where open
    audience_high: Any
    x: Any  # the city's centre as a point of the unit sphere
    y: Any
    z: Any
    remote: Any
    musts: Any  # mask of criteria
    dont_minds: Any  # mask of criteria
    max_km: Any


class Engine(Protocol):
    """The few operations the formula needs, for numbers or for arrays."""

    def where(self, condition: Any, yes: Any, no: Any) -> Any: ...
    def known(self, value: Any) -> Any: ...  # not NaN
    def no(self, condition: Any) -> Any: ...
    def minimum(self, one: Any, other: Any) -> Any: ...
    def maximum(self, one: Any, other: Any) -> Any: ...
    def sqrt(self, value: Any) -> Any: ...
    def arcsin(self, value: Any) -> Any: ...
    def count(self, mask: Any) -> Any: ...


class _One:
    """For one pair. A NaN in ``minimum`` and ``maximum`` stays one, as in NumPy."""

    def where(self, condition: bool, yes: float, no: float) -> float:
        return yes if condition else no

    def known(self, value: float) -> bool:
        return not isnan(value)

    def no(self, condition: bool) -> bool:
        return not condition

    def minimum(self, one: float, other: float) -> float:
        return one if one < other or isnan(one) else other

    def maximum(self, one: float, other: float) -> float:
        return one if one > other or isnan(one) else other

    sqrt = staticmethod(sqrt)
    arcsin = staticmethod(asin)

    def count(self, mask: int) -> int:
        return mask.bit_count()


ONE: Engine = _One()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A factor's value for each side, 0 to 1; NaN without evidence, and for a side that has no stake in it."""

    for_creator: Any
    for_brand: Any


@dataclass(frozen=True, slots=True)
class Score:
    """0 to 100 overall and for each side; NaN where there is not enough to tell."""

    overall: Any
    for_creator: Any
    for_brand: Any
    answered: Any  # how many factors have evidence
    judgements: Mapping[str, Judgement]


def score(creator: Facts, brand: Facts, on: Engine = ONE) -> Score:
    judgements = {name: judge(creator, brand, on) for name, judge in JUDGES.items()}
    answered = sum(on.where(_known(judgement, on), 1, 0) for judgement in judgements.values())
    enough = answered >= ENOUGH_FACTORS
    for_creator = on.where(enough, _fit(creator, "creator", judgements, on), nan)
    for_brand = on.where(enough, _fit(brand, "brand", judgements, on), nan)
    both = on.sqrt(for_creator * for_brand)
    overall = on.where(on.known(for_creator), on.where(on.known(for_brand), both, for_creator), for_brand)
    return Score(overall, for_creator, for_brand, answered, judgements)


def tier_of(overall: int | None) -> tuple[str, str]:
    """Slug and words."""
    if overall is None:
        return UNKNOWN_TIER
    return next((slug, words) for least, slug, words in TIERS if overall >= least)


def failed_musts(creator: Facts, brand: Facts, on: Engine = ONE) -> dict[tuple[str, str], Any]:
    """Whose must the other does not meet, by (role of who asks, criterion). Unanswered does not meet it; without an answer of
    one's own to compare with, one's must asks nothing."""
    failed = {}
    for role, asker in (("creator", creator), ("brand", brand)):
        for name in CRITERIA_OF[role]:
            asked = (asker.musts & BITS[name]) != 0
            if on is not ONE or asked:
                failed[role, name] = asked & _asks(role, name, asker, on) & on.no(_met(name, creator, brand, asker, on))
    return failed


def _known(judgement: Judgement, on: Engine) -> Any:
    return on.known(judgement.for_creator) | on.known(judgement.for_brand)


def _fit(side: Facts, role: str, judgements: Mapping[str, Judgement], on: Engine) -> Any:
    """0 to 100; NaN for a side that minds nothing."""
    minded = MINDED[role]
    values = {name: judgements[name].for_creator if role == "creator" else judgements[name].for_brand for name in minded}
    got = weights = 0
    for name, value in values.items():
        weight = on.where((side.dont_minds & minded[name]) != minded[name], WEIGHTS[name], 0)
        got = got + weight * on.where(on.known(value), value, MIDDLE)
        weights = weights + weight
    return on.where(weights > 0, 100 * spread(got / on.maximum(weights, 1), on), nan)


def spread(raw: Any, on: Engine = ONE) -> Any:
    rest = on.maximum(1 - raw, 0)
    good, bad = raw * on.sqrt(raw), rest * on.sqrt(rest)
    return good / (good + SPREAD * bad)


# The factors. NaN goes through all arithmetic, so only what a mask would hide says itself where nothing is known.


def _niche(creator: Facts, brand: Facts, on: Engine) -> Judgement:
    """What they talk about, whom they work for, in which form."""
    parts = {
        "niche": _topics(creator, brand, on),
        "industry": (_share(creator.industries, brand.industries, brand.industries, on), nan),
        "campaign": _overlap(creator.campaigns, brand.campaigns, on),
    }
    return Judgement(
        _weighed(creator, {name: both[0] for name, both in parts.items()}, on),
        _weighed(brand, {name: both[1] for name, both in parts.items()}, on),
    )


def _weighed(side: Facts, parts: Mapping[str, Any], on: Engine) -> Any:
    total = weights = 0
    for name, value in parts.items():
        counts = on.known(value) & ((side.dont_minds & BITS[name]) == 0)
        total = total + on.where(counts, NICHE_PARTS[name] * value, 0)
        weights = weights + on.where(counts, NICHE_PARTS[name], 0)
    return on.where(weights > 0, total / on.maximum(weights, 1), nan)


def _topics(creator: Facts, brand: Facts, on: Engine) -> tuple[Any, Any]:
    """How much of one's own the other shares, the same fully and the related by half; the root makes the first in common count most."""
    same = on.count(creator.niches & brand.niches)
    known = (creator.niches != 0) & (brand.niches != 0)
    mine = same + RELATED * on.count(creator.niches & brand.near_niches)
    theirs = same + RELATED * on.count(brand.niches & creator.near_niches)
    return (
        on.where(known, on.sqrt(mine / on.maximum(on.count(creator.niches), 1)), nan),
        on.where(known, on.sqrt(theirs / on.maximum(on.count(brand.niches), 1)), nan),
    )


def _overlap(creators: Any, brands: Any, on: Engine) -> tuple[Any, Any]:
    return _share(creators, brands, creators, on), _share(creators, brands, brands, on)


def _share(one: Any, other: Any, whole: Any, on: Engine) -> Any:
    """What share of ``whole`` both have, under the root; NaN where one of them said nothing."""
    share = on.sqrt(on.count(one & other) / on.maximum(on.count(whole), 1))
    return on.where((one != 0) & (other != 0), share, nan)


def _budget(creator: Facts, brand: Facts, on: Engine) -> Judgement:
    """The creator asks whether the budget reaches the rate, the brand whether the rate stays within its budget: wholly up to the
    middle of it, seven tenths at its end, nothing at twice its end. Against a mere market rate the judgement is half as firm."""
    low, high, rate = brand.budget_low, brand.budget_high, creator.rate
    middle, reach = (low + high) / 2, high / rate
    for_creator = _rising(reach, 0.5, 1.3, on)
    within = 1 - 0.3 * on.minimum(1, on.maximum(0, (rate - middle) / on.maximum(high - middle, 0.01)))
    for_brand = on.where(reach >= 1, within, 0.7 * _rising(reach, 0.5, 1, on))
    firm = on.where(creator.rate_is_own, 1.0, 0.5)
    return Judgement(0.5 + firm * (for_creator - 0.5), 0.5 + firm * (for_brand - 0.5))


def _platforms(creator: Facts, brand: Facts, on: Engine) -> Judgement:
    return Judgement(*_overlap(creator.platforms, brand.platforms, on))


def _engagement(creator: Facts, brand: Facts, on: Engine) -> Judgement:
    """Half of what is usual at that audience or less is 0, usual is 0.5, twice usual is 1."""
    return Judgement(nan, 0.5 * _rising(creator.engagement, 0.5, 1, on) + 0.5 * _rising(creator.engagement, 1, 2, on))


def _audience(creator: Facts, brand: Facts, on: Engine) -> Judgement:
    """Inside the band the brand asks for is 1; ten times outside is 0."""
    outside = on.maximum(brand.audience_low - creator.audience, creator.audience - brand.audience_high)
    return Judgement(nan, on.minimum(1, on.maximum(0, 1 - on.maximum(outside, 0))))


def _location(creator: Facts, brand: Facts, on: Engine) -> Judgement:
    near = 1 / (1 + km_between(creator, brand, on) / HALF_FIT_KM)
    remote = on.where(on.known(near), on.maximum(near, REMOTE_FIT), REMOTE_FIT)
    value = on.where(creator.remote & brand.remote, remote, near)
    return Judgement(value, value)


JUDGES: dict[str, Callable[[Facts, Facts, Engine], Judgement]] = {
    "niche": _niche, "budget": _budget, "platforms": _platforms, "engagement": _engagement, "audience": _audience, "location": _location,
}  # fmt: skip


@dataclass(slots=True)
class Point:
    """Of the unit sphere; or an array of them."""

    x: Any
    y: Any
    z: Any


def km_between(one: Facts | Point, other: Facts | Point, on: Engine = ONE) -> Any:
    """Between the two cities' centres, along the sphere."""
    x, y, z = one.x - other.x, one.y - other.y, one.z - other.z
    return 2 * EARTH_KM * on.arcsin(on.minimum(1.0, on.sqrt(x * x + y * y + z * z) / 2))


def _rising(value: Any, zero: float, one: float, on: Engine) -> Any:
    return on.minimum(1, on.maximum(0, (value - zero) / (one - zero)))


# The musts.


def _met(name: str, creator: Facts, brand: Facts, asker: Facts, on: Engine) -> Any:
    match name:
        case "niche":
            return (creator.niches & brand.niches) != 0
        case "industry":
            return (creator.industries & brand.industries) != 0
        case "campaign":
            return (creator.campaigns & brand.campaigns) != 0
        case "budget":
            return creator.rate_is_own & (brand.budget_high >= creator.rate)
        case "platforms":
            return (creator.platforms & brand.platforms) != 0
        case "engagement":
            return creator.engagement >= USUAL_FROM - A_HAIR
        case "audience":
            return (creator.audience >= brand.audience_low) & (creator.audience <= brand.audience_high)
        case "location":
            return (km_between(creator, brand, on) <= asker.max_km) | (creator.remote & brand.remote)
        case "language":
            return (creator.languages & brand.languages) != 0
    raise LookupError(name)


def _asks(role: str, name: str, asker: Facts, on: Engine) -> Any:
    """Whether one has said what the must compares with."""
    match name:
        case "niche":
            return asker.niches != 0
        case "industry":
            return asker.industries != 0
        case "campaign":
            return asker.campaigns != 0
        case "budget":
            return asker.rate_is_own if role == "creator" else on.known(asker.budget_high)
        case "platforms":
            return asker.platforms != 0
        case "engagement":
            return True  # usual is what it is compared with
        case "audience":
            return on.known(asker.audience_low)
        case "location":
            return on.known(asker.x) | asker.remote
        case "language":
            return asker.languages != 0
    raise LookupError(name)


# From what a profile says to what scoring reads.


def facts_of(said: Any, latitude: float | None, longitude: float | None) -> Facts:
    """``said``: a profile, or a row with its columns; degrees of its city's centre."""
    niches = mask("niches", said.niches)
    x, y, z = point(latitude, longitude)
    rate = said.rate or usual_rate(said.audience_size)
    open_band = said.audience_min is None and said.audience_max is None
    return Facts(
        niches=niches,
        near_niches=_near(niches),
        industries=mask("industries", said.industries) or CHOICE_BITS["industries"].get(said.industry, 0),
        campaigns=mask("campaigns", said.campaign_types),
        platforms=mask("platforms", said.platforms),
        languages=mask("languages", said.languages),
        audience=log_of(said.audience_size),
        engagement=nan if said.engagement_rate is None or said.audience_size is None else said.engagement_rate / usual_engagement(said.audience_size),
        rate=nan if rate is None else rate,
        rate_is_own=bool(said.rate),
        budget_low=said.budget_min or 0,
        budget_high=nan if said.budget_max is None else said.budget_max,
        audience_low=nan if open_band else -inf if said.audience_min is None else log_of(said.audience_min),
        audience_high=nan if open_band else inf if said.audience_max is None else log_of(said.audience_max),
        x=x,
        y=y,
        z=z,
        remote=bool(said.works_remotely),
        musts=mask("criteria", said.musts),
        dont_minds=mask("criteria", said.dont_minds),
        max_km=said.max_km or USUAL_MAX_KM,
    )


@lru_cache(50_000)
def mask(kind: str, chosen: frozenset[str]) -> int:
    """A bit for each choice; what is offered no more is left out."""
    return sum(CHOICE_BITS[kind].get(slug, 0) for slug in chosen)


@lru_cache(50_000)
def _near(niches: int) -> int:
    near = 0
    for family in NICHE_FAMILIES.values():
        roof = mask("niches", frozenset(family))
        near |= roof if roof & niches else 0
    return near & ~niches


def log_of(size: int | None) -> float:
    return nan if size is None else log10(max(size, 1))


@lru_cache(50_000)
def point(latitude: float | None, longitude: float | None) -> tuple[float, float, float]:
    if latitude is None or longitude is None:
        return nan, nan, nan
    up, around = radians(latitude), radians(longitude)
    return cos(up) * cos(around), cos(up) * sin(around), sin(up)


@lru_cache(50_000)
def usual_engagement(audience: int) -> float:
    """Percent, interpolated between sizes on a logarithmic scale."""
    return _interpolated(USUAL_ENGAGEMENT, audience)


@lru_cache(50_000)
def usual_rate(audience: int | None) -> float | None:
    """Euros for one collaboration at that audience: what the market pays, roughly; rounded to two digits."""
    if audience is None:
        return None
    exact = 10 ** _interpolated([(size, log10(rate)) for size, rate in USUAL_RATE], audience)
    return round(exact, 2 - len(str(int(exact))))


def _interpolated(table: Any, size: int) -> float:
    below = table[0]
    if size <= below[0]:
        return below[1]
    for above in table[1:]:
        if size <= above[0]:
            return below[1] + (above[1] - below[1]) * log10(size / below[0]) / log10(above[0] / below[0])
        below = above
    return below[1]

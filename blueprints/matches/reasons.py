"""Why a match has its score, in plain words. Says only what both sides show of themselves. Pure: no database, no Flask."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from blueprints import formats
from blueprints.matches.scoring import CRITERIA_OF, REMOTE_FIT, USUAL_MAX_KM, WEIGHTS, Facts, failed_musts, km_between, usual_engagement
from blueprints.profiles.choices import CAMPAIGN_TYPES, INDUSTRIES, NICHE_FAMILIES, NICHES, PLATFORMS

HIGH_ENGAGEMENT, USUAL_ENGAGEMENT = 1.3, 0.8

MUST_WORDS = {
    "niche": "a topic in common",
    "industry": "an industry that is wanted",
    "campaign": "a kind of collaboration in common",
    "budget": "a budget that reaches the rate",
    "platforms": "a platform in common",
    "engagement": "at least the usual engagement",
    "audience": "an audience within the range",
    "location": "a place within {km} km, or both remote",
    "language": "a language in common",
}


# What a must compares with: one of these answers of one's own has to be there, else it asks nothing.
OWN_ANSWERS: Mapping[str, Mapping[str, Collection[str]]] = {
    "creator": {
        "niche": ["niches"], "industry": ["industries"], "campaign": ["campaign_types"], "budget": ["rate"], "platforms": ["platforms"],
        "location": ["city", "works_remotely"], "language": ["languages"],
    },
    "brand": {
        "niche": ["niches"], "campaign": ["campaign_types"], "budget": ["budget_max"], "platforms": ["platforms"], "engagement": [],
        "audience": ["audience_min", "audience_max"], "location": ["city", "works_remotely"], "language": ["languages"],
    },
}  # fmt: skip


@dataclass(frozen=True)
class Must:
    """Something a person insists on. ``is_met``: None while their own answer is missing, which stands in the field ``lacks``."""

    words: str
    is_met: bool | None
    lacks: str | None


@dataclass(frozen=True)
class Factor:
    """``asks_creator`` and ``asks_brand``: the field whose answer it needs of each side; empty where it needs none."""

    name: str
    label: str
    words: Callable[["Pair"], str]
    asks_creator: str
    asks_brand: str

    @property
    def weight(self) -> int:
        return WEIGHTS[self.name]


@dataclass(frozen=True)
class Pair:
    """Both profiles, as they say it and as scoring reads it."""

    creator: Any
    brand: Any
    creator_facts: Facts
    brand_facts: Facts


def must_words(name: str, max_km: int) -> str:
    return MUST_WORDS[name].format(km=formats.number(max_km))


def musts_of(pair: Pair, role: str) -> list[Must]:
    """What that side insists on, and whether the other side meets it."""
    asker, failed = pair.creator if role == "creator" else pair.brand, failed_musts(pair.creator_facts, pair.brand_facts)
    found = []
    for name in CRITERIA_OF[role]:
        if name in asker.musts:
            lacks = lacking(name, asker)
            found.append(Must(must_words(name, asker.max_km or USUAL_MAX_KM), None if lacks else not failed[role, name], lacks))
    return found


def lacking(name: str, asker: Any) -> str | None:
    """The field to answer before a must on that criterion asks anything; None where it is answered."""
    fields = list(OWN_ANSWERS[asker.role][name])
    is_answered = not fields or any(getattr(asker, field) not in (None, frozenset()) and getattr(asker, field) is not False for field in fields)
    return None if is_answered else fields[0]


def _niche(pair: Pair) -> str:
    creator, brand = pair.creator, pair.brand
    said = []
    if creator.niches and brand.niches:
        said.append(_topics(creator.niches, brand.niches))
    if creator.industries and brand.industry:
        wanted = INDUSTRIES[brand.industry].lower()
        said.append(f"{wanted} is wanted" if brand.industry in creator.industries else f"{wanted} is not among the wanted industries")
    if shared := creator.campaign_types & brand.campaign_types:
        said.append(f"both do {_listed(shared, CAMPAIGN_TYPES, most=1).lower()}s" if len(shared) == 1 else f"{len(shared)} kinds of collaboration in common")
    words = "; ".join(said[:2]) or "No kind of collaboration in common"
    return words[0].upper() + words[1:]


def _topics(creators: Collection[str], brands: Collection[str]) -> str:
    if shared := set(creators) & set(brands):
        return f"both about {_listed(shared, NICHES).lower()}"
    for family in NICHE_FAMILIES.values():
        if set(family) & set(creators) and set(family) & set(brands):
            one, other = (_listed(set(family) & set(niches), NICHES, most=1).lower() for niches in (creators, brands))
            return f"related topics: {one} and {other}"
    return f"different topics: {_listed(creators, NICHES).lower()}"


def _platforms(pair: Pair) -> str:
    shared = _listed(pair.creator.platforms & pair.brand.platforms, PLATFORMS)
    return f"Both on {shared}" if shared else "No platform in common"


def _budget(pair: Pair) -> str:
    creator, brand = pair.creator, pair.brand
    rate = int(pair.creator_facts.rate)
    given = f"up to {formats.money(brand.budget_max)}"
    if brand.budget_min:
        given = f"{formats.money(brand.budget_min)} to {formats.money(brand.budget_max)}"
    judged = f"fits the budget of {given}" if rate <= brand.budget_max else f"is above the budget of {given}"
    if creator.rate:
        return f"{formats.money(rate)} {judged}"
    return f"No rate given; the usual {formats.money(rate)} for {formats.compact(creator.audience_size)} followers {judged}"


def _engagement(pair: Pair) -> str:
    creator = pair.creator
    ratio = creator.engagement_rate / usual_engagement(creator.audience_size)
    judged = "high" if ratio >= HIGH_ENGAGEMENT else "usual" if ratio >= USUAL_ENGAGEMENT else "low"
    return f"{formats.percent(creator.engagement_rate)} engagement, {judged} for {formats.compact(creator.audience_size)} followers"


def _audience(pair: Pair) -> str:
    size, brand = pair.creator.audience_size, pair.brand
    has = f"{formats.compact(size)} followers"
    if size < (brand.audience_min or 0):
        return f"{has}, fewer than the {formats.compact(brand.audience_min)} asked for"
    if brand.audience_max is not None and size > brand.audience_max:
        return f"{has}, more than the {formats.compact(brand.audience_max)} asked for"
    return f"{has}, within what is asked for"


def _location(pair: Pair) -> str:
    here, there = pair.creator.city, pair.brand.city
    remote = pair.creator.works_remotely and pair.brand.works_remotely
    if not here or not there:
        return "Both work remotely"
    km = km_between(pair.creator_facts, pair.brand_facts)
    one, other = (city.label.split(",")[0] for city in (here, there))
    words = f"Both in {one}" if here.id == there.id else f"{one} and {other}: {formats.distance(km)}"
    return f"{words}; both work remotely" if remote and 1 / (1 + km / 400) < REMOTE_FIT else words


def _listed(slugs: Collection[str], labels: Mapping[str, str], most: int = 3) -> str:
    """As one says them."""
    names = [labels[slug] for slug in labels if slug in slugs][:most]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


FACTORS = (
    Factor("niche", "Topics and work", _niche, "niches", "niches"),
    Factor("budget", "Budget", _budget, "rate", "budget_max"),
    Factor("platforms", "Platforms", _platforms, "platforms", "platforms"),
    Factor("engagement", "Engagement", _engagement, "engagement_rate", ""),
    Factor("audience", "Audience", _audience, "audience_size", "audience_min"),
    Factor("location", "Location", _location, "city", "city"),
)


def mean(*values: float) -> float | None:
    known = [value for value in values if not isnan(value)]
    return sum(known) / len(known) if known else None

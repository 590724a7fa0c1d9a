"""Why a match has its score, in plain words. Says only what both sides show of themselves. Pure: no database, no Flask."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

from blueprints import formats
from blueprints.matches.scoring import (
    CRITERIA_OF,
    HALF_FIT_KM,
    REMOTE_FIT,
    USUAL_FROM,
    USUAL_MAX_KM,
    WEIGHTS,
    Facts,
    failed_musts,
    km_between,
    usual_engagement,
)
from blueprints.profiles.choices import CAMPAIGN_TYPES, INDUSTRIES, NICHE_FAMILIES, NICHES, PLATFORMS

HIGH_ENGAGEMENT = 1.3  # times what is usual

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
class Said:
    """A factor in words: ``whole``, and what of it speaks for the match and what against. A reason must not read like an objection."""

    whole: str
    good: str = ""
    bad: str = ""


@dataclass(frozen=True)
class Factor:
    """``creator_has`` and ``brand_has``: whether that side has answered what it needs of them."""

    name: str
    label: str
    said: Callable[["Pair"], Said]
    creator_has: Callable[[Facts], Any]
    brand_has: Callable[[Facts], Any]

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


def _niche(pair: Pair) -> Said:
    creator, brand = pair.creator, pair.brand
    said: list[tuple[str, bool]] = []  # and whether it speaks for the match
    if creator.niches and brand.niches:
        said.append(_topics(creator.niches, brand.niches))
    if creator.industries and brand.industry:
        wanted, is_wanted = INDUSTRIES[brand.industry].lower(), brand.industry in creator.industries
        said.append((f"{wanted} is wanted" if is_wanted else f"{wanted} is not among the wanted industries", is_wanted))
    if creator.campaign_types and brand.campaign_types:
        said.append(_campaigns(creator.campaign_types & brand.campaign_types))
    good, bad = ([words for words, is_good in said if is_good is wanted] for wanted in (True, False))
    return Said(_sentence(words for words, _ in said), _sentence(good[:2]), _sentence(bad[:2]))


def _topics(creators: Collection[str], brands: Collection[str]) -> tuple[str, bool]:
    if shared := set(creators) & set(brands):
        return f"both about {_lower(shared)}", True
    for family in NICHE_FAMILIES.values():
        if set(family) & set(creators) and set(family) & set(brands):
            one, other = (_lower(set(family) & set(niches), most=1) for niches in (creators, brands))
            return f"related topics: {one} and {other}", True
    return f"different topics: {_lower(creators)}, not {_lower(brands, most=2)}", False


def _campaigns(shared: Collection[str]) -> tuple[str, bool]:
    if len(shared) == 1:
        return f"a kind of collaboration in common: {_listed(shared, CAMPAIGN_TYPES).lower()}", True
    return (f"{len(shared)} kinds of collaboration in common", True) if shared else ("no kind of collaboration in common", False)


def _sentence(parts: Iterable[str]) -> str:
    words = "; ".join(parts)
    return words[:1].upper() + words[1:]


def _platforms(pair: Pair) -> Said:
    creators, brands = pair.creator.platforms, pair.brand.platforms
    shared = _listed(creators & brands, PLATFORMS)
    if not shared:
        return _against("No platform in common")
    return Said(f"Both on {shared}", good=f"Both on {shared}", bad="" if creators == brands else f"Only {shared} in common")


def _budget(pair: Pair) -> Said:
    creator, brand = pair.creator, pair.brand
    rate = int(pair.creator_facts.rate)
    given = f"up to {formats.money(brand.budget_max)}"
    if brand.budget_min:
        given = f"{formats.money(brand.budget_min)} to {formats.money(brand.budget_max)}"
    fits = rate <= brand.budget_max
    judged = f"fits the budget of {given}" if fits else f"is above the budget of {given}"
    asked = formats.money(rate)
    if not creator.rate:
        asked = f"No rate given; the usual {asked} for {formats.compact(creator.audience_size)} followers"
    return _for(f"{asked} {judged}") if fits else _against(f"{asked} {judged}")


def _engagement(pair: Pair) -> Said:
    creator = pair.creator
    ratio = creator.engagement_rate / usual_engagement(creator.audience_size)
    judged = "high" if ratio >= HIGH_ENGAGEMENT else "usual" if ratio >= USUAL_FROM else "low"
    words = f"{formats.percent(creator.engagement_rate)} engagement, {judged} for {formats.compact(creator.audience_size)} followers"
    return _against(words) if judged == "low" else _for(words)


def _audience(pair: Pair) -> Said:
    size, brand = pair.creator.audience_size, pair.brand
    has = f"{formats.compact(size)} followers"
    if size < (brand.audience_min or 0):
        return _against(f"{has}, fewer than the {formats.compact(brand.audience_min)} asked for")
    if brand.audience_max is not None and size > brand.audience_max:
        return _against(f"{has}, more than the {formats.compact(brand.audience_max)} asked for")
    return _for(f"{has}, within what is asked for")


def _location(pair: Pair) -> Said:
    here, there = pair.creator.city, pair.brand.city
    remote = pair.creator.works_remotely and pair.brand.works_remotely
    if not here or not there:
        return _for("Both work remotely")
    km = km_between(pair.creator_facts, pair.brand_facts)
    one, other = (city.label.split(",")[0] for city in (here, there))
    words = f"Both in {one}" if here.id == there.id else f"{one} and {other}: {formats.distance(km)}"
    if remote and 1 / (1 + km / HALF_FIT_KM) < REMOTE_FIT:
        return Said(f"{words}; both work remotely", good="Both work remotely")
    return _for(words) if km <= HALF_FIT_KM else _against(words)


def _for(words: str) -> Said:
    return Said(words, good=words)


def _against(words: str) -> Said:
    return Said(words, bad=words)


def _lower(slugs: Collection[str], most: int = 3) -> str:
    """Topics within a sentence; DIY stays as it is."""
    labels = {slug: label if label.isupper() else label.lower() for slug, label in NICHES.items()}
    return _listed(slugs, labels, most)


def _listed(slugs: Collection[str], labels: Mapping[str, str], most: int = 3) -> str:
    """As one says them."""
    names = [labels[slug] for slug in labels if slug in slugs][:most]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


FACTORS = (
    Factor("niche", "Topics and work", _niche, lambda creator: creator.niches, lambda brand: brand.niches),
    Factor("budget", "Budget", _budget, lambda creator: not isnan(creator.rate), lambda brand: not isnan(brand.budget_high)),
    Factor("platforms", "Platforms", _platforms, lambda creator: creator.platforms, lambda brand: brand.platforms),
    Factor("engagement", "Engagement", _engagement, lambda creator: not isnan(creator.engagement), lambda brand: True),
    Factor("audience", "Audience", _audience, lambda creator: not isnan(creator.audience), lambda brand: not isnan(brand.audience_low)),
    Factor("location", "Location", _location, lambda creator: not isnan(creator.x), lambda brand: not isnan(brand.x)),
)


def mean(*values: float) -> float | None:
    known = [value for value in values if not isnan(value)]
    return sum(known) / len(known) if known else None

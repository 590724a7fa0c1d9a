"""Who is in a deck and in which order, decided one profile after the other in plain Python: slow, and easy to read. Made from the words
of the product, not from the code; the real thing has to agree."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import asin, cos, isnan, radians, sin, sqrt
from typing import Any

from flask import Flask
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from blueprints.extensions import db, utc_now
from blueprints.matches.filters import Filters, Place
from blueprints.matches.index import Table
from blueprints.matches.models import Match
from blueprints.matches.scoring import CRITERIA_OF, usual_engagement
from blueprints.profiles.choices import CAMPAIGN_TYPES, INDUSTRIES, LANGUAGES, NICHES, PLATFORMS
from blueprints.profiles.models import DISTANCES_KM, OTHER_ROLE, City, Profile
from blueprints.site.seeds import seed

PARTS = ("q", "niche", "industry", "campaign", "platform", "language", "distance", "audience", "pay", "engagement", "score", "avatar", "active")


@dataclass(frozen=True)
class Town:
    """A seeded community as it is in the database, as the index has it, and the moment it was looked at."""

    profiles: Sequence[Profile]
    tables: Mapping[str, Table]
    now: datetime

    @classmethod
    def seeded(cls, app: Flask, profiles: int, number: int) -> "Town":
        """Seed the app's database, and look at all who are there."""
        seed(db.session, profiles, number, app.config["MEDIA_PATH"], None)
        there = db.session.scalars(select(Profile).options(joinedload(Profile.account)).order_by(Profile.id)).all()
        return cls(there, {role: app.extensions["matches"].index.read(role) for role in OTHER_ROLE}, utc_now())

    def of(self, role: str) -> list[Profile]:
        return [profile for profile in self.profiles if profile.role == role]

    def others(self, me: Profile) -> list[Profile]:
        return [profile for profile in self.profiles if profile.role != me.role]


def deck_of(me: Profile, others: Collection[Profile], filters: Filters, now: datetime, hidden: Collection[int] = ()) -> list[int]:
    """The ids, in order."""
    return [them.id for them in in_order(me, [them for them in others if them.id not in hidden and not kept_out(me, them, filters, now)], filters)]


def kept_out(me: Profile, them: Profile, filters: Filters, now: datetime) -> set[str]:
    """By which filters (their parts), by which musts of mine ("my location"), and by anything they ask ("theirs")."""
    mine = {f"my {name}" for name in me.musts if unmet(name, me, them)}
    theirs = {"theirs" for name in them.musts if unmet(name, them, me)}
    return {part for part in PARTS if not passes(part, me, them, filters, now)} | mine | theirs


def named(test: Any) -> str:
    """The same condition, as the deck calls it: a filter by its names in the address, a must by its criterion."""
    if isinstance(test, tuple):
        return {"within": "distance"}.get(test[0], test[0].partition("_")[0])
    return test if test == "theirs" else f"my {test}"


def costs(me: Profile, others: Collection[Profile], filters: Filters, now: datetime) -> dict[str, int]:
    """How many more there would be without one of the conditions, by its name; only those that cost something."""
    alone = [next(iter(out)) for them in others if len(out := kept_out(me, them, filters, now)) == 1]
    return {name: alone.count(name) for name in set(alone)}


def in_order(me: Profile, them: list[Profile], filters: Filters) -> list[Profile]:
    """The best first; those of whom it is not known come last, and equals stand the newest profile first."""

    sort, here = filters.sort, filters.near or me.city

    def key(profile: Profile) -> float:
        if sort == "newest":
            return profile.created_at.timestamp()
        if sort == "audience":
            return reach(profile)
        if sort == "distance":
            km = apart(here, profile.city)
            return float("-inf") if km is None else -round(km, 6)
        overall = Match(me, profile).result.overall
        return -1 if isnan(overall) else round(overall, 6)

    return sorted(them, key=lambda profile: (-key(profile), -profile.id))


def reach(profile: Profile) -> float:
    """A creator's audience; for a brand the largest that it asks for, where no upper end is the most of all."""
    if profile.role == "creator":
        return -1 if profile.audience_size is None else profile.audience_size
    if profile.audience_min is None and profile.audience_max is None:
        return -1
    return float("inf") if profile.audience_max is None else profile.audience_max


# Filters. What a profile does not say does not pass.


def passes(part: str, me: Profile, them: Profile, filters: Filters, now: datetime) -> bool:
    match part:
        case "niche":
            return shares(filters.niche, them.niches)
        case "industry":
            return shares(filters.industry, them.industries if them.role == "creator" else {them.industry})
        case "campaign":
            return shares(filters.campaign, them.campaign_types)
        case "platform":
            return shares(filters.platform, them.platforms)
        case "language":
            return shares(filters.language, them.languages)
        case "distance":
            if filters.within is None:
                return True
            km = apart(filters.near or me.city, them.city)
            return km is not None and km <= filters.within
        case "audience":
            return within(filters.audience_min, filters.audience_max, them.audience_size, (them.audience_min, them.audience_max))
        case "pay":  # without an upper end nobody knows what a brand would pay
            return within(filters.pay_min, filters.pay_max, them.rate, (them.budget_min or 0, them.budget_max) if them.budget_max else (None, None))
        case "engagement":
            return not filters.engagement or (them.engagement_rate is not None and them.engagement_rate >= filters.engagement)
        case "score":
            score = Match(me, them).score
            return not filters.score or (score is not None and score >= filters.score)
        case "avatar":
            return not filters.avatar or them.avatar is not None
        case "active":
            seen = them.account.last_seen_at
            return not filters.active or (seen is not None and now - seen < timedelta(days=14))
    return True


def shares(wanted: Collection[str], has: Collection[Any]) -> bool:
    return not wanted or any(choice in has for choice in wanted)


def within(low: int | None, high: int | None, size: int | None, band: tuple[int | None, int | None]) -> bool:
    """A creator's number, or a brand's range where the two overlap."""
    if low is None and high is None:
        return True
    low, most = low or 0, float("inf") if high is None else high
    if size is not None:
        return low <= size <= most
    first, last = band
    if first is None and last is None:
        return False
    return (first or 0) <= most and (last is None or last >= low)


def apart(here: City | Place | None, there: City | None) -> float | None:
    """Kilometres between two cities, by the haversine formula."""
    if here is None or there is None:
        return None
    up, down = radians(here.latitude), radians(there.latitude)
    half = sin((up - down) / 2) ** 2 + cos(up) * cos(down) * sin(radians(here.longitude - there.longitude) / 2) ** 2
    return 2 * 6371 * asin(min(1, sqrt(half)))


# Musts. What the other side does not answer does not meet it; without an answer of one's own to compare with, it asks nothing.


def unmet(name: str, asker: Profile, other: Profile) -> bool:
    if name not in CRITERIA_OF[asker.role]:
        return False
    creator, brand = (asker, other) if asker.role == "creator" else (other, asker)
    match name:
        case "niche":
            return bool(asker.niches) and not asker.niches & other.niches
        case "industry":
            return bool(creator.industries) and brand.industry not in creator.industries
        case "campaign":
            return bool(asker.campaign_types) and not asker.campaign_types & other.campaign_types
        case "platforms":
            return bool(asker.platforms) and not asker.platforms & other.platforms
        case "language":
            return bool(asker.languages) and not asker.languages & other.languages
        case "budget":
            answered = asker.rate if asker is creator else asker.budget_max
            return bool(answered) and not (creator.rate and brand.budget_max and creator.rate <= brand.budget_max)
        case "engagement":  # at least four fifths of what is usual
            size, percent = creator.audience_size, creator.engagement_rate
            return size is None or percent is None or percent < 0.8 * usual_engagement(size)
        case "audience":
            low, high, size = brand.audience_min, brand.audience_max, creator.audience_size
            return (low, high) != (None, None) and (size is None or size < (low or 0) or (high is not None and size > high))
        case "location":
            if not asker.city and not asker.works_remotely:
                return False
            km = apart(asker.city, other.city)
            return not (asker.works_remotely and other.works_remotely) and (km is None or km > (asker.max_km or 100))
    raise LookupError(name)


# Filters as people set them.


def some_filters(town: Town, role: str) -> st.SearchStrategy[Filters]:
    """A few of them at a time, with values that occur among those of ``role``, so that the ends of ranges are met exactly."""
    theirs = town.of(role)
    sizes = sorted({size for each in theirs for size in (each.audience_size, each.audience_min, each.audience_max) if size is not None})
    pays = sorted({euros for each in theirs for euros in (each.rate, each.budget_min, each.budget_max) if euros is not None})
    cities = sorted({each.city for each in town.profiles if each.city}, key=lambda city: city.id)
    percents = sorted({each.engagement_rate for each in theirs if each.engagement_rate is not None} | {0.01, 2.5, 100.0})
    offered: dict[str, st.SearchStrategy[Any]] = {
        "niche": chosen(NICHES),
        "industry": chosen(INDUSTRIES),
        "campaign": chosen(CAMPAIGN_TYPES),
        "platform": chosen(PLATFORMS),
        "language": chosen(LANGUAGES),
        "near": st.sampled_from(cities).map(place_of),
        "within": st.sampled_from(DISTANCES_KM),
        "audience": st.tuples(st.none() | st.sampled_from(sizes), st.none() | st.sampled_from(sizes)),
        "pay": st.tuples(st.none() | st.sampled_from(pays), st.none() | st.sampled_from(pays)),
        "engagement": st.sampled_from(percents),
        "score": st.integers(1, 100),
        "avatar": st.just(True),
        "active": st.just(True),
        "sort": st.sampled_from(["fit", "newest", "audience", "distance"]),
    }
    names = st.lists(st.sampled_from(sorted(offered)), max_size=3, unique=True)
    return names.flatmap(lambda few: st.fixed_dictionaries({name: offered[name] for name in few})).map(as_filters)


def chosen(choices: Mapping[str, str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(sorted(choices)), min_size=1, max_size=4)


def place_of(city: City) -> Place:
    return Place(city.label, city.name, city.latitude, city.longitude)


def as_filters(asked: dict[str, Any]) -> Filters:
    for name in ("audience", "pay"):
        low, high = asked.pop(name, (None, None))
        if low is not None and high is not None and low > high:
            low, high = high, low
        asked |= {f"{name}_min": low, f"{name}_max": high}
    return replace(Filters(), **asked)

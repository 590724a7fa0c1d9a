"""A match as one viewer sees it, the deck of them, and the counters that say when a deck may have changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any

import gevent
from sqlalchemy import CheckConstraint, ForeignKey, Select, String, Text, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from blueprints import formats
from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.live import announce
from blueprints.matches.scoring import FACTORS, Facts, Score, distance_km, score, tier_of
from blueprints.profiles.choices import CAMPAIGN_TYPES, NICHES
from blueprints.profiles.models import MATCHING_FIELDS, OTHER_ROLE, City, Profile, Viewer

PAGE_SIZE = 24
SEARCH_NAME_LENGTH = 60
LET_OTHERS_EVERY = 500
MOST_REASONS = 3
A_REASON = 0.6
A_DIFFERENCE = 0.5


class DeckVersion(Model):
    """Grows whenever the decks that ``role`` looks at may have changed: someone came, left, or changed what is matched."""

    __tablename__ = "deck_versions"

    role: Mapped[str] = mapped_column(String(10), primary_key=True)
    version: Mapped[int] = mapped_column(default=1)

    @classmethod
    def of(cls, role: str) -> int:
        return db.session.scalar(select(cls.version).where(cls.role == role)) or 0

    @classmethod
    def moved_on(cls, role: str) -> None:
        """Everyone of ``role`` who has a deck open hears ``deck``."""
        row = db.session.get(cls, role, with_for_update=True) or cls(role=role, version=0)
        row.version += 1
        db.session.add(row)
        announce(f"deck/{role}", row.version)


class Mark(Model):
    """What a viewer did with a card, for their own eyes: saved it, hid it; and how new the profile was when they last looked."""

    __tablename__ = "marks"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True, index=True)
    saved_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    seen_version: Mapped[int] = mapped_column(default=0)  # of the profile
    version: Mapped[int] = mapped_column(default=0)  # the account's version at the last change of this row


class SavedSearch(Model):
    """Filters with a name."""

    __tablename__ = "saved_searches"
    __table_args__ = (UniqueConstraint("account_id", "name"), CheckConstraint(f"length(name) BETWEEN 1 AND {SEARCH_NAME_LENGTH}", name="name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(SEARCH_NAME_LENGTH))
    query: Mapped[str] = mapped_column(Text)  # as it stands in the address, without the page
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


@dataclass(frozen=True)
class JudgedFactor:
    """One line of the breakdown, from the viewer's side; values are 0 to 1, None without evidence."""

    name: str
    label: str
    weight: int
    value: float | None
    for_viewer: float | None
    for_them: float | None
    words: str


@dataclass(frozen=True)
class Match:
    """How well the viewer and one other fit."""

    viewer: Profile
    profile: Profile

    @classmethod
    def between(cls, viewer: Account, profile_id: int) -> "Match | None":
        """With one other, if the viewer may see them and stands on the other side."""
        profile = db.session.scalar(_other(viewer.role), {"viewer_id": viewer.id, "profile_id": profile_id})
        return cls(viewer.profile, profile) if profile else None

    @classmethod
    def shown(cls, viewer: Viewer, profile_id: int) -> str | None:
        """What ``between(…).live`` would say, for a small part of its price."""
        found = db.session.connection().execute(_versions(viewer.role), {"viewer_id": viewer.id, "profile_id": profile_id}).one_or_none()
        return _live(profile_id, *found) if found else None

    @cached_property
    def _sides(self) -> tuple[Facts, Facts]:
        """Creator, brand."""
        mine, theirs = facts_of(self.viewer), facts_of(self.profile)
        return (mine, theirs) if self.viewer.role == "creator" else (theirs, mine)

    @cached_property
    def _score(self) -> Score:
        return score(*self._sides)

    @property
    def score(self) -> int | None:
        return self._score.overall

    @property
    def for_viewer(self) -> int | None:
        """How well they fit the viewer, 0 to 100."""
        return self._score.for_creator if self.viewer.role == "creator" else self._score.for_brand

    @property
    def for_them(self) -> int | None:
        return self._score.for_brand if self.viewer.role == "creator" else self._score.for_creator

    @property
    def tier(self) -> str:
        return tier_of(self.score)[0]

    @property
    def tier_label(self) -> str:
        return tier_of(self.score)[1]

    @property
    def answered(self) -> int:
        return len(self._score.judgements)

    @cached_property
    def factors(self) -> list[JudgedFactor]:
        return [self._judged(factor) for factor in FACTORS]

    def _judged(self, factor: Any) -> JudgedFactor:
        judgement = self._score.judgements.get(factor.name)
        if judgement is None:
            return JudgedFactor(factor.name, factor.label, factor.weight, None, None, None, self._unanswered(factor))
        sides = (judgement.for_creator, judgement.for_brand)
        mine, theirs = sides if self.viewer.role == "creator" else sides[::-1]
        return JudgedFactor(factor.name, factor.label, factor.weight, judgement.value, mine, theirs, factor.words(*self._sides))

    def _unanswered(self, factor: Any) -> str:
        asked = factor.asks_creator if self.viewer.role == "creator" else factor.asks_brand
        return "You have not answered this yet" if asked and _is_empty(self.viewer, asked) else "They have not answered this yet"

    @cached_property
    def _answered_best_first(self) -> list[JudgedFactor]:
        return sorted((factor for factor in self.factors if factor.value is not None), key=lambda factor: -(factor.value or 0) * factor.weight)

    @property
    def reasons(self) -> list[str]:
        """The strongest first, at most three, only those that speak for the match."""
        return [factor.words for factor in self._answered_best_first if (factor.value or 0) >= A_REASON][:MOST_REASONS]

    @property
    def difference(self) -> str | None:
        """What speaks most against it, if anything does."""
        against = [factor for factor in self._answered_best_first if (factor.value or 0) < A_DIFFERENCE]
        return max(against, key=lambda factor: (1 - (factor.value or 0)) * factor.weight).words if against else None

    @property
    def missing(self) -> list[str]:
        """What the viewer can add for a better picture: labels of factors that wait for their answer."""
        own = [factor for factor in FACTORS if factor.name not in self._score.judgements]
        return [factor.label for factor in own if self._unanswered(factor).startswith("You")]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Three facts that matter to this viewer."""
        return _creator_facts(self.profile) if self.profile.role == "creator" else _brand_facts(self.profile)

    @property
    def place(self) -> str | None:
        """Their city, with how far it is in buckets."""
        if not self.profile.city:
            return None
        km = distance_km(*self._sides)
        return self.profile.city.label if km is None else f"{self.profile.city.label}, {formats.distance(km)}"

    @property
    def live(self) -> str:
        """Their half of the match, and mine."""
        return _live(self.profile.id, self.profile.version, self.viewer.version)


def _live(profile_id: int, theirs: int, mine: int) -> str:
    return f"profile:{profile_id}@{theirs} match:{profile_id}@{mine}"


@cache
def _other(role: str) -> Select[Profile]:
    """The one profile that a card shows, by the one rule of visibility; built once a role, since every card asks."""
    viewer = SimpleNamespace(role=role, id=bindparam("viewer_id"))
    return Profile.visible_to(viewer).where(Profile.id == bindparam("profile_id"), Profile.role == OTHER_ROLE[role])


@cache
def _versions(role: str) -> Select[int, int]:
    mine = select(Profile.version).where(Profile.account_id == bindparam("viewer_id")).correlate(None).scalar_subquery()
    return _other(role).with_only_columns(Profile.version, mine)


@dataclass(frozen=True)
class Deck:
    """One page of a viewer's matches, best first."""

    matches: list[Match]
    page: int
    total: int
    version: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))

    @property
    def ids(self) -> list[int]:
        return [match.profile.id for match in self.matches]

    @classmethod
    def of(cls, viewer: Account, page: int = 1) -> "Deck":
        """Three queries: the version first (so that what is shown can only be newer), what is scored of everyone, and this page whole."""
        version = DeckVersion.of(viewer.role)
        ranked = ranking(viewer)
        shown = ranked[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        by_id = {profile.id: profile for profile in db.session.scalars(Profile.visible_to(viewer).where(Profile.id.in_(shown)))}
        return cls([Match(viewer.profile, by_id[id]) for id in shown if id in by_id], page, len(ranked), version)


def ranking(viewer: Account) -> list[int]:
    """The ids of all whom the viewer may be matched with, best first; those without a score come last, newest first."""
    mine, is_creator = facts_of(viewer.profile), viewer.role == "creator"
    columns = [Profile.id, *(getattr(Profile, name) for name in MATCHING_FIELDS if name != "city"), City.latitude, City.longitude]
    others = Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE[viewer.role]).outerjoin(City, City.id == Profile.city_id)
    scored = []
    for number, row in enumerate(db.session.execute(others.with_only_columns(*columns))):
        if number % LET_OTHERS_EVERY == 0:
            gevent.sleep(0)  # notices and other requests go between
        overall = score(mine, row).overall if is_creator else score(row, mine).overall
        scored.append((-1 if overall is None else overall, row.id))
    scored.sort(key=lambda pair: (-pair[0], -pair[1]))
    return [id for _, id in scored]


def facts_of(profile: Profile) -> Facts:
    """What scoring reads, with the city's place."""
    city = profile.city
    return SimpleNamespace(
        **{name: getattr(profile, name) for name in MATCHING_FIELDS if name != "city"},
        latitude=city and city.latitude,
        longitude=city and city.longitude,
        place=city and city.label.split(",")[0],
    )


def decks_move_on(profile: Profile, fields: Iterable[str]) -> None:
    """Receiver of ``profile_changed``: what is matched changed, so the decks of the other side may have."""
    if MATCHING_FIELDS.intersection(fields) or profile.version == 1:
        DeckVersion.moved_on(OTHER_ROLE[profile.role])


def _is_empty(profile: Profile, field: str) -> bool:
    return getattr(profile, field) in (None, "", frozenset())


def _creator_facts(creator: Profile) -> list[tuple[str, str]]:
    facts = []
    if creator.audience_size is not None:
        facts.append(("Followers", formats.compact(creator.audience_size)))
    if creator.engagement_rate is not None:
        facts.append(("Engagement", formats.percent(creator.engagement_rate)))
    if creator.rate is not None:
        facts.append(("Rate", formats.money(creator.rate)))
    return facts


def _brand_facts(brand: Profile) -> list[tuple[str, str]]:
    facts = []
    if brand.budget_max is not None:
        low = f"{formats.money(brand.budget_min)}–" if brand.budget_min else "up to "
        facts.append(("Budget", low + formats.money(brand.budget_max)))
    if brand.campaign_types:
        facts.append(("Campaign", next(label for slug, label in CAMPAIGN_TYPES.items() if slug in brand.campaign_types)))
    if brand.niches:
        facts.append(("Looks for", ", ".join([label for slug, label in NICHES.items() if slug in brand.niches][:2])))
    return facts

"""A match as one viewer sees it, and what a viewer did with it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from math import isnan
from types import SimpleNamespace
from typing import Any

from blinker import Signal
from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Select, String, Text, UniqueConstraint, and_, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from blueprints import formats
from blueprints.accounts.models import Account, counted_from
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.live import announce
from blueprints.matches.filters import Filters
from blueprints.matches.reasons import FACTORS, Factor, Pair, mean
from blueprints.matches.scoring import Facts, Score, km_between, score, tier_of
from blueprints.matches.scoring import facts_of as read_facts
from blueprints.matches.versions import DeckVersion
from blueprints.presence.rules import may_see
from blueprints.profiles.blocks import Block
from blueprints.profiles.choices import CAMPAIGN_TYPES, NICHES
from blueprints.profiles.models import MATCHING_FIELDS, OTHER_ROLE, PREFERENCE_FIELDS, Profile, Viewer
from blueprints.requests.models import Request
from blueprints.texts import clean_line

SEARCH_NAME_LENGTH = 60
MOST_SEARCHES = 20
MOST_REASONS = 3
A_REASON, A_WEAK_REASON = 0.6, 0.4
SEARCHED_FIELDS = frozenset(("name", "headline", "bio", "avatar"))  # they change no score, but who is found by words or "has a picture"
FIELD_WORDS = {
    "avatar": "picture", "audience_size": "audience", "engagement_rate": "engagement", "budget_min": "budget", "budget_max": "budget",
    "audience_min": "wanted audience", "audience_max": "wanted audience", "niches": "topics", "campaign_types": "kinds of collaboration",
}  # fmt: skip

saved = Signal("Inside the transaction. Sender: the mark of a viewer who saved a card, which was not saved before.")


class Mark(Model):
    """What a viewer did with a card, for their own eyes: saved it, hid it; and how new the profile was when they last looked."""

    __tablename__ = "marks"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"), primary_key=True, index=True)
    saved_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    hidden_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    seen_version: Mapped[int] = mapped_column(default=0)  # of the profile
    version: Mapped[int] = mapped_column(default=0)  # the account's version at the last change of this row

    account: Mapped[Account] = relationship()
    profile: Mapped[Profile] = relationship()

    @classmethod
    def left_out_for(cls, viewer: Account) -> list[int]:
        """The ids of the profiles that the viewer's deck leaves out: those they put away, and those with a block between them."""
        hidden = select(cls.profile_id).where(cls.account_id == viewer.id, cls.hidden_at.is_not(None))
        parted = select(Profile.id).where(Profile.account_id.in_(Block.parted_from(viewer.id)))
        return list(db.session.scalars(hidden.union_all(parted)))

    @classmethod
    def of(cls, viewer: Viewer) -> ColumnElement[bool]:
        """What joins a profile with the viewer's mark on it."""
        return and_(cls.profile_id == Profile.id, cls.account_id == viewer.id)

    @classmethod
    def on(cls, viewer: Account, profile: Profile) -> "Mark":
        """The viewer's mark on that card, held until the transaction ends; a new one where there is none."""
        key = {"account_id": viewer.id, "profile_id": profile.id}
        try:
            with db.session.begin_nested():
                if not db.session.get(cls, key):
                    db.session.add(cls(**key, seen_version=profile.version, version=0))
        except IntegrityError:  # another tab was quicker
            pass
        return db.session.get_one(cls, key, with_for_update=True, populate_existing=True)

    def save(self) -> None:
        """Keep it on the page of saved cards; one that was hidden comes back."""
        if not self.saved_at or self.hidden_at:
            is_new = not self.saved_at
            self.seen_version = self.profile.version if is_new else self.seen_version
            self.saved_at, self.hidden_at = self.saved_at or utc_now(), None
            self._changed()
            if is_new:
                saved.send(self)

    def unsave(self) -> None:
        if self.saved_at:
            self.saved_at = None
            self._changed()

    def hide(self) -> None:
        """Out of the deck, until it is shown again."""
        if not self.hidden_at:
            self.hidden_at = utc_now()
            self._changed()

    def unhide(self) -> None:
        if self.hidden_at:
            self.hidden_at = None
            self._changed()

    def seen(self) -> None:
        """The viewer looked: what changed until now is no news any more."""
        if self.saved_at and self.seen_version < self.profile.version:
            self.seen_version = self.profile.version
            self._changed()

    def _changed(self) -> None:
        """The viewer's own open pages show it on the card."""
        self.account.changed()
        self.version = self.account.version
        announce(f"match:{self.profile_id}/{self.account_id}", self.version)


class SavedSearch(Model):
    """Filters with a name."""

    __tablename__ = "saved_searches"
    __table_args__ = (UniqueConstraint("account_id", "name"), CheckConstraint(f"length(name) BETWEEN 1 AND {SEARCH_NAME_LENGTH}", name="name"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(SEARCH_NAME_LENGTH))
    query: Mapped[str] = mapped_column(Text)  # as it stands in the address, without the page
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @classmethod
    def owned_by(cls, viewer: Account) -> "Select[SavedSearch]":
        return select(cls).where(cls.account_id == viewer.id)

    @classmethod
    def of(cls, viewer: Account) -> "list[SavedSearch]":
        return list(db.session.scalars(cls.owned_by(viewer).order_by(cls.name)))

    @classmethod
    def keep(cls, viewer: Account, name: str, filters: Filters) -> "SavedSearch":
        """Under that name; raises SearchError with the words for the person."""
        try:
            name = clean_line(name)
        except ValueError as error:
            raise SearchError(str(error)) from None
        if not name or len(name) > SEARCH_NAME_LENGTH:
            raise SearchError(f"Give it a name of at most {SEARCH_NAME_LENGTH} characters.")
        if not filters.args:
            raise SearchError("Choose a filter or an order first: there is nothing to save yet.")
        db.session.execute(select(Account.id).where(Account.id == viewer.id).with_for_update())  # two at once come one after the other
        there = {search.name: search for search in cls.of(viewer)}
        if name not in there and len(there) >= MOST_SEARCHES:
            raise SearchError(f"You have {MOST_SEARCHES} saved searches, which is the most: remove one first.")
        search = there.get(name) or cls(account_id=viewer.id, name=name)
        search.query = filters.query
        db.session.add(search)
        return search


class SearchError(ValueError):
    """Says to the person why a search cannot be saved."""


@dataclass(frozen=True)
class JudgedFactor:
    """One line of the breakdown, from the viewer's side; values are 0 to 1, None without evidence or stake."""

    name: str
    label: str
    weight: int
    value: float | None
    for_viewer: float | None
    for_them: float | None
    words: str
    good: str = ""  # what of the words speaks for the match
    bad: str = ""


@dataclass(frozen=True)
class Match:
    """How well the viewer and one other fit, what the viewer did with the card, and what they asked each other."""

    viewer: Profile
    profile: Profile
    mark: Mark | None = None
    request: Request | None = None

    @staticmethod
    def joined(profiles: "Select[Profile]", viewer: Viewer) -> "Select[Profile, Mark | None, Request | None]":
        """Profiles of the other side, each with what else a match is made of."""
        return profiles.outerjoin(Mark, Mark.of(viewer)).outerjoin(Request, Request.of(viewer)).add_columns(Mark, Request)

    @classmethod
    def between(cls, viewer: Account, profile_id: int) -> "Match | None":
        """With one other, if the viewer may see them and stands on the other side."""
        found = db.session.execute(_other(viewer.role), {"viewer_id": viewer.id, "profile_id": profile_id}).one_or_none()
        return cls(viewer.profile, *found) if found else None

    @classmethod
    def shown(cls, viewer: Viewer, profile_id: int) -> str | None:
        """What ``between(…).stands`` would say, for a small part of its price."""
        row = db.session.connection().execute(_versions(viewer.role), {"viewer_id": viewer.id, "profile_id": profile_id}).one_or_none()
        if row is None:
            return None
        live = _live(profile_id, row.version, max(row.match_version, row.mark_version or 0), row.request_version or counted_from(row.match_version))
        return _stands(live, row.presence_version if may_see(row.shows_to, row.presence_to, row.state == "accepted") else None)

    @cached_property
    def pair(self) -> Pair:
        mine, theirs = (self.viewer, facts_of(self.viewer)), (self.profile, facts_of(self.profile))
        creator, brand = (mine, theirs) if self.viewer.role == "creator" else (theirs, mine)
        return Pair(creator[0], brand[0], creator[1], brand[1])

    @cached_property
    def result(self) -> Score:
        return score(self.pair.creator_facts, self.pair.brand_facts)

    @property
    def score(self) -> int | None:
        return _rounded(self.result.overall)

    @property
    def for_viewer(self) -> int | None:
        """How well they fit the viewer, 0 to 100."""
        return _rounded(self.result.for_creator if self.viewer.role == "creator" else self.result.for_brand)

    @property
    def for_them(self) -> int | None:
        return _rounded(self.result.for_brand if self.viewer.role == "creator" else self.result.for_creator)

    @property
    def tier(self) -> str:
        return tier_of(self.score)[0]

    @property
    def tier_label(self) -> str:
        return tier_of(self.score)[1]

    @property
    def answered(self) -> int:
        return self.result.answered

    @cached_property
    def factors(self) -> list[JudgedFactor]:
        return [self._judged(factor) for factor in FACTORS]

    def _judged(self, factor: Factor) -> JudgedFactor:
        judgement = self.result.judgements[factor.name]
        value = mean(judgement.for_creator, judgement.for_brand)
        if value is None:
            return JudgedFactor(factor.name, factor.label, factor.weight, None, None, None, self._unanswered(factor))
        sides = (mean(judgement.for_creator), mean(judgement.for_brand))
        mine, theirs = sides if self.viewer.role == "creator" else sides[::-1]
        said = factor.said(self.pair)
        return JudgedFactor(factor.name, factor.label, factor.weight, value, mine, theirs, said.whole, said.good, said.bad)

    def _unanswered(self, factor: Factor) -> str:
        if self._lacks(factor):
            return "You have not answered this yet"
        has_both = factor.creator_has(self.pair.creator_facts) and factor.brand_has(self.pair.brand_facts)
        return "Nothing to compare here" if has_both else "They have not answered this yet"  # where neither minds, that is nobody's business

    def _lacks(self, factor: Factor) -> bool:
        """Whether the viewer has not answered it."""
        if self.viewer.role == "creator":
            return not factor.creator_has(self.pair.creator_facts)
        return not factor.brand_has(self.pair.brand_facts)

    @cached_property
    def _best_first(self) -> list[JudgedFactor]:
        return sorted((factor for factor in self.factors if factor.value is not None), key=lambda factor: -(factor.value or 0) * factor.weight)

    @cached_property
    def _reasons(self) -> list[JudgedFactor]:
        good = [factor for factor in self._best_first if factor.good]
        strong = [factor for factor in good if (factor.value or 0) >= A_REASON]
        return strong[:MOST_REASONS] if len(strong) > 1 else [factor for factor in good if (factor.value or 0) >= A_WEAK_REASON][:2]

    @property
    def reasons(self) -> list[str]:
        """What speaks most for the match, the strongest first: two or three, fewer where little does."""
        return [factor.good for factor in self._reasons]

    @property
    def difference(self) -> str | None:
        """What speaks most against it, if anything does."""
        against = [factor for factor in self._best_first if factor.bad and factor not in self._reasons]
        return max(against, key=lambda factor: (1 - (factor.value or 0)) * factor.weight).bad if against else None

    @property
    def missing(self) -> list[str]:
        """What the viewer can add for a better picture: labels of factors that wait for their answer."""
        return [factor.label for factor, judged in zip(FACTORS, self.factors, strict=True) if judged.value is None and self._lacks(factor)]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Three facts that matter to this viewer."""
        return _creator_facts(self.profile) if self.profile.role == "creator" else _brand_facts(self.profile)

    @property
    def place(self) -> str | None:
        """Their city, with how far it is in buckets."""
        if not self.profile.city:
            return None
        km = km_between(self.pair.creator_facts, self.pair.brand_facts)
        return self.profile.city.label if isnan(km) else f"{self.profile.city.label}, {formats.distance(km)}"

    @property
    def is_saved(self) -> bool:
        return bool(self.mark and self.mark.saved_at)

    @property
    def is_hidden(self) -> bool:
        return bool(self.mark and self.mark.hidden_at)

    @property
    def changed_since_seen(self) -> list[str]:
        """Of a saved card: the fields that changed since the viewer last looked, as people call them."""
        if not (self.mark and self.mark.saved_at):
            return []
        return words_for(name for name, version in self.profile.changed_at_version.items() if version > self.mark.seen_version)

    @property
    def live(self) -> str:
        """Their half of the match, mine, and what is between us."""
        mine = max(self.viewer.match_version, self.mark.version if self.mark else 0)
        return _live(self.profile.id, self.profile.version, mine, self.request.version if self.request else counted_from(self.viewer.match_version))

    @property
    def is_connected(self) -> bool:
        return bool(self.request and self.request.is_connected)

    @property
    def stands(self) -> str:
        """All that a card is made of: also whether they are here, which is live by itself within it."""
        return _stands(self.live, self.profile.presence_version if may_see(self.viewer.presence_to, self.profile.presence_to, self.is_connected) else None)


def _live(profile_id: int, theirs: int, mine: int, ours: int) -> str:
    return f"profile:{profile_id}@{theirs} match:{profile_id}@{mine} request:{profile_id}@{ours}"


def _stands(live: str, presence: int | None) -> str:
    return live if presence is None else f"{live} presence@{presence}"


@cache
def _other(role: str) -> "Select[Profile, Mark | None, Request | None]":
    """The one profile that a card shows, by the one rule of visibility, with the viewer's mark and their request; built once a role, since every card asks."""
    viewer = SimpleNamespace(role=role, id=bindparam("viewer_id"))
    visible = Profile.visible_to(viewer).where(Profile.id == bindparam("profile_id"), Profile.role == OTHER_ROLE[role])
    return Match.joined(visible, viewer)


@cache
def _versions(role: str) -> "Select[*tuple[Any, ...]]":
    me = aliased(Profile)
    theirs = (Profile.version, Profile.presence_version, Profile.presence_to, Mark.version.label("mark_version"), Request.version.label("request_version"))
    mine = (me.match_version, me.presence_to.label("shows_to"), Request.state)
    return _other(role).join(me, me.account_id == bindparam("viewer_id")).with_only_columns(*theirs, *mine)


def _rounded(value: float) -> int | None:
    return None if isnan(value) else round(value)


def facts_of(profile: Profile) -> Facts:
    """What scoring reads."""
    city = profile.city
    return read_facts(profile, city.latitude, city.longitude) if city else read_facts(profile, None, None)


def words_for(fields: Iterable[str]) -> list[str]:
    """Fields that changed as people call them; what one asks of others is nobody's business."""
    return sorted({FIELD_WORDS.get(name, name.replace("_", " ")) for name in fields if name not in PREFERENCE_FIELDS})


def decks_move_on(profile: Profile, fields: Iterable[str]) -> None:
    """Receiver of ``profile_changed``: what is matched or searched for changed, so the decks of the other side may have."""
    if MATCHING_FIELDS.intersection(fields) or profile.version == 1:
        DeckVersion.moved_on(OTHER_ROLE[profile.role], profile)
    elif SEARCHED_FIELDS.intersection(fields):
        DeckVersion.moved_on(OTHER_ROLE[profile.role], profile, by_words=True)


def decks_of_both_move_on(account: Account, *, other: Account) -> None:
    """Receiver of ``blocked`` and ``unblocked``: nobody else's deck changes."""
    for me, them in sorted(((account, other), (other, account)), key=lambda pair: pair[0].role):  # in an order: the counters are held
        if me.role in OTHER_ROLE and them.profile:
            DeckVersion.moved_on(me.role, them.profile, only_for=me)


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

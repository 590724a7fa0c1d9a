"""What an account says about itself, and the cities it can be in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from blinker import Signal
from sqlalchemy import JSON, CheckConstraint, Float, ForeignKey, Select, String, Text, and_, insert, or_, select
from sqlalchemy.orm import Mapped, backref, mapped_column, relationship

from blueprints.accounts.devices import device
from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.live import announce
from blueprints.profiles.blocks import Block
from blueprints.profiles.completion import Completion
from blueprints.profiles.completion import of as completion_of
from blueprints.profiles.history import DEVICE_LENGTH, Edit, Since
from blueprints.profiles.values import Choices, Lines, as_kept, can_merge, merge, plain

NAME_LENGTH = 80
HEADLINE_LENGTH = 120
BIO_LENGTH = 2_000
URL_LENGTH = 200
MAX_LINKS = 5
MAX_AUDIENCE = 1_000_000_000
MAX_EUROS = 1_000_000
MOST_FIELDS_SAID = 4

SHARED_FIELDS = ("name", "headline", "bio", "city", "works_remotely", "platforms", "languages", "links", "niches", "campaign_types")
CREATOR_FIELDS = ("industries", "audience_size", "engagement_rate", "rate")
BRAND_FIELDS = ("industry", "budget_min", "budget_max", "audience_min", "audience_max", "company_size", "website")
FIELDS = {"creator": SHARED_FIELDS + CREATOR_FIELDS, "brand": SHARED_FIELDS + BRAND_FIELDS}
OTHER_ROLE = {"creator": "brand", "brand": "creator"}

RANGES = (("budget_min", "budget_max"), ("audience_min", "audience_max"))

PREFERENCE_FIELDS = ("musts", "dont_minds", "max_km")  # what one asks of the other side; set on a page of their own, shown to nobody
DISTANCES_KM = (50, 100, 250, 500, 1_000)

MATCHING_FIELDS = frozenset(
    ("niches", "platforms", "languages", "city", "works_remotely", "campaign_types", "industries", "industry")
    + ("audience_size", "engagement_rate", "rate", "budget_min", "budget_max", "audience_min", "audience_max", *PREFERENCE_FIELDS)
)

profile_changed = Signal("Inside the transaction, flushed. Sender: the profile; fields: the names of those that changed, none for a new profile.")

Changes = Mapping[str, Any]
Base = int | Mapping[str, int]  # the version that changes are based on; per field where it differs


@dataclass(frozen=True)
class Difference:
    """What was to be written over what stands, the version since which it stands, and where and when that was saved, if it is known."""

    mine: Any
    theirs: Any
    version: int
    device: str = ""
    where: str = "on another device"
    at: datetime | None = None


Conflict = dict[str, Difference]

FOLDED = Text().with_variant(Text(collation="C"), "postgresql")  # so that a prefix is a range of the index there too


class City(Model):
    """A city of more than 15,000 people (GeoNames). ``id`` is its geonameid, ``label`` tells it from all others."""

    __tablename__ = "cities"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    label: Mapped[str] = mapped_column(String(160), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    country_code: Mapped[str] = mapped_column(String(2))
    latitude: Mapped[float] = mapped_column(Float)
    longitude: Mapped[float] = mapped_column(Float)
    population: Mapped[int]
    timezone: Mapped[str] = mapped_column(String(60))


class CityName(Model):
    """A name under which a city is found: without case and accents, its own and, for large cities, those in other languages."""

    __tablename__ = "city_names"

    __table_args__ = ({"sqlite_with_rowid": False},)  # the key is the row: half the space

    folded: Mapped[str] = mapped_column(FOLDED, primary_key=True)
    city_id: Mapped[int] = mapped_column(ForeignKey("cities.id", ondelete="CASCADE"), primary_key=True)
    is_own: Mapped[bool] = mapped_column(default=True)


class Viewer(Protocol):
    """Who looks: an account, or in a query prepared for many, what stands for one."""

    @property
    def role(self) -> str: ...
    @property
    def id(self) -> Any: ...


class Profile(Model):
    __tablename__ = "profiles"
    __table_args__ = (
        CheckConstraint("role IN ('creator', 'brand')", name="role"),
        CheckConstraint(f"length(name) BETWEEN 1 AND {NAME_LENGTH}", name="name"),
        CheckConstraint(f"length(bio) <= {BIO_LENGTH}", name="bio"),
        CheckConstraint(f"audience_size BETWEEN 0 AND {MAX_AUDIENCE}", name="audience_size"),
        CheckConstraint("engagement_rate BETWEEN 0 AND 100", name="engagement_rate"),
        CheckConstraint(f"rate BETWEEN 1 AND {MAX_EUROS}", name="rate"),
        CheckConstraint(f"budget_min BETWEEN 1 AND {MAX_EUROS}", name="budget_min"),
        CheckConstraint(f"budget_max BETWEEN 1 AND {MAX_EUROS}", name="budget_max"),
        CheckConstraint("budget_min <= budget_max", name="budget_order"),
        CheckConstraint(f"audience_min BETWEEN 0 AND {MAX_AUDIENCE}", name="audience_min"),
        CheckConstraint(f"audience_max BETWEEN 0 AND {MAX_AUDIENCE}", name="audience_max"),
        CheckConstraint("audience_min <= audience_max", name="audience_order"),
        CheckConstraint(
            "role = 'creator' OR (audience_size IS NULL AND engagement_rate IS NULL AND rate IS NULL AND industries = '')", name="creator_fields"
        ),
        CheckConstraint(
            "role = 'brand' OR (industry IS NULL AND budget_min IS NULL AND budget_max IS NULL AND audience_min IS NULL"
            " AND audience_max IS NULL AND company_size IS NULL AND website = '')",
            name="brand_fields",
        ),
        CheckConstraint("max_km BETWEEN 1 AND 20000", name="max_km"),
        CheckConstraint("presence IN ('online', 'away', 'offline')", name="presence"),
        CheckConstraint("presence_to IN ('all', 'connections', 'nobody')", name="presence_to"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), unique=True)
    role: Mapped[str] = mapped_column(String(10))  # without an index: it tells two halves apart, and SQLite would begin every search with it

    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    headline: Mapped[str] = mapped_column(String(HEADLINE_LENGTH), default="")
    bio: Mapped[str] = mapped_column(Text, default="")
    avatar: Mapped[str | None] = mapped_column(String(64), default=None)
    city_id: Mapped[int | None] = mapped_column(ForeignKey("cities.id"), index=True, default=None)
    platforms: Mapped[frozenset[str]] = mapped_column(Choices, default=frozenset())
    languages: Mapped[frozenset[str]] = mapped_column(Choices, default=frozenset())
    links: Mapped[tuple[str, ...]] = mapped_column(Lines, default=())
    niches: Mapped[frozenset[str]] = mapped_column(Choices, default=frozenset())
    campaign_types: Mapped[frozenset[str]] = mapped_column(Choices, default=frozenset())
    works_remotely: Mapped[bool] = mapped_column(default=False)

    industries: Mapped[frozenset[str]] = mapped_column(Choices, default=frozenset())
    audience_size: Mapped[int | None] = mapped_column(default=None)
    engagement_rate: Mapped[float | None] = mapped_column(Float, default=None)
    rate: Mapped[int | None] = mapped_column(default=None)

    industry: Mapped[str | None] = mapped_column(String(40), default=None)
    budget_min: Mapped[int | None] = mapped_column(default=None)
    budget_max: Mapped[int | None] = mapped_column(default=None)
    audience_min: Mapped[int | None] = mapped_column(default=None)
    audience_max: Mapped[int | None] = mapped_column(default=None)
    company_size: Mapped[str | None] = mapped_column(String(20), default=None)
    website: Mapped[str] = mapped_column(String(URL_LENGTH), default="")

    musts: Mapped[frozenset[str]] = mapped_column(Choices, default=frozenset())
    dont_minds: Mapped[frozenset[str]] = mapped_column(Choices, default=frozenset())
    max_km: Mapped[int | None] = mapped_column(default=None)

    # Whether they are here, as the presence package notes it, and what others get to know of them (who does not show it does not see it either).
    presence: Mapped[str] = mapped_column(String(10), default="offline")
    presence_since: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    presence_version: Mapped[int] = mapped_column(default=0)
    presence_to: Mapped[str] = mapped_column(String(12), default="all")
    shows_reading: Mapped[bool] = mapped_column(default=True)
    shows_typing: Mapped[bool] = mapped_column(default=True)

    version: Mapped[int] = mapped_column(default=1)
    match_version: Mapped[int] = mapped_column(default=1)  # the account's version at the last change: all cards this viewer sees are at least so new
    changed_at_version: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    was_complete = False  # before its last change in this transaction, for the receivers of profile_changed

    account: Mapped[Account] = relationship(backref=backref("profile", uselist=False, cascade="save-update, merge, delete", passive_deletes=True))
    city: Mapped[City | None] = relationship(lazy="joined")

    __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012  SQLAlchemy reads it once

    def __init__(self, **fields: Any) -> None:
        """A profile that says nothing yet reads the same before it is saved as after."""
        nothing: dict[str, Any] = {"headline": "", "bio": "", "website": "", "links": (), "works_remotely": False, "version": 1, "match_version": 1}
        nothing |= {"changed_at_version": {}, "presence": "offline", "presence_version": 0, "presence_to": "all", "shows_reading": True, "shows_typing": True}
        nothing |= dict.fromkeys(("platforms", "languages", "niches", "campaign_types", "industries", "musts", "dont_minds"), frozenset())
        super().__init__(**nothing | fields)

    @classmethod
    def visible_to(cls, viewer: Viewer) -> Select["Profile"]:
        """THE rule of who sees whom: oneself, and those of the other role whose account is still of that role and neither deactivated nor suspended,
        unless one of the two blocked the other. Admins see everyone."""
        if viewer.role == "admin":
            return select(cls)
        others = and_(cls.role == OTHER_ROLE[viewer.role], Account.role == cls.role, Account.is_here)
        if viewer.id is not None:  # nobody in particular, who stands for all of a role, has blocked nobody
            others = and_(others, ~Block.between(viewer.id, cls.account_id))
        return select(cls).join(cls.account).where(or_(cls.account_id == viewer.id, others))

    @classmethod
    def to_revise(cls, account: Account) -> "Profile | None":
        """The account's own profile as it stands now, held until the transaction ends, so that two edits at once come one after the other.

        The account is held before it, as everybody does who holds both."""
        Account.hold(account.id)
        own = select(cls).where(cls.account_id == account.id).with_for_update(of=cls)
        return db.session.scalar(own.execution_options(populate_existing=True))

    @property
    def completion(self) -> Completion:
        return completion_of(self)

    @property
    def zone(self) -> tzinfo:
        """In which the member reads times."""
        return ZoneInfo(self.city.timezone) if self.city else UTC

    def revise(self, changes: Changes, base: Base) -> Conflict | None:
        """Apply the fields that nobody changed since ``base``, and merge sets and links that somebody did; return the others, untouched."""
        changed = {name: value for name, value in changes.items() if getattr(self, name) != value}
        stale = {name for name in changed if self.changed_at_version.get(name, 0) > _base_of(name, base)}
        since = Since.of(self.id, dict.fromkeys(_with_pairs(stale), min(_base_of(name, base) for name in stale))) if stale else None
        if since:
            merged = {name: value for name in stale if (value := self._merged(name, changed[name], since.first(name, _base_of(name, base)))) is not None}
            changed |= merged
            stale = self._with_partners(stale - merged.keys(), changed)
        fresh = {name: value for name, value in changed.items() if name not in stale and getattr(self, name) != value}
        if fresh:
            self._set(fresh)
        return {name: self._difference(name, changes[name], since) for name in sorted(stale)} or None

    def differences(self, changes: Changes) -> Conflict:
        """The same of values that are not to be saved yet."""
        changed = {name: value for name, value in changes.items() if getattr(self, name) != value}
        since = Since.of(self.id, dict.fromkeys(_with_pairs(changed.keys()), 0)) if changed else None
        return {name: self._difference(name, changed[name], since) for name in sorted(changed)}

    def announce_new(self) -> None:
        """Somebody came: decks of the other role may show them."""
        db.session.flush()
        announce(f"profile:{self.id}", self.version)
        profile_changed.send(self, fields=())

    def announce_gone(self) -> None:
        """Nobody else may see it any more: open pages that show it say so."""
        self.version += 1
        db.session.flush()
        announce(f"profile:{self.id}", self.version, gone=True)
        profile_changed.send(self, fields=MATCHING_FIELDS)

    def announce_back(self) -> None:
        """Who was gone may be seen again: decks show them."""
        self.version += 1
        db.session.flush()
        announce(f"profile:{self.id}", self.version)
        profile_changed.send(self, fields=MATCHING_FIELDS)

    def _merged(self, name: str, mine: Any, ended: Edit | None) -> Any | None:
        """What both sides made of the value that the edit ``ended``; None when only a person can decide."""
        theirs = getattr(self, name)
        if ended is None or not can_merge(theirs):
            return None
        value = merge(as_kept(theirs, ended.before), mine, theirs)
        return None if name == "links" and value and len(value) > MAX_LINKS else value

    def _difference(self, name: str, mine: Any, since: Since | None) -> Difference:
        edit = since.last(_pair_of(name)) if since else None
        version = self.changed_at_version.get(name, 1)
        if edit is None:
            return Difference(mine, getattr(self, name), version)
        session = self.account.login_session
        where = edit.where(session.id if session else None)
        return Difference(mine, getattr(self, name), version, edit.device, where, edit.saved_at)

    def _with_partners(self, stale: set[str], changed: Changes) -> set[str]:
        """With one end of a range in conflict, the other end only fits if it still makes a range with what stands.
        And nothing can become a must here while it stops to matter there."""
        musts, dont_minds = (changed.get(name, getattr(self, name)) for name in ("musts", "dont_minds"))
        if musts & dont_minds:
            stale = stale | changed.keys() & {"musts", "dont_minds"}
        for pair in RANGES:
            if stale.intersection(pair):
                low, high = (getattr(self, name) if name in stale else changed.get(name, getattr(self, name)) for name in pair)
                if low is not None and high is not None and low > high:
                    stale = stale | changed.keys() & pair
        return stale

    def _set(self, fresh: Changes) -> None:
        self.was_complete = self.completion.percent == 100
        self.version += 1
        self._note(fresh)
        for name, value in fresh.items():
            setattr(self, name, value)
        self.changed_at_version = self.changed_at_version | dict.fromkeys(fresh, self.version)
        self.updated_at = utc_now()
        self.account.changed(completion=self.completion.percent)
        self.match_version = self.account.version
        db.session.flush()
        names = sorted(fresh.keys() - set(PREFERENCE_FIELDS))  # what one asks of others is nobody's business, not even that it changed
        said = {"fields": names} if 0 < len(names) <= MOST_FIELDS_SAID else {}  # a notice stays small; without names all is highlighted
        announce(f"profile:{self.id}", self.version, **said, completion=self.completion.percent)
        announce(f"match:*/{self.account_id}", self.match_version)
        profile_changed.send(self, fields=frozenset(fresh))

    def _note(self, fresh: Changes) -> None:
        """Keep what stood there, and on which device it was changed."""
        session = self.account.login_session
        made = {"device": device(session.user_agent)[:DEVICE_LENGTH] if session else "", "session_id": session.id if session else None}
        was = {name: plain(getattr(self, name)) for name in fresh}
        edits = [{"field": name, "before": was[name], "after": plain(value)} for name, value in fresh.items()]
        with db.session.no_autoflush:  # one statement; what is half changed here is written by the next flush
            db.session.execute(insert(Edit), [{"profile_id": self.id, "version": self.version, **edit, **made} for edit in edits])
        Edit.prune(self.id, self.version)


def _pair_of(name: str) -> tuple[str, ...]:
    """The field, and the other end of its range."""
    return next((pair for pair in RANGES if name in pair), (name,))


def _with_pairs(names: Collection[str]) -> set[str]:
    return {partner for name in names for partner in _pair_of(name)}


def _base_of(name: str, base: Base) -> int:
    return base if isinstance(base, int) else base.get(name, 0)

"""What happened around a member: the news of those they are connected with. Names of fields only, never what they hold."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Select, String, delete, desc, literal, null, select, type_coerce, union_all
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.accounts.models import Account, OwnVersion
from blueprints.accounts.subjects import own_subject
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.notifications.kinds import listed
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.requests.models import Request

SUBJECT = "activity"
PAGE_SIZE = 20
ONE_LINE_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=90)

CHANGED, CONNECTED = "changed", "connected"
NEWS = {"niches": "topics", "platforms": "platforms", "rate": "rate", "budget_min": "budget", "budget_max": "budget"}
PICTURE, COMPLETE = "picture", "complete"

own_subject(SUBJECT)


class Activity(Model):
    """Something a member did that those around them may hear of. What one member changes within an hour is one row."""

    __tablename__ = "activities"

    id: Mapped[int] = mapped_column(primary_key=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # what: words for what changed; since: when the first of it did
    happened_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)

    @classmethod
    def note(cls, profile: Profile, what: Iterable[str]) -> None:
        """One line more, or more in the line of the last hour. The profile's row is held by whoever changes it, so two at once do not make two lines."""
        now = utc_now()
        latest = select(cls).where(cls.profile_id == profile.id, cls.kind == CHANGED).order_by(cls.happened_at.desc(), cls.id.desc()).limit(1)
        line = db.session.scalar(latest)
        if line is None or datetime.fromisoformat(line.data["since"]) < now - ONE_LINE_FOR:
            line = cls(profile_id=profile.id, kind=CHANGED, data={"what": [], "since": now.isoformat()})
            db.session.add(line)
        line.data = {**line.data, "what": sorted({*line.data["what"], *what})}
        line.happened_at = now

    @classmethod
    def prune(cls) -> int:
        """Forget what is long past; how much that was."""
        old = delete(cls).where(cls.happened_at < utc_now() - KEPT_FOR).returning(cls.id)
        return len(db.session.scalars(old, execution_options={"synchronize_session": False}).all())


@dataclass(frozen=True)
class News:
    """One line of somebody's activity page. ``key`` tells it from the others."""

    key: str
    kind: str
    profile: Profile
    what: Sequence[str]
    happened_at: datetime

    @property
    def words(self) -> str:
        """What follows the name."""
        return "and you are connected now" if self.kind == CONNECTED else words_of(self.what)


@dataclass(frozen=True)
class Around:
    """A page of what happened around a member, the newest first, since they are connected with whom it happened to."""

    lines: Sequence[News]
    version: int
    page: int
    has_more: bool

    @classmethod
    def of(cls, viewer: Account, page: int = 1) -> "Around":
        version = OwnVersion.of(viewer, SUBJECT)
        newest = union_all(_changes(viewer), _connections(viewer)).order_by(desc("at"), desc("line"))
        rows = db.session.execute(newest.offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE + 1)).all()
        visible = Profile.visible_to(viewer).where(Profile.id.in_({row.profile_id for row in rows}))
        profiles = {profile.id: profile for profile in db.session.scalars(visible)}
        shown = [row for row in rows[:PAGE_SIZE] if row.profile_id in profiles]
        lines = [News(f"{row.kind}-{row.line}", row.kind, profiles[row.profile_id], (row.data or {}).get("what", ()), row.at) for row in shown]
        return cls(lines, version, page, len(rows) > PAGE_SIZE)

    @property
    def live(self) -> str:
        """What a page of it shows: itself, and the names and faces of all in it."""
        profiles = {line.profile.id: line.profile.version for line in self.lines}
        return " ".join([f"{SUBJECT}@{self.version}", *(f"profile:{id}@{version}" for id, version in profiles.items())])


def _connected(viewer: Account) -> Select[Any]:
    """Profiles that the viewer may see and is connected with, each with the request that was accepted."""
    visible = Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE[viewer.role])
    return visible.join(Request, Request.of(viewer)).where(Request.state == "accepted")


def _changes(viewer: Account) -> Select[Any]:
    changes = _connected(viewer).join(Activity, Activity.profile_id == Profile.id).where(Activity.happened_at >= Request.answered_at)
    return changes.with_only_columns(Activity.id.label("line"), Activity.kind, Activity.profile_id, Activity.data, Activity.happened_at.label("at"))


def _connections(viewer: Account) -> Select[Any]:
    """Read from the requests themselves: there is no other place from which to learn who is connected with whom."""
    nothing = type_coerce(null(), JSON)
    return _connected(viewer).with_only_columns(Request.id, literal(CONNECTED), Profile.id, nothing, Request.answered_at)


def words_of(what: Collection[str]) -> str:
    """``has a new picture, changed their budget and topics and completed their profile``."""
    changed = [word for word in sorted(set(NEWS.values())) if word in what]
    parts = [
        *(["has a new picture"] if PICTURE in what else []),
        *([f"changed their {listed(changed)}"] if changed else []),
        *(["completed their profile"] if COMPLETE in what else []),
    ]
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


# Receivers.


def profile_did(profile: Profile, *, fields: Iterable[str], **_said: Any) -> None:
    """Receiver of ``profile_changed``: those connected with it hear of what is news to them."""
    now = {name for name in fields if profile.changed_at_version.get(name) == profile.version}  # who leaves sends fields that did not change
    what = {NEWS[name] for name in now if name in NEWS}
    if "avatar" in now and profile.avatar:
        what.add(PICTURE)
    if now and profile.completion.percent == 100 and not profile.was_complete:
        what.add(COMPLETE)
    if what and Account.all_moved(Request.connections_of(profile.account_id), SUBJECT):
        Activity.note(profile, what)


def pair_did(request: Request, **_said: Any) -> None:
    """Receiver of ``answered``: to be connected, or no longer, is news to the two and to nobody else."""
    if request.state in ("accepted", "ended"):
        Account.all_moved(select(Account.id).where(Account.id.in_((request.creator_id, request.brand_id))), SUBJECT)

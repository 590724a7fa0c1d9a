"""What a member is told, and by which ways they want to be told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, Select, String, delete, func, literal, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, upsert, utc_now
from blueprints.notifications.kinds import CHANNELS, EMAIL, IN_APP, KINDS, ONCE_EVER, TABLE, Kind
from blueprints.profiles.models import Profile

KEY_LENGTH = 60
KEPT_FOR = timedelta(days=90)
SUBJECT = "notifications"
UNREAD = text("read_at IS NULL")
ONCE = text(f"kind = '{ONCE_EVER}'")


class Notification(Model):
    """Something that happened to a member. What is unread about the same thing (``key``) is one row, decided by the database."""

    __tablename__ = "notifications"
    __table_args__ = (
        Index("uq_notifications_unread", "account_id", "key", unique=True, sqlite_where=UNREAD, postgresql_where=UNREAD),
        Index("uq_notifications_once", "account_id", "key", unique=True, sqlite_where=ONCE, postgresql_where=ONCE),
        Index("ix_notifications_account_id", "account_id", "updated_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    profile_id: Mapped[int | None] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"), index=True, default=None)  # whom it is about
    key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    count: Mapped[int] = mapped_column(default=1)
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # small: ids and names of fields, never what somebody wrote to somebody
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    emailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)

    account: Mapped[Account] = relationship()
    profile: Mapped[Profile | None] = relationship()

    # Finding.

    @classmethod
    def of(cls, viewer: Account, channel: str = IN_APP) -> "Select[Notification]":
        """What the viewer is told by that channel: nothing about people whom they may not see, and nothing they switched off."""
        visible = Profile.visible_to(viewer).where(Profile.id == cls.profile_id).correlate(cls).with_only_columns(Profile.id).exists()
        about = or_(cls.profile_id.is_(None), visible)
        return select(cls).where(cls.account_id == viewer.id, about, Wish.wants(viewer.id, cls.kind, channel))

    @classmethod
    def count_of(cls, viewer: Account) -> Select[int]:
        """Counts the unread."""
        return cls.of(viewer).where(cls.read_at.is_(None)).with_only_columns(func.count())

    @classmethod
    def badge_of(cls, viewer: Account) -> Select[int]:
        """The same without what the navigation counts as messages and requests already."""
        return cls.count_of(viewer).where(cls.in_badge())

    @classmethod
    def in_badge(cls) -> ColumnElement[bool]:
        return cls.kind.not_in([kind.name for kind in TABLE if kind.is_counted_elsewhere])

    # Asking about one.

    @property
    def what(self) -> Kind:
        return KINDS[self.kind]

    @property
    def words(self) -> str:
        """What follows the name of whom it is about."""
        return self.what.words(self.count, self.data)

    @property
    def sentence(self) -> str:
        return f"{self.profile.name} {self.words}" if self.profile else self.words

    @property
    def is_read(self) -> bool:
        return self.read_at is not None

    # Telling.

    @classmethod
    def tell(cls, account: Account, kind: str, about: Profile | None = None, key: str = "", fields: Iterable[str] = (), **data: Any) -> None:
        """Tell a member something once more; what they have not read about the same ``key`` grows instead.

        ``fields``: names, which are gathered in the unread one. ``data``: small, and never what somebody wrote to somebody.
        """
        if not db.session.scalar(select(Wish.wants_at_all(account.id, literal(kind)))):
            return
        Account.hold(account.id)  # before the row: whoever writes to somebody holds them already, and then comes to this row
        data |= {"fields": sorted(fields)} if fields else {}
        grown = {"count": cls.count + 1, "updated_at": utc_now()}
        new = _new(account, kind, about, key or kind, data).on_conflict_do_update(index_elements=[cls.account_id, cls.key], index_where=UNREAD, set_=grown)
        told = db.session.execute(new.returning(cls.id, cls.data), execution_options={"populate_existing": True}).one()
        if gathered := sorted({*told.data.get("fields", ()), *fields}):
            data["fields"] = gathered
        if told.data != data:
            db.session.execute(update(cls).where(cls.id == told.id).values(data=told.data | data))
        cls.changed_for(account, kind)

    @classmethod
    def tell_once(cls, account: Account, kind: str, about: Profile) -> bool:
        """Tell a member of somebody, once for ever; False where they were told before."""
        Account.hold(account.id)
        new = _new(account, kind, about, f"{kind}:{about.id}", {}).on_conflict_do_nothing()
        if db.session.scalar(new.returning(cls.id)) is None:
            return False
        cls.changed_for(account, kind)
        return True

    @classmethod
    def tell_higher(cls, account: Account, kind: str, count: int) -> None:
        """Tell a member of a number that was never so high; there is one row for ever, which is unread again."""
        db.session.execute(select(Account.id).where(Account.id == account.id).with_for_update())  # two at once come one after the other
        one = select(cls).where(cls.account_id == account.id, cls.kind == kind)
        told = db.session.scalar(one.execution_options(populate_existing=True)) or cls(account_id=account.id, kind=kind, key=kind, count=0, data={})
        if told.count < count:
            told.count, told.updated_at, told.read_at = count, utc_now(), None
            db.session.add(told)
            cls.changed_for(account, kind)

    @classmethod
    def forget(cls, account: Account, *which: ColumnElement[bool]) -> None:
        """What these tell is over."""
        Account.hold(account.id)
        gone = delete(cls).where(cls.account_id == account.id, *which).returning(cls.kind)
        if kinds := db.session.scalars(gone, execution_options={"synchronize_session": False}).all():
            cls.changed_for(account, *kinds)

    # Reading.

    @classmethod
    def read(cls, account: Account, *which: ColumnElement[bool]) -> None:
        """The member has read those that are unread among ``which``; all of them without it. Twice is the same as once."""
        Account.hold(account.id)
        unread = cls.of(account).where(cls.read_at.is_(None), *which).with_only_columns(cls.id)
        read = update(cls).where(cls.id.in_(unread), cls.read_at.is_(None)).values(read_at=utc_now()).returning(cls.kind)
        if kinds := db.session.scalars(read, execution_options={"synchronize_session": False}).all():
            cls.changed_for(account, *kinds)

    @classmethod
    def prune(cls) -> int:
        """Forget what was read long ago, but for what is told once for ever; how much that was."""
        old = delete(cls).where(cls.read_at < utc_now() - KEPT_FOR, cls.kind.not_in((ONCE_EVER, "saves"))).returning(cls.id)
        return len(db.session.scalars(old, execution_options={"synchronize_session": False}).all())

    @classmethod
    def changed_for(cls, account: Account, *kinds: str) -> None:
        """Their list, on all their pages and devices, and their badge if it counts one of these kinds (none named: of any)."""
        db.session.flush()
        account.moved(SUBJECT)
        if not kinds or any(not KINDS[kind].is_counted_elsewhere for kind in kinds):
            cls.recount(account)

    @classmethod
    def recount(cls, account: Account) -> None:
        account.recount("unread_notifications", cls.badge_of(account))


def _new(account: Account, kind: str, about: Profile | None, key: str, data: Mapping[str, Any]) -> Any:
    now = utc_now()
    said = {"account_id": account.id, "kind": kind, "profile_id": about.id if about else None, "key": key, "data": data}
    return upsert(Notification).values(**said, count=1, created_at=now, updated_at=now)


class Wish(Model):
    """How a member wants to be told of a kind of thing; a row only where it is not as usual."""

    __tablename__ = "notification_settings"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    in_app: Mapped[bool]
    browser: Mapped[bool]
    email: Mapped[bool]

    @classmethod
    def wants(cls, account_id: Any, kind: Any, channel: str) -> ColumnElement[bool]:
        """Whether an account wants to be told of ``kind`` by that channel, as part of a query."""
        usual = kind.in_([each.name for each in TABLE if channel in each.channels])
        said = select(getattr(cls, channel)).where(cls.account_id == account_id, cls.kind == kind).scalar_subquery()
        return func.coalesce(said, usual)

    @classmethod
    def wants_at_all(cls, account_id: Any, kind: Any) -> ColumnElement[bool]:
        return or_(*(cls.wants(account_id, kind, channel) for channel in CHANNELS))


@dataclass(frozen=True)
class Wishes:
    """All of a member's: for each kind the channels that are on."""

    account: Account
    by_kind: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, account: Account) -> "Wishes":
        usual = {kind.name: frozenset(kind.channels) for kind in TABLE}
        said = db.session.scalars(select(Wish).where(Wish.account_id == account.id))
        return cls(account, usual | {row.kind: frozenset(channel for channel in CHANNELS if getattr(row, channel)) for row in said if row.kind in usual})

    @property
    def want_mail(self) -> bool:
        """Who switched off every kind that can be switched off wants no e-mail at all, not even of the kinds that cannot."""
        return any(EMAIL in self.by_kind[kind.name] for kind in TABLE if kind.can_be_off)

    def end_mail(self) -> None:
        """Nothing by e-mail any more; the other ways stay as they are."""
        if self.want_mail:
            self.become({name: channels - {EMAIL} for name, channels in self.by_kind.items()})

    def become(self, by_kind: Mapping[str, Iterable[str]]) -> None:
        """Twice is the same as once; what cannot be switched off stays."""
        Account.hold(self.account.id)
        db.session.execute(delete(Wish).where(Wish.account_id == self.account.id))
        for name, channels in by_kind.items():
            kind = KINDS[name]
            if kind.can_be_off and set(channels) != set(kind.channels):
                said = {channel: channel in channels for channel in CHANNELS}
                row = upsert(Wish).values(account_id=self.account.id, kind=name, **said)
                db.session.execute(row.on_conflict_do_update(index_elements=[Wish.account_id, Wish.kind], set_=said))
        Notification.changed_for(self.account)

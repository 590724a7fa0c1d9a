"""Who is here, as the database has it: one row for each member and each worker that holds a stream of theirs, kept fresh by that worker."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, case, delete, func, literal, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, read_aside, upsert, utc_now
from blueprints.live import announce
from blueprints.profiles.models import Profile

FRESH = timedelta(seconds=60)
LATELY = timedelta(minutes=2)

IN_PLACE = {"synchronize_session": False}


class Presence(Model):
    """A row that its worker has not refreshed for a minute counts no more: the worker is gone."""

    __tablename__ = "presences"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    worker: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_visible: Mapped[bool] = mapped_column(default=True)  # a tab is in front
    alive_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)

    @classmethod
    def note(cls, worker: str, changes: Mapping[int, bool | None]) -> None:
        """What a worker says of its streams: a tab in front, all hidden (False), or none of theirs here any more (None)."""
        cls._hold(changes)
        for is_visible in (True, False):
            cls._put(worker, [account_id for account_id, seen in changes.items() if seen is is_visible], is_visible)
        gone = [account_id for account_id, seen in changes.items() if seen is None]
        db.session.execute(delete(cls).where(cls.worker == worker, cls.account_id.in_(gone)), execution_options=IN_PLACE)
        cls._settle(changes)

    @classmethod
    def refresh(cls, worker: str) -> Collection[int]:
        """This worker lives; the accounts of which it has a row."""
        alive = update(cls).where(cls.worker == worker).values(alive_at=utc_now()).returning(cls.account_id)
        return db.session.scalars(alive, execution_options=IN_PLACE).all()

    @classmethod
    def stale(cls) -> list[int]:
        """The accounts with a row whose worker is gone."""
        return [account_id for (account_id,) in read_aside(select(cls.account_id).where(cls.alive_at <= utc_now() - FRESH).distinct())]

    @classmethod
    def sweep(cls, account_ids: Collection[int]) -> None:
        """Forget those rows, whoever's they were. Who has no other was here for the last time when it was refreshed."""
        cls._hold(account_ids)
        cls._settle(account_ids)
        db.session.execute(delete(cls).where(cls.account_id.in_(account_ids), cls.alive_at <= utc_now() - FRESH), execution_options=IN_PLACE)

    @classmethod
    def end(cls, account: Account) -> None:
        """Receiver of ``left``: offline at once, on all workers, and nobody's to see."""
        cls._hold([account.id])
        db.session.execute(delete(cls).where(cls.account_id == account.id), execution_options=IN_PLACE)
        since = case((Profile.presence == "offline", Profile.presence_since), else_=literal(utc_now(), UtcDateTime()))
        cls._withdraw(update(Profile).where(Profile.account_id == account.id).values(presence="offline", presence_since=since))
        if account.profile:
            db.session.expire(account.profile, ("presence", "presence_since", "presence_version"))

    @classmethod
    def look_again(cls, profile: Profile) -> None:
        """Who may see it has changed: nobody hears more of it before having asked."""
        cls._withdraw(update(Profile).where(Profile.id == profile.id))
        db.session.expire(profile, ("presence_version",))

    @classmethod
    def _hold(cls, account_ids: Collection[int]) -> None:
        """Two workers that say something of the same member at once do so one after the other, so that the second sees what the first wrote."""
        db.session.execute(select(Profile.id).where(Profile.account_id.in_(account_ids)).order_by(Profile.id).with_for_update(key_share=True))

    @classmethod
    def _put(cls, worker: str, account_ids: Collection[int], is_visible: bool) -> None:
        """For those who are still members: somebody may have been suspended a moment ago."""
        if not account_ids:
            return
        now = literal(utc_now(), UtcDateTime())
        members = select(Account.id, literal(worker), literal(is_visible), now).where(Account.id.in_(account_ids), Account.is_here)
        rows: Any = upsert(cls).from_select(["account_id", "worker", "is_visible", "alive_at"], members)
        again = rows.on_conflict_do_update(index_elements=[cls.account_id, cls.worker], set_={"is_visible": is_visible, "alive_at": now})
        db.session.execute(again, execution_options=IN_PLACE)

    @classmethod
    def _settle(cls, account_ids: Collection[int]) -> None:
        """Make one word of all the rows of each of these members, and tell where it moved."""
        now = literal(utc_now(), UtcDateTime())
        mine = select(cls.account_id).where(cls.account_id == Profile.account_id)
        fresh = mine.where(cls.alive_at > utc_now() - FRESH)
        word = case((fresh.where(cls.is_visible).exists(), "online"), (fresh.exists(), "away"), else_="offline")
        last = mine.with_only_columns(func.max(cls.alive_at)).scalar_subquery()
        since = case((fresh.exists(), now), else_=func.coalesce(last, now))
        moved = update(Profile).where(Profile.account_id.in_(account_ids), Profile.presence != word).values(presence=word, presence_since=since)
        for id, version in cls._count(moved):
            announce(f"presence:{id}", version)

    @classmethod
    def _withdraw(cls, change: Any) -> None:
        for id, version in cls._count(change):
            announce(f"presence:{id}", version, gone=True)

    @classmethod
    def _count(cls, moved: Any) -> Sequence[Any]:
        """Counted by the database, beside the profile's own version: (profile id, presence version) of each row."""
        counted = moved.values(presence_version=Profile.presence_version + 1).returning(Profile.id, Profile.presence_version)
        return db.session.execute(counted, execution_options=IN_PLACE).all()


def note_last_seen(account_ids: Collection[int]) -> None:
    """Whose stream ended was here until now."""
    held = select(Account.id).where(Account.id.in_(account_ids)).order_by(Account.id).with_for_update(key_share=True)
    db.session.execute(held)
    db.session.execute(update(Account).where(Account.id.in_(account_ids)).values(last_seen_at=utc_now()), execution_options=IN_PLACE)


def note_without_stream() -> None:
    """Who came by lately without a stream (no JavaScript) is not here, but was active then."""
    older = or_(Profile.presence_since.is_(None), Profile.presence_since < Account.last_seen_at)
    passed = select(Profile.id).join(Profile.account).where(Account.last_seen_at > utc_now() - LATELY, Profile.presence == "offline", older)
    found = [id for (id,) in read_aside(passed)]
    if found:
        seen_at = select(Account.last_seen_at).where(Account.id == Profile.account_id).scalar_subquery()
        came = update(Profile).where(Profile.id.in_(found), Profile.presence == "offline").values(presence_since=seen_at)
        db.session.execute(came, execution_options=IN_PLACE)

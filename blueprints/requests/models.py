"""A request to work together, from its brief to its answer, and who is connected with whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from blinker import Signal
from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, Select, String, Text, and_, case, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.live import announce
from blueprints.profiles.models import MAX_EUROS, OTHER_ROLE, Profile, Viewer

STATES = ("pending", "accepted", "declined", "withdrawn", "expired", "ended")
WHAT_LENGTH = 1_000
TIMING_LENGTH = 120
DELIVERABLES_LENGTH = 500
EXPIRES_AFTER = timedelta(days=14)
ASK_AGAIN_AFTER = timedelta(days=30)  # somebody who said no is left in peace for so long
A_DAY = 20
UNANSWERED = 10

Brief = Mapping[str, Any]

answered = Signal("Inside the transaction, flushed. Sender: the request that was sent, answered, withdrawn, expired or ended; by: the account, None for time.")


class RequestError(ValueError):
    """Says to the person why a request cannot be sent, or not be answered so any more."""


@dataclass(frozen=True)
class Allowance:
    """How many requests a member may still send: today, and while so many are unanswered."""

    today: int
    unanswered: int

    @property
    def left(self) -> int:
        return max(0, min(A_DAY - self.today, UNANSWERED - self.unanswered))


class Request(Model):
    """One between a creator and a brand. The latest of a pair counts; those before it are ``superseded_at`` a time."""

    __tablename__ = "requests"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'accepted', 'declined', 'withdrawn', 'expired', 'ended')", name="state"),
        CheckConstraint("sender_id IN (creator_id, brand_id)", name="sender"),
        CheckConstraint(f"length(what) BETWEEN 1 AND {WHAT_LENGTH}", name="what"),
        CheckConstraint(f"budget_min BETWEEN 1 AND {MAX_EUROS}", name="budget_min"),
        CheckConstraint(f"budget_max BETWEEN 1 AND {MAX_EUROS}", name="budget_max"),
        CheckConstraint("budget_min <= budget_max", name="budget_order"),
        Index(
            "uq_requests_pair", "creator_id", "brand_id", unique=True,
            sqlite_where=text("superseded_at IS NULL"), postgresql_where=text("superseded_at IS NULL"),
        ),
        Index("ix_requests_expires_at", "expires_at", sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    creator_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    brand_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    sender_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(10), default="pending")

    what: Mapped[str] = mapped_column(Text)
    timing: Mapped[str] = mapped_column(String(TIMING_LENGTH), default="")
    budget_min: Mapped[int | None] = mapped_column(default=None)
    budget_max: Mapped[int | None] = mapped_column(default=None)
    deliverables: Mapped[str] = mapped_column(Text, default="")

    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # when it left pending, or ended
    superseded_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    version: Mapped[int] = mapped_column(default=1)  # goes on from one request of a pair to the next

    creator: Mapped[Account] = relationship(foreign_keys=creator_id)
    brand: Mapped[Account] = relationship(foreign_keys=brand_id)

    # Finding.

    @classmethod
    def of(cls, viewer: Viewer) -> ColumnElement[bool]:
        """What joins a profile of the other side with the latest request between it and the viewer."""
        mine, theirs = (cls.creator_id, cls.brand_id) if viewer.role == "creator" else (cls.brand_id, cls.creator_id)
        return and_(mine == viewer.id, theirs == Profile.account_id, cls.superseded_at.is_(None))

    @classmethod
    def with_me(cls, viewer: Account) -> "Select[Request, Profile]":
        """The latest request of each pair the viewer is in, with the other's profile, as far as the viewer may see it: rows (Request, Profile)."""
        visible = Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE[viewer.role])
        return visible.join(cls, cls.of(viewer)).with_only_columns(cls, Profile)

    @classmethod
    def between(cls, viewer: Account, profile: Profile) -> "Request | None":
        return db.session.scalar(select(cls).join(Profile, cls.of(viewer)).where(Profile.id == profile.id))

    @classmethod
    def connections_of(cls, account_id: int) -> Select[int]:
        """The ids of the accounts that one is connected with."""
        other = case((cls.creator_id == account_id, cls.brand_id), else_=cls.creator_id)
        return select(other).where(cls.state == "accepted", cls.superseded_at.is_(None), or_(cls.creator_id == account_id, cls.brand_id == account_id))

    # Asking about one.

    @property
    def receiver_id(self) -> int:
        return self.brand_id if self.sender_id == self.creator_id else self.creator_id

    @property
    def is_pending(self) -> bool:
        return self.state == "pending" and self.expires_at > utc_now()

    @property
    def is_connected(self) -> bool:
        return self.state == "accepted"

    def is_from(self, viewer: Viewer) -> bool:
        return self.sender_id == viewer.id

    def may_ask_again_at(self, viewer: Viewer) -> datetime | None:
        """When the viewer may send the next one to the same person; None for at once. Only a no makes them wait."""
        if self.state != "declined" or not self.is_from(viewer) or not self.answered_at:
            return None
        again = self.answered_at + ASK_AGAIN_AFTER
        return again if again > utc_now() else None

    # What people do.

    @classmethod
    def allowance(cls, account: Account) -> Allowance:
        sent = select(func.count()).where(cls.sender_id == account.id)
        today = sent.where(cls.sent_at > utc_now() - timedelta(days=1)).scalar_subquery()
        waiting = sent.where(cls.state == "pending", cls.expires_at > utc_now()).scalar_subquery()
        return Allowance(*db.session.execute(select(today, waiting)).one())

    @classmethod
    def send(cls, sender: Account, to: Profile, brief: Brief) -> "Request":
        """Ask somebody visible to work together. Where they asked first, this accepts: both want it. Twice is the same as once.

        Raises RequestError with the words for the person.
        """
        db.session.execute(select(Account.id).where(Account.id == sender.id).with_for_update())  # two of one's own at once: the limits hold
        before = cls._held(sender, to)
        if before and before.is_connected:
            return before
        if before and before.is_pending:
            if not before.is_from(sender):
                before.answer(sender, accept=True)
            return before
        if before and (again := before.may_ask_again_at(sender)):
            raise RequestError(f"They said no to your last request. You can ask again from {again:%-d %B %Y}.")
        allowance = cls.allowance(sender)
        if allowance.today >= A_DAY:
            raise RequestError(f"You have sent {A_DAY} requests in the last 24 hours, which is the most. Please go on tomorrow.")
        if allowance.unanswered >= UNANSWERED:
            raise RequestError(f"{UNANSWERED} of your requests wait for an answer, which is the most. Withdraw one, or wait for an answer.")
        try:
            with db.session.begin_nested():
                sent = cls._new(sender, to, brief, before)
                db.session.flush()
        except IntegrityError:  # they asked at the same moment, or another tab was quicker
            return cls.send(sender, to, brief)
        sent._changed(by=sender)
        return sent

    @classmethod
    def _held(cls, sender: Account, to: Profile) -> "Request | None":
        """The latest between the two, held until the transaction ends."""
        latest = select(cls).join(Profile, cls.of(sender)).where(Profile.id == to.id).with_for_update(of=cls)
        return db.session.scalar(latest.execution_options(populate_existing=True))

    @classmethod
    def _new(cls, sender: Account, to: Profile, brief: Brief, before: "Request | None") -> "Request":
        creator, brand = (sender.id, to.account_id) if sender.role == "creator" else (to.account_id, sender.id)
        if before:
            before.superseded_at = utc_now()
            db.session.flush()
        now = utc_now()
        said = {"state": "pending", "sent_at": now, "expires_at": now + EXPIRES_AFTER, "version": before.version if before else 0}
        sent = cls(creator_id=creator, brand_id=brand, sender_id=sender.id, **said, **brief)
        db.session.add(sent)
        return sent

    def answer(self, by: Account, *, accept: bool) -> None:
        """Yes or no of the one who was asked. Said twice it is said once; raises RequestError where it was withdrawn or ran out meanwhile."""
        state = "accepted" if accept else "declined"
        if self.receiver_id != by.id:
            raise RequestError("Only the person who was asked can answer this request.")
        if self.state == state:
            return
        if not self.is_pending:
            raise RequestError(GONE[self.state] if self.state != "pending" else GONE["expired"])
        self._become(state, by)

    def withdraw(self, by: Account) -> None:
        if self.sender_id != by.id:
            raise RequestError("Only the person who sent this request can withdraw it.")
        if self.state == "withdrawn":
            return
        if not self.is_pending:
            raise RequestError(GONE[self.state] if self.state != "pending" else GONE["expired"])
        self._become("withdrawn", by)

    def end(self, by: Account | None) -> None:
        """No longer connected; what was pending is over, too."""
        if self.state in ("pending", "accepted"):
            self._become("ended", by)

    def expire(self) -> None:
        if self.state == "pending":
            self._become("expired", None)

    def _become(self, state: str, by: Account | None) -> None:
        self.state, self.answered_at = state, utc_now()
        db.session.flush()
        self._changed(by)

    def _changed(self, by: Account | None) -> None:
        """Count it, and tell both: their cards and pages that show the other, their lists, what waits in their navigation."""
        counted = update(Request).where(Request.id == self.id).values(version=Request.version + 1).returning(Request.version)
        with db.session.no_autoflush:
            set_committed_value(self, "version", db.session.scalar(counted, execution_options={"synchronize_session": False}))
        both = {profile.account_id: profile for profile in db.session.scalars(select(Profile).where(Profile.account_id.in_((self.creator_id, self.brand_id))))}
        for me, other in ((self.creator_id, self.brand_id), (self.brand_id, self.creator_id)):
            announce(f"request:{both[other].id}/{me}", self.version)
            both[me].account.moved("requests")
        receiver = both[self.receiver_id].account
        waiting = select(func.count()).where(*Request.waiting_for(receiver))
        receiver.recount("waiting_requests", waiting)
        answered.send(self, by=by)

    @classmethod
    def waiting_for(cls, account: Account) -> tuple[ColumnElement[bool], ...]:
        """What picks the requests that wait for the account's answer."""
        mine = cls.creator_id if account.role == "creator" else cls.brand_id
        return (mine == account.id, cls.sender_id != account.id, cls.state == "pending", cls.superseded_at.is_(None))


GONE = {
    "accepted": "This request has been accepted already.",
    "declined": "This request has been declined already.",
    "withdrawn": "This request was withdrawn meanwhile.",
    "expired": "This request has run out meanwhile.",
    "ended": "This is over: you are no longer connected.",
}

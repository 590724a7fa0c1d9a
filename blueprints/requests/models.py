"""A request to work together, from its brief to its answer, and who is connected with whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from blinker import Signal
from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, Select, String, Text, and_, case, func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.live import announce
from blueprints.profiles.models import MAX_EUROS, OTHER_ROLE, Profile, Viewer

STATES = ("pending", "accepted", "declined", "withdrawn", "expired", "ended")
BRIEF = ("what", "timing", "budget_min", "budget_max", "deliverables")
WHAT_LENGTH = 1_000
TIMING_LENGTH = 120
DELIVERABLES_LENGTH = 500
EXPIRES_AFTER = timedelta(days=14)
ASK_AGAIN_AFTER = timedelta(days=30)  # somebody who said no is left in peace for so long
A_DAY = 20
UNANSWERED = 10

Brief = Mapping[str, Any]  # a value for each of BRIEF; what is left out is empty

answered = Signal(
    "Inside the transaction, flushed. Sender: the request that was sent, answered, withdrawn, expired or ended; by: the account, None for time;"
    " brief: where the other had asked, too, and that was the answer, what they asked."
)


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

    @property
    def refusal(self) -> str | None:
        """The limit that is reached, in words."""
        if self.unanswered >= UNANSWERED:
            return f"{UNANSWERED} of your requests wait for an answer, which is the most. Withdraw one, or wait for an answer."
        if self.today >= A_DAY:
            return f"You have sent {A_DAY} requests in the last 24 hours, which is the most. Please go on tomorrow."
        return None


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
        return and_(cls._any_of(viewer), cls.superseded_at.is_(None))

    @classmethod
    def _any_of(cls, viewer: Viewer) -> ColumnElement[bool]:
        mine, theirs = (cls.creator_id, cls.brand_id) if viewer.role == "creator" else (cls.brand_id, cls.creator_id)
        return and_(mine == viewer.id, theirs == Profile.account_id)

    @classmethod
    def with_me(cls, viewer: Account) -> "Select[Request, Profile]":
        """The latest request of each pair the viewer is in, with the other's profile, as far as the viewer may see it: rows (Request, Profile)."""
        visible = Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE[viewer.role])
        return visible.join(cls, cls.of(viewer)).with_only_columns(cls, Profile)

    @classmethod
    def find(cls, viewer: Account, id: int) -> "tuple[Request, Profile] | None":
        """One between the viewer and somebody they may see, even where a later one has taken its place."""
        visible = Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE[viewer.role])
        found = db.session.execute(visible.join(cls, cls._any_of(viewer)).where(cls.id == id).with_only_columns(cls, Profile)).one_or_none()
        return (found[0], found[1]) if found else None

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
    def outcome(self) -> str:
        """The state as time has left it."""
        return "expired" if self.state == "pending" and not self.is_pending else self.state

    @property
    def is_connected(self) -> bool:
        return self.state == "accepted"

    def is_from(self, viewer: Viewer) -> bool:
        return self.sender_id == viewer.id

    @property
    def brief(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in BRIEF}

    def may_ask_again_at(self, viewer: Viewer) -> datetime | None:
        """When the viewer may send the next one to the same person; None for at once. Only a no makes them wait."""
        if self.state != "declined" or not self.is_from(viewer) or not self.answered_at:
            return None
        again = self.answered_at + ASK_AGAIN_AFTER
        return again if again > utc_now() else None

    def step_for(self, viewer: Viewer) -> str:
        """What is the viewer's to do next: ``wait`` for an answer, ``answer``, ``talk``, ``later`` (they said no lately), or ``ask``."""
        if self.is_connected:
            return "talk"
        if self.is_pending:
            return "wait" if self.is_from(viewer) else "answer"
        return "later" if self.may_ask_again_at(viewer) else "ask"

    # What people do. Each holds both accounts first: whatever the two do at once comes one after the other.

    @classmethod
    def allowance(cls, account: Account) -> Allowance:
        """Those that the account sent lately, and those that wait for an answer of somebody who is still there."""
        today = select(func.count()).where(cls.sender_id == account.id, cls.sent_at > utc_now() - timedelta(days=1))
        waiting = cls.with_me(account).where(cls.sender_id == account.id, *cls._pending()).with_only_columns(func.count())
        return Allowance(*db.session.execute(select(today.scalar_subquery(), waiting.scalar_subquery())).one())

    @classmethod
    def refusal(cls, sender: Account, before: "Request | None") -> str | None:
        """Why the sender cannot ask at this moment, in words. ``before``: the latest between the two."""
        if before and (again := before.may_ask_again_at(sender)):
            return f"They said no to your last request. You can ask again from {again:%-d %B %Y, %H:%M} UTC."
        return cls.allowance(sender).refusal

    @classmethod
    def send(cls, sender: Account, to: Profile, brief: Brief) -> "Request":
        """Ask somebody visible to work together. Where they asked first, this accepts: both want it. Twice is the same as once.

        Raises RequestError with the words for the person.
        """
        before = cls._held(sender, to)
        if before and before.is_connected:
            return before
        if before and before.is_pending and before.is_from(sender):
            if before.brief != _whole(brief):
                raise RequestError("You have asked them already, in other words. To send this instead, withdraw that request first.")
            return before
        if before and before.is_pending:
            before._become("accepted", sender, brief=_whole(brief))
            return before
        if refusal := cls.refusal(sender, before):
            raise RequestError(refusal)
        sent = cls._new(sender, to, brief, before)
        sent._changed(by=sender)
        return sent

    @classmethod
    def _held(cls, sender: Account, to: Profile) -> "Request | None":
        """The latest between the two as it stands once nobody else can change it. Meanwhile they may have gone, or blocked the sender."""
        Account.hold(sender.id, to.account_id)
        latest = Profile.visible_to(sender).where(Profile.id == to.id).outerjoin(cls, cls.of(sender)).with_only_columns(Profile.id, cls)
        found = db.session.execute(latest.execution_options(populate_existing=True)).one_or_none()
        if found is None:
            raise RequestError("This profile is no longer available.")
        return found[1]

    @classmethod
    def _new(cls, sender: Account, to: Profile, brief: Brief, before: "Request | None") -> "Request":
        creator, brand = (sender.id, to.account_id) if sender.role == "creator" else (to.account_id, sender.id)
        now = utc_now()
        if before:
            before.superseded_at = now
            if before.state == "pending":  # overdue, and nobody has noticed yet
                before.state, before.answered_at = "expired", before.expires_at
                cls.recount(db.session.get_one(Account, before.receiver_id))
            db.session.flush()
        counted = before.version if before else max(sender.counts_from, to.account.counts_from)
        said = {"state": "pending", "sent_at": now, "expires_at": now + EXPIRES_AFTER, "version": counted}
        sent = cls(creator_id=creator, brand_id=brand, sender_id=sender.id, **said, **_whole(brief))
        db.session.add(sent)
        db.session.flush()
        return sent

    def answer(self, by: Account, *, accept: bool) -> None:
        """Yes or no of the one who was asked. Said twice it is said once; raises RequestError where it was withdrawn or ran out meanwhile."""
        if self.receiver_id != by.id:
            raise RequestError("Only the person who was asked can answer this request.")
        self._leave_pending("accepted" if accept else "declined", by)

    def withdraw(self, by: Account) -> None:
        if self.sender_id != by.id:
            raise RequestError("Only the person who sent this request can withdraw it.")
        self._leave_pending("withdrawn", by)

    def end(self, by: Account) -> None:
        """No longer connected."""
        self._hold()
        if self.is_connected:
            self._become("ended", by)
        elif self.state != "ended":
            raise RequestError("You are not connected.")

    def expire(self) -> None:
        """Time is up; nothing happens where somebody was quicker, or another worker."""
        self._hold()
        if self.state == "pending" and not self.is_pending:
            self._become("expired", None)

    def sever(self, by: Account) -> None:
        """One of the two wants nothing more to do with the other, who is told nothing: to them it looks as time, or the sender, would have left it."""
        self._hold()
        if self.is_connected:
            self._become("ended", by, silently=True)
        elif self.state == "pending":
            self._become("withdrawn" if self.is_from(by) else "expired", by, silently=True)
        else:  # it was over: it leaves the lists of both, and with the last of its part goes that part's heading
            for one in (self.creator, self.brand) if self.creator_id < self.brand_id else (self.brand, self.creator):
                one.moved("requests")

    def _leave_pending(self, state: str, by: Account) -> None:
        self._hold()
        if self.state == state:
            return
        if not self.is_pending:
            raise RequestError(GONE[self.outcome])
        self._become(state, by)

    def _hold(self) -> None:
        Account.hold(self.creator_id, self.brand_id)
        db.session.refresh(self)

    def _become(self, state: str, by: Account | None, *, silently: bool = False, brief: Brief | None = None) -> None:
        self.state, self.answered_at = state, utc_now()
        db.session.flush()
        self._changed(by, silently=silently, brief=brief)

    def _changed(self, by: Account | None, *, silently: bool = False, brief: Brief | None = None) -> None:
        """Count it, and tell both: their cards and pages that show the other, their lists, what waits in their navigation."""
        counted = update(Request).where(Request.id == self.id).values(version=Request.version + 1).returning(Request.version)
        with db.session.no_autoflush:
            set_committed_value(self, "version", db.session.scalar(counted, execution_options={"synchronize_session": False}))
        both = {profile.account_id: profile for profile in db.session.scalars(select(Profile).where(Profile.account_id.in_((self.creator_id, self.brand_id))))}
        for me, other in ((self.creator_id, self.brand_id), (self.brand_id, self.creator_id)):
            announce(f"request:{both[other].id}/{me}", self.version, fields=["request"], **({"own": True} if by and by.id == me else {}))
            both[me].account.moved("requests")
        Request.recount(both[self.receiver_id].account)
        if not silently:
            answered.send(self, by=by, brief=brief)

    # Keeping lists and counts right.

    @classmethod
    def _pending(cls) -> tuple[ColumnElement[bool], ...]:
        return (cls.state == "pending", cls.expires_at > utc_now())

    @classmethod
    def waiting_for(cls, account: Account) -> "Select[Request, Profile]":
        """The requests that wait for the account's answer, with who asked: rows (Request, Profile)."""
        return cls.with_me(account).where(cls.sender_id != account.id, *cls._pending())

    @classmethod
    def recount(cls, account: Account) -> None:
        if account.role in OTHER_ROLE:
            account.recount("waiting_requests", cls.waiting_for(account).with_only_columns(func.count()))

    @classmethod
    def overdue(cls) -> Select[int]:
        """The ids of those that wait for an answer no more, and do not know it yet."""
        return select(cls.id).where(cls.state == "pending", cls.expires_at <= utc_now(), cls.superseded_at.is_(None))

    @classmethod
    def others_of(cls, account: Account) -> Select[Account]:
        """Whose lists show the account: all with whom it has, or had, something."""
        return select(Account).where(Account.id.in_(cls.ids_of_others(account))).order_by(Account.id)

    @classmethod
    def ids_of_others(cls, account: Account) -> Select[int]:
        other = case((cls.creator_id == account.id, cls.brand_id), else_=cls.creator_id)
        return select(other).where(cls.superseded_at.is_(None), or_(cls.creator_id == account.id, cls.brand_id == account.id))


def _whole(brief: Brief) -> dict[str, Any]:
    return {name: brief.get(name, None if name.startswith("budget") else "") for name in BRIEF}


GONE = {
    "accepted": "This request has been accepted already.",
    "declined": "This request has been declined already.",
    "withdrawn": "This request was withdrawn meanwhile.",
    "expired": "This request has run out meanwhile.",
    "ended": "This is over: you are no longer connected.",
}

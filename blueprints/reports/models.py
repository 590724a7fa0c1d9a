"""Reports of members, with evidence that nobody can change afterwards, and the log of what admins did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Select, String, Text, event, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from blueprints.accounts.models import EMAIL_LENGTH, Account
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.messages.models import Message
from blueprints.notifications.models import Notification
from blueprints.profiles.models import Profile
from blueprints.reports.evidence import gather

WORDS_LENGTH = 2_000
NOTE_LENGTH = 1_000
A_DAY = 10
SUBJECT = "reports"

REASONS = {
    "spam": "Spam or advertising",
    "fake": "Not who they say they are",
    "abuse": "Insults, threats or hate",
    "unwanted": "Sexual or otherwise unwanted advances",
    "fraud": "Fraud, or money asked for up front",
    "other": "Something else",
}
STATES = {"open": "Open", "warned": "Warned", "suspended": "Suspended", "dismissed": "Dismissed"}
BECOMES = {"warn": "warned", "suspend": "suspended", "dismiss": "dismissed"}
DONE = {"warn": "warned them", "suspend": "suspended their account", "dismiss": "dismissed the report", "restore": "restored their account"}


class ReportError(ValueError):
    """Says to the person why this cannot be reported now, or to an admin why it cannot be done any more."""


class Report(Model):
    """What one member said of another. One open report of a pair and reason is enough."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'warned', 'suspended', 'dismissed')", name="state"),
        CheckConstraint(f"length(words) <= {WORDS_LENGTH}", name="words"),
        Index("ix_reports_state", "state", "created_at"),
        Index(
            "uq_reports_open", "reporter_id", "reported_id", "reason", unique=True,
            sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
        ),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    reporter_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    reported_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(Text, default="")
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)  # as it was when it was reported
    state: Mapped[str] = mapped_column(String(10), default="open")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    version: Mapped[int] = mapped_column(default=1)

    reporter: Mapped[Account] = relationship(foreign_keys=reporter_id)
    reported: Mapped[Account] = relationship(foreign_keys=reported_id)

    # Finding.

    @classmethod
    def queue(cls) -> "Select[Report]":
        """The open ones first, the latest in front."""
        return select(cls).options(joinedload(cls.reporter), joinedload(cls.reported)).order_by((cls.state == "open").desc(), cls.id.desc())

    @classmethod
    def held(cls, id: int) -> "Report | None":
        """As it stands now, held until the transaction ends: two admins come one after the other."""
        return db.session.scalar(select(cls).where(cls.id == id).with_for_update(of=cls).execution_options(populate_existing=True))

    @property
    def others(self) -> "Select[Report]":
        """What else was reported of the same member."""
        return select(Report).where(Report.reported_id == self.reported_id, Report.id != self.id).order_by(Report.id.desc())

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def reason_words(self) -> str:
        return REASONS.get(self.reason, self.reason)

    @property
    def state_words(self) -> str:
        return STATES[self.state]

    # What people do.

    @classmethod
    def make(cls, reporter: Account, them: Profile, reason: str, words: str, message: Message | None = None) -> None:
        """Keep what was said, and what there is to see now. Twice is the same as once; raises ReportError past the limit of a day.

        The reported member is told nothing; admins hear of it at once.
        """
        Account.hold(reporter.id, them.account_id)  # two at once: the limit holds, and blocking as well waits for nobody
        same = select(cls.id).where(cls.reporter_id == reporter.id, cls.reported_id == them.account_id, cls.reason == reason, cls.state == "open")
        if db.session.scalar(same):
            return
        today = select(func.count()).where(cls.reporter_id == reporter.id, cls.created_at > utc_now() - timedelta(days=1))
        if (db.session.scalar(today) or 0) >= A_DAY:
            raise ReportError(f"You have sent {A_DAY} reports in the last 24 hours, which is the most. Please go on tomorrow; blocking works at once.")
        said = {"reporter_id": reporter.id, "reported_id": them.account_id, "reason": reason, "words": words}
        try:
            with db.session.begin_nested():
                db.session.add(cls(**said, evidence=gather(reporter, them, message)))
                db.session.flush()
        except IntegrityError:
            return
        tell_admins()

    def act(self, admin: Account, verb: str, note: str, base: int) -> None:
        """Do something about the member, and write down who did and why. Raises ReportError where another admin was quicker than ``base``."""
        last = self.last_action
        if self.version != base:
            if last and last.actor_id == admin.id and last.verb == verb:  # the same, sent twice
                return
            raise ReportError(f"Meanwhile {last.actor if last else 'somebody'} {DONE[last.verb] if last else 'changed this report'}. Nothing else was done.")
        if verb in ("warn", "dismiss") and not self.is_open:
            raise ReportError("This report is closed already. Nothing was done.")
        if verb == "warn":
            Notification.tell(self.reported, "warning", key=f"warning:{self.id}", reason=self.reason_words)
        elif verb == "suspend":
            self.reported.suspend()
        elif verb == "restore":
            self.reported.restore()
        self.state, self.version = BECOMES.get(verb, self.state), self.version + 1
        Action.log(admin, verb, self.reported, note, self)
        tell_admins()

    @property
    def last_action(self) -> "Action | None":
        return db.session.scalar(select(Action).where(Action.report_id == self.id).order_by(Action.id.desc()).limit(1))


class Action(Model):
    """One line of the log: what an admin did about a member, and why. Lines are added and never changed; they outlive those they speak of."""

    __tablename__ = "report_actions"
    __table_args__ = (CheckConstraint("verb IN ('warn', 'suspend', 'dismiss', 'restore')", name="verb"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    verb: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    actor: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="SET NULL"), index=True)
    account: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    report_id: Mapped[int | None] = mapped_column(ForeignKey("reports.id", ondelete="SET NULL"), index=True)
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @classmethod
    def log(cls, admin: Account, verb: str, account: Account, note: str, report: Report) -> None:
        said = {"actor_id": admin.id, "actor": admin.email, "account_id": account.id, "account": account.email, "report_id": report.id}
        db.session.add(cls(verb=verb, note=note, **said))

    @classmethod
    def lines(cls) -> "Select[Action]":
        return select(cls).order_by(cls.id.desc())

    @classmethod
    def about(cls, account: Account) -> "Select[Action]":
        return cls.lines().where(cls.account_id == account.id)

    @property
    def words(self) -> str:
        return DONE[self.verb]


@event.listens_for(Action, "before_update")
@event.listens_for(Action, "before_delete")
def _refuse(_mapper: Any, _connection: Any, _action: Action) -> None:
    raise TypeError("the log is only written to")


def tell_admins() -> None:
    """Their open queues follow at once."""
    for admin in db.session.scalars(select(Account).where(Account.role == "admin", Account.is_here).order_by(Account.id)):
        admin.moved(SUBJECT)


@dataclass(frozen=True)
class Page:
    """One page of a list, and whether there are more."""

    rows: list[Any]
    number: int
    has_more: bool

    SIZE = 50

    @classmethod
    def of(cls, query: Select[Any], number: int) -> "Page":
        found = list(db.session.scalars(query.limit(cls.SIZE + 1).offset((number - 1) * cls.SIZE)))
        return cls(found[: cls.SIZE], number, len(found) > cls.SIZE)

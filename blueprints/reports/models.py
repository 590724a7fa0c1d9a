"""Reports of members, with evidence that nobody can change afterwards, and the log of what admins did."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from blueprints.accounts.models import EMAIL_LENGTH, Account
from blueprints.extensions import Model, UtcDateTime, utc_now

WORDS_LENGTH = 2_000


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

"""What one's profile said before, field by field: for undoing, and for merging what two devices changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.extensions import Model, UtcDateTime, utc_now

DEVICE_LENGTH = 100


class Edit(Model):
    """One field of one save. ``before`` and ``after`` as JSON has them: a set as a sorted list, a city by its id."""

    __tablename__ = "profile_edits"
    __table_args__ = (Index("uq_profile_edits_version", "profile_id", "version", "field", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("profiles.id", ondelete="CASCADE"))
    version: Mapped[int]
    field: Mapped[str] = mapped_column(String(20))
    before: Mapped[Any] = mapped_column(JSON, nullable=True)
    after: Mapped[Any] = mapped_column(JSON, nullable=True)
    device: Mapped[str] = mapped_column(String(DEVICE_LENGTH), default="")
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


def plain(value: Any) -> Any:
    """A field's value in JSON."""
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return value.id if hasattr(value, "label") else value  # a city

"""What one's profile said before, field by field: for undoing, and for merging what two devices changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import JSON, ForeignKey, Index, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.extensions import Model, UtcDateTime, db, utc_now

DEVICE_LENGTH = 100
MOST_SAVES = 200
KEPT = timedelta(days=365)
PRUNED_EVERY = 10  # saves, so that most of them delete nothing


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
    session_id: Mapped[int | None] = mapped_column(default=None)  # the login session it was made in; such an id names one for ever
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    def where(self, here: int | None) -> str:
        """The place in words for who reads them in login session ``here``."""
        return "in another tab" if here is not None and self.session_id == here else on_device(self.device)

    @classmethod
    def of_save(cls, profile_id: int, version: int) -> Sequence[Self]:
        return db.session.scalars(select(cls).where(cls.profile_id == profile_id, cls.version == version).order_by(cls.id)).all()

    @classmethod
    def latest(cls, profile_id: int, versions: Mapping[str, int]) -> dict[str, Self]:
        """The edit of each field at the version given for it, as far as it is still known."""
        if not versions:
            return {}
        found = db.session.scalars(select(cls).where(cls.profile_id == profile_id, cls.version.in_(versions.values())))
        return {edit.field: edit for edit in found if versions.get(edit.field) == edit.version}

    @classmethod
    def prune(cls, profile_id: int, version: int) -> None:
        """Called with every save; now and then it deletes the oldest. What is left has no gaps: a value is known at every version from there on."""
        if version % PRUNED_EVERY:
            return
        with db.session.no_autoflush:
            cls._prune(profile_id, version)

    @classmethod
    def _prune(cls, profile_id: int, version: int) -> None:
        of_profile = cls.profile_id == profile_id
        too_old = db.session.scalar(select(func.max(cls.version)).where(of_profile, cls.saved_at < utc_now() - KEPT))
        last = max(version - MOST_SAVES + PRUNED_EVERY, too_old or 0)
        if last > 0:
            db.session.execute(delete(cls).where(of_profile, cls.version <= last), execution_options={"synchronize_session": False})


@dataclass(frozen=True)
class Since:
    """What became of some fields since the versions that changes to them are based on."""

    edits: tuple[Edit, ...]
    oldest: int

    @classmethod
    def of(cls, profile_id: int, fields: Mapping[str, int]) -> Self:
        """In one query. ``fields``: the version by field."""
        oldest = select(func.min(Edit.version)).where(Edit.profile_id == profile_id).scalar_subquery()
        later = select(Edit, oldest).where(Edit.profile_id == profile_id, Edit.field.in_(fields), Edit.version > min(fields.values()))
        rows = db.session.execute(later.order_by(Edit.version)).all()
        return cls(tuple(edit for edit, _ in rows), rows[0][1] if rows else 0)

    def first(self, field: str, base: int) -> Edit | None:
        """The edit that ended the value of version ``base``: what it says was before is that value. None when that is not known."""
        if not 0 < base or base + 1 < self.oldest:
            return None
        return next((edit for edit in self.edits if edit.field == field and edit.version > base), None)

    def last(self, fields: tuple[str, ...]) -> Edit | None:
        return next((edit for edit in reversed(self.edits) if edit.field in fields), None)


def on_device(device: str) -> str:
    """``in Firefox on Android``, as ``accounts.devices`` calls it."""
    if not device or device == "An unknown browser":
        return "on another device"
    return f"in {device[0].lower()}{device[1:]}" if device.startswith("A browser") else f"in {device}"

"""Who is here: one row for each member and each worker that holds a stream of theirs, kept fresh by that worker."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.extensions import Model, UtcDateTime, utc_now


class Presence(Model):
    """A row that its worker has not refreshed for a minute counts no more: the worker is gone."""

    __tablename__ = "presences"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    worker: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_visible: Mapped[bool] = mapped_column(default=True)  # a tab is in front
    alive_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)

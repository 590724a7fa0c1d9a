"""Who wants nothing more to do with whom. It cuts both ways: neither sees the other, and the blocked person is told nothing."""

from datetime import datetime
from typing import Any

from blinker import Signal
from sqlalchemy import ColumnElement, ForeignKey, and_, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, utc_now

blocked = Signal("Inside the transaction. Sender: the account that blocked; other: the account it blocked. Every package ends what is between the two.")


class Block(Model):
    __tablename__ = "blocks"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    blocked_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @classmethod
    def between(cls, one: Any, other: Any) -> ColumnElement[bool]:
        """Whether one of the two account ids blocked the other, as part of a query."""
        either = or_(and_(cls.account_id == one, cls.blocked_id == other), and_(cls.account_id == other, cls.blocked_id == one))
        return select(cls.account_id).where(either).exists()

    @classmethod
    def put(cls, account: Account, other: Account) -> None:
        """Twice is the same as once."""
        try:
            with db.session.begin_nested():
                db.session.add(cls(account_id=account.id, blocked_id=other.id))
        except IntegrityError:
            return
        blocked.send(account, other=other)

    @classmethod
    def lift(cls, account: Account, other: Account) -> None:
        db.session.execute(delete(cls).where(cls.account_id == account.id, cls.blocked_id == other.id))

"""Who wants nothing more to do with whom. It cuts both ways: neither sees the other, and the blocked person is told nothing."""

from datetime import datetime
from typing import Any

from blinker import Signal
from sqlalchemy import ColumnElement, ForeignKey, Select, String, and_, delete, or_, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, utc_now
from blueprints.live import cut

blocked = Signal("Inside the transaction. Sender: the account that blocked; other: the account it blocked. Every package ends what is between the two.")
unblocked = Signal("Inside the transaction. Sender: the account that took its block back; other: the account it sees again, and is seen by.")

OF_A_PROFILE = ("profile", "match", "request", "presence")  # kinds of subjects whose id is a profile's; what else there is between two, its package cuts


class Block(Model):
    __tablename__ = "blocks"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    blocked_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)
    name: Mapped[str] = mapped_column(String(80), default="")  # theirs at that time: what they write from then on is not for who blocked them
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    @classmethod
    def between(cls, one: Any, other: Any) -> ColumnElement[bool]:
        """Whether one of the two account ids blocked the other, as part of a query."""
        either = or_(and_(cls.account_id == one, cls.blocked_id == other), and_(cls.account_id == other, cls.blocked_id == one))
        return select(cls.account_id).where(either).exists()

    @classmethod
    def parted_from(cls, account_id: int) -> Any:
        """The ids of the accounts that one blocked or is blocked by, as part of a query."""
        return union_all(select(cls.blocked_id).where(cls.account_id == account_id), select(cls.account_id).where(cls.blocked_id == account_id))

    @classmethod
    def by(cls, account: Account) -> "Select[Block]":
        """Whom the account blocked, the latest first."""
        return select(cls).where(cls.account_id == account.id).order_by(cls.created_at.desc(), cls.blocked_id)

    @classmethod
    def stands(cls, one: int, other: int) -> bool:
        """Whether a block stands between two accounts, which are held until the transaction ends: whoever asks this before they send something
        comes wholly before a block, or after it."""
        Account.hold(one, other)
        return bool(db.session.scalar(select(cls.between(one, other))))

    @classmethod
    def put(cls, account: Account, other: Account) -> None:
        """Twice is the same as once."""
        Account.hold(account.id, other.id)
        try:
            with db.session.begin_nested():
                db.session.add(cls(account_id=account.id, blocked_id=other.id, name=other.profile.name if other.profile else ""))
        except IntegrityError:
            return
        for me, them in ((account, other), (other, account)):
            if them.profile:
                cut(me.id, [f"{kind}:{them.profile.id}" for kind in OF_A_PROFILE])
        account.moved("blocked")
        blocked.send(account, other=other)

    @classmethod
    def lift(cls, account: Account, other: Account) -> None:
        """They see each other again, unless the other blocked them too. What was between them does not come back."""
        Account.hold(account.id, other.id)
        lifted = delete(cls).where(cls.account_id == account.id, cls.blocked_id == other.id).returning(cls.blocked_id)
        if db.session.scalar(lifted):
            account.moved("blocked")
            unblocked.send(account, other=other)

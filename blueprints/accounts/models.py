"""Who may log in, and where they are logged in."""

import hashlib
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from blinker import Signal
from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Row, Select, String, and_, delete, literal, select, union, update
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates
from sqlalchemy.orm.attributes import set_committed_value

from blueprints.extensions import Model, UtcDateTime, db, upsert, utc_now
from blueprints.live import announce, announce_all, end_streams

EMAIL_LENGTH = 254
ROLES = ("creator", "brand", "admin")

IDLE = timedelta(hours=12)
IDLE_REMEMBERED = timedelta(days=30)
LONGEST = timedelta(days=90)
TOUCH_EVERY = timedelta(minutes=5)

RENEWED_BY = 10_000_000  # so far all versions jump when a database comes back from a backup: further than anything was counted meanwhile

registered = Signal("Inside the transaction. Sender: the new account, flushed; name: what they call themselves. Profiles makes theirs of it.")


left = Signal("Inside the transaction. Sender: the account that left or changed sides. Profiles takes its profile out of every open page.")
returned = Signal("Inside the transaction. Sender: the account that was suspended until now.")

circles: "set[Callable[[Account], Select[int]]]" = set()  # each selects the ids of those whose lists and counts follow when the account leaves or comes back


def email_key(email: str) -> str:
    """The form in which addresses are compared: without regard to case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email.strip()).casefold())


def counted_from(version: int) -> int:
    """Where counting began anew when the database last came back from a backup, by any version from before; 0 if it never did. What has no row, and
    may have had one meanwhile, stands there."""
    return version - version % RENEWED_BY


class Account(Model):
    """Flask-Login's user. ``profile`` comes from the profiles package; admins have none."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint("role IN ('creator', 'brand', 'admin')", name="role"),
        CheckConstraint(f"length(email) BETWEEN 3 AND {EMAIL_LENGTH}", name="email"),
    )
    __allow_unmapped__ = True

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    email_key: Mapped[str] = mapped_column(String(2 * EMAIL_LENGTH), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200), default="")  # empty: nobody logs in
    role: Mapped[str] = mapped_column(String(10))
    version: Mapped[int] = mapped_column(default=1)
    live_paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True, default=None)
    deactivated_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)  # by an admin, who may take it back

    # What waits for the member, as the navigation shows it: counted anew by whatever changes it, with ``recount``.
    waiting_requests: Mapped[int] = mapped_column(default=0)
    unread_messages: Mapped[int] = mapped_column(default=0)
    unread_notifications: Mapped[int] = mapped_column(default=0)

    if TYPE_CHECKING:
        profile: Any

    is_authenticated = True
    is_active = True
    is_anonymous = False
    login_session: "LoginSession | None" = None  # the session of this request, and the token its cookie holds
    token: str | None = None

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie: not who it is, but the token of this one session."""
        assert self.token, "only an account that came through a login session can be kept in a cookie"
        return self.token

    @validates("email")
    def _fill_email_key(self, _name: str, email: str) -> str:
        self.email_key = email_key(email)
        return email.strip()

    @staticmethod
    def hold(*ids: int) -> None:
        """Until this transaction ends, others who hold these accounts wait: in the order of their ids, so that no two wait for each other."""
        db.session.execute(select(Account.id).where(Account.id.in_(ids)).order_by(Account.id).with_for_update(key_share=True))

    def changed(self, **data: Any) -> None:
        """Tell the member's open pages that something of theirs (``me``) changed, once this transaction commits."""
        if self.id is None:
            db.session.flush()
        counted = update(Account).where(Account.id == self.id).values(version=Account.version + 1).returning(Account.version)
        with db.session.no_autoflush:  # counted by the database: two at once get two numbers
            set_committed_value(self, "version", db.session.scalar(counted, execution_options={"synchronize_session": False}))
        announce(f"me/{self.id}", self.version, **data)

    @property
    def counts_from(self) -> int:
        return counted_from(self.version)

    @property
    def waiting(self) -> int:
        """All of it: the number in the page's title."""
        return self.waiting_requests + self.unread_messages + self.unread_notifications

    def recount(self, count: str, query: Any) -> None:
        """Fill one of the counts above with what ``query`` counts now, and tell the member's pages."""
        db.session.flush()
        Account.hold(self.id)  # so that the count sees what others counted before
        counted = update(Account).where(Account.id == self.id).values({count: query.scalar_subquery()}).returning(getattr(Account, count))
        with db.session.no_autoflush:
            set_committed_value(self, count, db.session.scalar(counted, execution_options={"synchronize_session": False}))
        self.changed()

    def moved(self, subject: str, **data: Any) -> int:
        """Count and announce the next version of a subject that only this member sees (``requests``, ``notifications``), as ``OwnVersion`` has it."""
        version = OwnVersion.count(self.id, subject)
        announce(f"{subject}/{self.id}", version, **data)
        return version

    @hybrid_property
    def is_here(self) -> bool:
        """Whether others may see this member at all, and they may log in."""
        return self.deactivated_at is None and self.suspended_at is None

    @is_here.inplace.expression
    @classmethod
    def _is_here(cls) -> ColumnElement[bool]:
        return and_(cls.deactivated_at.is_(None), cls.suspended_at.is_(None))

    @staticmethod
    def all_moved(accounts: Select[int], subject: str) -> int:
        """``moved`` for the accounts whose ids ``accounts`` selects; how many there were."""
        counted = OwnVersion.count_each(accounts, subject)
        announce_all({f"{subject}/{account_id}": version for account_id, version in counted})
        return len(counted)

    def pause_live(self, paused: bool) -> None:
        self.live_paused_at = (self.live_paused_at or utc_now()) if paused else None
        self.changed()

    def deactivate(self) -> None:
        """Out of sight at once, logged out everywhere; the rows stay."""
        self._hold_circle()
        self.deactivated_at = utc_now()
        self._leave()

    def suspend(self) -> None:
        """The same by an admin; ``restore`` takes it back. Twice is the same as once."""
        self._hold_circle()
        if not self.suspended_at:
            self.suspended_at = utc_now()
            self._leave()

    def restore(self) -> None:
        """In sight again, unless they left themselves; whoever it is may log in again."""
        self._hold_circle()
        if self.suspended_at:
            self.suspended_at = None
            self.changed()
            returned.send(self)

    def _hold_circle(self) -> None:
        """The account and all whom its leaving concerns, in one go and in the order of their ids: in another, those who write to it meanwhile would wait
        for this, and this for them. Then it stands as two admins at once have left it."""
        db.session.flush()
        everyone = union(select(literal(self.id)), *(circle(self) for circle in circles))
        db.session.execute(select(Account.id).where(Account.id.in_(everyone)).order_by(Account.id).with_for_update(key_share=True))
        db.session.refresh(self)

    def _leave(self) -> None:
        db.session.execute(delete(LoginSession).where(LoginSession.account_id == self.id))
        self.changed()
        end_streams(account_id=self.id)
        left.send(self)

    def take_role(self, role: str) -> None:
        """The streams end because what they may hear changes; they come back by themselves."""
        self._hold_circle()
        self.role = role
        self.changed()
        end_streams(account_id=self.id)
        left.send(self)


class OwnVersion(Model):
    """Where a subject stands that reads differently for each member and has no row of its own: the list of one's requests, say."""

    __tablename__ = "own_versions"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(20), primary_key=True)
    version: Mapped[int] = mapped_column(default=1)

    @classmethod
    def count(cls, account_id: int, subject: str) -> int:
        """The next one, counted by the database: two at once get two numbers."""
        first = upsert(cls).values(account_id=account_id, subject=subject, version=1)
        counted = first.on_conflict_do_update(index_elements=[cls.account_id, cls.subject], set_={"version": cls.version + 1})
        return db.session.scalars(counted.returning(cls.version)).one()

    @classmethod
    def count_each(cls, accounts: Select[int], subject: str) -> Sequence[Row[int, int]]:
        """The same for all of them in one statement, in the order of their ids so that two at once wait for each other: rows (account id, version)."""
        ids = accounts.subquery()
        each = select(ids.c[0], literal(subject), literal(1)).where(ids.c[0].is_not(None)).order_by(ids.c[0])
        first = upsert(cls).from_select(["account_id", "subject", "version"], each)
        counted = first.on_conflict_do_update(index_elements=[cls.account_id, cls.subject], set_={"version": cls.version + 1})
        return db.session.execute(counted.returning(cls.account_id, cls.version)).all()

    @classmethod
    def of(cls, account: Account, subject: str) -> int:
        """0 while nothing has happened yet."""
        return db.session.scalar(select(cls.version).where(cls.account_id == account.id, cls.subject == subject)) or 0


class LoginSession(Model):
    """One browser that is logged in. Its row is what counts: without it the cookie opens nothing."""

    __tablename__ = "login_sessions"
    __table_args__ = ({"sqlite_autoincrement": True},)  # an id names one session for ever: open pages and streams are told apart by it

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    remembered: Mapped[bool] = mapped_column(default=False)
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    address: Mapped[str] = mapped_column(String(60), default="")

    account: Mapped[Account] = relationship()

    @classmethod
    def begin(cls, account: Account, *, remembered: bool, user_agent: str, address: str) -> tuple[Self, str]:
        """A new session of ``account`` and the token that opens it, which is kept nowhere else."""
        token, now = secrets.token_urlsafe(32), utc_now()
        begun = cls(account=account, token_hash=token_hash(token), created_at=now, remembered=remembered, user_agent=user_agent, address=address)
        begun.expires_at = begun.expiry(seen=now)
        db.session.add(begun)
        account.last_seen_at = now
        account.changed()
        return begun, token

    @classmethod
    def of(cls, account: Account) -> Select[Self]:
        """Where the account is logged in, the latest used first."""
        return select(cls).where(cls.account_id == account.id, cls.expires_at > utc_now()).order_by(cls.last_seen_at.desc(), cls.id.desc())

    def expiry(self, seen: datetime) -> datetime:
        """When it ends by itself if nobody comes back: so long after it was last used, and never more than 90 days after it began."""
        return min(seen + (IDLE_REMEMBERED if self.remembered else IDLE), self.created_at + LONGEST)

    def rotate(self) -> str:
        """A new token for the same session: whoever copied the old one is out."""
        token = secrets.token_urlsafe(32)
        self.token_hash = token_hash(token)
        return token

    def end(self) -> None:
        """Log this browser out; its streams end with the commit."""
        db.session.execute(delete(LoginSession).where(LoginSession.id == self.id))
        end_streams(session_id=self.id)
        self.account.changed()

    def end_others(self) -> int:
        """Log out every other browser of this account; how many there were."""
        others = delete(LoginSession).where(LoginSession.account_id == self.account_id, LoginSession.id != self.id).returning(LoginSession.id)
        ended = db.session.scalars(others).all()
        for session_id in ended:
            end_streams(session_id=session_id)
        if ended:
            self.account.changed()
        return len(ended)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

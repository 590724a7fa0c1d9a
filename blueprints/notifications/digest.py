"""The e-mail that gathers what a member was told and has not read, at most once in 20 hours and never while they are here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import groupby
from typing import Any
from urllib.parse import urljoin

from flask import Flask, url_for
from jinja2 import TemplateError
from sqlalchemy import ForeignKey, Select, and_, or_, select, update
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, selectinload

from blueprints import mail
from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, read_aside, upsert, utc_now
from blueprints.notifications.kinds import EMAIL, TABLE
from blueprints.notifications.models import Notification, Wish, Wishes
from blueprints.notifications.places import place_of
from blueprints.notifications.unsubscribing import token_of
from blueprints.profiles.models import Profile

EVERY = timedelta(hours=20)
CLAIMED_FOR = timedelta(minutes=15)  # whoever held it longer is gone
HERE_LATELY = timedelta(minutes=10)
BATCH = 1_000
MOST_GATHERED = 500
MOST_LINES = 30

HEADINGS = {
    "request": "Requests",
    "answer": "Answers",
    "message": "Messages",
    "match": "Matches",
    "change": "Profiles you saved",
    "saves": "Your profile",
    "warning": "From the people who run Duet",
}
ORDER = [kind.name for kind in TABLE]
BROKEN = (LookupError, TypeError, ValueError, TemplateError)  # what a row that is not as it should be leads to


class Digest(Model):
    """When a member was last sent one. The row is also the claim to send the next: of two runs at once one gets it."""

    __tablename__ = "digests"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)

    @classmethod
    def claim(cls, account_id: int, now: datetime) -> bool:
        """Whether the next one is ours to send, once this transaction commits."""
        free = and_(or_(cls.claimed_at.is_(None), cls.claimed_at < now - CLAIMED_FOR), or_(cls.sent_at.is_(None), cls.sent_at < now - EVERY))
        first = upsert(cls).values(account_id=account_id, claimed_at=now)
        claimed = first.on_conflict_do_update(index_elements=[cls.account_id], set_={"claimed_at": now}, where=free)
        return db.session.scalar(claimed.returning(cls.account_id)) is not None

    @classmethod
    def release(cls, account_id: int, **done: datetime) -> None:
        db.session.execute(update(cls).where(cls.account_id == account_id).values(claimed_at=None, **done))


@dataclass(frozen=True)
class Letter:
    """What a member would be sent, and which notifications it holds as they stood at ``gathered_at``."""

    account_id: int
    email: str
    message: EmailMessage
    ids: Sequence[int]
    gathered_at: datetime

    def was_taken(self) -> None:
        """What grew since it was gathered counts as not mailed yet."""
        mailed = update(Notification).where(Notification.id.in_(self.ids)).values(emailed_at=self.gathered_at)
        db.session.execute(mailed, execution_options={"synchronize_session": False})
        Digest.release(self.account_id, sent_at=self.gathered_at)


@dataclass
class Outcome:
    sent: int = 0
    refused: int = 0


def due(now: datetime, after: int = 0) -> Select[int]:
    """The next members, in the order of their ids, of whom something waits that they want by e-mail. A claim looks again."""
    recently = select(Digest.account_id).where(Digest.account_id == Account.id, Digest.sent_at > now - EVERY).exists()
    waits = (Notification.account_id == Account.id) & unmailed()
    wanted = Wish.wants(Account.id, Notification.kind, EMAIL)
    members = select(Account.id).join(Account.profile).join(Notification, waits).where(away(), wanted, ~recently, Account.id > after)
    return members.group_by(Account.id).order_by(Account.id).limit(BATCH)


def away() -> Any:
    """Not here, nor a moment ago without JavaScript, which holds no stream."""
    lately = Account.last_seen_at > utc_now() - HERE_LATELY
    return and_(Account.is_here, Profile.presence == "offline", or_(Account.last_seen_at.is_(None), ~lately))


def unmailed() -> Any:
    return and_(Notification.read_at.is_(None), or_(Notification.emailed_at.is_(None), Notification.emailed_at < Notification.updated_at))


def everyone_due(now: datetime) -> Iterator[int]:
    """A thousand at a time: there may be more than fit in memory. Read beside the transactions, so that others can write meanwhile."""
    after = 0
    while ids := [id for (id,) in read_aside(due(now, after))]:
        yield from ids
        after = ids[-1]


def send_all(app: Flask, post: mail.Post, say: Callable[[str], None], outcome: Outcome) -> None:
    """Send every digest that is due. Raises mail.NoServer, with nothing claimed, when there is no use in going on."""
    for letter in letters(app, say, outcome, claimed):
        try:
            post.send(letter.message)
        except mail.NotSent as error:
            outcome.refused += 1
            say(f"{letter.email}: not taken ({error})")
            Digest.release(letter.account_id, **({} if error.may_be_taken_soon else {"sent_at": letter.gathered_at}))  # a dead address is tried once a day
        except mail.NoServer:
            Digest.release(letter.account_id)
            db.session.commit()
            raise
        else:
            outcome.sent += 1
            letter.was_taken()
        db.session.commit()


def drafts(app: Flask, say: Callable[[str], None]) -> Iterator[Letter]:
    """What would be sent; nothing is claimed or marked."""
    for letter in letters(app, say, Outcome(), written):
        db.session.rollback()
        yield letter


def letters(app: Flask, say: Callable[[str], None], outcome: Outcome, make: Callable[..., Letter | None]) -> Iterator[Letter]:
    """One for each member who is due; who cannot be written to stops nobody else."""
    for account_id in everyone_due(utc_now()):
        try:
            letter = make(app, account_id, utc_now())
        except BROKEN as error:
            letter = None
            outcome.refused += 1
            say(f"account {account_id}: cannot be written to ({error!r})")
        if letter:
            yield letter
        else:
            db.session.rollback()


def claimed(app: Flask, account_id: int, now: datetime) -> Letter | None:
    """The member's letter, ours to send: made before the commit, so that no transaction lasts as long as the mail server takes."""
    letter = written(app, account_id, now) if Digest.claim(account_id, now) else None
    if letter:
        db.session.commit()
    return letter


def written(app: Flask, account_id: int, now: datetime) -> Letter | None:
    """None where nothing of it may be told any more, or where the member came back meanwhile."""
    found = select(Account).join(Account.profile).options(contains_eager(Account.profile)).where(Account.id == account_id, away())
    account = db.session.scalar(found.execution_options(populate_existing=True))
    if account is None or not Wishes.of(account).want_mail:
        return None
    waiting = Notification.of(account, EMAIL).where(unmailed()).options(selectinload(Notification.profile))
    things = db.session.scalars(waiting.order_by(Notification.updated_at.desc(), Notification.id.desc()).limit(MOST_GATHERED)).all()
    if not things:
        return None
    try:
        message = letter_to(app, account, things)
    except mail.NotSent:  # an address that no mail can go to
        return None
    return Letter(account.id, account.email, message, [thing.id for thing in things], now)


def letter_to(app: Flask, account: Account, things: Sequence[Notification]) -> EmailMessage:
    said = gathered(app, account, things)
    text, html = (app.jinja_env.get_template(f"notifications/mail/digest.{kind}").render(said) for kind in ("txt", "html"))
    headers = {"List-Unsubscribe": f"<{said['unsubscribe']}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    first = said["groups"][0][1][0][0]
    subject = first if len(things) == 1 else f"{first}, and {len(things) - 1} more"
    return mail.message(app.config, account.email, subject, text, html, headers)


def gathered(app: Flask, account: Account, things: Sequence[Notification]) -> dict[str, Any]:
    """What the templates read; every address is whole, by ``PUBLIC_URL``, since a command has no request to go by."""
    shown = sorted(things[:MOST_LINES], key=lambda thing: ORDER.index(thing.kind))
    with app.test_request_context(base_url=app.config["PUBLIC_URL"]):
        here = url_for("notifications.index", _external=True)
        return {
            "name": account.profile.name,
            "groups": [
                (HEADINGS[kind], [(thing.sentence, urljoin(here, place_of(thing) or "")) for thing in some])
                for kind, some in groupby(shown, key=lambda thing: thing.kind)
            ],
            "more": len(things) - len(shown),
            "here": here,
            "settings": url_for("notifications.settings", _external=True),
            "unsubscribe": url_for("unsubscribing.ask", token=token_of(account), _external=True),
        }

"""A conversation of two, who reads how far, and its messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from blinker import Signal
from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    ScalarSelect,
    Select,
    String,
    Text,
    and_,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, aliased, lazyload, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import Model, UtcDateTime, db, upsert, utc_now
from blueprints.live import announce, cut
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.requests.models import Brief, Request
from blueprints.texts import clean_text, is_visible

TEXT_LENGTH = 4_000
CLIENT_ID_LENGTH = 40
CHANGE_WITHIN = timedelta(minutes=15)
GOES_ON = timedelta(minutes=5)
WINDOW = 40  # messages of a page
AT_END, MOST = 60, 200  # an open page's live window grows to so many, at its end or above it, then it starts anew further down
LISTED = 50

message_sent = Signal("Inside the transaction, flushed. Sender: the message that was sent; once, however often it was submitted.")
messages_read = Signal("Inside the transaction. Sender: the conversation; by: the account that has now read further in it, or written there.")

CLOSED = {
    "ended": "You are no longer connected, so nobody can write here. What was written stays for both of you.",
    "pending": "You are not connected right now: a request waits for its answer. You can write again when it is accepted.",
}
NOT_CONNECTED = "You are not connected right now, so nobody can write here. What was written stays for both of you."


class MessageError(ValueError):
    """Says to the person why a message cannot be sent or changed."""


class ClosedError(MessageError):
    """Nobody can write here now."""


class Conversation(Model):
    """Between a creator and a brand, from their first accepted request on; one for each pair, whatever becomes of their connection."""

    __tablename__ = "conversations"
    __table_args__ = (Index("uq_conversations_pair", "creator_id", "brand_id", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    creator_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    brand_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    version: Mapped[int] = mapped_column(default=1)
    edits_version: Mapped[int] = mapped_column(default=1)  # the version at the last edit or deletion
    last_number: Mapped[int] = mapped_column(default=0)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    # Finding.

    @classmethod
    def between(cls, viewer: Account) -> ColumnElement[bool]:
        """What joins a profile of the other side with the conversation between it and the viewer."""
        mine, theirs = (cls.creator_id, cls.brand_id) if viewer.role == "creator" else (cls.brand_id, cls.creator_id)
        return and_(mine == viewer.id, theirs == Profile.account_id)

    @classmethod
    def visible_to(cls, viewer: Account) -> "Select[Conversation]":
        """Those with people whom the viewer may see; whoever is blocked, suspended or gone takes the conversation along."""
        return Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE.get(viewer.role)).join(cls, cls.between(viewer)).with_only_columns(cls)

    @classmethod
    def find(cls, viewer: Account, id: int) -> "Conversation | None":
        return db.session.scalar(cls.visible_to(viewer).where(cls.id == id))

    @classmethod
    def held(cls, viewer: Account, id: int) -> "Conversation | None":
        """The same, held until the transaction ends: who changes something in it comes one after the other.

        Both accounts are held before it, as those do who answer, end or block: in another order the two would wait for each other.
        """
        both = select(Account.id).join(cls, or_(cls.creator_id == Account.id, cls.brand_id == Account.id)).where(cls.id == id)
        db.session.execute(both.order_by(Account.id).with_for_update(key_share=True, of=Account))
        found = cls.visible_to(viewer).where(cls.id == id).with_for_update(of=cls)
        return db.session.scalar(found.execution_options(populate_existing=True))

    @classmethod
    def connection(cls) -> ColumnElement[bool]:
        """What joins the latest request between the two."""
        return and_(Request.creator_id == cls.creator_id, Request.brand_id == cls.brand_id, Request.superseded_at.is_(None))

    # Asking about one.

    def other_id(self, account: Account) -> int:
        return self.brand_id if account.id == self.creator_id else self.creator_id

    @property
    def both_ids(self) -> tuple[int, int]:
        return min(self.creator_id, self.brand_id), max(self.creator_id, self.brand_id)

    # What people do.

    @classmethod
    def begin(cls, request: Request) -> "Conversation":
        """Two are connected: their conversation is there, from now on or again."""
        pair = {"creator_id": request.creator_id, "brand_id": request.brand_id}
        new = upsert(cls).values(**pair, version=1, edits_version=1, last_number=0, last_at=utc_now()).on_conflict_do_nothing()
        db.session.execute(new)
        conversation = db.session.scalars(select(cls).filter_by(**pair).with_for_update()).one()
        for account_id in conversation.both_ids:
            db.session.execute(upsert(Participant).values(conversation_id=conversation.id, account_id=account_id, read_number=0, delivered_number=0).on_conflict_do_nothing())
        conversation.last_at = utc_now()
        conversation.moved()
        conversation.lists_moved()
        return conversation

    def write(self, sender: Account, text: str, client_id: str) -> "Message":
        """Append a message; the same ``client_id`` again is the same message. Raises MessageError with the words for the person.

        The number comes from the conversation's own row, which holds whoever writes at the same moment: their order is that of the numbers, without gaps.
        """
        text = cleaned(text)
        self._check_connected()
        message = Message(conversation_id=self.id, sender_id=sender.id, text=text, client_id=client_id, sent_at=utc_now())
        try:
            with db.session.begin_nested():
                message.number = self._counted(last_number=Conversation.last_number + 1, last_at=message.sent_at).last_number
                db.session.add(message)
                db.session.flush()
        except IntegrityError:  # the same from another request, which was quicker
            db.session.refresh(self)
            again = Message.sent_as(self, sender, client_id)
            assert again
            return again
        announce(f"conversation:{self.id}", self.version)
        self._read_up_to(sender, message.number)
        self.lists_moved()
        message_sent.send(message)
        self._recount(sender)
        return message

    def mark_read(self, reader: Account, number: int) -> None:
        """They have seen everything up to that number; less than before changes nothing. Where reading is not shown, the other's pages hear of it
        only as far as it has arrived just now: when somebody reads is not to be told from a notice either."""
        number = min(number, self.last_number)
        has_arrived = select(Participant.account_id).filter_by(conversation_id=self.id, account_id=reader.id).where(Participant.delivered_number >= number)
        hides = select(Profile.id).where(Profile.account_id.in_(self.both_ids), Profile.shows_reading.is_(False))
        is_secret = db.session.scalar(select(and_(has_arrived.exists(), hides.exists())))
        if self._read_up_to(reader, number):
            if not is_secret:
                self.moved()
            reader.moved("conversations")
            reader.recount("unread_messages", unread_of(reader))

    def change(self, message: "Message", by: Account, text: str) -> None:
        """Other words for a message of one's own, visibly, while it is fresh."""
        text = cleaned(text)
        message.check_changeable(by)
        self._check_connected()
        if text != message.text:
            message.text, message.edited_at = text, utc_now()
            self._edited(message)

    def delete(self, message: "Message", by: Account) -> None:
        """Its words are gone for both, and that there were some stays. Twice is the same as once."""
        if message.deleted_at and message.sender_id == by.id:
            return
        message.check_changeable(by)
        message.text, message.deleted_at, message.edited_at = "", utc_now(), None
        self._edited(message)
        self._recount(by)

    def moved(self, *, edited: bool = False) -> None:
        """Count the next version and tell both."""
        db.session.flush()
        self._counted(**({"edits_version": Conversation.version + 1} if edited else {}))
        announce(f"conversation:{self.id}", self.version)
        if edited:
            announce(f"edits:{self.id}", self.edits_version)

    def lists_moved(self) -> None:
        """Both lists of conversations show it."""
        for account_id in self.both_ids:
            announce(f"conversations/{account_id}", OwnVersion.count(account_id, "conversations"))

    def _edited(self, message: "Message") -> None:
        self.moved(edited=True)
        if message.number == self.last_number or message.deleted_at:
            self.lists_moved()

    def _check_connected(self) -> None:
        """Holds the connection until the transaction ends: nothing arrives after somebody ended it."""
        latest = select(Request.state).join(Conversation, Conversation.connection()).where(Conversation.id == self.id)
        state = db.session.scalar(latest.with_for_update(read=True, of=Request))
        if state != "accepted":
            raise ClosedError(CLOSED.get(state or "", NOT_CONNECTED))

    def _read_up_to(self, account: Account, number: int) -> bool:
        mine = and_(Participant.conversation_id == self.id, Participant.account_id == account.id)
        delivered = case((Participant.delivered_number < number, number), else_=Participant.delivered_number)
        read = update(Participant).where(mine, Participant.read_number < number).values(read_number=number, delivered_number=delivered)
        if not db.session.execute(read.returning(Participant.account_id), execution_options={"synchronize_session": False}).all():
            return False
        messages_read.send(self, by=account)
        return True

    def _counted(self, **values: Any) -> "Conversation":
        """Counted by the database, in one statement that holds the row."""
        counted = update(Conversation).where(Conversation.id == self.id).values(version=Conversation.version + 1, **values)
        now = db.session.execute(
            counted.returning(Conversation.version, Conversation.edits_version, Conversation.last_number, Conversation.last_at),
            execution_options={"synchronize_session": False},
        ).one()
        for name, value in now._mapping.items():
            set_committed_value(self, name, value)
        return self

    def _recount(self, by: Account) -> None:
        """What is unread by the one who did something can only have become less, and by the other anything."""
        both = select(Account).where(Account.id.in_(self.both_ids)).order_by(Account.id).execution_options(populate_existing=True)
        for account in db.session.scalars(both):
            if account.id != by.id or account.unread_messages:
                account.recount("unread_messages", unread_of(account))


class Participant(Model):
    """How far one of the two has got."""

    __tablename__ = "participants"

    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True)
    read_number: Mapped[int] = mapped_column(default=0)
    delivered_number: Mapped[int] = mapped_column(default=0)

    @classmethod
    def have_arrived(cls, account: Account) -> None:
        """A device of theirs has everything that was written to them until now."""
        visible = Conversation.visible_to(account).join(cls, and_(cls.conversation_id == Conversation.id, cls.account_id == account.id))
        behind = visible.where(cls.delivered_number < Conversation.last_number).order_by(Conversation.id).with_for_update(of=Conversation)
        for conversation in db.session.scalars(behind.execution_options(populate_existing=True)):
            mine = update(cls).where(cls.conversation_id == conversation.id, cls.account_id == account.id)
            db.session.execute(mine.values(delivered_number=conversation.last_number), execution_options={"synchronize_session": False})
            conversation.moved()


class Message(Model):
    __tablename__ = "messages"
    __table_args__ = (
        Index("uq_messages_number", "conversation_id", "number", unique=True),
        Index("uq_messages_client", "conversation_id", "sender_id", "client_id", unique=True),
        CheckConstraint(f"length(text) <= {TEXT_LENGTH}", name="text"),
        CheckConstraint("(deleted_at IS NULL) = (text <> '')", name="deleted"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    number: Mapped[int]  # in the conversation, from 1
    sender_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    text: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(String(CLIENT_ID_LENGTH))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)

    conversation: Mapped[Conversation] = relationship()
    sender: Mapped[Account] = relationship()

    @classmethod
    def sent_as(cls, conversation: Conversation, sender: Account, client_id: str) -> "Message | None":
        return db.session.scalar(select(cls).filter_by(conversation_id=conversation.id, sender_id=sender.id, client_id=client_id))

    @classmethod
    def numbered(cls, conversation: Conversation, number: int) -> "Message | None":
        return db.session.scalar(select(cls).filter_by(conversation_id=conversation.id, number=number))

    @property
    def receiver_id(self) -> int:
        return self.conversation.brand_id if self.sender_id == self.conversation.creator_id else self.conversation.creator_id

    def follows(self, before: "Message") -> bool:
        """The same person goes on."""
        return self.sender_id == before.sender_id and self.sent_at - before.sent_at < GOES_ON

    def is_changeable_by(self, account: Account) -> bool:
        return self.sender_id == account.id and not self.deleted_at and utc_now() - self.sent_at < CHANGE_WITHIN

    def check_changeable(self, by: Account) -> None:
        if self.sender_id != by.id:
            raise MessageError("Only the person who wrote a message can change it.")
        if self.deleted_at:
            raise MessageError("This message was deleted.")
        if not self.is_changeable_by(by):
            raise MessageError("A message can be changed for 15 minutes after it was sent. This one stays as it is.")


def cleaned(text: str) -> str:
    """As it is kept. Raises MessageError."""
    try:
        text = clean_text(text[: 2 * TEXT_LENGTH]) if len(text) <= 2 * TEXT_LENGTH else text
    except ValueError as error:
        raise MessageError(str(error)) from None
    if len(text) > TEXT_LENGTH:
        raise MessageError(f"A message has at most {TEXT_LENGTH:,} characters. This one has {len(text):,}: please send it in parts.")
    if not any(map(is_visible, text)):
        raise MessageError("Write something first.")
    return text


def unread_of(account: Account) -> Select[int]:
    """Counts what was written to the account and not read, by people it may see."""
    theirs = Message.conversation_id == Conversation.id
    unread = (
        Conversation.visible_to(account)
        .join(Participant, and_(Participant.conversation_id == Conversation.id, Participant.account_id == account.id))
        .join(Message, and_(theirs, Message.number > Participant.read_number, Message.sender_id != account.id, Message.deleted_at.is_(None)))
    )
    return unread.with_only_columns(func.count(Message.id))


# What a page shows.


def zone_of(viewer: Account) -> tzinfo:
    return viewer.profile.zone


@dataclass(frozen=True)
class Entry:
    """A conversation in the viewer's list."""

    conversation: Conversation
    them: Profile
    last: Message | None
    unread: int


def entries_of(viewer: Account, page: int = 1) -> list[Entry]:
    """The viewer's conversations, the latest first; one more than a page holds says that there is another page."""
    last, mine = aliased(Message), aliased(Participant)
    unread = _unread_in(viewer, mine)
    rows = (
        Conversation.visible_to(viewer)
        .join(mine, and_(mine.conversation_id == Conversation.id, mine.account_id == viewer.id))
        .outerjoin(last, and_(last.conversation_id == Conversation.id, last.number == Conversation.last_number))
        .with_only_columns(Conversation, Profile, last, unread)
        .options(lazyload(Profile.city))
        .order_by(Conversation.last_at.desc(), Conversation.id.desc())
        .limit(LISTED + 1).offset(LISTED * (page - 1))
    )  # fmt: skip
    return [Entry(*row) for row in db.session.execute(rows)]


def _unread_in(viewer: Account, mine: Any) -> ScalarSelect[int]:
    new = and_(Message.conversation_id == Conversation.id, Message.number > mine.read_number)
    counted = select(func.count(Message.id)).where(new, Message.sender_id != viewer.id, Message.deleted_at.is_(None))
    return counted.correlate(Conversation, mine).scalar_subquery()


@dataclass(frozen=True)
class Thread:
    """A conversation as one of the two sees it."""

    viewer: Account
    conversation: Conversation
    them: Profile
    mine: Participant
    theirs: Participant
    request: Request | None  # the latest between them
    list_version: int
    privacy_version: int

    @classmethod
    def of(cls, viewer: Account, conversation_id: int) -> "Thread | None":
        mine, theirs = aliased(Participant), aliased(Participant)
        found = (
            Conversation.visible_to(viewer)
            .where(Conversation.id == conversation_id)
            .join(mine, and_(mine.conversation_id == Conversation.id, mine.account_id == viewer.id))
            .join(theirs, and_(theirs.conversation_id == Conversation.id, theirs.account_id == Profile.account_id))
            .outerjoin(Request, Request.of(viewer))
            .with_only_columns(Conversation, Profile, mine, theirs, Request, _own_version(viewer, "conversations"), _own_version(viewer, "privacy"))
            .options(lazyload(Profile.city))
        )
        row = db.session.execute(found.execution_options(populate_existing=True)).one_or_none()
        return cls(viewer, *row) if row else None

    @property
    def id(self) -> int:
        return self.conversation.id

    @property
    def zone(self) -> tzinfo:
        """Of the viewer's city: the server knows no other."""
        return zone_of(self.viewer)

    @property
    def unread(self) -> int:
        return self.conversation.last_number - self.mine.read_number

    @property
    def is_open(self) -> bool:
        return bool(self.request and self.request.is_connected)

    @property
    def connected_at(self) -> datetime | None:
        return self.request.answered_at if self.request and self.is_open else None

    @property
    def closed_because(self) -> str:
        return "" if self.is_open else CLOSED.get(self.request.state if self.request else "", NOT_CONNECTED)

    @property
    def request_version(self) -> int:
        return self.request.version if self.request else 0

    @property
    def shows_typing(self) -> bool:
        return self.is_open and self.viewer.profile.shows_typing and self.them.shows_typing

    @property
    def shows_reading(self) -> bool:
        return self.viewer.profile.shows_reading and self.them.shows_reading

    def window(self, first: int | None = None, most: int = MOST) -> "Window":
        """The messages from number ``first`` to the end. Where those are more than ``most``, or none is named, only the latest."""
        last = self.conversation.last_number
        if first is None or last - first >= most:
            first = last - WINDOW + 1
        return self._read(max(1, first), last)

    def page(self, before: int, first: int | None = None) -> "Window":
        """The messages before that number, a page of them or from ``first`` on."""
        last = min(before - 1, self.conversation.last_number)
        return self._read(max(1, last - WINDOW + 1, first or 1), last)

    def _read(self, first: int, last: int) -> "Window":
        chosen = select(Message).where(Message.conversation_id == self.id, Message.number.between(first, last)).order_by(Message.number)
        return Window(self, first, last, list(db.session.scalars(chosen.execution_options(populate_existing=True))))

    def mark_of(self, message: Message) -> str:
        """How far one of the viewer's own has got: sent, delivered or read."""
        if self.shows_reading and message.number <= self.theirs.read_number:
            return "read"
        return "delivered" if message.number <= self.theirs.delivered_number else "sent"


def _own_version(viewer: Account, subject: str) -> ColumnElement[int]:
    """As ``OwnVersion.of``, within a query."""
    return func.coalesce(select(OwnVersion.version).where(OwnVersion.account_id == viewer.id, OwnVersion.subject == subject).scalar_subquery(), 0)


class Row(NamedTuple):
    """A message as it stands among the others."""

    message: Message
    is_new_day: bool
    goes_on: bool  # the same person, a moment later
    mark: str  # "sent", "delivered" or "read" where that is said


@dataclass(frozen=True)
class Window:
    """Some of a conversation's messages in a row."""

    thread: Thread
    first: int
    last: int
    messages: list[Message]

    @property
    def has_earlier(self) -> bool:
        return self.first > 1

    @property
    def rows(self) -> Iterable[Row]:
        """What stands between two messages depends on the one before."""
        marked, zone = self.marked, self.thread.zone
        before: Message | None = None
        day = None
        for message in self.messages:
            day, day_before = message.sent_at.astimezone(zone).date(), day
            goes_on = before is not None and day == day_before and message.follows(before)
            yield Row(message, day != day_before, goes_on, marked.get(message.number, ""))
            before = message

    @property
    def marked(self) -> dict[int, str]:
        """Which of the viewer's own carry a mark: the last of each kind, since the others are as far at least."""
        own = [message for message in self.messages if message.sender_id == self.thread.viewer.id and not message.deleted_at]
        return {message.number: mark for mark, message in {self.thread.mark_of(message): message for message in own}.items()}


# What happens elsewhere.


def begin_conversation(request: Request, *, by: Account | None, brief: Brief | None, **_said: Any) -> None:
    """Receiver of ``answered``: the connected have a conversation, and those who no longer are read why it is closed. Where both had asked,
    what the second of them asked is its first message, so that nobody's words are lost."""
    if request.is_connected:
        conversation = Conversation.begin(request)
        if brief and by:
            conversation.write(by, str(brief["what"]), f"request-{request.id}")
    else:
        for conversation in _of_pair(request.creator_id, request.brand_id):
            conversation.moved()


def part(account: Account, other: Account) -> None:
    """Receiver of ``blocked``: for both it is gone at once, and so is what was unread in it."""
    for conversation in _of_pair(account.id, other.id):
        conversation.moved()
        conversation.lists_moved()
        for one in sorted((account, other), key=lambda one: one.id):
            one.recount("unread_messages", unread_of(one))
            cut(one.id, topics_of(conversation))


def meet_again(account: Account, other: Account) -> None:
    """Receiver of ``unblocked``: it is there again, with what was unread in it."""
    for conversation in _of_pair(account.id, other.id):
        if not Conversation.find(account, conversation.id):  # the other blocked them, too
            continue
        conversation.moved()
        conversation.lists_moved()
        for one in sorted((account, other), key=lambda one: one.id):
            one.recount("unread_messages", unread_of(one))


def leave(account: Account) -> None:
    """Receiver of ``left``: whoever is gone is gone from the lists and open conversations of the others, too."""
    for conversation, other in _with_others(account):
        cut(other.id, topics_of(conversation))
    account.recount("unread_messages", unread_of(account))


def come_back(account: Account) -> None:
    """Receiver of ``returned``."""
    _with_others(account)
    account.recount("unread_messages", unread_of(account))  # of the others, some may have left or come back meanwhile


def _with_others(account: Account) -> list[tuple[Conversation, Account]]:
    """All of the account's conversations with the other of each, who are told."""
    found = [(conversation, db.session.get_one(Account, conversation.other_id(account))) for conversation in _held(_of_account(account))]
    for conversation, other in found:
        conversation.moved()
        other.moved("conversations")
        other.recount("unread_messages", unread_of(other))
    return found


def topics_of(conversation: Conversation) -> tuple[str, ...]:
    return (f"conversation:{conversation.id}", f"edits:{conversation.id}", f"typing:{conversation.id}")


def _of_account(account: Account) -> ColumnElement[bool]:
    return or_(Conversation.creator_id == account.id, Conversation.brand_id == account.id)


def _of_pair(one: int, other: int) -> Iterable[Conversation]:
    return _held(and_(Conversation.creator_id.in_((one, other)), Conversation.brand_id.in_((one, other))))


def _held(which: ColumnElement[bool]) -> Iterable[Conversation]:
    return db.session.scalars(select(Conversation).where(which).order_by(Conversation.id).with_for_update()).all()

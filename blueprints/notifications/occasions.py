"""What happens elsewhere that a member is told of at once, in the transaction in which it happens."""

from typing import Any

from sqlalchemy import Select, select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Conversation, Message
from blueprints.notifications.models import SUBJECT, Notification
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.requests.models import Request

OVER = ("withdrawn", "expired", "ended")


def follow_request(request: Request, **_said: Any) -> None:
    """Receiver of ``answered``: who is asked is told, then who asked; what is withdrawn or over is told nobody any more."""
    asked, answer = f"request:{request.id}", f"answer:{request.id}"
    sender, receiver = (db.session.get_one(Account, id) for id in (request.sender_id, request.receiver_id))
    if request.state == "pending":
        Notification.tell(receiver, "request", sender.profile, key=asked, request=request.id)
    elif request.state in OVER:
        Notification.forget(receiver, Notification.key == asked)
        Notification.forget(sender, Notification.key == answer)
    else:
        Notification.read(receiver, Notification.key == asked)
        Notification.tell(sender, "answer", receiver.profile, key=answer, request=request.id, state=request.state)


def tell_of_message(message: Message, **_said: Any) -> None:
    """Receiver of ``message_sent``: that there are messages, and how many, but no word of them. Who has the conversation open reads it at once,
    and then this is gone again."""
    sender, receiver = (db.session.get_one(Account, id) for id in (message.sender_id, message.receiver_id))
    key = f"conversation:{message.conversation_id}"
    Notification.forget(receiver, Notification.key == key, Notification.read_at.is_not(None))
    Notification.tell(receiver, "message", sender.profile, key=key, conversation=message.conversation_id)


def forget_messages(conversation: Conversation, *, by: Account, **_said: Any) -> None:
    """Receiver of ``messages_read``."""
    Notification.forget(by, Notification.key == f"conversation:{conversation.id}")


def part(account: Account, *, other: Account, **_said: Any) -> None:
    """Receiver of ``blocked``: neither hears of the other any more."""
    for mine, theirs in sorted(((account, other), (other, account)), key=lambda pair: pair[0].id):
        if theirs.profile:
            Notification.forget(mine, Notification.profile_id == theirs.profile.id)


def come_and_go(account: Account, **_said: Any) -> None:
    """Receiver of ``left`` and ``returned``: what others are told of them goes out of their lists and counts, or comes back. What they themselves are
    told may be about somebody who left meanwhile."""
    Account.all_moved(select(Account.id).where(Account.id.in_(told_of(account))), SUBJECT)
    counted = told_of(account).where(Notification.read_at.is_(None), Notification.in_badge())
    for member in db.session.scalars(select(Account).where(Account.id.in_(counted), Account.is_here).order_by(Account.id)):
        Notification.recount(member)
    if account.role in OTHER_ROLE:
        Notification.changed_for(account)


def told_of(account: Account) -> Select[int]:
    """The ids of those who are told something of the account."""
    return select(Notification.account_id).join(Profile, Profile.id == Notification.profile_id).where(Profile.account_id == account.id)

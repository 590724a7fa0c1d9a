"""What there was to see when somebody was reported, as plain values: later edits and deletions do not reach it."""

from typing import Any

from sqlalchemy import or_, select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Conversation, Message
from blueprints.profiles.choices import CAMPAIGN_TYPES, INDUSTRIES, NICHES, PLATFORMS
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request

BEFORE, AFTER = 10, 9  # with the message itself twenty


def gather(reporter: Account, them: Profile, message: Message | None) -> dict[str, Any]:
    """``profile``, the ``request`` between the two if there is one, and ``messages`` around the one that was reported."""
    request = Request.between(reporter, them)
    return {
        "profile": of_profile(them),
        "reporter": reporter.profile.name,
        "request": of_request(request, reporter, them) if request else None,
        "messages": around(message, reporter, them) if message else [],
    }


def of_profile(them: Profile) -> dict[str, Any]:
    named = {"Topics": (NICHES, them.niches), "Kinds of collaboration": (CAMPAIGN_TYPES, them.campaign_types), "Industries": (INDUSTRIES, them.industries)}
    lists = {name: [words for slug, words in labels.items() if slug in said] for name, (labels, said) in named.items()}
    lists["Platforms"] = [label for slug, label in PLATFORMS.items() if slug in them.platforms]
    lists["Links"] = [*([them.website] if them.website else []), *them.links]
    return {
        "id": them.id, "role": them.role, "name": them.name, "headline": them.headline, "bio": them.bio, "avatar": them.avatar,
        "city": them.city.label if them.city else "", "version": them.version, "lists": {name: said for name, said in lists.items() if said},
    }  # fmt: skip


def of_request(request: Request, reporter: Account, them: Profile) -> dict[str, Any]:
    sender = reporter.profile.name if request.sender_id == reporter.id else them.name
    said = {"What": request.what, "When": request.timing, "Deliverables": request.deliverables}
    return {"from": sender, "state": request.state, "sent_at": request.sent_at.isoformat(), "said": {name: text for name, text in said.items() if text}}


def around(message: Message, reporter: Account, them: Profile) -> list[dict[str, Any]]:
    near = or_(Message.id == message.id, Message.number.between(message.number - BEFORE, message.number + AFTER))
    found = select(Message).where(Message.conversation_id == message.conversation_id, near).order_by(Message.number)
    return [
        {
            "number": one.number,
            "from": reporter.profile.name if one.sender_id == reporter.id else them.name,
            "is_reported": one.id == message.id,
            "text": one.text,
            "sent_at": one.sent_at.isoformat(),
            "is_deleted": one.deleted_at is not None,
        }
        for one in db.session.scalars(found)
    ]


def message_of(reporter: Account, them: Profile, number: int) -> Message | None:
    """The message of that number that they wrote to the reporter."""
    conversation = Conversation.visible_to(reporter).where(Profile.id == them.id).with_only_columns(Conversation.id)
    return db.session.scalar(
        select(Message).where(Message.conversation_id.in_(conversation), Message.number == number, Message.sender_id == them.account_id)
    )

"""The subjects ``conversation`` (everything in it), ``edits`` (what changed in what was there), ``typing``, and one's own ``conversations``."""

from collections.abc import Collection

from sqlalchemy.orm import InstrumentedAttribute

from blueprints.accounts.models import Account
from blueprints.accounts.subjects import own_subject
from blueprints.extensions import db
from blueprints.live import subject
from blueprints.messages.models import Conversation

own_subject("conversations")


@subject("conversation")
def conversation_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    return _versions(viewer, ids, Conversation.version)


@subject("edits")
def edits_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    return _versions(viewer, ids, Conversation.edits_version)


@subject("typing", audience=lambda viewer: viewer.id)
def typing_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """Never moves: what is said of it is of the moment."""
    return dict.fromkeys(_versions(viewer, ids, Conversation.version), 0)


def _versions(viewer: Account, ids: Collection[int], version: InstrumentedAttribute[int]) -> dict[int, int]:
    found = Conversation.visible_to(viewer).where(Conversation.id.in_(ids)).with_only_columns(Conversation.id, version)
    return {id: number for id, number in db.session.execute(found)}

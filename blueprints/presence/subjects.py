"""The subject ``presence``, and what ends with a membership or a connection."""

from collections.abc import Collection
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select, bindparam

from blueprints.accounts.models import Account
from blueprints.accounts.subjects import own_subject
from blueprints.extensions import rows
from blueprints.live import cut, subject
from blueprints.presence.rules import may_see
from blueprints.profiles.models import OTHER_ROLE, Profile, Viewer
from blueprints.requests.models import Request

own_subject("privacy")


@subject("presence")
def versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """Those of the other role whom the viewer may see, as far as the two show each other whether they are here."""
    if viewer.role not in OTHER_ROLE:
        return {}
    found = rows(_versions(viewer.role), viewer_id=viewer.id, ids=list(ids))
    return {them.id: them.presence_version for them in found if may_see(viewer.profile.presence_to, them.presence_to, them.state == "accepted")}


@cache
def _versions(role: str) -> Select[int, int, str, str]:
    among = others(SimpleNamespace(role=role, id=bindparam("viewer_id"))).where(Profile.id.in_(bindparam("ids", expanding=True)))
    return among.with_only_columns(Profile.id, Profile.presence_version, Profile.presence_to, Request.state)


def others(viewer: Viewer) -> Select[Any]:
    """The members whose presence may be the viewer's to know, with the latest request between the two."""
    visible = Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE[viewer.role])
    return visible.outerjoin(Request, Request.of(viewer)).add_columns(Request)


def part(request: Request, *, by: Account | None, **_said: Any) -> None:
    """Receiver of ``answered``: who is connected no longer may know less."""
    if request.state != "ended":
        return
    one, other = (account.profile for account in (request.creator, request.brand))
    if not may_see(one.presence_to, other.presence_to, is_connected=False):
        for me, them in ((one, other), (other, one)):
            cut(me.account_id, [f"presence:{them.id}"])

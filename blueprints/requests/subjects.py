"""The subjects ``request`` (what is between the viewer and one other) and ``requests`` (the viewer's lists)."""

from collections.abc import Collection
from functools import cache
from types import SimpleNamespace

from sqlalchemy import Select, bindparam

from blueprints.accounts.models import Account
from blueprints.accounts.subjects import own_subject
from blueprints.extensions import rows
from blueprints.live import subject
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.profiles.subjects import visible_among
from blueprints.requests.models import Request

own_subject("requests")


@subject("request", audience=lambda viewer: viewer.id)
def request_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """By the other's profile, for all of the other role whom the viewer may see: where nobody has asked yet, as far as all versions are counted from."""
    if viewer.role not in OTHER_ROLE:
        return {}
    return {id: version or viewer.counts_from for id, version in rows(_versions(viewer.role), viewer_id=viewer.id, ids=list(ids))}


@cache
def _versions(role: str) -> Select[int, int | None]:
    viewer = SimpleNamespace(role=role, id=bindparam("viewer_id"))
    return visible_among(role).where(Profile.role == OTHER_ROLE[role]).outerjoin(Request, Request.of(viewer)).with_only_columns(Profile.id, Request.version)

"""The subjects ``request`` (what is between the viewer and one other) and ``requests`` (the viewer's lists)."""

from collections.abc import Collection

from blueprints.accounts.models import Account
from blueprints.accounts.subjects import own_subject
from blueprints.extensions import db
from blueprints.live import subject
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.requests.models import Request

own_subject("requests")


@subject("request", audience=lambda viewer: viewer.id)
def request_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """By the other's profile, for all of the other role whom the viewer may see: where nobody has asked yet, as far as all versions are counted from."""
    if viewer.role not in OTHER_ROLE:
        return {}
    others = Profile.visible_to(viewer).where(Profile.id.in_(ids), Profile.role == OTHER_ROLE[viewer.role]).outerjoin(Request, Request.of(viewer))
    return {id: version or viewer.counts_from for id, version in db.session.execute(others.with_only_columns(Profile.id, Request.version))}

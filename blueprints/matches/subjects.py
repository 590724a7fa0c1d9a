"""The subjects ``match`` (the viewer's own half of a match) and ``deck``."""

from collections.abc import Collection

from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live import NO_ID, subject
from blueprints.matches.models import Mark
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.models import OTHER_ROLE, Profile


@subject("match", audience=lambda viewer: viewer.id)
def match_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """Matches with those of the other role whom the viewer may see; each moves on when the viewer's own profile does, or their mark on it."""
    if viewer.role not in OTHER_ROLE:
        return {}
    others = Profile.visible_to(viewer).where(Profile.id.in_(ids), Profile.role == OTHER_ROLE[viewer.role]).outerjoin(Mark, Mark.of(viewer))
    mine = db.session.scalar(select(Profile.match_version).where(Profile.account_id == viewer.id)) or 0
    return {id: max(mine, version or 0) for id, version in db.session.execute(others.with_only_columns(Profile.id, Mark.version))}


@subject("deck", audience=lambda viewer: f"{viewer.role}.{viewer.id}")
def deck_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    return {NO_ID: DeckVersion.of(viewer.role)} if viewer.role in OTHER_ROLE else {}

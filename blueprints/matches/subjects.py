"""The subjects ``match`` (the viewer's own half of a match) and ``deck``."""

from collections.abc import Collection
from functools import cache
from types import SimpleNamespace

from sqlalchemy import Select, bindparam

from blueprints.accounts.models import Account
from blueprints.extensions import rows
from blueprints.live import NO_ID, subject
from blueprints.matches.models import Mark
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.profiles.subjects import visible_among


@subject("match", audience=lambda viewer: viewer.id)
def match_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """Matches with those of the other role whom the viewer may see; each moves on when the viewer's own profile does, or their mark on it."""
    if viewer.role not in OTHER_ROLE:
        return {}
    mine = viewer.profile.match_version
    return {id: max(mine, version or 0) for id, version in rows(_versions(viewer.role), viewer_id=viewer.id, ids=list(ids))}


@cache
def _versions(role: str) -> Select[int, int | None]:
    viewer = SimpleNamespace(role=role, id=bindparam("viewer_id"))
    return visible_among(role).where(Profile.role == OTHER_ROLE[role]).outerjoin(Mark, Mark.of(viewer)).with_only_columns(Profile.id, Mark.version)


@subject("deck", audience=lambda viewer: f"{viewer.role}.{viewer.id}")
def deck_versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    return {NO_ID: DeckVersion.of(viewer.role)} if viewer.role in OTHER_ROLE else {}

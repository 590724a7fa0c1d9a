"""The subject ``profile``, and the profile that comes with a new account."""

from collections.abc import Collection
from functools import cache
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select, bindparam

from blueprints.accounts.models import Account
from blueprints.accounts.subjects import own_subject
from blueprints.extensions import rows
from blueprints.live import subject
from blueprints.profiles.models import OTHER_ROLE, Profile


@subject("profile")
def versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """The profiles among ``ids`` that ``viewer`` may see, with their versions: what a stream may be told, and whether it is behind."""
    return dict(rows(_versions(viewer.role), viewer_id=viewer.id, ids=list(ids)))


def visible_among(role: str) -> Select[Profile]:
    """The profiles among ``ids`` that ``viewer_id`` of that role may see: a query to be made once, for what every open page asks."""
    return Profile.visible_to(SimpleNamespace(role=role, id=bindparam("viewer_id"))).where(Profile.id.in_(bindparam("ids", expanding=True)))


@cache
def _versions(role: str) -> Select[int, int]:
    return visible_among(role).with_only_columns(Profile.id, Profile.version)


own_subject("blocked")


def begin_profile(account: Account, *, name: str, **_said: Any) -> None:
    """Receiver of ``registered``: every creator and every brand has a profile from the start; admins have none."""
    if account.role in OTHER_ROLE:
        account.profile = Profile(role=account.role, name=name)
        account.profile.announce_new()


def withdraw_profile(account: Account) -> None:
    """Receiver of ``left``."""
    if account.profile:
        account.profile.announce_gone()


def return_profile(account: Account) -> None:
    """Receiver of ``returned``."""
    if account.profile:
        account.profile.announce_back()

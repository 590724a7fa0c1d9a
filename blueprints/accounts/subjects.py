"""The one subject of this package: the member themself, as only they see it."""

from collections.abc import Collection

from blueprints.accounts.models import Account, OwnVersion
from blueprints.live import NO_ID, subject


@subject("me", audience=lambda viewer: viewer.id)
def versions(viewer: Account, ids: Collection[int]) -> dict[int, int]:
    """Moves with one's logins and logouts, the pause switch and whatever else only oneself sees."""
    return {NO_ID: viewer.version}


own_subjects: set[str] = set()


def own_subject(name: str) -> None:
    """Register a subject that ``Account.moved`` counts."""
    own_subjects.add(name)
    subject(name, audience=lambda viewer: viewer.id)(lambda viewer, ids: {NO_ID: OwnVersion.of(viewer, name)})

"""Who may know whether somebody is here. It goes both ways: who does not show it does not see it either."""

from typing import Protocol

ALL, CONNECTIONS, NOBODY = "all", "connections", "nobody"


class Shows(Protocol):
    """A profile, or a row with that of it."""

    @property
    def presence_to(self) -> str: ...


def may_see(viewer: Shows, them: Shows, is_connected: bool) -> bool:
    """Whether one may know of the other, who is visible to them and on the other side: both show it at least to such as the other is."""
    both = {viewer.presence_to, them.presence_to}
    return NOBODY not in both and (is_connected or both == {ALL})

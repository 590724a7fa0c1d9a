"""Who may know whether somebody is here. It goes both ways: who does not show it does not see it either."""

ALL, CONNECTIONS, NOBODY = "all", "connections", "nobody"


def may_see(viewer_shows_to: str, they_show_to: str, is_connected: bool) -> bool:
    """Whether one may know of another, who is visible to them and of the other role: each shows it to such as the other is."""
    both = {viewer_shows_to, they_show_to}
    return NOBODY not in both and (is_connected or both == {ALL})

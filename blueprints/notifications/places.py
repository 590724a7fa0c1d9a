"""Where what a member is told of happened."""

from flask import url_for

from blueprints.notifications.models import Notification


def place_of(notification: Notification) -> str | None:
    """The address of the page; None where there is nothing more to see."""
    them = notification.profile_id
    match notification.kind:
        case "message":
            return url_for("messages.show", conversation_id=notification.data["conversation"])
        case "answer" if notification.data.get("state") == "accepted":
            return url_for("messages.with_profile", profile_id=them)
        case "saves":
            return url_for("profiles.edit")
        case _:
            return url_for("profiles.show", profile_id=them) if them else None

"""``/activity``: what happened around the member."""

from flask import Blueprint, render_template, request
from flask_login import current_user

from blueprints.notifications.activity import Around
from blueprints.profiles.routes import members_only

bp = Blueprint("activity", __name__)

MAX_PAGE = 10_000


@bp.get("/activity")
@members_only
def index() -> str:
    """The news of those the viewer is connected with, 20 a page."""
    return render_template("notifications/activity.html", around=asked(), viewer=current_user)


@bp.get("/activity/list")
@members_only
def news() -> str:
    """The list by itself as it is now."""
    return render_template("notifications/_activity.html", around=asked())


def asked() -> Around:
    page = min(MAX_PAGE, max(1, request.args.get("page", 1, type=int)))
    return Around.of(current_user._get_current_object(), page)

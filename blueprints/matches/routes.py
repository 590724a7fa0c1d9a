"""The deck of one's matches, and each card as a fragment of its own."""

from flask import Blueprint, Response, abort, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from markupsafe import Markup

from blueprints.accounts import sessions
from blueprints.accounts.models import Account
from blueprints.assets import tagged, unchanged
from blueprints.matches.models import PAGE_SIZE, Deck, Match
from blueprints.profiles import panels
from blueprints.profiles.models import OTHER_ROLE, Profile

bp = Blueprint("matches", __name__)

MAX_PAGE = 10_000


@bp.before_request
def spare_the_unchanged() -> Response | None:
    """Ten tabs fetch the same card after a notice: nine find it as the browser has it, by versions alone, before anyone is loaded."""
    if not request.if_none_match or request.endpoint not in ("matches.card", "matches.breakdown"):
        return None
    viewer, profile_id = sessions.glance(), (request.view_args or {})["profile_id"]
    shown = Match.shown(viewer, profile_id) if viewer and viewer.role in OTHER_ROLE else None
    return unchanged(shown, viewer_id=viewer.id) if viewer and shown else None


@bp.before_request
@login_required
def members_only() -> None:
    if current_user.role not in OTHER_ROLE:  # an admin has no side to be matched from
        abort(404)


@bp.get("/matches")
def index() -> ResponseReturnValue:
    """The viewer's best matches first, 24 a page."""
    return render_template("matches/index.html", deck=Deck.of(current_user, page=asked_page()))


@bp.get("/matches/more")
def more() -> ResponseReturnValue:
    """The next page's cards, to stand below those already shown."""
    return render_template("matches/_more.html", deck=Deck.of(current_user, page=asked_page()))


@bp.get("/matches/news")
def news() -> ResponseReturnValue:
    """Whether a visit now would show other cards than ``shown`` (ids joined by ``-``) on this page."""
    shown = [int(word) for word in request.args.get("shown", "").split("-")[:PAGE_SIZE] if word.isdecimal() and len(word) < 19]
    return render_template("matches/_news.html", deck=Deck.of(current_user, page=asked_page()), shown=shown)


@bp.get("/matches/<id:profile_id>/card")
def card(profile_id: int) -> ResponseReturnValue:
    """One card; 404 with a card that says so when the profile is not, or no longer, visible to the viewer."""
    return fragment("matches/_card.html", profile_id) or make_response(render_template("matches/_gone.html", profile_id=profile_id), 404)


@bp.get("/matches/<id:profile_id>/breakdown")
def breakdown(profile_id: int) -> ResponseReturnValue:
    """Why the score is what it is, for the profile page."""
    return fragment("matches/_breakdown.html", profile_id) or abort(404)


def fragment(template: str, profile_id: int) -> Response | None:
    """One match by that template; None for whom the viewer has no match with."""
    viewer = current_user._get_current_object()
    match = Match.between(viewer, profile_id)
    return tagged(render_template(template, match=match, viewer=viewer), match.live) if match else None


def breakdown_panel(viewer: Account, profile: Profile) -> Markup | None:
    """The breakdown on the page of someone whom the viewer may be matched with."""
    if OTHER_ROLE.get(viewer.role) != profile.role:
        return None
    return Markup(render_template("matches/_breakdown.html", match=Match(viewer.profile, profile), viewer=viewer))


panels.append(breakdown_panel)


def asked_page() -> int:
    """What is no page number is the first page."""
    asked = request.args.get("page", "1")
    return min(max(int(asked), 1), MAX_PAGE) if asked.isdecimal() and len(asked) < 10 else 1

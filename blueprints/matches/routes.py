"""The deck of one's matches, each card as a fragment of its own, and what one keeps of them."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from flask import Blueprint, Response, abort, current_app, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from blueprints.accounts import sessions
from blueprints.accounts.models import Account
from blueprints.accounts.redirects import path_here, safe_next
from blueprints.assets import tagged, unchanged
from blueprints.extensions import MAX_ID, db, htmx
from blueprints.matches.deck import MOST_PAGES, PAGE_SIZE, Deck, News, kept, standing, words_of
from blueprints.matches.filters import Filters
from blueprints.matches.forms import PreferencesForm, differences
from blueprints.matches.models import Mark, Match, SavedSearch, SearchError
from blueprints.matches.reasons import musts_of
from blueprints.profiles import panels
from blueprints.profiles.models import OTHER_ROLE, Profile

bp = Blueprint("matches", __name__)

MAX_PAGE = 10_000
MOST_COMPARED = 3
LONGEST_QUERY = 4_000

Shown = TypeVar("Shown", Deck, News)


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


# The deck.


@bp.get("/matches")
def index() -> ResponseReturnValue:
    """The viewer's matches, 24 a page, narrowed and ordered as the address says."""
    filters, notes = asked_filters()
    deck = Deck.of(viewer(), filters, page=asked("page"), notes=notes)
    return render_template("matches/index.html", deck=watched(deck), news=News.none_yet(deck), searches=SavedSearch.of(viewer()), search_error=None)


@bp.get("/matches/deck")
def deck() -> ResponseReturnValue:
    """The deck by itself as it is now, to stand in place of the one that is shown."""
    filters, notes = asked_filters()
    found = Deck.of(viewer(), filters, asked("page"), asked("pages", most=MOST_PAGES), notes)
    return render_template("matches/_deck.html", deck=watched(found), news=News.none_yet(found))


@bp.get("/matches/more")
def more() -> ResponseReturnValue:
    """The cards up to this page that are not among ``shown``, to stand below those; the open deck, which begins with page ``first``, hears of them too."""
    filters, _ = asked_filters()
    page, shown = asked("page"), shown_ids()
    first = min(page, asked("first")) if shown else page
    deck = Deck.of(viewer(), filters, first, min(MOST_PAGES, page - first + 1), shown=shown)
    news = News(deck.viewer, deck.window, shown + [match.profile.id for match in deck.matches], deck.version)
    return render_template("matches/_more.html", deck=watched(deck), news=news)


@bp.get("/matches/news")
def news() -> ResponseReturnValue:
    """Whether a visit now would show other cards than ``shown`` on these ``pages`` from ``page`` on."""
    filters, _ = asked_filters()
    found = News.of(viewer(), filters, asked("page"), asked("pages", most=MOST_PAGES), shown_ids())
    watched(found)
    return render_template("matches/_news.html", news=found)


def asked_filters(sent: MultiDict[str, str] | None = None) -> tuple[Filters, list[str]]:
    """What the address, or a query that was sent, asks for as far as it means something for this viewer, and what to say of the rest."""
    filters, notes = Filters.read(request.args if sent is None else sent)
    if viewer().profile.city:
        return filters, notes
    filters, more = filters.from_nowhere()
    return filters, notes + more


def shown_ids() -> list[int]:
    """The profiles that an open deck shows, in order: ids joined by ``-``."""
    words = request.args.get("shown", "").split("-")[: PAGE_SIZE * MOST_PAGES]
    return [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 19]


def watched(shown: Shown) -> Shown:
    """From now on this worker knows what that page shows."""
    current_app.extensions["matches"].open_decks.remember(shown.viewer, shown.window)
    return shown


# One card.


@bp.get("/matches/<id:profile_id>/card")
def card(profile_id: int) -> ResponseReturnValue:
    """One card; 404 with a card that says so when the profile is not, or no longer, visible to the viewer."""
    return fragment("matches/_card.html", profile_id) or make_response(render_template("matches/_gone.html", profile_id=profile_id), 404)


@bp.get("/matches/<id:profile_id>/breakdown")
def breakdown(profile_id: int) -> ResponseReturnValue:
    """Why the score is what it is, for the profile page."""
    return fragment("matches/_breakdown.html", profile_id) or abort(404)


@bp.get("/matches/<id:profile_id>/why")
def why(profile_id: int) -> ResponseReturnValue:
    """Why the viewer sees them there in the deck, or does not; the filters of the deck they come from are in the address."""
    match = Match.between(viewer(), profile_id) or abort(404)
    filters, notes = asked_filters()
    stands = standing(viewer(), filters, profile_id)
    failed = [(words_of(name, filters, match.viewer), filters.without(*name)) for name in stands.failed if isinstance(name, tuple)]
    told = {"filters": filters, "notes": notes, "standing": stands, "failed": failed, "musts": musts_of(match.pair, viewer().role)}
    return render_template("matches/why.html", match=match, viewer=viewer(), **told)


def fragment(template: str, profile_id: int) -> Response | None:
    """One match by that template; None for whom the viewer has no match with."""
    match = Match.between(viewer(), profile_id)
    return tagged(render_template(template, match=match, viewer=viewer()), match.stands) if match else None


def breakdown_panel(viewer: Account, profile: Profile) -> Markup | None:
    """The breakdown on the page of someone whom the viewer may be matched with."""
    if OTHER_ROLE.get(viewer.role) != profile.role:
        return None
    match = Match.between(viewer, profile.id)
    return Markup(render_template("matches/_breakdown.html", match=match, viewer=viewer)) if match else None


panels.append(breakdown_panel)


# What one keeps, puts away and compares.


@bp.post("/matches/<id:profile_id>/save")
def save(profile_id: int) -> ResponseReturnValue:
    return marked(profile_id, Mark.save, "Saved.")


@bp.post("/matches/<id:profile_id>/unsave")
def unsave(profile_id: int) -> ResponseReturnValue:
    return marked(profile_id, Mark.unsave, "No longer saved.")


@bp.post("/matches/<id:profile_id>/hide")
def hide(profile_id: int) -> ResponseReturnValue:
    return marked(profile_id, Mark.hide, "Hidden. You find it again under Hidden.")


@bp.post("/matches/<id:profile_id>/unhide")
def unhide(profile_id: int) -> ResponseReturnValue:
    return marked(profile_id, Mark.unhide, "Back in your deck.")


@bp.post("/matches/<id:profile_id>/seen")
def seen(profile_id: int) -> ResponseReturnValue:
    """The viewer looked at a saved card: what changed until now is no news any more."""
    return marked(profile_id, Mark.seen, "")


def marked(profile_id: int, do: Callable[[Mark], None], words: str) -> ResponseReturnValue:
    """Do it, and answer with the card as it is now, or with the page it was asked from. Twice is the same as once."""
    match = Match.between(viewer(), profile_id)
    if match is None:
        abort(404)
    if match.mark or do in (Mark.save, Mark.hide):
        do(Mark.on(viewer(), match.profile))
        db.session.commit()
    if htmx:
        return fragment("matches/_card.html", profile_id) or abort(404)
    if words:
        flash(words, "success")
    return redirect(safe_next(path_here(request.referrer)) or url_for("matches.index"), 303)


@bp.get("/matches/saved")
def saved() -> ResponseReturnValue:
    """The cards the viewer saved, the latest first."""
    return render_template("matches/saved.html", kept=kept(viewer(), Mark.saved_at, asked("page")), viewer=viewer())


@bp.get("/matches/hidden")
def hidden() -> ResponseReturnValue:
    """Those the viewer put away, the latest first."""
    return render_template("matches/hidden.html", kept=kept(viewer(), Mark.hidden_at, asked("page")), viewer=viewer())


@bp.get("/matches/compare")
def compare() -> ResponseReturnValue:
    """Up to three side by side: ``id`` once for each."""
    return render_template("matches/compare.html", **compared(), viewer=viewer())


@bp.get("/matches/compared")
def comparison() -> ResponseReturnValue:
    """The table of that page; 404 when nobody of it is there any more."""
    found = compared()
    return render_template("matches/_compared.html", **found, viewer=viewer()) if found["matches"] else abort(404)


def compared() -> dict[str, Any]:
    ids = [int(word) for word in request.args.getlist("id") if word.isascii() and word.isdigit() and 0 < len(word) < 11 and int(word) <= MAX_ID]
    chosen = list(dict.fromkeys(ids))
    found = [match for id in chosen[:MOST_COMPARED] if (match := Match.between(viewer(), id))]
    return {"matches": found, "left_out": len(chosen) - MOST_COMPARED if len(chosen) > MOST_COMPARED else 0}


# Named searches, and what the viewer insists on.


@bp.post("/matches/searches")
def save_search() -> ResponseReturnValue:
    """Keep the filters in ``query`` under ``name``; a name that is taken gets these filters."""
    filters, _ = asked_filters(MultiDict(parse_qsl(request.form.get("query", "")[:LONGEST_QUERY])))
    try:
        SavedSearch.keep(viewer(), request.form.get("name", ""), filters)
    except SearchError as error:
        db.session.rollback()
        found = watched(Deck.of(viewer(), filters))
        page = render_template("matches/index.html", deck=found, news=News.none_yet(found), searches=SavedSearch.of(viewer()), search_error=str(error))
        return page, 422
    db.session.commit()
    flash("Search saved.", "success")
    return redirect(f"{url_for('matches.index')}?{filters.query}", 303)


@bp.post("/matches/searches/<id:search_id>/remove")
def remove_search(search_id: int) -> ResponseReturnValue:
    search = db.session.scalar(SavedSearch.owned_by(viewer()).where(SavedSearch.id == search_id))
    if search is None:
        abort(404)
    db.session.delete(search)
    db.session.commit()
    flash("Search removed.", "success")
    return redirect(url_for("matches.index"), 303)


@bp.get("/matches/preferences")
def preferences() -> ResponseReturnValue:
    """What the viewer must have, would like, and does not mind."""
    return render_template("matches/preferences.html", form=PreferencesForm.of(viewer().profile), viewer=viewer())


@bp.post("/matches/preferences")
def prefer() -> ResponseReturnValue:
    form = PreferencesForm.of(viewer().profile, request.form)
    if not form.validate():
        return render_template("matches/preferences.html", form=form, viewer=viewer()), 422
    profile = Profile.to_revise(viewer())
    assert profile is not None
    base = max(0, request.form.get("base", profile.version, type=int))
    conflict = profile.revise(form.changes, base=base)
    db.session.commit()
    if conflict:  # what else was sent is saved; sent once more, this is meant
        form.base, form.also = profile.version, differences(conflict, profile.role)
        return render_template("matches/preferences.html", form=form, viewer=viewer()), 409
    flash("Preferences saved. Your deck follows them from now on.", "success")
    return redirect(url_for("matches.index"), 303)


def viewer() -> Account:
    return current_user._get_current_object()


def asked(name: str, most: int = MAX_PAGE) -> int:
    """The page asked for; 1 for what is no page."""
    return min(most, max(1, request.args.get(name, 1, type=int)))

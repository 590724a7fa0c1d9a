"""Asking somebody to work together, answering, and the page of all one's requests and connections."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from markupsafe import Markup

from blueprints.accounts.models import Account
from blueprints.accounts.operations import asked_operation, wants_json
from blueprints.accounts.redirects import path_here, safe_next
from blueprints.assets import tagged
from blueprints.extensions import MAX_ID, db, htmx
from blueprints.profiles import panels
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.requests.forms import RequestForm
from blueprints.requests.lists import Lists
from blueprints.requests.models import A_DAY, UNANSWERED, Request, RequestError

bp = Blueprint("requests", __name__)

MAX_PAGE = 10_000
FRAGMENTS = {"card": "matches.card", "panel": "requests.panel"}  # by what the form says it stands in; otherwise the lists


@bp.before_request
@login_required
def members_only() -> None:
    if current_user.role not in OTHER_ROLE:  # an admin has nobody to work with
        abort(404)


# All of them.


@bp.get("/requests")
def index() -> ResponseReturnValue:
    """What waits for the viewer, what they sent, with whom they are connected, and what is over."""
    return render_template("requests/index.html", lists=Lists.of(viewer(), page()), viewer=viewer())


@bp.get("/requests/lists")
def lists() -> ResponseReturnValue:
    """The lists by themselves."""
    return render_template("requests/_lists.html", lists=Lists.of(viewer(), page()), viewer=viewer())


@bp.get("/requests/<id:request_id>")
def show(request_id: int) -> ResponseReturnValue:
    """One of them as it stands in the lists; 404 when its other side is not, or no longer, visible to the viewer."""
    asked, them = found(request_id)
    body = render_template("requests/_request.html", asked=asked, them=them, viewer=viewer())
    return tagged(body, "request", asked.id, asked.version, asked.outcome, them.id, them.version)


# Asking.


@bp.get("/requests/new")
def new() -> ResponseReturnValue:
    """The form for a request ``to`` a profile; to whom the viewer has asked, or is connected with, the way to what there is."""
    them = somebody(request.args.get("to", ""))
    before = Request.between(viewer(), them)
    if before and before.step_for(viewer()) in ("wait", "answer", "talk"):
        return redirect(url_for("profiles.show", profile_id=them.id, _anchor="request"))
    form = RequestForm.for_new(viewer())
    form.refusal = Request.refusal(viewer(), before)
    return asking(form, them, before, back=safe_next(path_here(request.referrer)))


@bp.post("/requests")
def send() -> ResponseReturnValue:
    """Send the request ``to`` a profile. Where they have asked meanwhile, this says yes. Invalid: the form comes back (422) with all that was typed."""
    them, form = somebody(request.form.get("to", "")), RequestForm()
    back = safe_next(request.form.get("next"))
    if form.validate():
        try:
            sent = Request.send(viewer(), them, form.brief)
        except RequestError as error:
            db.session.rollback()
            form.refusal = str(error)
        else:
            db.session.commit()
            flash(f"You and {them.name} are connected." if sent.is_connected else f"Your request is sent to {them.name}.", "success")
            return redirect(back or url_for("requests.index"), 303)
    return asking(form, them, Request.between(viewer(), them), back), 422


def asking(form: RequestForm, them: Profile, before: Request | None, back: str | None) -> str:
    limits = {"allowance": Request.allowance(viewer()), "a_day": A_DAY, "most_unanswered": UNANSWERED}
    return render_template("requests/new.html", form=form, them=them, asked=before, viewer=viewer(), back=back, **limits)


@bp.get("/requests/with/<id:profile_id>/note")
def note(profile_id: int) -> ResponseReturnValue:
    """What happened between the two while the form was open; 404 with a note that says so when they are gone."""
    them = other(profile_id)
    if them is None:
        return render_template("requests/_note_gone.html"), 404
    return render_template("requests/_note.html", asked=Request.between(viewer(), them), them=them, viewer=viewer())


# With one other, on their profile page.


@bp.get("/requests/with/<id:profile_id>/panel")
def panel(profile_id: int) -> ResponseReturnValue:
    them = other(profile_id) or abort(404)
    return render_template("requests/_panel.html", asked=Request.between(viewer(), them), them=them, viewer=viewer())


def request_panel(viewer: Account, profile: Profile) -> Markup | None:
    """The next step on the page of someone whom the viewer may work with."""
    if OTHER_ROLE.get(viewer.role) != profile.role:
        return None
    return Markup(render_template("requests/_panel.html", asked=Request.between(viewer, profile), them=profile, viewer=viewer))


panels.append(request_panel)


# Answering, taking back, ending.


@bp.post("/requests/<id:request_id>/accept")
def accept(request_id: int) -> ResponseReturnValue:
    return done(request_id, lambda asked: asked.answer(viewer(), accept=True), "You and {name} are connected.")


@bp.post("/requests/<id:request_id>/decline")
def decline(request_id: int) -> ResponseReturnValue:
    return done(request_id, lambda asked: asked.answer(viewer(), accept=False), "You said no to {name}.")


@bp.post("/requests/<id:request_id>/withdraw")
def withdraw(request_id: int) -> ResponseReturnValue:
    return done(request_id, lambda asked: asked.withdraw(viewer()), "Your request to {name} is withdrawn.")


@bp.get("/requests/<id:request_id>/end")
def confirm_end(request_id: int) -> ResponseReturnValue:
    """Whether they really want to disconnect; to the profile where there is nothing to end."""
    asked, them = found(request_id)
    if not asked.is_connected:
        return redirect(url_for("profiles.show", profile_id=them.id, _anchor="request"))
    return render_template("requests/end.html", asked=asked, them=them, viewer=viewer(), back=safe_next(path_here(request.referrer)))


@bp.post("/requests/<id:request_id>/end")
def end(request_id: int) -> ResponseReturnValue:
    return done(request_id, lambda asked: asked.end(viewer()), "You and {name} are no longer connected.")


def done(request_id: int, do: Callable[[Request], None], words: str) -> ResponseReturnValue:
    """Do it, and answer with the fragment it was asked from as it is now, or with the page. Twice is the same as once, and the same operation
    again is not said again, whatever has happened since."""
    operation = asked_operation()
    asked, them = found(request_id)
    try:
        if not (operation and operation.was_done):
            do(asked)
    except RequestError as error:
        db.session.rollback()
        return too_late(str(error))
    db.session.commit()
    if wants_json():
        return jsonify(state=asked.outcome, words=words.format(name=them.name))
    if htmx:
        endpoint = FRAGMENTS.get(request.form.get("then", ""))
        return redirect(url_for(endpoint, profile_id=them.id) if endpoint else url_for("requests.lists"), 303)
    flash(words.format(name=them.name), "success")
    return redirect(back_from_here(), 303)


def too_late(words: str) -> ResponseReturnValue:
    """Somebody was quicker. The page comes right by itself; this says why nothing happened."""
    if wants_json():
        return jsonify(words=words), 410
    if htmx:
        return render_template("site/_error.html", status=410, title=words.removesuffix("."), text=""), 410
    flash(words, "error")
    return redirect(back_from_here(), 303)


def back_from_here() -> str:
    here = safe_next(request.form.get("next")) or safe_next(path_here(request.referrer))
    return here if here and not here.partition("?")[0].endswith(("/end", "/new")) else url_for("requests.index")


def found(request_id: int) -> tuple[Request, Profile]:
    return Request.find(viewer(), request_id) or abort(404)


def somebody(typed: str) -> Profile:
    """Of the other side, by the id that an address or a form names; 404 for everyone else."""
    named = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 11 else 0
    return (other(named) if 0 < named <= MAX_ID else None) or abort(404)


def other(profile_id: int) -> Profile | None:
    visible = Profile.visible_to(viewer()).where(Profile.id == profile_id, Profile.role == OTHER_ROLE[viewer().role])
    return db.session.scalar(visible)


def viewer() -> Account:
    return current_user._get_current_object()


def page() -> int:
    return min(MAX_PAGE, max(1, request.args.get("page", 1, type=int)))

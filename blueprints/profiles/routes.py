"""The editor, the page others see, pictures, and cities found by typing."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from typing import Any, cast

import gevent
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from gevent.lock import BoundedSemaphore
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from blueprints.accounts.operations import asked_operation, wants_json
from blueprints.assets import YEAR_SECONDS, tagged, unchanged
from blueprints.extensions import db, htmx
from blueprints.profiles import Panel, avatars, beside_name, cities, panels, undoing
from blueprints.profiles.completion import Completion
from blueprints.profiles.forms import ProfileForm, is_version
from blueprints.profiles.history import Edit
from blueprints.profiles.models import OTHER_ROLE, Conflict, Difference, Profile
from blueprints.profiles.values import plain

bp = Blueprint("profiles", __name__)
log = logging.getLogger(__name__)

LONGEST_CITY_QUERY = 100
decoding = BoundedSemaphore(2)  # a large picture takes hundreds of megabytes for a moment, and log-ins need the same threads
NOT_STORED = "Your picture could not be stored just now. Your profile is as it was: please try again in a few minutes."
TOO_LARGE = "That file is too large: choose a picture of at most 8 MB."
NO_FILE = "Choose a picture first."
NOT_THERE = "That picture is no longer here: choose it again."


def members_only(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Admins have no profile to edit."""

    @wraps(view)
    @login_required
    def checked(**values: Any) -> ResponseReturnValue:
        if current_user.role not in OTHER_ROLE:
            abort(404)
        return view(**values)

    return checked


# Editing one's own.


@bp.get("/profile")
@members_only
def edit() -> ResponseReturnValue:
    return editor(ProfileForm.of(current_user.profile))


@bp.post("/profile")
@members_only
def save() -> ResponseReturnValue:
    """Save the whole form, as a page without JavaScript sends it.

    Invalid: nothing is saved, and the page comes back (422) with the errors and all that was typed. A field that changed elsewhere: the others
    are saved, and the page comes back (409) with both values to choose from.
    """
    profile = own_to_revise()
    form = ProfileForm.of(profile, request.form)
    if not form.validate():
        form.conflict = profile.differences({name: form[name].data for name in form.asked if not form[name].errors})
        db.session.rollback()
        return editor(form), 422
    conflict = profile.revise(form.changes, form.bases)
    db.session.commit()
    form.conflict = conflict or {}
    if form.combine() or conflict:
        return editor(form), 409
    flash("Your profile is saved.", "success")
    return redirect(url_for("profiles.edit"))


@bp.patch("/profile")
@members_only
def revise() -> ResponseReturnValue:
    """Save the fields that changed; the same field changed elsewhere comes back as a conflict (409) with both values.

    Each field stands for itself: what is valid is saved even where another field is not (422), and no answer loses what was typed.
    The same operation again saves only what it did not save before.
    """
    operation = asked_operation()
    profile = own_to_revise()
    form = ProfileForm.of(profile, request.form)
    form.validate()
    before: dict[str, int] = operation.did.get("saved", {}) if operation else {}
    conflict = None
    if not form.base_error:
        changes = {name: value for name, value in form.changes.items() if name not in before}
        conflict = profile.revise(changes, form.bases)
    outcome = Outcome.of(form, profile, conflict or {}, before)
    if operation:
        operation.did = {"saved": before | outcome.versions}
    db.session.commit()
    response = outcome.as_json() if wants_json() else make_response(render_template("profiles/_outcome.html", outcome=outcome, form=form))
    response.headers["Profile-Version"] = str(outcome.version)
    response.status_code = outcome.status
    return response


@bp.get("/profile/elsewhere")
@members_only
def elsewhere() -> ResponseReturnValue:
    """What was saved since version ``base``, for an open editor that may hold older values."""
    profile = current_user.profile
    base = request.args.get("base", default=0, type=int)
    here = current_user.login_session.id
    if (same := unchanged("elsewhere", base, profile.version, here)) is not None:
        return same
    changed = {name: version for name, version in profile.changed_at_version.items() if version > base}
    edits = Edit.latest(profile.id, changed)
    body = render_template("profiles/_elsewhere.html", form=ProfileForm.of(profile), profile=profile, changed=changed, edits=edits, here=here)
    return tagged(body, "elsewhere", base, profile.version, here)


# What one's profile said before.


@bp.get("/profile/history")
@members_only
def history() -> ResponseReturnValue:
    return history_page()


@bp.get("/profile/history/list")
@members_only
def history_list() -> ResponseReturnValue:
    return render_template("profiles/_history.html", history=asked_history(), profile=current_user.profile)


@bp.post("/profile/history/<id:save>/undo")
@members_only
def undo(save: int) -> ResponseReturnValue:
    """Take back one save; what was changed since comes back (409) with both values, what cannot be as it was (422) with the reason."""
    profile = own_to_revise()
    edits = Edit.of_save(profile.id, save)
    if not edits:
        abort(404)
    undone = undoing.undo(profile, edits, request.form.getlist("anyway"), asked_base())
    db.session.commit()
    if undone.moved or undone.impossible:
        return history_page(undone), 409 if undone.moved else 422
    flash(f"Put back: {', '.join(undone.done)}." if undone.done else "Nothing to put back: it is as it was before that save.", "success" if undone.done else "info")
    return redirect(url_for("profiles.history"), 303)


@bp.get("/cities")
@login_required
def find_cities() -> ResponseReturnValue:
    """``<option>`` elements for what was typed so far (``q``, or ``city`` as the editor's field is called)."""
    typed = request.args.get("q") or request.args.get("city") or ""
    found = cities.find(typed[:LONGEST_CITY_QUERY])
    return render_template("profiles/_cities.html", typed=typed, cities=found)


# Pictures.


@bp.post("/profile/avatar")
@members_only
def upload_avatar() -> ResponseReturnValue:
    """Make the file ``avatar`` one's picture. Whatever is wrong with it, the old one stays."""
    upload = request.files.get("avatar")
    data = upload.read() if upload else b""
    db.session.rollback()  # decoding takes a while: nobody's edit shall wait for it
    if not data:
        return picture_form(NO_FILE, 422)
    try:
        with decoding:
            pictures = off_the_loop(avatars.process, data)
        digest = off_the_loop(avatars.store, pictures, current_app.config["MEDIA_PATH"])
    except avatars.AvatarError as error:
        return picture_form(str(error), 422)
    except OSError as error:
        log.error("avatar: could not store a picture: %s", error)
        return picture_form(NOT_STORED, 507)
    return show_picture(digest, "Your picture is saved.")


@bp.post("/profile/avatar/remove")
@members_only
def remove_avatar() -> ResponseReturnValue:
    return show_picture(None, "Your picture is removed.")


@bp.post("/profile/avatar/choose")
@members_only
def choose_avatar() -> ResponseReturnValue:
    """Decide between two pictures: ``theirs``, which stands already, or one's own, which is stored already, by its digest (``none``: none)."""
    picture = request.form.get("picture", "")
    if picture == "theirs":
        return picture_saved("Your picture stays as it is.")
    if picture != "none" and not undoing.is_stored(picture):
        db.session.rollback()
        return picture_form(NOT_THERE, 422)
    return show_picture(None if picture == "none" else picture, "Your picture is saved.")


@bp.errorhandler(RequestEntityTooLarge)
def too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """A picture over the limit is a field error like any other; all else is for the site to say."""
    if request.endpoint == "profiles.upload_avatar" and current_user.is_authenticated and current_user.profile:
        db.session.rollback()
        return picture_form(TOO_LARGE, 413)
    return cast(ResponseReturnValue, current_app.error_handler_spec[None][None][HTTPException](error))


@bp.get("/avatars/<digest>-<int:size>.webp")
def avatar(digest: str, size: int) -> ResponseReturnValue:
    """A picture under the digest of its content: another picture has another address, so this one is kept for ever."""
    try:
        response = send_file(avatars.path(current_app.config["MEDIA_PATH"], digest, size), mimetype="image/webp", conditional=True)
    except (ValueError, FileNotFoundError):
        abort(404)
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response


# Seeing others.


@bp.get("/profiles/<id:profile_id>")
@login_required
def show(profile_id: int) -> ResponseReturnValue:
    """Someone's profile, or one's own as others see it."""
    them = visible(profile_id)
    if them is None:
        abort(404)
    return render_template("profiles/show.html", them=them, viewer=current_user, beside=parts_of(beside_name, them), panels=parts_of(panels, them))


@bp.get("/profiles/<id:profile_id>/portrait")
@login_required
def portrait(profile_id: int) -> ResponseReturnValue:
    """The part of the page that shows the profile; 404 with one that says so when it is not, or no longer, visible."""
    them = visible(profile_id)
    if them is None:
        return render_template("profiles/_gone.html", profile_id=profile_id), 404
    beside = parts_of(beside_name, them)
    versions = ("portrait", them.id, them.version, sha256("".join(beside).encode()).hexdigest()[:12])
    return unchanged(*versions) or tagged(render_template("profiles/_portrait.html", them=them, viewer=current_user, beside=beside), *versions)


@dataclass(frozen=True)
class Outcome:
    """What became of each field that was sent; ``saved`` holds the values as their controls would send them, ``versions`` those that saved them."""

    version: int
    completion: Completion
    saved: dict[str, list[str]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)  # those of them that hold more than what was sent: what was saved elsewhere too
    errors: dict[str, str] = field(default_factory=dict)
    conflict: Conflict = field(default_factory=dict)

    @classmethod
    def of(cls, form: ProfileForm, profile: Profile, conflict: Conflict, before: Mapping[str, int]) -> "Outcome":
        errors = form.faults | {name: f"This is no field of a {profile.role}'s profile." for name in form.unknown}
        errors = {name: words for name, words in errors.items() if name not in before}
        sent = [] if form.base_error else [name for name in form.names if name in form.sent]
        saved = {name: form[name].typed(getattr(profile, name)) for name in sent if name not in errors and name not in conflict}
        versions = {name: before.get(name, profile.version) for name in saved}
        merged = [name for name in saved if form[name].merges and form.changes.get(name, form[name].data) != getattr(profile, name)]
        return cls(profile.version, profile.completion, saved, versions, merged, errors, conflict)

    @property
    def status(self) -> int:
        return 422 if self.errors else 409 if self.conflict else 200

    def as_json(self) -> Response:
        both = {
            name: {"mine": plain(one.mine, "label"), "theirs": plain(one.theirs, "label"), "version": one.version}
            | {"device": one.device or None, "at": one.at.isoformat(timespec="seconds") if one.at else None}
            for name, one in self.conflict.items()
        }
        parts = {"saved": sorted(self.saved), "values": self.saved, "versions": self.versions, "merged": sorted(self.merged)}
        parts |= {"errors": self.errors, "conflict": both}
        return jsonify(version=self.version, completion=self.completion.percent, **{name: part for name, part in parts.items() if part or name == "saved"})


def own_to_revise() -> Profile:
    profile = Profile.to_revise(current_user)
    assert profile is not None, "members_only let nobody else in"
    return profile


def editor(form: ProfileForm) -> str:
    return render_template("profiles/edit.html", form=form, profile=form.profile, avatar_error=None, avatar_conflict=None)


def history_page(undone: undoing.Undone | None = None) -> str:
    return render_template("profiles/history.html", history=asked_history(), profile=current_user.profile, undone=undone)


def asked_history() -> undoing.History:
    page = min(undoing.MAX_PAGE, max(1, request.args.get("page", 1, type=int)))
    return undoing.History.of(current_user.profile, page, current_user.login_session.id)


def asked_base() -> int | None:
    """The version that the form in hand was made from, if it says so."""
    base = request.form.get("base", "")
    return int(base) if is_version(base) else None


def show_picture(digest: str | None, words: str) -> ResponseReturnValue:
    profile = own_to_revise()
    base = asked_base()
    conflict = profile.revise({"avatar": digest}, base=profile.version if base is None else base)
    db.session.commit()
    return picture_form(None, 409, conflict["avatar"]) if conflict else picture_saved(words)


def picture_saved(words: str) -> ResponseReturnValue:
    if htmx:
        return picture_form(None, 200)
    flash(words, "success")
    return redirect(url_for("profiles.edit"))


def picture_form(error: str | None, status: int, conflict: Difference | None = None) -> ResponseReturnValue:
    """The picture's form: by itself for htmx, within the editor without."""
    profile = current_user.profile
    given = {"profile": profile, "avatar_error": error, "avatar_conflict": conflict}
    if htmx:
        return render_template("profiles/_avatar.html", **given, completion=profile.completion), status
    return render_template("profiles/edit.html", form=ProfileForm.of(profile), **given), status


def visible(profile_id: int) -> Profile | None:
    return db.session.scalar(Profile.visible_to(current_user).where(Profile.id == profile_id))


def parts_of(registered: list[Panel], them: Profile) -> list[Markup]:
    """What other packages have to show of somebody to this viewer."""
    return [part for ask in registered if (part := ask(current_user, them))]


def off_the_loop(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run it in a thread, so that the other greenlets of this worker go on meanwhile."""
    return gevent.get_hub().threadpool.apply(work, arguments)

"""Whether somebody is here, as a fragment; and what one lets others know."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from markupsafe import Markup

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db
from blueprints.presence.forms import PrivacyForm
from blueprints.presence.privacy import choose
from blueprints.presence.rules import may_see
from blueprints.presence.subjects import others
from blueprints.profiles import beside_name
from blueprints.profiles.models import OTHER_ROLE, Profile
from blueprints.requests.models import Request

bp = Blueprint("presence", __name__)


@bp.before_request
@login_required
def members_only() -> None:
    if current_user.role not in OTHER_ROLE:  # an admin is here for nobody
        abort(404)


@bp.get("/presence/<id:profile_id>")
def show(profile_id: int) -> ResponseReturnValue:
    """Whether they are here; 404 with nothing to see for whom may not know. ``page=1``: as it stands by itself on a page, see ``part_of``."""
    found = db.session.execute(others(viewer()).where(Profile.id == profile_id)).one_or_none()
    if found and "page" in request.args:
        return part_of(viewer(), *found)
    if found and may_see(viewer().profile.presence_to, found[0].presence_to, is_connected(found[1])):
        return render_template("presence/_presence.html", them=found[0], viewer=viewer(), is_connected=is_connected(found[1]), also="")
    return render_template("presence/_none.html", profile_id=profile_id), 404


def beside_their_name(viewer: Account, them: Profile) -> Markup | None:
    """On the profile page of somebody of the other role."""
    return Markup(part_of(viewer, them, Request.between(viewer, them))) if OTHER_ROLE.get(viewer.role) == them.role else None


def part_of(viewer: Account, them: Profile, asked: Request | None) -> str:
    """It stays on the page, empty while the viewer may not know, and hears when that changes: by the two's connection, or the viewer's own setting."""
    also = f"request:{them.id}@{asked.version if asked else viewer.counts_from} privacy@{OwnVersion.of(viewer, 'privacy')}"
    return render_template("presence/_presence.html", them=them, viewer=viewer, is_connected=is_connected(asked), also=also)


def is_connected(asked: Request | None) -> bool:
    return bool(asked and asked.is_connected)


beside_name.append(beside_their_name)


@bp.get("/settings/privacy")
def privacy() -> ResponseReturnValue:
    return settings(PrivacyForm(formdata=None, obj=viewer().profile))


@bp.post("/settings/privacy")
def settle() -> ResponseReturnValue:
    form = PrivacyForm()
    if not form.validate():
        return settings(form), 422
    profile = Profile.to_revise(viewer())
    assert profile is not None
    choose(profile, form.choices)
    db.session.commit()
    flash("Your privacy settings are saved.", "success")
    return redirect(url_for("presence.privacy"), 303)


def settings(form: PrivacyForm) -> Any:
    return render_template("presence/privacy.html", form=form, viewer=viewer())


def viewer() -> Account:
    return current_user._get_current_object()

"""Blocking somebody, and taking it back."""

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from blueprints.accounts.models import OwnVersion
from blueprints.extensions import db
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import Profile
from blueprints.profiles.routes import bp, members_only, visible


@bp.get("/profiles/<id:profile_id>/block")
@members_only
def confirm_block(profile_id: int) -> ResponseReturnValue:
    """What will happen, before it does."""
    if them := visible_other(profile_id):
        return render_template("profiles/block.html", them=them, viewer=current_user)
    return to_the_list() if blocked_by_me(profile_id) else abort(404)


@bp.post("/profiles/<id:profile_id>/block")
@members_only
def block(profile_id: int) -> ResponseReturnValue:
    """Neither sees the other from now on. Twice is the same as once."""
    if them := visible_other(profile_id):
        Block.put(current_user._get_current_object(), them.account)
        db.session.commit()
        flash(f"You blocked {them.name}. Neither of you sees the other any more.", "success")
        return redirect(url_for("matches.index"), 303)
    return to_the_list() if blocked_by_me(profile_id) else abort(404)


@bp.post("/profiles/<id:profile_id>/unblock")
@members_only
def unblock(profile_id: int) -> ResponseReturnValue:
    """They may see each other again; they are not connected again."""
    if them := blocked_by_me(profile_id):
        name = them.name
        Block.lift(current_user._get_current_object(), them.account)
        db.session.commit()
        flash(f"{name} is no longer blocked. If you were connected, you are not any more.", "success")
    elif not visible_other(profile_id):
        abort(404)
    return to_the_list()


@bp.get("/settings/blocked")
@members_only
def blocked() -> ResponseReturnValue:
    """Whom one blocked, by the names they had then."""
    return render_template("profiles/blocked.html", **mine())


@bp.get("/settings/blocked/list")
@members_only
def blocked_list() -> ResponseReturnValue:
    return render_template("profiles/_blocked.html", **mine())


def mine() -> dict[str, object]:
    version = OwnVersion.of(current_user, "blocked")
    listed = Block.by(current_user).join(Profile, Profile.account_id == Block.blocked_id).add_columns(Profile.id)
    return {"viewer": current_user, "version": version, "blocks": db.session.execute(listed).all()}


def visible_other(profile_id: int) -> Profile | None:
    them = visible(profile_id)
    return them if them and them.account_id != current_user.id else None


def blocked_by_me(profile_id: int) -> Profile | None:
    mine = select(Profile).join(Block, Block.blocked_id == Profile.account_id)
    return db.session.scalar(mine.where(Block.account_id == current_user.id, Profile.id == profile_id))


def to_the_list() -> Response:
    return redirect(url_for("profiles.blocked"), 303)

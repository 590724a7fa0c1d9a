"""Reporting somebody, and what admins do about it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from blueprints.accounts.models import OwnVersion
from blueprints.extensions import MAX_ID, db
from blueprints.messages.models import Message
from blueprints.profiles.blocking import visible_other
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import Profile
from blueprints.profiles.routes import members_only
from blueprints.reports.evidence import message_of
from blueprints.reports.forms import ActionForm, ReportForm
from blueprints.reports.models import SUBJECT, Action, Page, Report, ReportError

bp = Blueprint("reports", __name__)

MAX_PAGE = 10_000


def admins_only(view: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """To others it is not there."""

    @wraps(view)
    @login_required
    def checked(**values: Any) -> ResponseReturnValue:
        if current_user.role != "admin":
            abort(404)
        return view(**values)

    return checked


# Reporting.


@bp.get("/profiles/<id:profile_id>/report")
@members_only
def new(profile_id: int) -> ResponseReturnValue:
    """What to say of them; ``message`` is the number of one that they wrote to the viewer."""
    them, message = reportable(profile_id)
    return render_template("reports/new.html", them=them, message=message, form=ReportForm(), error=None, viewer=current_user)


@bp.post("/profiles/<id:profile_id>/report")
@members_only
def create(profile_id: int) -> ResponseReturnValue:
    """Twice is the same as once. The reported member learns nothing."""
    them, message = reportable(profile_id)
    form, error = ReportForm(), None
    if form.validate():
        try:
            Report.make(viewer(), them, form.reason.data, form.words.data or "", message)
            if form.also_block.data:
                Block.put(viewer(), them.account)
            db.session.commit()
            return redirect(url_for("reports.thanks", blocked=1 if form.also_block.data else None), 303)
        except ReportError as refused:
            db.session.rollback()
            error = str(refused)
    return render_template("reports/new.html", them=them, message=message, form=form, error=error, viewer=current_user), 422


@bp.get("/reports/thanks")
@members_only
def thanks() -> ResponseReturnValue:
    """What happens next."""
    return render_template("reports/thanks.html", has_blocked=request.args.get("blocked") == "1", viewer=current_user)


def reportable(profile_id: int) -> tuple[Profile, Message | None]:
    them = visible_other(profile_id) or abort(404)
    asked = request.values.get("message", "")
    if not asked:
        return them, None
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 11 else 0
    message = message_of(viewer(), them, number) if 0 < number <= MAX_ID else None
    return them, message or abort(404)


# The admins' queue.


@bp.get("/reports")
@admins_only
def index() -> ResponseReturnValue:
    """All reports, the open ones first."""
    return render_template("reports/index.html", **queue())


@bp.get("/reports/list")
@admins_only
def listed() -> ResponseReturnValue:
    return render_template("reports/_list.html", **queue())


@bp.get("/reports/<id:report_id>")
@admins_only
def show(report_id: int) -> ResponseReturnValue:
    return page_of(found(report_id), ActionForm())


@bp.get("/reports/<id:report_id>/state")
@admins_only
def state(report_id: int) -> ResponseReturnValue:
    """What has become of it, for the open page."""
    return render_template("reports/_state.html", **told(found(report_id)))


@bp.post("/reports/<id:report_id>/warn")
@admins_only
def warn(report_id: int) -> ResponseReturnValue:
    return acted(report_id, "warn", "They are warned.")


@bp.post("/reports/<id:report_id>/suspend")
@admins_only
def suspend(report_id: int) -> ResponseReturnValue:
    return acted(report_id, "suspend", "Their account is suspended: nobody sees them, and they are logged out.")


@bp.post("/reports/<id:report_id>/dismiss")
@admins_only
def dismiss(report_id: int) -> ResponseReturnValue:
    return acted(report_id, "dismiss", "The report is dismissed.")


@bp.post("/reports/<id:report_id>/restore")
@admins_only
def restore(report_id: int) -> ResponseReturnValue:
    return acted(report_id, "restore", "Their account is restored: others see them again, and they can log in.")


@bp.get("/reports/log")
@admins_only
def log() -> ResponseReturnValue:
    """Who did what about whom, and why; the latest first."""
    return render_template("reports/log.html", page=Page.of(Action.lines(), asked_page()), viewer=current_user)


def acted(report_id: int, verb: str, words: str) -> ResponseReturnValue:
    report = Report.held(report_id) or abort(404)
    form = ActionForm()
    if not form.validate():
        db.session.rollback()
        return page_of(report, form, 422)
    try:
        report.act(viewer(), verb, form.note.data, form.base.data)
    except ReportError as error:
        db.session.rollback()
        form.form_errors.append(str(error))
        return page_of(report, form, 409)
    db.session.commit()
    flash(words, "success")
    return redirect(url_for("reports.show", report_id=report_id), 303)


def page_of(report: Report, form: ActionForm, status: int = 200) -> ResponseReturnValue:
    form.base.raw_data, form.base.data = None, report.version  # whoever was told what happened meanwhile may go on from there
    return render_template("reports/show.html", form=form, **told(report)), status


def told(report: Report) -> dict[str, Any]:
    version = OwnVersion.of(viewer(), SUBJECT)  # before what it stands for
    actions, others = db.session.scalars(Action.about(report.reported)).all(), db.session.scalars(report.others).all()
    return {"report": report, "actions": actions, "others": others, "version": version, "viewer": current_user}


def queue() -> dict[str, Any]:
    version = OwnVersion.of(viewer(), SUBJECT)
    return {"page": Page.of(Report.queue(), asked_page()), "version": version, "viewer": current_user}


def found(report_id: int) -> Report:
    return db.session.get(Report, report_id) or abort(404)


def asked_page() -> int:
    return min(MAX_PAGE, max(1, request.args.get("page", 1, type=int)))


def viewer() -> Any:
    return current_user._get_current_object()

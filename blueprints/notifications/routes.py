"""The list of what a member is told, what they have read of it, and how they want to be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import groupby

from flask import Blueprint, Response, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from sqlalchemy.orm import joinedload, lazyload

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db, htmx, utc_now
from blueprints.messages.models import zone_of
from blueprints.notifications.forms import WishesForm
from blueprints.notifications.kinds import BROWSER
from blueprints.notifications.models import SUBJECT, Notification, Wishes
from blueprints.notifications.places import place_of
from blueprints.profiles.models import OTHER_ROLE, Profile

bp = Blueprint("notifications", __name__)

PAGE_SIZE = 30
MAX_PAGE = 10_000
LATEST = 3
JUST_NOW = timedelta(minutes=2)


@bp.before_request
@login_required
def members_only() -> None:
    if current_user.role not in OTHER_ROLE:
        abort(404)


@dataclass(frozen=True)
class Listed:
    """A page of the list, by day, the unread of each day first."""

    version: int
    unread: int  # on all pages
    shown: Sequence[Notification]
    page: int
    has_more: bool
    zone: tzinfo

    @classmethod
    def of(cls, viewer: Account, page: int) -> "Listed":
        version = OwnVersion.of(viewer, SUBJECT)  # before what is listed: that can then only be newer
        newest = Notification.of(viewer).order_by(Notification.updated_at.desc(), Notification.id.desc())
        with_faces = newest.options(joinedload(Notification.profile).options(lazyload(Profile.city)))
        found = db.session.scalars(with_faces.offset(PAGE_SIZE * (page - 1)).limit(PAGE_SIZE + 1)).all()
        unread = db.session.scalar(Notification.count_of(viewer)) or 0
        return cls(version, unread, found[:PAGE_SIZE], page, len(found) > PAGE_SIZE, zone_of(viewer))

    @property
    def days(self) -> list[tuple[str, list[Notification]]]:
        today = utc_now().astimezone(self.zone).date()
        days = groupby(self.shown, lambda one: one.updated_at.astimezone(self.zone).date())
        return [(_said(day, today), sorted(some, key=lambda one: one.is_read)) for day, some in days]

    @property
    def live(self) -> str:
        """Itself, and the names and faces of all in it."""
        faces = {one.profile.id: one.profile.version for one in self.shown if one.profile}
        return " ".join([f"{SUBJECT}@{self.version}", *(f"profile:{id}@{version}" for id, version in faces.items())])


def _said(day: date, today: date) -> str:
    return {0: "Today", 1: "Yesterday"}.get((today - day).days, f"{day:%-d %B %Y}")


@bp.get("/notifications")
def index() -> str:
    return render_template("notifications/index.html", **listed(), viewer=viewer())


@bp.get("/notifications/list")
def entries() -> str:
    """The list by itself as it is now."""
    return render_template("notifications/_list.html", **listed())


@bp.post("/notifications/<id:notification_id>/read")
def read(notification_id: int) -> ResponseReturnValue:
    if not db.session.scalar(Notification.of(viewer()).where(Notification.id == notification_id)):
        abort(404)
    Notification.read(viewer(), Notification.id == notification_id)
    db.session.commit()
    return done()


@bp.post("/notifications/read")
def read_all() -> ResponseReturnValue:
    """All that is unread up to now, on every page of the list."""
    Notification.read(viewer())
    db.session.commit()
    return done()


def done() -> ResponseReturnValue:
    """The list as it is now, or the way back to it."""
    if htmx:
        return render_template("notifications/_list.html", **listed())
    return redirect(url_for(".index", page=asked() if asked() > 1 else None), 303)


@bp.get("/notifications/latest")
def latest() -> Response:
    """What came in the last moments and a browser may show while no tab of it is in front: few words, and nothing that somebody wrote."""
    news = Notification.of(viewer(), BROWSER).where(Notification.read_at.is_(None), Notification.updated_at > utc_now() - JUST_NOW)
    found = db.session.scalars(news.order_by(Notification.updated_at.desc(), Notification.id.desc()).limit(LATEST))
    answer = jsonify([_told(one) for one in found])
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _told(one: Notification) -> dict[str, str | int]:
    place = place_of(one) or url_for(".index")
    return {"tag": f"duet-{one.id}", "at": _milliseconds(one.updated_at), "words": one.sentence, "url": place, "read": url_for(".read", notification_id=one.id)}


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000)


@bp.get("/settings/notifications")
def settings() -> str:
    return render_template("notifications/settings.html", form=WishesForm.of(Wishes.of(viewer())), viewer=viewer())


@bp.post("/settings/notifications")
def settle() -> ResponseReturnValue:
    """The whole table: what is not ticked is off."""
    form = WishesForm.of(Wishes.of(viewer()), request.form)
    if not form.validate():
        return render_template("notifications/settings.html", form=form, viewer=viewer()), 422
    Wishes.of(viewer()).become(form.chosen)
    db.session.commit()
    flash("Saved. From now on you are told so.", "success")
    return redirect(url_for(".settings"), 303)


def listed() -> dict[str, object]:
    return {"listed": Listed.of(viewer(), asked()), "place_of": place_of}


def viewer() -> Account:
    return current_user._get_current_object()


def asked() -> int:
    """The page asked for; 1 for what is no page."""
    return min(MAX_PAGE, max(1, request.values.get("page", 1, type=int)))

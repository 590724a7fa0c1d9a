"""Home, the navigation fragment, the pattern page, what a browser keeps for offline, and what operators ask: alive, ready, metrics."""

import json

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from blueprints.assets import asset_version, filenames
from blueprints.extensions import db
from blueprints.site.patterns import pattern_samples

bp = Blueprint("site", __name__)

LEFT_BY_PROXIES = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
SECTIONS = ("matches", "requests", "messages", "notifications", "profile", "settings", "reports")


@bp.get("/")
def home() -> ResponseReturnValue:
    """Members come for their matches; everyone else is told what this is."""
    if current_user.is_authenticated:
        return redirect(url_for("accounts.settings" if current_user.role == "admin" else "matches.index"))
    return render_template("site/home.html")


@bp.get("/navigation")
@login_required
def navigation() -> str:
    section = request.args.get("section", "")
    return render_template("site/_navigation.html", section=section if section in SECTIONS else "")


@bp.get("/patterns")
def patterns() -> str:
    """Every component in every state, for designers: always in development, for admins elsewhere."""
    if not (current_app.config["DEVELOPMENT"] or (current_user.is_authenticated and current_user.role == "admin")):
        abort(404)
    return render_template("site/patterns.html", **pattern_samples())


@bp.get("/sw.js")
def worker() -> Response:
    """The service worker, told its version and the files of it. Its own address, since it may answer for the addresses below it only."""
    told = {"VERSION": asset_version(), "FILES": [url_for("static", filename=name) for name in filenames()]}
    lines = [f"const {name} = {json.dumps(value)};" for name, value in told.items()]
    script = (current_app.config["STATIC_PATH"] / "js" / "sw.js").read_text()
    return Response("\n".join((*lines, script)), content_type="text/javascript; charset=utf-8")


@bp.get("/offline")
def offline() -> str:
    """What a browser shows when Duet cannot be reached and it has no copy of the page; the service worker keeps it."""
    return render_template("site/offline.html")


@bp.get("/healthz")
def alive() -> Response:
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """200 when the database answers and everyone is in the matching index; a bus that is away is said but does not take the worker out:
    the sweep carries on. Nor does a database that can be read only: ``writes`` says what kept somebody from saving in the last minute."""
    try:
        db.session.execute(text("SELECT 1"))
        database = "up"
    except SQLAlchemyError:
        db.session.rollback()
        database = "down"
    writes = current_app.extensions["problems"].lately() or "up"
    live = current_app.extensions["live"]
    bus = "up" if live.bus.is_up else "down"
    index = current_app.extensions["matches"].index
    is_ready = database == "up" and (index.is_built or not index.has_background)
    said = {"database": database, "writes": writes, "bus": bus, "streams": len(live.hub.streams), "index": index.size if index.is_built else "building"}
    return said, 200 if is_ready else 503


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus text, for this machine only: behind a proxy, let the scraper come to the worker's own port."""
    if request.remote_addr not in ("127.0.0.1", "::1") or any(name in request.headers for name in LEFT_BY_PROXIES):
        abort(404)
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)

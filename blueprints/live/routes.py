"""``GET /live``, the one stream of a browser, and ``POST /live/watch``, by which it says what its pages show."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.assets import asset_version
from blueprints.extensions import db, reads_only
from blueprints.live.announcements import Notice, frame
from blueprints.live.bus import Bus
from blueprints.live.hub import Hub, Stream
from blueprints.live.subjects import Subject, current_versions, parse, topic_of
from blueprints.live.turns import MAX_WATCH_BYTES

bp = Blueprint("live", __name__)

BUSY_RETRY_SECONDS = 15

Stale = dict[Subject, int]


@bp.before_request
def only_for_the_member_whose_page_asks() -> ResponseReturnValue | None:
    """401 without a session; 403 when another member has since logged in in the same browser (``as`` names the page's session)."""
    if not current_user.is_authenticated:
        return refused("Log in to hear live updates.", 401)
    asked = request.values.get("as")
    if asked is not None and asked != str(current_user.login_session.id):
        return refused("This page belongs to another session.", 403)
    return None


def refused(words: str, status: int, **headers: str) -> Response:
    """One line for whoever listens: a script, or a person with curl."""
    return Response(f"{words}\n", status, {name.replace("_", "-"): value for name, value in headers.items()}, content_type="text/plain; charset=utf-8")


@bp.get("/live")
def stream() -> ResponseReturnValue:
    """An endless ``text/event-stream``: first ``stream`` with its id, then a notice an event, ``beat`` each 15 s, ``end`` with the reason.

    ``watch=profile:42@17`` (any number, or several with spaces between) watches from the start. ``hidden=1``: no tab is in front.
    """
    live = current_app.extensions["live"]
    hub: Hub = live.hub
    if len(hub.streams) >= current_app.config["LIVE_MAX_STREAMS"]:
        busy = "Too many open streams on this server. Pages check for changes every 15 seconds meanwhile."
        return refused(busy, 503, Retry_After=str(BUSY_RETRY_SECONDS))
    live.start()
    viewer = current_user._get_current_object()
    session = viewer.login_session
    opened = hub.open(viewer.id, session.id, session.expires_at.timestamp(), **version())
    opened.hidden = request.args.get("hidden") == "1"
    frames = opened.frames()
    try:
        shown = parse(" ".join(request.args.getlist("watch")).split())
        if shown:
            stale, gone = _subscribe(hub, opened, viewer, shown)
            _catch_up(opened, stale, gone)
    except Exception:
        hub.leave(opened)
        raise
    db.session.remove()  # an idle stream holds no database connection
    response = Response(frames, content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(lambda: hub.leave(opened))
    return response


def version() -> dict[str, str]:
    """Of scripts and styles, so that an open page learns of a newer one. In development it moves with every saved file, and says nothing."""
    return {} if current_app.config["DEVELOPMENT"] else {"version": asset_version()}


@bp.post("/live/watch")
@reads_only
def watch() -> ResponseReturnValue:
    """Subscribe ``stream`` to exactly ``subjects`` and say what moved on since.

    The answer names it as ``{"stale": {subject: version}, "gone": [subject]}``; an open stream gets the same as notices. ``"stream": false``
    means that no such stream is open: the caller opens another, or comes back in 15 s with the same call. ``n`` numbers the calls of one stream; ``hidden=1``: no tab is in front.
    """
    if (request.content_length or 0) > MAX_WATCH_BYTES:
        abort(413)
    live = current_app.extensions["live"]
    shown = parse(request.form.get("subjects", "").split())
    stream_id = request.form.get("stream", "")
    opened = live.hub.streams.get(stream_id)
    number, hidden = request.form.get("n", 0, type=int), request.form.get("hidden") == "1"
    viewer = current_user._get_current_object()
    if opened and opened.account_id != viewer.id:
        opened, stream_id = None, ""  # someone else's
    cuts = live.hub.cuts(viewer.id)
    if opened and opened.is_news(number):
        opened.hidden = hidden
        stale, gone = _subscribe(live.hub, opened, viewer, shown)
        _catch_up(opened, stale, gone)
        known = True
    else:
        current = current_versions(viewer, shown)
        stale, gone = _compare(shown, current)
        known = opened is not None or (bool(stream_id) and _watch_elsewhere(live.bus, viewer, stream_id, current, number=number, cuts=sorted(cuts), hidden=hidden))
    return jsonify(
        stream=known,
        **version(),
        stale={str(subject): version for subject, version in stale.items()},
        gone=[str(subject) for subject in gone],
    )


def _subscribe(hub: Hub, opened: Stream, viewer: Any, shown: Mapping[Subject, int]) -> tuple[Stale, list[Subject]]:
    """Subscribe, then compare: what rang while the versions were being read counts as well, and so does what was cut off meanwhile."""
    while True:
        cuts = hub.cuts(viewer.id)
        current = current_versions(viewer, shown)
        topics = {subject: topic_of(subject, viewer) for subject in current}
        hub.watch(opened, topics.values())
        if not hub.cuts(viewer.id) - cuts:
            break
        db.session.rollback()  # what this transaction sees may be from before
    return _compare(shown, {subject: max(version, hub.heard(topics[subject])) for subject, version in current.items()})


def _compare(shown: Mapping[Subject, int], current: Mapping[Subject, int]) -> tuple[Stale, list[Subject]]:
    stale = {subject: version for subject, version in current.items() if version > shown[subject]}
    return stale, [subject for subject in shown if subject not in current]


def _catch_up(opened: Stream, stale: Stale, gone: Collection[Subject]) -> None:
    for subject, version in stale.items():
        opened.put(str(subject), frame(str(subject), {"v": version}))
    for subject in gone:
        opened.put(str(subject), frame(str(subject), {"gone": True}))


def _watch_elsewhere(bus: Bus, viewer: Any, stream_id: str, current: Mapping[Subject, int], **said: object) -> bool:
    """Another worker may hold the stream: tell it over the bus. False where there is no elsewhere, or it cannot be reached."""
    topics = {topic_of(subject, viewer): version for subject, version in current.items()}
    told = {"stream": stream_id, "account": viewer.id, "topics": topics, **said}
    return bus.reaches_others and bus.publish(Notice(f"watch/{stream_id}", 0, json.dumps(told)))

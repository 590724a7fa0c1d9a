"""The list of conversations, each conversation with its fragments, and what the two do in it."""

import re
import uuid
from typing import Any

import gevent
from flask import Blueprint, abort, jsonify, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required

from blueprints.accounts.models import Account, OwnVersion
from blueprints.accounts.operations import asked_operation, wants_json
from blueprints.extensions import MAX_ID, db, htmx, reads_only
from blueprints.live import say
from blueprints.messages.limits import in_words, message_wait, typing_wait
from blueprints.messages.models import (
    AT_END,
    LISTED,
    MOST,
    ClosedError,
    Conversation,
    Message,
    MessageError,
    Participant,
    Thread,
    entries_of,
    zone_of,
)
from blueprints.profiles.models import OTHER_ROLE, Profile

bp = Blueprint("messages", __name__)

CLIENT_ID = re.compile(r"[A-Za-z0-9-]{8,40}")
MAX_PAGE = 10_000


@bp.before_request
@login_required
def members_only() -> None:
    if current_user.role not in OTHER_ROLE:
        abort(404)


# Looking.


@bp.get("/messages")
def index() -> ResponseReturnValue:
    """All conversations, the latest first."""
    return render_template("messages/index.html", **listed(OwnVersion.of(viewer(), "conversations")))


@bp.get("/messages/list")
def entries() -> ResponseReturnValue:
    """The list by itself; ``current``: the conversation that is open beside it."""
    return render_template("messages/_list.html", **listed(OwnVersion.of(viewer(), "conversations"), asked("current") or None))


@bp.get("/messages/with/<id:profile_id>")
def with_profile(profile_id: int) -> ResponseReturnValue:
    """To the conversation with that person."""
    visible = Conversation.visible_to(viewer()).where(Profile.id == profile_id).with_only_columns(Conversation.id)
    conversation_id = db.session.scalar(visible) or abort(404)
    return redirect(url_for("messages.show", conversation_id=conversation_id))


@bp.get("/messages/<id:conversation_id>")
def show(conversation_id: int) -> ResponseReturnValue:
    """The latest messages, or those before number ``before``; ``edit``: the number of the one whose words are to be changed."""
    return page(thread_of(conversation_id))


def page(thread: Thread, **composing: Any) -> str:
    before = asked("before")
    window = thread.page(before) if before else thread.window()
    return render_template(
        "messages/show.html", thread=thread, window=window, is_latest=not before,
        **listed(thread.list_version, thread.id), **{**composer(thread), **composing},
    )  # fmt: skip


@bp.get("/messages/<id:conversation_id>/log")
def log(conversation_id: int) -> ResponseReturnValue:
    """The live window: from number ``from`` to the latest. ``end``: whoever asks is at its end and does not need all of them."""
    thread = Thread.of(viewer(), conversation_id)
    return render_log(thread) if thread else gone("messages/_log.html", thread=None, alone=True, moved_on=False)


def render_log(thread: Thread) -> str:
    first = asked("from")
    window = thread.window(first or None, AT_END if asked("end") else MOST)
    return render_template("messages/_log.html", thread=thread, window=window, viewer=viewer(), alone=True, moved_on=bool(first) and window.first > first)


@bp.get("/messages/<id:conversation_id>/earlier")
def earlier(conversation_id: int) -> ResponseReturnValue:
    """A page of messages before number ``before``, with the way to those before them."""
    thread = thread_of(conversation_id)
    return render_template("messages/_earlier.html", thread=thread, window=thread.page(asked("before")), viewer=viewer())


@bp.get("/messages/<id:conversation_id>/page")
def older(conversation_id: int) -> ResponseReturnValue:
    """The same messages anew, those from ``from`` on: some of them were changed."""
    thread = thread_of(conversation_id)
    return render_template("messages/_page.html", thread=thread, window=thread.page(asked("before"), asked("from")), viewer=viewer())


@bp.get("/messages/<id:conversation_id>/head")
def head(conversation_id: int) -> ResponseReturnValue:
    thread = Thread.of(viewer(), conversation_id)
    return render_template("messages/_head.html", thread=thread, viewer=viewer()) if thread else gone("messages/_head.html", thread=None)


@bp.get("/messages/<id:conversation_id>/composer")
def compose(conversation_id: int) -> ResponseReturnValue:
    """An empty composer, or the one for the message ``edit``."""
    thread = thread_of(conversation_id)
    return render_template("messages/_composer.html", thread=thread, window=thread.window(), **composer(thread))


# Doing.


@bp.post("/messages/<id:conversation_id>")
def write(conversation_id: int) -> ResponseReturnValue:
    """Send ``text``. The same ``client_id`` again is the same message, whatever became of the first answer."""
    operation = asked_operation()
    if operation and operation.was_done and wants_json():
        return done(conversation_id)  # even where the conversation is no longer there for them
    conversation = held(conversation_id)
    text, client_id = request.form.get("text", ""), request.form.get("client_id", "")
    if not CLIENT_ID.fullmatch(client_id):
        client_id = uuid.uuid4().hex
    if (operation and operation.was_done) or Message.sent_as(conversation, viewer(), client_id):
        return done(conversation_id)
    if seconds := message_wait(viewer()):
        words = f"That was quick: you can send the next message {in_words(seconds)}. What you wrote stays here."
        response = make_response(refused(conversation_id, words, 429, text=text, client_id=client_id))
        response.headers["Retry-After"] = str(seconds)
        return response
    try:
        conversation.write(viewer(), text, client_id)
    except MessageError as error:
        return refused(conversation_id, str(error), 403 if isinstance(error, ClosedError) else 422, text=text, client_id=client_id)
    return done(conversation_id)


@bp.post("/messages/<id:conversation_id>/<id:number>/edit")
def edit(conversation_id: int, number: int) -> ResponseReturnValue:
    """Other words for one's own message, within 15 minutes."""
    conversation = held(conversation_id)
    message = Message.numbered(conversation, number) or abort(404)
    text = request.form.get("text", "")
    try:
        conversation.change(message, viewer(), text)
    except MessageError as error:
        return refused(conversation_id, str(error), 403 if isinstance(error, ClosedError) else 422, text=text, editing=message)
    return done(conversation_id, anew=True)


@bp.post("/messages/<id:conversation_id>/<id:number>/delete")
def delete(conversation_id: int, number: int) -> ResponseReturnValue:
    conversation = held(conversation_id)
    message = Message.numbered(conversation, number) or abort(404)
    try:
        conversation.delete(message, viewer())
    except MessageError as error:
        return refused(conversation_id, str(error), 422)
    return done(conversation_id)


@bp.post("/messages/<id:conversation_id>/read")
def read(conversation_id: int) -> ResponseReturnValue:
    """The viewer has seen everything up to ``number``."""
    held(conversation_id).mark_read(viewer(), sent("number"))
    db.session.commit()
    return answer(url_for("messages.show", conversation_id=conversation_id))


@bp.post("/messages/delivered")
def delivered() -> ResponseReturnValue:
    """A device of the viewer's knows that there are new messages."""
    Participant.have_arrived(viewer())
    db.session.commit()
    return answer(url_for("messages.index"))


@bp.post("/messages/<id:conversation_id>/typing")
@reads_only
def typing(conversation_id: int) -> ResponseReturnValue:
    """Tell the other, if both want that, that the viewer is typing; kept nowhere."""
    thread = thread_of(conversation_id)
    if thread.shows_typing and not typing_wait(viewer()):
        say(f"typing:{thread.id}/{thread.them.account_id}")
    return answer(url_for("messages.show", conversation_id=conversation_id))


# Helping.


def viewer() -> Account:
    return current_user._get_current_object()


def thread_of(conversation_id: int) -> Thread:
    return Thread.of(viewer(), conversation_id) or abort(404)


def held(conversation_id: int) -> Conversation:
    return Conversation.held(viewer(), conversation_id) or abort(404)


def listed(version: int, current: int | None = None) -> dict[str, Any]:
    """What the list needs."""
    number = max(1, min(MAX_PAGE, asked("page")))
    found = entries_of(viewer(), number)
    shown = {"entries": found[:LISTED], "list_version": version, "page": number, "has_more": len(found) > LISTED, "current": current}
    return shown | {"viewer": viewer(), "zone": zone_of(viewer())}


def composer(thread: Thread) -> dict[str, Any]:
    """What the composer needs: empty, or with the message that the address names, where its words can still be changed."""
    number = asked("edit")
    message = Message.numbered(thread.conversation, number) if number else None
    editing = message if message and message.is_changeable_by(viewer()) else None
    error = "A message can be changed for 15 minutes after it was sent." if number and not editing else ""
    return {"editing": editing, "text": editing.text if editing else "", "error": error, "client_id": uuid.uuid4().hex, "out_of_band": False}


def refused(conversation_id: int, error: str, status: int, **typed: Any) -> ResponseReturnValue:
    """Nothing was done: the reason beside the field, and all that was typed."""
    db.session.rollback()
    if wants_json():
        return jsonify(words=error), status
    if htmx:
        return render_template("messages/_status.html", error=error), status
    return page(thread_of(conversation_id), error=error, **typed), status


def done(conversation_id: int, *, anew: bool = False) -> ResponseReturnValue:
    """The log as it is now, ``anew`` with an empty composer; without htmx, back to the page."""
    db.session.commit()
    if wants_json():
        return jsonify(words="Your message is sent.")
    gevent.sleep(0)  # the other's notice goes out before this page is made
    if not htmx:
        return redirect(url_for("messages.show", conversation_id=conversation_id), 303)
    thread = thread_of(conversation_id)
    body = render_log(thread)
    if anew:
        body += render_template("messages/_composer.html", thread=thread, window=thread.window(), **composer(thread) | {"out_of_band": True})
    return body


def gone(template: str, **values: Any) -> ResponseReturnValue:
    return make_response(render_template(template, **values), 404)


def answer(page: str) -> ResponseReturnValue:
    """To a script nothing, to a form its page."""
    return ("", 204) if htmx or "X-CSRFToken" in request.headers else redirect(page, 303)


def asked(name: str) -> int:
    """A number in the address; 0 for what is none."""
    return bounded(request.values.get(name) if request.method == "POST" else request.args.get(name))


def sent(name: str) -> int:
    return bounded(request.form.get(name))


def bounded(word: str | None) -> int:
    return min(MAX_ID, int(word)) if word and len(word) < 12 and word.isascii() and word.isdigit() else 0

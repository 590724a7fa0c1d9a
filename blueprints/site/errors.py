"""Every error as something a person understands: a page where a page was asked for, a small fragment where a fragment was."""

import logging
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError, SQLAlchemyError, TimeoutError
from werkzeug.exceptions import HTTPException

from blueprints.extensions import db, htmx, login_manager
from blueprints.site.problems import AWAY, FULL, Noted, problem_of

log = logging.getLogger(__name__)

WORDS = {
    400: ("That request was not complete", "Nothing was changed. Go back, reload the page and try again."),
    401: ("You are not logged in", "Log in and try again. Nothing was changed."),
    403: ("That is not yours to open", "Nothing was changed."),
    404: ("There is nothing here", "The page may have moved, or it is not visible to you."),
    405: ("That cannot be done here", "Nothing was changed."),
    409: ("Someone changed this meanwhile", "Nothing was overwritten. Reload the page to see both versions."),
    413: ("That is too large", "Nothing was changed. A picture may have up to 8 MB."),
    415: ("That kind of file cannot be used", "Nothing was changed."),
    429: ("That was a little too often", "Nothing was changed. Please wait a minute and try again."),
    500: ("Something went wrong on our side", "It has been noted. What you typed is still in the page you came from: go back and try again."),
    503: (AWAY.title, AWAY.text),
    507: (FULL.title, FULL.text),
}
STALE_FORM = ("This page had become too old to save", "Nothing was changed. Go back, reload the page and send it again.")


def show(status: int, words: tuple[str, str] | None = None) -> Response:
    """The error as a page, as a fragment for htmx, or as one line of text for a program."""
    title, text = words or WORDS.get(status, WORDS[500] if status >= 500 else WORDS[400])
    is_part = htmx and not htmx.boosted and request.headers.get("HX-Request-Type") != "full"
    if is_part or (htmx and htmx.boosted and status >= 500):  # in trouble one stays where one is, with what one typed
        return make_response(render("site/_error.html", status=status, title=title, text=text), status)
    if htmx and request.method == "GET":  # a followed link: let the browser show the error as the page it is
        return make_response("", status, {"HX-Redirect": address_asked()})
    if not request.accept_mimetypes.accept_html:
        return make_response(f"{title}. {text}\n", status, {"Content-Type": "text/plain; charset=utf-8"})
    return make_response(render("site/error.html", status=status, title=title, text=text), status)


def address_asked() -> str:
    """Path and query as they came, quoted, so that neither can be read as another host or another header."""
    query = request.query_string.decode("latin-1")
    return "/" + quote(request.path.lstrip("/")) + (f"?{query}" if query else "")


def render(template: str, **words: Any) -> str:
    """Who is looking stands in the database: while that is away, the error is shown as to nobody."""
    try:
        return render_template(template, **words)
    except SQLAlchemyError:
        take_back()
        g._login_user = login_manager.anonymous_user()
        return render_template(template, **words)


def take_back() -> None:
    """Leave no half a change. Where even that fails, the connection is gone, and what was half done with it."""
    try:
        db.session.rollback()
    except SQLAlchemyError as error:
        log.warning("database: %s", error)


def http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    take_back()
    response = show(error.code)
    for name, value in error.get_headers():
        if name in ("Retry-After", "Allow"):
            response.headers[name] = value
    return response


def csrf_error(error: CSRFError) -> ResponseReturnValue:
    """A log-out takes the token along: to htmx of somebody who is not logged in any more, say that and not that the page is old.
    Who has logged in anew in another tab is told so by a header: the page looks for its new token (static/js/again.js)."""
    if htmx and not current_user.is_authenticated:
        return login_manager.unauthorized()
    response = show(400, STALE_FORM)
    if current_user.is_authenticated:
        response.headers["Duet-Session"] = str(current_user.login_session.id)
    return response


def database_error(error: SQLAlchemyError | OSError) -> ResponseReturnValue:
    """What the database, or the disk below it, suffers from. It needs no restart: the next request finds out for itself."""
    take_back()
    problem = problem_of(error)
    if problem is None:
        if current_app.testing:
            raise error
        return unexpected(error)
    current_app.extensions["problems"].meet(problem, error)
    response = show(problem.status, (problem.title, problem.text))
    response.headers["Retry-After"] = str(problem.retry_after)
    return response


def unexpected(error: Exception) -> ResponseReturnValue:
    take_back()
    log.exception("unexpected error on %s %s", request.method, request.path)
    return show(500)


def init_app(app: Flask) -> None:
    app.register_error_handler(CSRFError, csrf_error)
    app.register_error_handler(HTTPException, http_error)
    app.extensions["problems"] = Noted()
    for kind in (OperationalError, InternalError, InterfaceError, TimeoutError, OSError):
        app.register_error_handler(kind, database_error)
    if not app.testing:
        app.register_error_handler(Exception, unexpected)

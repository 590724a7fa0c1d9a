"""Where a member is sent: only to pages of this site, and to the login page in the way their browser can follow."""

import re
from urllib.parse import urlsplit

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Unauthorized

from blueprints.extensions import login_manager

LONGEST_TARGET = 2_000
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")


def safe_next(target: str | None) -> str | None:
    """``target`` if it is an absolute path on this site, else None: nothing that a browser could read as another host."""
    if not target or len(target) > LONGEST_TARGET or _FORBIDDEN.search(target):
        return None
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    return target if path.startswith("/") and "//" not in path else None


@login_manager.unauthorized_handler
def to_login() -> ResponseReturnValue:
    """A page, and a link that htmx follows, go to the login page; a form or a part of a page hears 401 and stays with what was typed:
    static/js/again.js asks for the password there. A program hears 401."""
    if "HX-Request" in request.headers:
        is_followed = request.method == "GET" and ("HX-Boosted" in request.headers or request.headers.get("HX-Request-Type") == "full")
        return "", 401, {"HX-Redirect": _login_page(_page_shown())} if is_followed else {}
    if request.accept_mimetypes.best_match(("text/html", "application/json", "text/event-stream"), "text/html") != "text/html":
        raise Unauthorized
    asked = request.full_path.rstrip("?") if request.method == "GET" else path_here(request.referrer)
    return redirect(_login_page(asked))


def _login_page(target: str | None) -> str:
    return url_for("accounts.login", next=safe_next(target))


def _page_shown() -> str | None:
    return path_here(request.headers.get("HX-Current-URL"))


def path_here(url: str | None) -> str | None:
    """Path and query of a URL of this very site."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    if parts.netloc != request.host:
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path

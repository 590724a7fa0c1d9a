"""Those who come back all at once take turns: everyone else's requests wait for a few of them, and not for all."""

import io
from collections.abc import Iterable
from typing import Any

import gevent
from flask import Flask
from gevent.lock import BoundedSemaphore

PATHS = {"/live", "/live/watch"}
AT_ONCE = 4  # enough to keep a database on another machine busy
MAX_WATCH_BYTES = 64_000
LET_OTHERS_SECONDS = 0.001  # more than none: the loop looks for what others sent before it comes back


def take_turns(app: Flask) -> None:
    """A stream has its turn while it is opened; from then on it takes none."""
    serve, turn = app.wsgi_app, BoundedSemaphore(AT_ONCE)

    def in_turn(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") not in PATHS or not read_body(environ):
            return serve(environ, start_response)
        with turn:
            gevent.sleep(LET_OTHERS_SECONDS)
            return serve(environ, start_response)

    app.wsgi_app = in_turn  # type: ignore[method-assign]


def read_body(environ: Any) -> bool:
    """What comes with the request, before its turn: whoever sends slowly, or never, must not hold up the others. What is too long to wait for has no turn."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if "HTTP_TRANSFER_ENCODING" in environ or not length.isdigit() or int(length) > MAX_WATCH_BYTES:
        return False
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
    return True

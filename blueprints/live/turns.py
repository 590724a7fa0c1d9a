"""Those who come back all at once take turns: everyone else's requests wait for a few of them, and not for all."""

from collections.abc import Iterable
from typing import Any

import gevent
from flask import Flask
from gevent.lock import BoundedSemaphore

PATHS = {"/live", "/live/watch"}
AT_ONCE = 4  # enough to keep a database on another machine busy
LET_OTHERS_SECONDS = 0.001  # more than none: the loop looks for what others sent before it comes back


def take_turns(app: Flask) -> None:
    """A stream has its turn while it is opened; from then on it takes none."""
    serve, turn = app.wsgi_app, BoundedSemaphore(AT_ONCE)

    def in_turn(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") not in PATHS:
            return serve(environ, start_response)
        with turn:
            gevent.sleep(LET_OTHERS_SECONDS)
            return serve(environ, start_response)

    app.wsgi_app = in_turn  # type: ignore[method-assign]

"""gunicorn with gevent, as ``make run`` and every deployment start it."""

import os
from typing import Any

import gevent

wsgi_app = "app:create_app()"
bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "gevent"
worker_connections = int(os.environ.get("LIVE_MAX_STREAMS", "10000")) + 2000  # open streams count: the app refuses before gunicorn hangs
graceful_timeout = 2
timeout = 30
keepalive = 5
limit_request_line = 8190  # an open deck names whom it shows, beside all its filters
forwarded_allow_ips = ""  # TRUSTED_PROXIES alone decides whose forwarded headers count
control_socket_disable = True
reload = os.environ.get("DUET_ENV") == "development"
loglevel = os.environ.get("LOG_LEVEL", "warning")


def pre_request(worker: Any, request: Any) -> None:
    """Let the others go first: a busy keep-alive connection would otherwise hold up notices and everyone else's requests."""
    gevent.sleep(0)


def post_worker_init(worker: Any) -> None:
    """Begin what runs in the background; tell the streams as soon as this worker is asked to stop, so that they do not hold it up."""
    live = worker.wsgi.extensions["live"]
    live.start()
    if worker.age == 1:  # the first of them says where it runs, once it does: from here on Ctrl-C ends it cleanly
        print(os.environ.get("DUET_GREETING", ""), flush=True)

    def wait_for_the_end() -> None:
        while worker.alive:
            gevent.sleep(0.1)
        live.stop()

    gevent.spawn(wait_for_the_end)

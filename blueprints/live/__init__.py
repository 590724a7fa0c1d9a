"""How a change reaches open pages: subjects with versions, ``announce``, the hub, the stream. See the README, "How live works"."""

from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
from flask import Flask
from markupsafe import Markup

from blueprints.live import bus as buses
from blueprints.live.announcements import EVERYTHING, Notice, announce, announce_again, announce_all, cut, end_streams, say
from blueprints.live.hub import Hub
from blueprints.live.subjects import NO_ID, subject
from blueprints.live.sweep import keep_sweeping
from blueprints.live.turns import take_turns

__all__ = ["EVERYTHING", "NO_ID", "Live", "Notice", "announce", "announce_again", "announce_all", "cut", "end_streams", "init_app", "say", "subject"]


@dataclass
class Live:
    """One worker's live layer. It starts with the worker or its first stream: a command, or a test, runs nothing in the background.

    ``background``: what features keep running beside it.
    """

    app: Flask
    hub: Hub = field(init=False)
    greenlets: list[gevent.Greenlet] = field(default_factory=list)
    background: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.hub = Hub(self.app.config["LIVE_HEARTBEAT_SECONDS"])
        self.bus = buses.connect(self.app.config["REDIS_URL"], self.hub.ring)

    def start(self) -> None:
        if not self.greenlets:
            self.greenlets = [
                gevent.spawn(self.hub.keep_beating),
                gevent.spawn(self.bus.listen),
                gevent.spawn(keep_sweeping, self.app, self.hub),
                *map(gevent.spawn, self.background),
            ]

    def stop(self) -> None:
        self.hub.stop()
        gevent.killall(self.greenlets, block=False)


def live(shown: str, url: str, pace: str = "") -> Markup:
    """The attributes of a live element: what it shows at which versions, and where htmx fetches it anew when one of them moves on.

    ``pace`` goes behind each trigger: ``throttle:3s`` for what is dear to make and may come a little later.
    """
    triggers = ", ".join(f"{word.partition('@')[0]} from:body {pace}".strip() for word in shown.split())
    return Markup('data-live="{}" hx-get="{}" hx-trigger="{}" hx-swap="outerMorph"').format(shown, url, triggers)


def init_app(app: Flask) -> None:
    from blueprints.live.routes import bp

    app.extensions["live"] = Live(app)
    app.jinja_env.globals["live"] = live
    app.register_blueprint(bp)
    take_turns(app)

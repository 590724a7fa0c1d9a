"""For designers: a saved template, style or script shows at once in every open page, by the same live layer as everything else."""

from collections.abc import Collection
from pathlib import Path

import gevent
from flask import Flask, current_app

from blueprints.live import NO_ID, Live, subject
from blueprints.live.announcements import Notice

LOOK_EVERY_SECONDS = 0.3


def saved_at() -> int:
    """When anything below templates/ or static/ was last saved, in milliseconds."""
    folders = (Path(current_app.root_path) / "templates", current_app.config["STATIC_PATH"])
    return max(path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*")) // 1_000_000


def keep_looking(app: Flask, live: Live) -> None:
    with app.app_context():
        while True:
            gevent.sleep(LOOK_EVERY_SECONDS)
            live.bus.publish(Notice("dev", saved_at()))


def init_app(app: Flask) -> None:
    if not app.config["DEVELOPMENT"]:
        return

    @subject("dev")
    def versions(viewer: object, ids: Collection[int]) -> dict[int, int]:
        return {NO_ID: saved_at()}

    gevent.spawn(keep_looking, app, app.extensions["live"])

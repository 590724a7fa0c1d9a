"""What a worker keeps saying of the members whose streams it holds. While nobody comes or goes it writes one statement in 25 seconds."""

import itertools
import logging
import secrets
import time
from dataclasses import dataclass, field

import gevent
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from blueprints.extensions import db, warn_seldom
from blueprints.live import Notice
from blueprints.presence.models import Presence, note_last_seen, note_without_stream
from blueprints.presence.tracker import Changes, Tracker

TICK_SECONDS = 1.0
REFRESH_SECONDS = 25.0  # twice within the minute for which a row counts
AT_ONCE = 200  # members in one transaction: after a restart they all come together

log = logging.getLogger(__name__)


@dataclass
class Keeper:
    """``worker`` names this process in the database. A stopping worker leaves its rows to those that hold its members next, or to the sweep:
    who comes back within a minute was never gone."""

    app: Flask
    worker: str = field(default_factory=lambda: secrets.token_hex(8))
    unwritten: Changes = field(default_factory=dict)
    refreshed: float = -REFRESH_SECONDS

    def __post_init__(self) -> None:
        live = self.app.extensions["live"]
        self.hub = live.hub
        self.tracker = Tracker(self.app.config["PRESENCE_GRACE_SECONDS"], self.app.config["PRESENCE_AWAY_SECONDS"])
        live.hub.listeners.append(self.hear)
        live.background.append(self.keep)

    def hear(self, notice: Notice) -> None:
        """Whoever's streams were ended may have been taken offline with them."""
        kind, _, account_id = notice.topic.partition("/")
        if kind == "end-account":
            self.tracker.doubt(int(account_id))

    def keep(self) -> None:
        while True:
            gevent.sleep(TICK_SECONDS)
            try:
                self.tick(time.monotonic())
            except SQLAlchemyError as error:  # the database is away: what is unwritten waits for the next round
                warn_seldom(log, error)
            except Exception:  # whatever it was: without this loop everybody stays where they are for ever
                log.exception("presence")

    def tick(self, now: float) -> None:
        self.unwritten |= self.tracker.step(self.hub.fronts, now)
        if self.unwritten:
            with self.app.app_context():
                self.write()
        if now - self.refreshed >= REFRESH_SECONDS:
            self.refreshed = now
            with self.app.app_context():
                self.refresh()

    def write(self) -> None:
        while self.unwritten:
            changes = dict(itertools.islice(self.unwritten.items(), AT_ONCE))
            Presence.note(self.worker, changes)
            db.session.commit()
            for account_id in changes:
                del self.unwritten[account_id]
            if gone := [account_id for account_id, seen in changes.items() if seen is None]:
                note_last_seen(gone)  # by itself: others hold accounts before profiles
                db.session.commit()

    def refresh(self) -> None:
        """Say that this worker lives, and take its part in noticing that others do not."""
        if self.tracker.said:
            rows = Presence.refresh(self.worker)
            db.session.commit()
            for account_id in self.tracker.said.keys() - set(rows):  # the database was away for so long that others swept them
                self.unwritten[account_id] = self.tracker.said[account_id]
        stale = Presence.stale()
        for first in range(0, len(stale), AT_ONCE):
            Presence.sweep(stale[first : first + AT_ONCE])
            db.session.commit()
        note_without_stream()
        db.session.commit()

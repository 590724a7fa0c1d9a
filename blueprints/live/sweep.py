"""Finds what the bell lost, and what other processes wrote: within two seconds, at a cost that does not grow with what is watched.

It believes no clock that somebody may set, and compares none of two machines: it reads on from where the journal ended a while ago.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
from flask import Flask
from prometheus_client import Counter
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from blueprints.extensions import db, warn_seldom
from blueprints.live.announcements import EVERYTHING, Announcement, Notice
from blueprints.live.hub import RECENT_SECONDS, Hub

SWEEP_SECONDS = 1.0
WINDOW_SECONDS = 20.0  # a transaction may commit this long after it announced; must stay below what the hub remembers
KEEP_SECONDS = 600.0
PRUNE_EVERY = 60
FIRST_LOOK = 200  # rows: what may have been under way when this worker started

assert WINDOW_SECONDS < RECENT_SECONDS

FOUND = Counter("duet_live_sweep_finds_total", "Notices that the bell had not brought")
log = logging.getLogger(__name__)


@dataclass
class Sweep:
    """One worker's reading of the journal: rings what was announced lately and not heard."""

    hub: Hub
    clock: Callable[[], float] = time.monotonic
    floor: int | None = None  # up to this row all is known
    ends: deque[tuple[float, int]] = field(default_factory=deque)  # when by the monotonic clock, and where the journal ended then
    pruned: deque[tuple[float, int]] = field(default_factory=deque)

    def look(self) -> int:
        """The number of notices found."""
        now = self.clock()
        newer = select(Announcement.topic, Announcement.version, Announcement.data).order_by(Announcement.version)
        with db.engine.connect().execution_options(reads_only=True) as connection:
            end = connection.scalar(select(func.max(Announcement.id))) or 0
            if self.ends and end < self.ends[-1][1]:
                self._begin_anew()
            if self.floor is None:
                self.floor = max(0, end - FIRST_LOOK)
            while self.ends and self.ends[0][0] <= now - WINDOW_SECONDS:
                self.floor = self.ends.popleft()[1]
            rows = connection.execute(newer.where(Announcement.id > self.floor)).all()
        self.ends.append((now, end))
        found = sum(self.hub.ring(Notice(*row)) for row in rows)
        FOUND.inc(found)
        return found

    def prune(self) -> None:
        """Forget what stood in the journal minutes ago, but never its last row, whose number the next ones count on from."""
        now = self.clock()
        with db.engine.begin() as connection:
            end = connection.scalar(select(func.max(Announcement.id))) or 0
            self.pruned.append((now, end))
            while self.pruned[0][0] <= now - KEEP_SECONDS:
                connection.execute(delete(Announcement).where(Announcement.id <= self.pruned.popleft()[1], Announcement.id < end))

    def look_at_everything(self) -> None:
        self.hub.ring(Notice(EVERYTHING, max(time.time_ns() // 1_000_000, self.hub.heard(EVERYTHING) + 1)))

    def _begin_anew(self) -> None:
        """The journal is shorter than it was: a backup was put back, perhaps."""
        self.floor = None
        self.ends.clear()
        self.pruned.clear()
        self.look_at_everything()


def keep_sweeping(app: Flask, hub: Hub) -> None:
    rounds, sweep, swept = 0, Sweep(hub), clocks()
    while True:
        gevent.sleep(SWEEP_SECONDS)
        rounds += 1
        try:
            with app.app_context():
                now = clocks()
                if max(here - there for here, there in zip(now, swept, strict=True)) > KEEP_SECONDS - WINDOW_SECONDS:
                    sweep.look_at_everything()  # the database was away, or this machine slept, for so long that the journal has lost something
                sweep.look()
                swept = now
                if rounds % PRUNE_EVERY == 0:
                    sweep.prune()
            hub.say_trouble(False)
        except SQLAlchemyError as error:  # the database is away; requests and streams say so, and the next round tries again
            hub.say_trouble(True)
            warn_seldom(log, error)
        except Exception:  # whatever it was: without this loop lost bells stay lost
            log.exception("sweep")


def clocks() -> tuple[float, float]:
    """One that nobody sets but that stands still while the machine sleeps, and one that goes on."""
    return time.monotonic(), time.time()

"""Finds what the bell lost, and what other processes wrote: within two seconds, at a cost that does not grow with what is watched."""

import logging
import time

import gevent
from flask import Flask
from prometheus_client import Counter
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from blueprints.extensions import db, warn_seldom
from blueprints.live.announcements import EVERYTHING, Announcement, Notice
from blueprints.live.hub import RECENT_SECONDS, Hub

SWEEP_SECONDS = 1.0
WINDOW_SECONDS = 20.0  # a transaction may commit this long after it announced; must stay below what the hub remembers
KEEP_SECONDS = 600.0
PRUNE_EVERY = 60

assert WINDOW_SECONDS < RECENT_SECONDS

FOUND = Counter("duet_live_sweep_finds_total", "Notices that the bell had not brought")
log = logging.getLogger(__name__)


def keep_sweeping(app: Flask, hub: Hub) -> None:
    rounds, swept = 0, time.time()
    while True:
        gevent.sleep(SWEEP_SECONDS)
        rounds += 1
        try:
            with app.app_context():
                if time.time() - swept > KEEP_SECONDS - WINDOW_SECONDS:  # the database was away for so long that the journal has lost something
                    hub.ring(Notice(EVERYTHING, time.time_ns() // 1_000_000))
                now = time.time()
                sweep(hub, since=min(now, swept) - WINDOW_SECONDS)
                swept = now
                if rounds % PRUNE_EVERY == 0:
                    prune()
            hub.say_trouble(False)
        except SQLAlchemyError as error:  # the database is away; requests and streams say so, and the next round tries again
            hub.say_trouble(True)
            warn_seldom(log, error)
        except Exception:  # whatever it was: without this loop lost bells stay lost
            log.exception("sweep")


def sweep(hub: Hub, since: float | None = None) -> int:
    """Ring what was announced lately and not heard; the number of notices found."""
    after = time.time() - WINDOW_SECONDS if since is None else since
    newer = select(Announcement.topic, Announcement.version, Announcement.data).where(Announcement.announced_at > after)
    with db.engine.connect().execution_options(reads_only=True) as connection:
        rows = connection.execute(newer.order_by(Announcement.version)).all()
    found = sum(hub.ring(Notice(*row)) for row in rows)
    FOUND.inc(found)
    return found


def prune() -> None:
    with db.engine.begin() as connection:
        connection.execute(delete(Announcement).where(Announcement.announced_at < time.time() - KEEP_SECONDS))

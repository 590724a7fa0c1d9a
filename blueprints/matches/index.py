"""Everyone who can be matched, in memory as columns: a deck is one pass of NumPy over them. Each worker has its own.

It is read from the database once and then kept fresh by the same announcements that refresh open pages: a notice marks a profile as
stale, and whoever reads next, or the background, loads those rows anew. It holds only what scoring and filters read; what a card
shows comes from the database, so that a late index may put a card in a wrong place for a moment but never shows a wrong card.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, TypeVar

import gevent
import numpy as np
from flask import Flask
from gevent.event import Event
from gevent.lock import RLock
from prometheus_client import Gauge
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from blueprints.accounts.models import Account
from blueprints.extensions import read_aside, warn_seldom
from blueprints.live import EVERYTHING, Notice
from blueprints.matches.scoring import Facts, facts_of
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.models import MATCHING_FIELDS, OTHER_ROLE, City, Profile

CHUNK = 200  # rows between two turns of the others
REFRESH_SECONDS = 60.0
HEAVY_ROWS = 5_000  # from here on a pass runs in a thread, so that streams and requests keep their latency

MASKS = ("niches", "near_niches", "industries", "campaigns", "platforms", "languages", "musts", "dont_minds")
FLAGS = ("rate_is_own", "remote")
FACTS = tuple(field.name for field in fields(Facts))
# Beside what scoring reads: what filters and sorting read. Moments are seconds since 1970.
OTHERS = {
    "id": np.int64, "version": np.int64, "created": np.float64, "seen": np.float64, "followers": np.float64,
    "engagement_percent": np.float64, "has_avatar": np.bool_, "is_there": np.bool_,
}  # fmt: skip

PROFILES = Gauge("duet_matches_indexed", "Profiles in this worker's index")
log = logging.getLogger(__name__)
R = TypeVar("R")
Ids = Sequence[int] | np.ndarray


class Many:
    """The formula's operations for arrays."""

    where = staticmethod(np.where)
    no = staticmethod(np.logical_not)
    minimum = staticmethod(np.minimum)
    maximum = staticmethod(np.maximum)
    sqrt = staticmethod(np.sqrt)
    arcsin = staticmethod(np.arcsin)

    def known(self, value: Any) -> Any:
        return np.logical_not(np.isnan(value))

    def count(self, mask: Any) -> Any:
        return np.bitwise_count(mask)


MANY = Many()


class Table:
    """The profiles of one role, a column for each fact. A row is written in place: a pass in a thread may meet one half new, and the
    notice that follows the change puts that right."""

    def __init__(self) -> None:
        self.length = 0
        self.free: list[int] = []
        self.row_of = np.full(1024, -1, np.int32)
        kinds = {name: np.uint64 if name in MASKS else np.bool_ if name in FLAGS else np.float64 for name in FACTS} | OTHERS
        self.columns: dict[str, Any] = {name: np.zeros(1024, kind) for name, kind in kinds.items()}

    def __getitem__(self, name: str) -> Any:
        return self.columns[name][: self.length]

    def facts(self, rows: Any = slice(None)) -> Facts:
        return Facts(**{name: self[name][rows] for name in FACTS})

    def rows(self, ids: Ids) -> Any:
        """Where these profiles stand; those that are not here are left out."""
        wanted = np.asarray(ids, np.int64)
        found = self.row_of[wanted[(wanted >= 0) & (wanted < len(self.row_of))]]
        return found[found >= 0]

    def among(self, rows: Any, ids: Ids) -> Any:
        """Which of these rows are of these profiles."""
        found = self.rows(ids)  # first: somebody who comes meanwhile is then still within the length
        marked = np.zeros(self.length, np.bool_)
        marked[found] = True
        return marked[rows]

    def put(self, id: int, facts: Facts, others: dict[str, Any]) -> None:
        row = self._row(id)
        for name in FACTS:
            self.columns[name][row] = getattr(facts, name)
        for name, value in others.items():
            self.columns[name][row] = value
        self.columns["id"][row] = id
        self.columns["is_there"][row] = True

    def drop(self, id: int) -> None:
        for row in self.rows([id]):
            for name in ("is_there", *self.columns):  # nothing of them is left
                self.columns[name][row] = 0
            self.row_of[id] = -1
            self.free.append(int(row))

    def _row(self, id: int) -> int:
        if id >= len(self.row_of):
            self.row_of = np.concatenate([self.row_of, np.full(max(id + 1 - len(self.row_of), len(self.row_of)), -1, np.int32)])
        if self.row_of[id] < 0:
            if not self.free:
                self._grow()
            self.row_of[id] = self.free.pop()
        return int(self.row_of[id])

    def _grow(self) -> None:
        if self.length == len(self.columns["id"]):
            self.columns = {name: np.concatenate([column, np.zeros(self.length // 2, column.dtype)]) for name, column in self.columns.items()}
        self.free.append(self.length)
        self.length += 1


class Index:
    """Both sides of the community. ``read(role)`` gives a table that is as fresh as what this worker has heard, and after ``catch_up`` as
    what anybody has said."""

    def __init__(self) -> None:
        self.tables = {role: Table() for role in OTHER_ROLE}
        self.versions = dict.fromkeys(OTHER_ROLE, 0)  # of the decks each role looks at: what changed up to there is in the tables, or stale
        self.stale: set[int] = set()
        self.is_built = self.is_old = self.is_building = self.is_loading = self.has_background = False
        self.news = Event()
        self._lock = RLock()
        self._seen_until = 0.0

    def hear(self, notice: Notice) -> None:
        """Every notice that rings in this worker."""
        if notice.topic == EVERYTHING:
            self.is_old = True
            self.news.set()
        elif notice.subject.startswith("profile:"):
            self.stale.add(int(notice.subject.partition(":")[2]))
            self.news.set()
        elif notice.subject == "deck" and (role := notice.topic.partition("/")[2]) in OTHER_ROLE and not self.is_building:
            profile = notice.said.get("profile")
            if profile and notice.version == self.versions[role] + 1:
                self.stale.add(profile)
                self.versions[role] = notice.version

    def read(self, role: str) -> Table:
        """The first reader builds it; others wait for that one. While the background builds it anew, the old one serves."""
        if not self.is_built or (not self.has_background and self.is_old) or ((self.stale or self.is_loading) and not self.is_building):
            self.freshen()
        return self.tables[role]

    def catch_up(self, role: str, version: int) -> int:
        """Before a deck of ``role`` is made: see to it that what is read has ``version``, though its bells may be lost or still on their way.
        Returns the version that it has: an older one while everything is built anew."""
        if not self.is_built:
            self.freshen()
        if version > self.versions[role] and not self.is_building:
            now, changed = DeckVersion.changed_since(role, self.versions[role])
            if changed is not None:
                self.stale |= changed
                self.versions[role] = max(now, self.versions[role])
            else:
                self.is_old = True
                self.news.set()
                self.read(role)
        return min(version, self.versions[role])

    def freshen(self) -> None:
        with self._lock:
            self._freshen()

    def _freshen(self) -> None:
        self._load_stale()
        if not self.is_built or self.is_old:
            self.is_building, self.is_old = True, False
            try:
                self._build()
            except Exception:
                self.is_old = True
                raise
            finally:
                self.is_building = False
            self._load_stale()

    def _load_stale(self) -> None:
        while self.stale and self.is_built:
            ids = [self.stale.pop() for _ in range(min(len(self.stale), CHUNK))]
            self.is_loading = True
            try:
                self._load(ids)
            except SQLAlchemyError:
                self.stale.update(ids)
                raise
            finally:
                self.is_loading = False

    def _build(self) -> None:
        """All anew; what changes meanwhile is marked as stale or as old again."""
        started = time.monotonic()
        versions = dict.fromkeys(OTHER_ROLE, 0) | {row.role: row.version for row in read_aside(select(DeckVersion.role, DeckVersion.version))}
        tables = {role: Table() for role in OTHER_ROLE}
        for role, table in tables.items():
            last = 0
            while rows := read_aside(everyone(role).where(Profile.id > last).limit(CHUNK)):
                for row in rows:
                    _put(table, row)
                last = rows[-1].id
                gevent.sleep(0)
        self.tables, self.versions, self.is_built, self._seen_until = tables, versions, True, time.time()
        self._count()
        log.info("index: %s profiles in %.1f s", self.size, time.monotonic() - started)

    def _load(self, ids: Sequence[int]) -> None:
        for role, table in self.tables.items():
            found = {row.id: row for row in read_aside(everyone(role).where(Profile.id.in_(ids)))}
            for id in ids:
                if id in found:
                    _put(table, found[id])
                else:
                    table.drop(id)
        self._count()

    @property
    def size(self) -> int:
        return sum(int(table["is_there"].sum()) for table in self.tables.values())

    def refresh_seen(self) -> None:
        """Who was here lately; that is announced to nobody."""
        since, self._seen_until = self._seen_until - REFRESH_SECONDS, time.time()
        seen = select(Profile.id, Profile.role, Account.last_seen_at).join(Profile.account).where(Account.last_seen_at > _moment(since))
        for id, role, moment in read_aside(seen):
            for row in self.tables[role].rows([id]):
                self.tables[role].columns["seen"][row] = moment.timestamp()

    def _count(self) -> None:
        PROFILES.set(self.size)

    def keep_fresh(self, app: Flask, then: Callable[[], None]) -> None:
        """For ever, in the background: load what changed as soon as it is heard, then tell ``then``."""
        self.has_background, refreshed = True, time.monotonic()
        while True:
            try:
                with app.app_context():
                    self.freshen()
                    then()
                    if time.monotonic() - refreshed > REFRESH_SECONDS:
                        refreshed = time.monotonic()
                        self.refresh_seen()
            except SQLAlchemyError as error:  # the database is away; the next round tries again
                warn_seldom(log, error)
                self.news.set()
                gevent.sleep(1)
            except Exception:  # whatever it was: without this loop every open deck would go stale in silence
                log.exception("index: could not follow a change")
                gevent.sleep(1)
            self.news.wait(REFRESH_SECONDS)
            self.news.clear()


def everyone(role: str) -> Any:
    """What the index holds of each profile of ``role`` that the other side may see, by the one rule of visibility."""
    visible = Profile.visible_to(SimpleNamespace(role=OTHER_ROLE[role], id=None)).where(Profile.role == role)
    said = [getattr(Profile, name) for name in MATCHING_FIELDS if name != "city"]
    others = [Profile.id, Profile.version, Profile.avatar, Profile.created_at, Account.last_seen_at, City.latitude, City.longitude]
    return visible.outerjoin(City, City.id == Profile.city_id).with_only_columns(*others, *said).order_by(Profile.id)


def _put(table: Table, row: Any) -> None:
    others = {
        "version": row.version,
        "created": row.created_at.timestamp(),
        "seen": row.last_seen_at.timestamp() if row.last_seen_at else 0.0,
        "followers": np.nan if row.audience_size is None else row.audience_size,
        "engagement_percent": np.nan if row.engagement_rate is None else row.engagement_rate,
        "has_avatar": row.avatar is not None,
    }
    table.put(row.id, facts_of(row, row.latitude, row.longitude), others)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(max(0.0, seconds), UTC)


def off_the_loop(rows: int, work: Callable[..., R], *arguments: Any) -> R:
    """A pass over so many rows: in a thread where it would hold others up."""
    if rows < HEAVY_ROWS:
        return work(*arguments)
    return gevent.get_hub().threadpool.apply(work, arguments)

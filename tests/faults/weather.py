"""What goes wrong: each kind of fault, and a seeded plan of them."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
import redis

from tests.faults.proxy import FATES, Proxy
from tests.servers import Redis, Server

BETWEEN = (0.1, 0.28)  # seconds from one fault to the next


@dataclass
class Weather:
    """``happened``: how often each fault did. ``ends``: when each was over."""

    server: Server
    proxy: Proxy
    chance: random.Random
    redis: Redis | None = None
    postgres: str | None = None
    happened: Counter[str] = field(default_factory=Counter)
    ends: list[float] = field(default_factory=list)
    _server_is_mine: asyncio.Lock = field(default_factory=asyncio.Lock)
    _redis_is_mine: asyncio.Lock = field(default_factory=asyncio.Lock)
    _locking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def kinds(self) -> list[tuple[Callable[[], Awaitable[None]], int, int]]:
        """Each with its weight, and how often at most in 120: what starts Python anew costs seconds of a processor."""
        kinds: list[tuple[Callable[[], Awaitable[None]], int, int]] = [
            (self.spoil_writes, 34, 1_000), (self.cut_streams, 14, 1_000), (self.cut_requests, 10, 1_000), (self.leave_half_open, 10, 1_000),
            (self.slow_down, 6, 1_000), (self.freeze_a_worker, 8, 1_000), (self.lock_the_database, 8, 1_000),
            (self.kill_a_worker, 2, 2), (self.deploy, 1, 1), (self.restart, 1, 1), (self.kill_all, 1, 1),
        ]  # fmt: skip
        if self.redis:
            kinds += [(self.cut_the_bus, 10, 1_000), (self.freeze_redis, 5, 1_000), (self.restart_redis, 1, 1)]
        if self.postgres:
            kinds += [(self.end_database_sessions, 8, 1_000)]
        return kinds

    def plan(self, faults: int) -> Iterator[Callable[[], Awaitable[None]]]:
        """First as many as are wanted, each kind among them, in any order, but the dear ones not at the end, where the others would have to wait for them; then of those that are not dear without end."""
        cheap = [(kind, weight) for kind, weight, most in self.kinds if most == 1_000]
        dear = [kind for kind, _, most in self.kinds if most < 1_000 for _ in range(most * max(1, faults // 120))]
        some = partial(self.chance.choices, [kind for kind, _ in cheap], [weight for _, weight in cheap])
        each = [kind for kind, _ in cheap]
        first = [*each, *some(k=max(0, faults - len(dear) - len(each)))]
        self.chance.shuffle(first)
        for kind in dear:
            first.insert(self.chance.randrange(1 + 2 * len(first) // 3), kind)
        yield from first
        while True:
            yield from some(k=1)

    async def blow(self, faults: int, within: float) -> None:
        """One after the other, without waiting for the end of any, until so many happened (a cut with nothing to cut is none); it returns when all are over."""
        running: list[asyncio.Task[None]] = []
        give_up = time.monotonic() + within
        for fault in self.plan(faults):
            if self.happened.total() + self.proxy.fallen.total() >= faults or time.monotonic() > give_up:
                break
            running.append(asyncio.create_task(self._happen(fault)))
            await asyncio.sleep(self.chance.uniform(*BETWEEN))
        await asyncio.gather(*running)
        self.proxy.fates.clear()
        self.happened.update(self.proxy.fallen)

    async def _happen(self, fault: Callable[[], Awaitable[None]]) -> None:
        await fault()
        self.ends.append(time.monotonic())

    def _count(self, kind: str) -> None:
        self.happened[kind] += 1

    # The network.

    async def spoil_writes(self) -> None:
        """Counted by the proxy, once a write comes along that it befalls."""
        if len(self.proxy.fates) < 4:
            self.proxy.fates.append(self.chance.choice(FATES))
        else:
            await self.cut_streams()

    async def cut_streams(self) -> None:
        self._cut("stream", self.chance.choice((1, 2, 100)))

    async def cut_requests(self) -> None:
        self._cut(self.chance.choice(("watch", "read", "write")), 4)

    def _cut(self, kind: str, most: int) -> None:
        links = self.proxy.some(kind, most, self.chance)
        for link in links:
            link.cut()
        if links:
            self._count(f"{kind} cut")

    async def leave_half_open(self) -> None:
        """Neither end hears that the other is gone."""
        links = [link for kind in ("stream", "read", "watch") for link in self.proxy.some(kind, 1, self.chance)]
        for link in links:
            link.flowing.clear()
        if links:
            self._count("left half open")

    async def slow_down(self) -> None:
        self.proxy.lag = self.chance.uniform(0.05, 0.4)
        self._count("network slow")
        await asyncio.sleep(self.chance.uniform(0.5, 1.0))
        self.proxy.lag = 0.0

    # The server.

    @property
    def workers(self) -> list[int]:
        assert self.server.process
        master = self.server.process.pid
        with contextlib.suppress(OSError):
            return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]
        return []

    async def freeze_a_worker(self) -> None:
        if self._signal(pid := self._worker(), signal.SIGSTOP):
            self._count("worker frozen")
            await asyncio.sleep(self.chance.choice((0.1, 0.3, 0.6, 1.0, 2.0)))
            self._signal(pid, signal.SIGCONT)

    async def kill_a_worker(self) -> None:
        async with self._server_is_mine:
            if self._signal(self._worker(), signal.SIGKILL):
                self._count("worker killed")
                await self._ready()

    async def deploy(self) -> None:
        """New workers take over from the old ones."""
        async with self._server_is_mine:
            assert self.server.process
            self.server.process.send_signal(signal.SIGHUP)
            self._count("workers replaced")
            await self._ready()

    async def restart(self) -> None:
        async with self._server_is_mine:
            await asyncio.to_thread(self.server.stop)
            self._count("server restarted")
            await asyncio.to_thread(self.server.start)

    async def kill_all(self) -> None:
        async with self._server_is_mine:
            await asyncio.to_thread(self.server.stop, signal.SIGKILL)
            self._count("all killed")
            await asyncio.to_thread(self.server.start)

    async def _ready(self) -> None:
        await asyncio.to_thread(self.server.wait_until_ready)

    def _worker(self) -> int:
        return self.chance.choice(self.workers or [0])

    @staticmethod
    def _signal(pid: int, what: signal.Signals) -> bool:
        with contextlib.suppress(ProcessLookupError):
            if pid:
                os.kill(pid, what)
                return True
        return False

    # The database.

    async def lock_the_database(self) -> None:
        seconds = self.chance.choice((0.1, 0.1, 0.2, 0.2, 0.4, 0.8, self.chance.uniform(1, 6)))
        table = self.chance.random() < 0.3
        async with self._locking:
            await asyncio.to_thread(self._lock_postgres, min(seconds, 1.0) if table else seconds, table) if self.postgres else await asyncio.to_thread(self._lock_sqlite, seconds)

    def _lock_sqlite(self, seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(self.server.instance / "duet.sqlite3", timeout=5, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._count("database locked")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    def _lock_postgres(self, seconds: float, table: bool) -> None:
        assert self.postgres
        with psycopg.connect(self.postgres) as connection:
            connection.execute("SET lock_timeout = '5s'")
            with contextlib.suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                connection.execute("LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE" if table else "SELECT id FROM accounts ORDER BY id FOR UPDATE")
                self._count("table locked" if table else "rows locked")
                time.sleep(seconds)
            connection.rollback()

    async def end_database_sessions(self) -> None:
        await asyncio.to_thread(self._end_database_sessions)

    def _end_database_sessions(self) -> None:
        assert self.postgres
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'duet-faults'"
        with psycopg.connect(self.postgres) as connection:
            row = connection.execute(ended + self.chance.choice(("", " AND random() < 0.3"))).fetchone()
        if row and row[0]:
            self._count("database sessions ended")

    # The bus.

    async def cut_the_bus(self) -> None:
        assert self.redis
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.redis.url, socket_timeout=2) as connection:
            if connection.execute_command("CLIENT", "KILL", "TYPE", "pubsub"):
                self._count("bus cut")

    async def freeze_redis(self) -> None:
        assert self.redis
        if self._signal(pid := self.redis.pid, signal.SIGSTOP):
            self._count("redis frozen")
            await asyncio.sleep(self.chance.uniform(0.3, 1.5))
            self._signal(pid, signal.SIGCONT)

    async def restart_redis(self) -> None:
        assert self.redis
        async with self._redis_is_mine:
            await asyncio.to_thread(self.redis.stop)
            await asyncio.sleep(self.chance.uniform(0.0, 0.8))
            await asyncio.to_thread(self.redis.start)
        self._count("redis restarted")

"""The bell between workers: in process with one, Redis pub/sub with several. It may lose a ring; the sweep finds what it lost."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

import gevent
import redis

from blueprints.live.announcements import Notice

CHANNEL = "duet:live"
RETRY_SECONDS = 1.0
REST_SECONDS = 3.0

log = logging.getLogger(__name__)
Ring = Callable[[Notice], Any]


class Bus(Protocol):
    """Carries notices to the hub of every worker."""

    is_up: bool
    reaches_others: bool
    connections: int  # so many times it was connected: what was said between two of them was not heard

    def publish(self, notice: Notice) -> bool:
        """Ring here and elsewhere; False when elsewhere could not be reached."""
        ...

    def listen(self) -> None: ...


class LocalBus:
    """One worker: the hub is called at once, within the commit's own greenlet."""

    is_up = True
    reaches_others = False
    connections = 0

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def publish(self, notice: Notice) -> bool:
        self._ring(notice)
        return True

    def listen(self) -> None:
        pass


class RedisBus:
    """Many workers: each rings its own hub at once and Redis carries the notice to the others."""

    reaches_others = True

    def __init__(self, url: str, ring: Ring) -> None:
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
        self._ring = ring
        self._rest_until = 0.0
        self.is_up = True
        self.connections = 0

    def publish(self, notice: Notice) -> bool:
        """After a failure the next few seconds do not wait for Redis again: the edit is saved, and every worker's sweep rings it."""
        self._ring(notice)
        if time.monotonic() < self._rest_until:
            return False
        try:
            self._redis.publish(CHANNEL, json.dumps([notice.topic, notice.version, notice.data]))
        except redis.RedisError as error:
            self._rest_until = time.monotonic() + REST_SECONDS
            self.is_up = False
            log.warning("bus: could not publish: %s", error)
            return False
        self.is_up = True
        return True

    def listen(self) -> None:
        """Ring what others publish, for ever; comes back by itself after Redis was away."""
        while True:
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    subscription.subscribe(CHANNEL)
                    self.is_up = True
                    self.connections += 1
                    while True:
                        message = subscription.get_message(timeout=10)
                        if message:
                            self._hear(message["data"])
            except redis.RedisError as error:
                self.is_up = False
                log.warning("bus: lost Redis, trying again: %s", error)
                gevent.sleep(RETRY_SECONDS)

    def _hear(self, said: bytes) -> None:
        try:
            self._ring(Notice(*json.loads(said)))
        except (ValueError, TypeError):  # of another version, perhaps; what matters is in the journal too
            log.exception("bus: could not read a notice")


def connect(url: str | None, ring: Ring) -> Bus:
    return RedisBus(url, ring) if url else LocalBus(ring)

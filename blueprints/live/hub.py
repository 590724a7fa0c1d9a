"""Who listens to what in this worker, and the one place that hands notices to streams."""

import itertools
import json
import logging
import math
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter

import gevent
from gevent.event import Event
from prometheus_client import Counter, Gauge

from blueprints.live.announcements import EVERY_ID, OF_THE_MOMENT, Notice, frame

STREAMS_PER_ACCOUNT = 10
STUCK_SECONDS = 60  # a reader that took nothing for this long is let go; it comes back by itself and catches up
RECENT_SECONDS = 60
NEVER = (-1, 0.0)
SPREAD_EACH_MS = 4  # what bringing one stream back costs a worker, with room for everyone else's requests
SPREAD_LEAST_MS, SPREAD_MOST_MS = 1_000, 30_000

STREAMS = Gauge("duet_live_streams", "Open streams in this worker")
OPENED = Counter("duet_live_streams_opened_total", "Streams opened since this worker started")
NOTICES = Counter("duet_live_notices_total", "Notices rung, by kind", ["kind"])
DELIVERIES = Counter("duet_live_deliveries_total", "Notices handed to streams")


log = logging.getLogger(__name__)


@lru_cache(64)
def beat(spread: int | None, has_trouble: bool) -> bytes:
    """The bytes all streams share: that the server lives, and only what is news."""
    return frame("beat", {**({"spread": spread} if spread else {}), **({"trouble": True} if has_trouble else {})})


@dataclass(eq=False)
class Stream:
    """One open browser. What waits for it is a map subject → newest frame: bounded by what it watches, however slowly it reads."""

    account_id: int
    session_id: int
    expires_at: float = math.inf
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    topics: set[str] = field(default_factory=set)
    pending: dict[str, bytes] = field(default_factory=dict)
    closed: bool = False
    wake: Event = field(default_factory=Event)
    writer: gevent.Greenlet | None = None
    reading_since: float | None = None
    watch_number: int = 0
    hidden: bool = False  # no tab of this browser is in front
    spread: int = 0  # as it was told with a beat

    def is_news(self, number: int) -> bool:
        """Watch calls may overtake each other on their way; the browser numbers them, and an older one is ignored. 0: not numbered."""
        if number and number <= self.watch_number:
            return False
        self.watch_number = number or self.watch_number
        return True

    def put(self, name: str, data: bytes) -> None:
        self.pending[name] = data
        self.wake.set()

    def frames(self) -> Iterator[bytes]:
        """The bytes to send, as they come; ends when the stream is closed. The head goes out with the first of them."""
        current = gevent.getcurrent()
        self.writer = current if isinstance(current, gevent.Greenlet) else None
        while True:
            self.wake.wait()
            self.wake.clear()
            waiting, self.pending = self.pending, {}
            self.reading_since = time.monotonic()
            if waiting:
                yield b"".join(waiting.values())
            self.reading_since = None
            if self.closed and not self.pending:
                return

    @property
    def is_stuck(self) -> bool:
        return self.reading_since is not None and time.monotonic() - self.reading_since > STUCK_SECONDS


class Hub:
    """Topic → streams of one worker. Everything runs on the worker's one thread, so a dictionary needs no lock."""

    def __init__(self, heartbeat_seconds: int = 15) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self.streams: dict[str, Stream] = {}
        self.listeners: list[Callable[[Notice], None]] = []  # what in this worker remembers something hears every notice, and must be quick
        self._by_topic: dict[str, set[Stream]] = defaultdict(set)
        self._by_account: dict[int, list[Stream]] = defaultdict(list)
        self._heard: dict[str, tuple[int, float]] = {}
        self._heard_of_all: dict[str, tuple[int, float]] = {}
        self._cuts: dict[int, dict[str, float]] = defaultdict(dict)
        self._beats: Iterator[int] = itertools.cycle(range(heartbeat_seconds))
        self._wheel: list[set[Stream]] = [set() for _ in range(heartbeat_seconds)]
        self.spread = SPREAD_LEAST_MS
        self.has_trouble = False

    def open(self, account_id: int, session_id: int, expires_at: float = math.inf, **said: object) -> Stream:
        """A new stream, until its session expires (seconds since 1970); the account's oldest is closed when it would be one too many.

        ``said``: what else its first frame tells.
        """
        mine = self._by_account[account_id]
        while len(mine) >= STREAMS_PER_ACCOUNT:
            self.close(mine[0], "full")
        stream = Stream(account_id, session_id, expires_at)
        stream.put("stream", frame("stream", {"id": stream.id, "beat": self.heartbeat_seconds, "spread": self.spread, **said}))
        self.streams[stream.id] = stream
        mine.append(stream)
        self._wheel[next(self._beats)].add(stream)
        OPENED.inc()
        STREAMS.set(len(self.streams))
        if self.heard(f"end-session/{session_id}") >= 0:  # it ended between its check and now
            self.close(stream, "session")
        return stream

    def close(self, stream: Stream, why: str, **said: object) -> None:
        """Say why, then end; the stream hears nothing more from here on."""
        if self.leave(stream):
            stream.pending.clear()
            stream.closed = True
            stream.put("end", frame("end", {"why": why, **said}))

    def leave(self, stream: Stream) -> bool:
        """Forget a stream whose reader went away; False when it was forgotten before."""
        if self.streams.pop(stream.id, None) is None:
            return False
        self.watch(stream, ())
        self._by_account[stream.account_id].remove(stream)
        if not self._by_account[stream.account_id]:
            del self._by_account[stream.account_id]
        for slot in self._wheel:
            slot.discard(stream)
        STREAMS.set(len(self.streams))
        return True

    def watch(self, stream: Stream, topics: Collection[str]) -> None:
        """Subscribe the stream to exactly these topics; one that was closed meanwhile hears nothing more."""
        if stream.id not in self.streams:
            topics = ()
        for topic in stream.topics.difference(topics):
            self._by_topic[topic].discard(stream)
            if not self._by_topic[topic]:
                del self._by_topic[topic]
        for topic in set(topics) - stream.topics:
            self._by_topic[topic].add(stream)
        stream.topics = set(topics)

    @property
    def accounts(self) -> list[int]:
        """Those who have a stream here."""
        return list(self._by_account)

    @property
    def fronts(self) -> dict[int, bool]:
        """The same, each with whether a tab of theirs is in front."""
        return {account_id: not all(map(attrgetter("hidden"), streams)) for account_id, streams in self._by_account.items()}

    def is_watched(self, topic: str) -> bool:
        return topic in self._by_topic

    def heard(self, topic: str) -> int:
        """The newest version of a topic that rang here lately, by itself or for all its kind; -1 for none."""
        newest = self._heard.get(topic, NEVER)[0]
        if self._heard_of_all:  # seldom any, and a page asks for all that it shows
            subject, _, audience = topic.partition("/")
            newest = max(newest, self._heard_of_all.get(f"{subject.partition(':')[0]}:{EVERY_ID}/{audience}", NEVER)[0])
        return newest

    def cuts(self, account_id: int, within: float = math.inf) -> set[str]:
        """The cuts of an account that rang here lately, each by its topic. They have no order: several machines make them."""
        after = time.monotonic() - within
        return {topic for topic, heard_at in self._cuts.get(account_id, {}).items() if heard_at > after}

    def ring(self, notice: Notice) -> bool:
        """Hand a notice to all who watch its topic; False when a bell or a sweep brought it before."""
        if notice.topic.startswith("watch/"):
            self._watch_for_another_worker(**json.loads(notice.data))
            return True
        if notice.version != OF_THE_MOMENT:
            if notice.version <= self.heard(notice.topic):
                return False
            memory = self._heard_of_all if f":{EVERY_ID}/" in notice.topic else self._heard
            memory[notice.topic] = (notice.version, time.monotonic())
        kind, _, audience = notice.topic.partition("/")
        NOTICES.labels(kind.partition(":")[0]).inc()
        for listener in self.listeners:
            try:
                listener(notice)
            except Exception:  # another worker, of another version perhaps, said what this one cannot read: nobody else shall miss the notice
                log.exception("could not hear %s", notice.topic)
        if kind == "end-session":
            self._end([stream for stream in self.streams.values() if stream.session_id == int(audience)])
        elif kind == "end-account":
            self._end(list(self._by_account.get(int(audience), ())))
        elif kind == "cut":
            account = int(audience.partition(".")[0])
            self._cuts[account][notice.topic] = time.monotonic()
            self._cut(list(self._by_account.get(account, ())), notice.said["subjects"])
        elif kind.endswith(f":{EVERY_ID}"):
            self._ring_every(notice, kind.removesuffix(EVERY_ID), audience)
        else:
            self._deliver(notice)
        return True

    def _deliver(self, notice: Notice) -> None:
        watching = self._by_topic.get(notice.topic)
        if watching:
            DELIVERIES.inc(len(watching))
            for stream in tuple(watching):
                stream.put(notice.subject, notice.frame)
                if notice.is_gone:
                    self.watch(stream, stream.topics - {notice.topic})

    def _cut(self, streams: Collection[Stream], subjects: Collection[str]) -> None:
        for stream in streams:
            for topic in [topic for topic in stream.topics if topic.partition("/")[0] in subjects]:
                self.watch(stream, stream.topics - {topic})
                stream.put(topic.partition("/")[0], frame(topic.partition("/")[0], {"gone": True}))

    def _ring_every(self, notice: Notice, prefix: str, audience: str) -> None:
        for stream in self._by_account.get(int(audience), ()):
            for topic in stream.topics:
                if topic.startswith(prefix):
                    subject = topic.partition("/")[0]
                    stream.put(subject, notice.frame_for(subject))
                    DELIVERIES.inc()

    def _watch_for_another_worker(self, stream: str, account: int, number: int, topics: dict[str, int], cuts: list[str], hidden: bool) -> None:
        """What the other worker read of the database may be older than what rang here meanwhile."""
        ours = self.streams.get(stream)
        if ours and ours.account_id == account and ours.is_news(number):
            ours.hidden = hidden
            if self.cuts(account, RECENT_SECONDS / 2) - set(cuts):  # something became invisible; a cut of longer ago the other only forgot
                self.close(ours, "again")  # what may be watched has to be asked anew
                return
            self.watch(ours, topics)
            for topic, version in topics.items():
                newest = Notice(topic, self.heard(topic))
                if newest.version > version:
                    ours.put(newest.subject, newest.frame)

    def _end(self, streams: Collection[Stream]) -> None:
        for stream in streams:
            self.close(stream, "session")

    def refresh_spread(self) -> None:
        """Over how many milliseconds those who are here should spread when they come back all at once; moves only if their number moved much."""
        fitting = min(SPREAD_MOST_MS, max(SPREAD_LEAST_MS, SPREAD_EACH_MS * len(self.streams)))
        if not 0.8 <= fitting / self.spread <= 1.25:
            self.spread = fitting

    def say_trouble(self, has_trouble: bool) -> None:
        """The database went away, or is back: every open page says so, without waiting until its member's next request fails."""
        if has_trouble != self.has_trouble:
            self.has_trouble = has_trouble
            for stream in list(self.streams.values()):
                self._beat(stream)

    def _beat(self, stream: Stream) -> None:
        news = stream.spread != self.spread
        stream.spread = self.spread
        stream.put("beat", beat(self.spread if news else None, self.has_trouble))

    def stop(self) -> None:
        """The worker stops: tell every stream to come back elsewhere, spread over a few seconds."""
        self.refresh_spread()
        for stream in list(self.streams.values()):
            self.close(stream, "restart", within=self.spread)

    def keep_beating(self) -> None:
        """One wheel for all: each second a share of the streams gets its heartbeat, and readers that are stuck are let go."""
        for tick in itertools.count():
            gevent.sleep(1)
            self.refresh_spread()
            for stream in tuple(self._wheel[tick % self.heartbeat_seconds]):
                if time.time() > stream.expires_at:
                    self.close(stream, "session")  # the page asks, and opens another if the member was seen elsewhere meanwhile
                elif stream.is_stuck and stream.writer:
                    self.leave(stream)
                    stream.writer.kill(block=False)
                else:
                    self._beat(stream)
            if tick % RECENT_SECONDS == 0:
                old = time.monotonic() - RECENT_SECONDS
                for memory in (self._heard, self._heard_of_all):
                    for topic in [topic for topic, (_, heard_at) in memory.items() if heard_at <= old]:
                        del memory[topic]
                fresh = {account: self.cuts(account, RECENT_SECONDS) for account in self._cuts}
                self._cuts = defaultdict(dict, {account: {topic: self._cuts[account][topic] for topic in topics} for account, topics in fresh.items() if topics})

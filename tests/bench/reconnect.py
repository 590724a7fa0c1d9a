"""The server is killed while many streams are open, and comes back: when is every client right again, and how do others fare meanwhile?

The client here does what ``connection.js`` does: it waits for a part of the spread that the server asked for, tries again at even
pauses, says in the stream's address what it shows, and asks by a watch call while no stream is to be had.
"""

import heapq
import itertools
import json
import re
import resource
import secrets
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from blueprints.accounts.models import Account, LoginSession
from blueprints.extensions import db
from blueprints.profiles.models import Profile
from tests.bench.community import community, say
from tests.bench.load import cpu_seconds, percentile
from tests.conftest import PASSWORD, Cast, app_on
from tests.servers import Server, duet
from tests.visitor import Visitor

SOONEST, LEAST_SPREAD = 0.4, 1.0
ASK_EVERY = 0.02  # a member who asks for a card, whatever else happens
SETTLE_SECONDS = 17  # a beat has reached every stream, and told the spread
GIVE_UP_SECONDS = 40
CARDS = 60


def reconnect() -> None:
    back = come_back(500)
    say("500 streams, server killed: from its being back to each client right",
        f"p50 {percentile(back.took, 0.5):.1f} s, p95 {percentile(back.took, 0.95):.1f} s, {back.failed} wrong", "p95 < 3 s")
    say("a card asked every 20 ms meanwhile", back.others, "p99 < 500 ms")


def reconnect_2000() -> None:
    back = come_back(2_000)
    say("2,000 streams, server killed: from its being back to all clients right",
        f"p50 {percentile(back.took, 0.5):.1f} s, last {max(back.took):.1f} s, {back.failed} wrong", "< 10 s")
    say("a card asked every 20 ms meanwhile", back.others, "p99 < 500 ms")
    say("what bringing one of them back costs the worker", f"{1000 * back.cpu / 2_000:.1f} ms CPU", "")


@dataclass
class Back:
    took: list[float]
    failed: int
    waits: list[float]
    cpu: float

    @property
    def others(self) -> str:
        if not self.waits:
            return "no answer"
        return f"p50 {percentile(self.waits, 0.5) * 1000:.0f} ms, p99 {percentile(self.waits, 0.99) * 1000:.0f} ms"


def come_back(number: int) -> Back:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))
    with community(CARDS) as (instance, cast):
        members = keys(instance, number)
        with duet(instance) as server:
            crowd = Crowd(server.port, members, shown(server), f"profile:{cast.ana}", f"/matches/{cast.ana}/card")
            crowd.open_all()
            crowd.run(lambda: len(crowd.right) == number, 30)
            crowd.run(lambda: False, SETTLE_SECONDS)
            assert server.process
            server.stop(signal.SIGKILL)
            change(instance, cast)
            crowd.forget()
            restarted = threading.Thread(target=server.start)
            restarted.start()
            crowd.run(lambda: len(crowd.right) == number, GIVE_UP_SECONDS)
            restarted.join()
            cpu = cpu_seconds(server.process.pid)
            crowd.close()
    return Back([at - crowd.back_at for at in crowd.right.values()], crowd.errors + number - len(crowd.right), [wait for _, wait in crowd.waits], cpu)


@dataclass
class Key:
    """What a browser holds of a member's login."""

    session: int
    cookie: str
    csrf: str


def keys(instance: Path, number: int) -> list[Key]:
    with app_on(instance) as app, app.app_context():
        accounts = [Account(email=f"bench{one}@example.com", role="brand") for one in range(number)]
        for account in accounts:
            account.profile = Profile(role="brand", name="Bench brand")
            db.session.add(account)
        db.session.flush()
        found = [key(app, account) for account in accounts]
        db.session.commit()
    return found


def key(app: Flask, account: Account) -> Key:
    begun, token = LoginSession.begin(account, remembered=False, user_agent="bench", address="127.0.0.1")
    db.session.flush()
    secret = secrets.token_hex(20)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    signed = URLSafeTimedSerializer(str(app.secret_key), salt="wtf-csrf-token").dumps(secret)
    return Key(begun.id, f"duet={serializer.dumps({'_user_id': token, 'csrf_token': secret})}", str(signed))


def shown(server: Server) -> str:
    """What a brand's open deck shows, as its page says it."""
    page = Visitor(server.url).log_in("brand2@example.com", PASSWORD).get("/matches").text
    return " ".join(sorted({word for words in re.findall(r'data-live="([^"]+)"', page) for word in words.split()}))


def change(instance: Path, cast: Cast) -> None:
    """Nobody's bell rings for this: whoever comes back has to be told."""
    with app_on(instance) as app, app.app_context():
        ana = db.session.get_one(Profile, cast.ana)
        ana.revise({"headline": "Changed while nobody listened"}, base=ana.version)
        db.session.commit()


@dataclass
class Call:
    """One request on one socket: a stream, a watch call, or a card."""

    what: str
    client: int
    started: float
    request: bytes
    read: bytearray = field(default_factory=bytearray)


class Crowd:
    """All clients in one loop, each no more than a socket and a timer."""

    def __init__(self, port: int, members: list[Key], words: str, subject: str, card: str) -> None:
        self.port, self.members, self.words, self.subject, self.card = port, members, words, subject, card
        self.random = Random(5)
        self.selector = selectors.DefaultSelector()
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.spread = [LEAST_SPREAD] * len(members)
        self.failures = [0] * len(members)
        self.right: dict[int, float] = {}
        self.waits: list[tuple[float, float]] = []
        self.wanted = 1
        self.back_at = 0.0
        self.errors = 0

    def forget(self) -> None:
        """From here on a client is right that has heard of the change, and the server is back that gives one an answer."""
        self.right.clear()
        self.wanted = 2

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self.timers, (time.perf_counter() + seconds, next(self.order), what))

    def open_all(self) -> None:
        for client in range(len(self.members)):
            self.later(self.random.random() * len(self.members) / 200, lambda client=client: self.open(client))  # type: ignore[misc]

    def run(self, until: Callable[[], bool], within: float) -> None:
        give_up = time.perf_counter() + within
        while not until() and (now := time.perf_counter()) < give_up:
            while self.timers and self.timers[0][0] <= now:
                heapq.heappop(self.timers)[2]()
            for selected, events in self.selector.select(max(0.0, min(0.01, self.timers[0][0] - now if self.timers else 0.01))):
                self.turn(selected, events)

    def open(self, client: int) -> None:
        member = self.members[client]
        query = urlencode({"as": member.session, "watch": self.words})
        self.call("stream", client, f"GET /live?{query} HTTP/1.1\r\nHost: localhost\r\nCookie: {member.cookie}\r\n\r\n")

    def check(self, client: int) -> None:
        member = self.members[client]
        body = urlencode({"as": member.session, "stream": "", "n": 1, "hidden": 0, "subjects": self.words})
        self.call("check", client, f"POST /live/watch HTTP/1.1\r\nHost: localhost\r\nCookie: {member.cookie}\r\nX-CSRFToken: {member.csrf}\r\nConnection: close\r\n"
                  f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}")

    def ask_for_a_card(self) -> None:
        cookie = self.members[0].cookie
        self.call("card", 0, f"GET {self.card} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nHX-Request: true\r\nConnection: close\r\n\r\n")
        self.later(ASK_EVERY, self.ask_for_a_card)

    def call(self, what: str, client: int, request: str) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        call = Call(what, client, time.perf_counter(), request.encode())
        connection.connect_ex(("127.0.0.1", self.port))
        self.selector.register(connection, selectors.EVENT_WRITE, call)

    def turn(self, selected: selectors.SelectorKey, events: int) -> None:
        connection, call = selected.fileobj, selected.data
        assert isinstance(connection, socket.socket)
        try:
            if events & selectors.EVENT_WRITE:
                connection.send(call.request)
                self.selector.modify(connection, selectors.EVENT_READ, call)
                return
            data = connection.recv(65536)
        except OSError:
            data = b""
        if data and call.what == "stream":
            self.hear(connection, call, data)
        elif data:
            call.read += data
        else:
            self.drop(connection)
            self.ended(call)

    def hear(self, connection: socket.socket, call: Call, data: bytes) -> None:
        call.read += data
        if not call.read.startswith(b"HTTP/1.1 200"[: len(call.read)]):
            self.drop(connection)
            self.errors += 1
            self.ended(call)
            return
        frames = call.read.split(b"\n\n")
        call.read = frames.pop()
        if not call.read and not frames:
            return
        call.read = bytearray(b"HTTP/1.1 200" + call.read) if not call.read.startswith(b"HTTP") else call.read
        for frame in frames:
            self.hear_frame(call.client, frame)

    def hear_frame(self, client: int, frame: bytes | bytearray) -> None:
        name, _, data = frame.rpartition(b"event: ")[2].partition(b"\ndata: ")
        if name == b"stream":
            if self.wanted > 1 and not self.back_at:
                self.back_at = time.perf_counter()
                self.later(0, self.ask_for_a_card)
            self.failures[client] = 0
            self.spread[client] = max(self.spread[client], json.loads(data)["spread"] / 1000)
            if self.wanted == 1:
                self.right[client] = time.perf_counter()
        elif name == b"beat":
            self.spread[client] = json.loads(data).get("spread", 1000 * self.spread[client]) / 1000
        elif name.decode() == self.subject and json.loads(data)["v"] >= self.wanted:
            self.right.setdefault(client, time.perf_counter())

    def ended(self, call: Call) -> None:
        if call.what == "stream":
            self.failures[call.client] += 1
            again, client = self.failures[call.client] > 1, call.client
            spread = self.spread[client]
            self.later(spread * (0.9 + self.random.random() / 5) if again else SOONEST + self.random.random() * spread, lambda: self.open(client))
            if again:
                self.check(client)
        elif call.what == "card":
            self.waits.append((call.started, time.perf_counter() - call.started))
            self.errors += not call.read.startswith(b"HTTP/1.1 200")
        elif call.read:
            self.errors += not call.read.startswith(b"HTTP/1.1 200")

    def drop(self, connection: socket.socket) -> None:
        self.selector.unregister(connection)
        connection.close()

    def close(self) -> None:
        for selected in list(self.selector.get_map().values()):
            self.drop(selected.fileobj)  # type: ignore[arg-type]

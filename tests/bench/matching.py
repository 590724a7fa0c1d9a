"""Matching among 1,000, 10,000 and 100,000 profiles: the first page of the deck, the index, search, and notices meanwhile."""

import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from flask import Flask
from flask.testing import FlaskClient
from psutil import Process
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.index import MANY
from blueprints.matches.scoring import score
from blueprints.profiles.models import Profile
from tests.bench.community import community, say
from tests.bench.load import Streams, cookie_for, cpu_seconds, percentile
from tests.conftest import PASSWORD, Cast, app_on
from tests.servers import duet
from tests.visitor import Visitor

SIZES = (1_000, 10_000, 100_000)
ROUNDS = 15
WATCHING, STREAMS = 10, 200
EDITS, EDITS_A_SECOND, DECKS_A_SECOND = 200, 20, 10
SEARCHES = ("food", "a", "nordic coffee", "photog", "maria", "street fo", "zzz", "sustainable fashion brand", "s", "lisbon")


def matching() -> None:
    """One community of each size; the largest serves for all that follows."""
    with ExitStack() as stack:
        pages, instances = [], []
        for size in SIZES:
            instance, cast = stack.enter_context(community(size))
            instances.append(instance)
            pages.append(first_page(size, instance, cast))
            if size == 10_000:
                histogram(instance)
        say("the first page's CPU from 1,000 to 100,000", f"× {pages[-1] / pages[0]:.1f}", "< × 5")
        search_pages(instance, cast)
        start_to_ready(instance, instances[0])
        notices_while_decks(instance, cast)


def first_page(size: int, instance: Path, cast: Cast) -> float:
    """The CPU milliseconds of /matches in this process, the index warm."""
    with app_on(instance) as app:
        client = bo_in(app, cast)
        queries: list[str] = []
        event.listen(Engine, "before_cursor_execute", listener := lambda *args: queries.append(args[2]))
        cpu = []
        for _ in range(ROUNDS):
            queries.clear()
            used = time.process_time()
            assert client.get("/matches").status_code == 200
            cpu.append((time.process_time() - used) * 1000)
        event.remove(Engine, "before_cursor_execute", listener)
        selects = len([query for query in queries if query.startswith("SELECT")])
    say(f"first page of the deck among {size:,} profiles", f"{percentile(cpu, 0.5):.0f} ms CPU, {selects} queries", "< 50 ms at 100,000, ≤ 5")
    return percentile(cpu, 0.5)


def bo_in(app: Flask, cast: Cast) -> FlaskClient:
    """Logged in, and the index warm."""
    client = app.test_client()
    with app.app_context():
        client.set_cookie("duet", cookie_for(app, db.session.get_one(Profile, cast.bo).account).removeprefix("duet="))
        db.session.commit()
        app.extensions["matches"].index.read("creator")
    return client


def histogram(instance: Path) -> None:
    """How the scores of all pairs fall."""
    with app_on(instance) as app, app.app_context(), np.errstate(all="ignore"):
        index = app.extensions["matches"].index
        creators, brands = index.read("creator"), index.read("brand")
        counts, unknown = np.zeros(101, np.int64), 0
        for brand in range(brands.length):
            overall = score(creators.facts(), brands.facts(brand), MANY).overall
            unknown += int(np.isnan(overall).sum())
            counts += np.bincount(np.rint(overall[~np.isnan(overall)]).astype(int), minlength=101)
    shares = [counts[first : first + 10 if first < 90 else 101].sum() / counts.sum() for first in range(0, 100, 10)]
    say(f"scores of {counts.sum():,} pairs, by tens from 0", " ".join(f"{share:.1%}" for share in shares), "the whole scale")
    say("the most common single score; not enough to tell", f"{counts.max() / counts.sum():.1%}; {unknown / (counts.sum() + unknown):.1%}", "≤ 10 %")


def search_pages(instance: Path, cast: Cast) -> None:
    with app_on(instance) as app:
        client = bo_in(app, cast)
        assert client.get("/matches?q=warm").status_code == 200  # templates are compiled with the first page
        took = []
        for _ in range(3):
            for words in SEARCHES:
                started = time.perf_counter()
                assert client.get("/matches", query_string={"q": words}).status_code == 200
                took.append((time.perf_counter() - started) * 1000)
    say(f"search among {SIZES[-1]:,}, the whole page, {len(SEARCHES)} phrases", f"p50 {percentile(took, 0.5):.0f} ms, p95 {percentile(took, 0.95):.0f} ms", "p95 < 50 ms")


def start_to_ready(instance: Path, small: Path) -> None:
    """And what the index takes: a worker with everyone beside one with a hundredth of them."""
    (_, before), (took, after) = ready(small), ready(instance)
    say(f"start to ready with {SIZES[-1]:,} profiles", f"{took:.1f} s", "< 10 s")
    say(f"resident memory of the index of {SIZES[-1]:,}", f"{after - before:.0f} MB of a worker's {after:.0f}", "< 150 MB")


def ready(instance: Path) -> tuple[float, float]:
    """Seconds to the first 200 of /readyz, and the worker's resident megabytes then."""
    started = time.perf_counter()
    with duet(instance) as server:
        while Visitor(server.url).get("/readyz").status != 200:
            time.sleep(0.05)
        assert server.process
        return time.perf_counter() - started, Process(server.process.pid).children()[0].memory_info().rss / 2**20


def notices_while_decks(instance: Path, cast: Cast) -> None:
    """Edits reach watchers while decks are computed ten times a second."""
    with app_on(instance) as app, app.app_context():
        brand = db.session.get_one(Profile, cast.bo).account
        cookies = [cookie_for(app, brand) for _ in range(2)]
        listeners = [cookie_for(app, one) for one in accounts(STREAMS // 10) for _ in range(10)]
        db.session.commit()
    with duet(instance) as server:
        while Visitor(server.url).get("/readyz").status != 200:
            time.sleep(0.05)
        streams = Streams(server.port)
        for number, cookie in enumerate(listeners):
            streams.open(cookie, f"profile:{cast.ana if number < WATCHING else cast.cy}@1")
        ana = Visitor(server.url).log_in("creator1@example.com", PASSWORD)
        decks, stop = list[float](), threading.Event()
        crowd = [threading.Thread(target=ask_for_decks, args=(server.port, cookie, decks, stop)) for cookie in cookies]
        for thread in crowd:
            thread.start()
        streams.listen(lambda: False, 1)
        took: list[float] = []
        assert server.process
        used, began = cpu_seconds(server.process.pid), time.perf_counter()
        for number in range(1, EDITS + 1):
            streams.heard.clear()
            started = time.perf_counter()
            ana.patch("/profile", {"headline": f"Edit number {number}", "base": number})
            streams.listen(lambda: len(streams.heard) >= WATCHING, 2)
            took += [(at - started) * 1000 for _, _, at in streams.heard]
            streams.listen(lambda: False, max(0.0, number / EDITS_A_SECOND - (time.perf_counter() - began)))
        busy = (cpu_seconds(server.process.pid) - used) / (time.perf_counter() - began)
        stop.set()
        for thread in crowd:
            thread.join()
        streams.close()
    say(
        f"edit → notice while decks of {SIZES[-1]:,} are computed at {DECKS_A_SECOND}/s ({len(took)} heard)",
        f"p50 {percentile(took, 0.5):.1f} ms, p99 {percentile(took, 0.99):.1f} ms",
        "p99 < 50 ms",
    )
    say("those decks meanwhile; the worker's share of a core", f"p50 {percentile(decks, 0.5):.0f} ms, p99 {percentile(decks, 0.99):.0f} ms; {busy:.0%}", "")


def ask_for_decks(port: int, cookie: str, took: list[float], stop: threading.Event) -> None:
    """Half of the decks each second, as far as they come in time."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        reader, began, number = connection.makefile("rb"), time.perf_counter(), 0
        while not stop.is_set():
            started = time.perf_counter()
            connection.sendall(f"GET /matches HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
            assert reader.readline().startswith(b"HTTP/1.1 200")
            length = 0
            while (line := reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            reader.read(length)
            took.append((time.perf_counter() - started) * 1000)
            number += 1
            stop.wait(max(0.0, began + number * 2 / DECKS_A_SECOND - time.perf_counter()))


def accounts(number: int) -> list[Account]:
    """Seeded brands to listen as."""
    return list(db.session.scalars(select(Account).where(Account.role == "brand").order_by(Account.id.desc()).limit(number)))

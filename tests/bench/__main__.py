"""``make bench``: measure what the README promises, on this machine, and print a table. Bounded: about five minutes.
``make bench ARGS="matching"`` measures only that part.

Machines are noisy: quote medians and ratios. Everything runs on loopback and ends by itself.
"""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright
from psutil import Process

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.hub import STREAMS_PER_ACCOUNT
from blueprints.profiles.models import Profile
from blueprints.site.seeds import seed
from tests.bench.browser import chromium, open_deck_in
from tests.bench.community import community, say
from tests.bench.decks import change_to_open_decks, new_member_to_deck
from tests.bench.load import Streams, cookie_for, cpu_seconds, percentile, rate
from tests.bench.matching import matching
from tests.bench.messages import first_page_of_a_long_conversation, message_to_dom, message_to_notice
from tests.bench.presence import presence
from tests.bench.reconnect import reconnect, reconnect_2000
from tests.conftest import PASSWORD, app_on
from tests.servers import ROOT, Server, duet, free_port, wait_for_port
from tests.visitor import Visitor

EDITS = 100
STREAMS, WATCHING = 500, 10
REQUESTS = 3_000
PROFILES = 10_000


def edit_to_dom() -> None:
    """An edit by real HTTP until the card is swapped in another person's Chromium."""
    program = chromium()
    if program is None:
        say("edit → DOM swapped in another browser", "no browser on this machine", "p95 < 100 ms")
        return
    with community() as (instance, cast), duet(instance) as server, sync_playwright() as playwright:
        ana = Visitor(server.url).log_in("creator1@example.com", PASSWORD)
        browser, page = open_deck_in(playwright, program, server)
        page.evaluate("""(card) => {
            window.swaps = {};
            new MutationObserver(() => {
                const headline = document.querySelector(`${card} [data-field="headline"]`)?.textContent.trim();
                window.swaps[headline] ??= performance.timeOrigin + performance.now();
            }).observe(document.querySelector("#deck"), { subtree: true, childList: true, characterData: true });
        }""", f"#match-{cast.ana}")
        took = []
        for number in range(1, EDITS + 1):
            headline = f"Edit number {number}"
            started = time.time()
            assert ana.patch("/profile", {"headline": headline, "base": number}).status == 200
            page.wait_for_function("(headline) => window.swaps[headline]", arg=headline, polling=10, timeout=5_000)
            took.append(page.evaluate("(headline) => window.swaps[headline]", headline) - started * 1000)
        browser.close()
    say(f"edit sent → DOM swapped in another browser, {EDITS} edits",
        f"p50 {percentile(took, 0.5):.0f} ms, p95 {percentile(took, 0.95):.0f} ms", "p95 < 100 ms")


def listeners(instance: Path) -> list[str]:
    """The cookies of brands enough for 500 streams, ten each."""
    with app_on(instance) as app, app.app_context():
        brands = [Account(email=f"bench{number}@example.com", role="brand") for number in range(STREAMS // STREAMS_PER_ACCOUNT)]
        for brand in brands:
            brand.profile = Profile(role="brand", name="Bench brand")
            db.session.add(brand)
        db.session.flush()
        cookies = [cookie_for(app, brand) for brand in brands for _ in range(STREAMS_PER_ACCOUNT)]
        db.session.commit()
    return cookies


def edit_to_notice() -> None:
    """An edit by real HTTP until the last of ten watchers among 500 streams has the notice."""
    with community() as (instance, cast):
        cookies = listeners(instance)
        with duet(instance) as server:
            streams = Streams(server.port)
            for number, cookie in enumerate(cookies):
                streams.open(cookie, f"profile:{cast.ana if number < WATCHING else cast.cy}@1")
            ana = Visitor(server.url).log_in("creator1@example.com", PASSWORD)
            assert server.process
            streams.listen(lambda: False, 1)
            took: list[float] = []
            missed = 0
            server_cpu, client_cpu = cpu_seconds(server.process.pid), time.process_time()
            for number in range(1, EDITS + 1):
                streams.heard.clear()
                before = streams.bytes
                started = time.perf_counter()
                ana.patch("/profile", {"headline": f"Edit number {number}", "base": number})
                streams.listen(lambda: len(streams.heard) >= WATCHING, 2)
                missed += WATCHING - len(streams.heard)
                took += [(at - started) * 1000 for _, _, at in streams.heard]
            size = (streams.bytes - before) / WATCHING
            server_cpu, client_cpu = cpu_seconds(server.process.pid) - server_cpu, time.process_time() - client_cpu
            streams.close()
            memory = Process(server.process.pid).children()[0].memory_info().rss / 2**20
    say(f"edit sent → notice received, {WATCHING} of {STREAMS} streams watching, {EDITS} edits",
        f"p50 {percentile(took, 0.5):.1f} ms, p99 {percentile(took, 0.99):.1f} ms, {missed} lost", "p99 < 25 ms, 0")
    say("bytes on the wire of a profile notice", f"{size:.0f}", "< 200")
    say("CPU of the server / of this client for those edits", f"{server_cpu:.2f} s / {client_cpu:.2f} s", "")
    say(f"memory of the worker with {STREAMS} streams open before", f"{memory:.0f} MB", "")


def messages() -> None:
    first_page_of_a_long_conversation()
    message_to_dom()
    message_to_notice(listeners)


def stop_with_streams() -> None:
    with community() as (instance, _):
        cookies = listeners(instance)
        with duet(instance) as server:
            streams = Streams(server.port)
            for cookie in cookies:
                streams.open(cookie, "me@1")
            took = server.stop()
            streams.close()
    say(f"a clean stop with {STREAMS} streams open", f"{took:.1f} s", "< 3 s")


def fragments() -> None:
    """Cards over one keep-alive connection, in turn with the smallest Flask app that renders as much; a core's worth is requests by CPU time."""
    with community() as (instance, cast), bare_flask() as (bare_port, bare_pid):
        with app_on(instance) as app, app.app_context():
            cookie = cookie_for(app, db.session.get_one(Profile, cast.bo).account)
            db.session.commit()
        with duet(instance) as server:
            assert server.process
            path, pid = f"/matches/{cast.ana}/card", server.process.pid
            _, etag = rate(server.port, path, cookie, 200)
            runs = [[
                by_cpu(bare_pid, lambda: rate(bare_port, "/card", "", REQUESTS // 3)),
                by_cpu(pid, lambda: rate(server.port, path, cookie, REQUESTS // 3)),
                by_cpu(pid, lambda: rate(server.port, path, cookie, REQUESTS // 3, etag)),
            ] for _ in range(3)]
    bare, card, unchanged = (percentile(list(column), 0.5) for column in zip(*runs, strict=True))
    say("peer: bare Flask and Jinja, a card's markup, same gunicorn", f"{bare:,.0f}/s a core", "")
    say("card fragment, signed in, with database", f"{card:,.0f}/s a core, {card / bare:.2f} × bare", "≥ 1,000/s a core")
    say("card fragment, unchanged (304)", f"{unchanged:,.0f}/s a core, {unchanged / bare:.2f} × bare", "≥ 1,500/s a core")


def by_cpu(pid: int, work: Callable[[], object]) -> float:
    """Requests per second of the server's own CPU time."""
    before = cpu_seconds(pid)
    work()
    return REQUESTS / 3 / (cpu_seconds(pid) - before)


@contextlib.contextmanager
def bare_flask() -> Iterator[tuple[int, int]]:
    port = free_port()
    command = ["-m", "gunicorn", "--config", os.devnull, "--worker-class", "gevent", "--no-control-socket", "--bind", f"127.0.0.1:{port}", "tests.bench.bare:app"]
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        rate(port, "/card", "", 200)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def seeding() -> None:
    with community() as (instance, _), app_on(instance) as app, app.app_context():
        started = time.perf_counter()
        seed(db.session, PROFILES, 1, instance / "media", None)
        took = time.perf_counter() - started
    say(f"flask seed --profiles {PROFILES}", f"{took:.1f} s", "< 30 s")


def first_page_of_a_fresh_clone() -> None:
    """git clone, ``make run`` with pip's cache switched off, until the first page answers."""
    with tempfile.TemporaryDirectory() as folder:
        clone, port = Path(folder) / "duet", free_port()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        env = {name: value for name, value in os.environ.items() if name != "INSTANCE_PATH"}
        started = time.perf_counter()
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(["make", "run"], cwd=clone, stdout=log, stderr=log, start_new_session=True,
                                       env={**env, "PORT": str(port), "PIP_NO_CACHE_DIR": "1"})
        try:
            server = Server(clone / "instance", port, {}, process)
            server.wait_until_ready(within=180)
            took = time.perf_counter() - started
            assert "Duet" in Visitor(server.url).get("/login").text
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(20)
    say("a fresh clone to its first page, nothing cached", f"{took:.0f} s", "< 60 s")


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    say("measured", "here", "target")
    say("-" * 66, "-" * 34, "-" * 18)
    chosen = sys.argv[1:]
    parts = (edit_to_dom, edit_to_notice, stop_with_streams, fragments, matching, new_member_to_deck, change_to_open_decks, messages, presence, reconnect, reconnect_2000, seeding, first_page_of_a_fresh_clone)
    for part in parts:
        if not chosen or part.__name__ in chosen:
            part()


if __name__ == "__main__":
    main()

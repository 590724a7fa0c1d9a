"""Conversations: the first page of a long one, a message until it is shown and until its notice is there."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from playwright.sync_api import sync_playwright
from sqlalchemy import event, insert, select
from sqlalchemy.engine import Engine

from blueprints.accounts.models import Account
from blueprints.extensions import db, utc_now
from blueprints.messages.models import Conversation, Message
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.bench.browser import chromium, open_deck_in
from tests.bench.community import community, say
from tests.bench.load import Streams, cookie_for, percentile
from tests.conftest import PASSWORD, Cast, app_on
from tests.servers import duet
from tests.visitor import Visitor

MESSAGES = 10_000
ROUNDS = 30
SENT = 100
EVERY_SECONDS = 0.25
LIMITS = {"DUET_MESSAGE_LIMIT": "100000/minute"}

Listeners = Callable[[Path], list[str]]


def first_page_of_a_long_conversation() -> None:
    """The CPU milliseconds of the page in this process, among 1,000 members."""
    with community(1_000) as (instance, cast):
        talk = connected(instance, cast, MESSAGES)
        with app_on(instance) as app:
            client = app.test_client()
            with app.app_context():
                client.set_cookie("duet", cookie_for(app, account(cast.bo)).removeprefix("duet="))
                db.session.commit()
            queries: list[str] = []
            event.listen(Engine, "before_cursor_execute", listener := lambda *args: queries.append(args[2]))
            cpu = []
            for _ in range(ROUNDS):
                queries.clear()
                used = time.process_time()
                assert client.get(f"/messages/{talk}").status_code == 200
                cpu.append((time.process_time() - used) * 1000)
            event.remove(Engine, "before_cursor_execute", listener)
    count = len([query for query in queries if query.startswith("SELECT")])
    say(f"first page of a conversation with {MESSAGES:,} messages", f"{percentile(cpu, 0.5):.0f} ms CPU, {count} queries", "< 30 ms, ≤ 4")


def message_to_dom() -> None:
    """A message by real HTTP until it is in another person's Chromium."""
    program = chromium()
    if program is None:
        say("message sent → shown in another browser", "no browser on this machine", "p95 < 100 ms")
        return
    with community() as (instance, cast):
        talk = connected(instance, cast, 40)
        with duet(instance, **LIMITS) as server, sync_playwright() as playwright:
            ana = Visitor(server.url).log_in("creator1@example.com", PASSWORD)
            browser, page = open_deck_in(playwright, program, server)
            page.goto(f"/messages/{talk}")
            page.locator('#connection[data-state="live"]').wait_for()
            page.evaluate("""() => {
                window.shown = {};
                new MutationObserver(() => {
                    const last = document.querySelector("#conversation-log > :last-child .message__text")?.textContent.trim();
                    window.shown[last] ??= performance.timeOrigin + performance.now();
                }).observe(document.querySelector("#conversation-log"), { subtree: true, childList: true, characterData: true });
            }""")
            took = []
            for number in range(1, SENT + 1):
                words = f"Message number {number}"
                started = time.time()
                assert ana.post(f"/messages/{talk}", {"text": words, "client_id": f"bench-{number:06}"}, **{"HX-Request": "true"}).status == 200
                page.wait_for_function("(words) => window.shown[words]", arg=words, polling=10, timeout=5_000)
                took.append(page.evaluate("(words) => window.shown[words]", words) - started * 1000)
                time.sleep(EVERY_SECONDS)  # that it was read goes its own way meanwhile
            browser.close()
    say(f"message sent → shown in another browser, {SENT} messages", f"p50 {percentile(took, 0.5):.0f} ms, p95 {percentile(took, 0.95):.0f} ms", "p95 < 100 ms")


def message_to_notice(listeners: Listeners) -> None:
    """A message by real HTTP until the receiver's streams have the notice, beside 500 streams of others."""
    with community() as (instance, cast):
        talk = connected(instance, cast, 40)
        cookies = listeners(instance)
        with app_on(instance) as app, app.app_context():
            mine = [cookie_for(app, account(cast.bo)) for _ in range(5)]
            db.session.commit()
        with duet(instance, **LIMITS) as server:
            streams = Streams(server.port)
            for cookie in cookies:
                streams.open(cookie, f"profile:{cast.ana}@99", "conversations@0")
            for cookie in mine:
                streams.open(cookie, f"conversation:{talk}@99", f"profile:{cast.ana}@99")
            ana = Visitor(server.url).log_in("creator1@example.com", PASSWORD)
            streams.listen(lambda: False, 1)
            took, missed = [], 0
            for number in range(1, SENT + 1):
                streams.heard.clear()
                sending = Thread(target=ana.post, args=(f"/messages/{talk}", {"text": f"Number {number}", "client_id": f"bench-{number:06}"}), kwargs={"HX-Request": "true"})
                started = time.perf_counter()
                sending.start()  # the notice does not wait for its answer
                streams.listen(lambda: len(streams.heard) >= len(mine), 2)
                sending.join()
                missed += len(mine) - len(streams.heard)
                took += [(at - started) * 1000 for _, _, at in streams.heard]
            streams.close()
    say(f"message sent → notice received, {len(cookies)} streams open, {SENT} messages",
        f"p50 {percentile(took, 0.5):.1f} ms, p99 {percentile(took, 0.99):.1f} ms, {missed} lost", "p99 < 25 ms, 0")


def connected(instance: Path, cast: Cast, messages: int) -> int:
    """The id of ana's and bo's conversation, with so many messages."""
    with app_on(instance) as app, app.app_context():
        ana, bo = account(cast.ana), account(cast.bo)
        Request.send(ana, bo.profile, {"what": "A film"}).answer(bo, accept=True)
        talk = db.session.scalars(select(Conversation).filter_by(creator_id=ana.id, brand_id=bo.id)).one()
        rows = [
            {"conversation_id": talk.id, "number": number, "sender_id": (ana, bo)[number % 3 == 0].id, "client_id": f"{number}", "sent_at": utc_now(),
             "text": f"Message {number}, as long as messages are: see https://example.com/{number} for the rest."}
            for number in range(1, messages + 1)
        ]  # fmt: skip
        db.session.execute(insert(Message), rows)
        talk.last_number = messages
        db.session.commit()
        return talk.id


def account(profile_id: int) -> Account:
    return db.session.get_one(Profile, profile_id).account

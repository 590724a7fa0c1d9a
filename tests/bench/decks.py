"""The open deck: a newcomer on the page of another's browser, and one change among 500 open decks."""

import http.client
import re
import socket
import time
from collections.abc import Callable, Iterable

from flask import Flask
from playwright.sync_api import sync_playwright
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.hub import STREAMS_PER_ACCOUNT
from blueprints.matches.deck import Deck
from blueprints.profiles.models import Profile
from tests.bench.browser import chromium, open_deck_in
from tests.bench.community import community, say
from tests.bench.load import Streams, cookie_for, cpu_seconds, percentile
from tests.conftest import PASSWORD, app_on
from tests.servers import Server, duet
from tests.visitor import Visitor

NEWCOMERS = 20
BETWEEN_SECONDS = 1.5  # an open deck asks for news once a second at most
QUIET_SECONDS = 3.5  # from then on it shows newcomers by itself
PROFILES, OPEN_DECKS, CHANGES = 10_000, 500, 30


def new_member_to_deck() -> None:
    """Registering by real HTTP until the card stands in another person's Chromium, at the top of its deck and left alone."""
    program = chromium()
    if program is None:
        say("registered → card in an open deck", "no browser on this machine", "< 1 s")
        return
    with community() as (instance, _), duet(instance) as server, sync_playwright() as playwright:
        browser, page = open_deck_in(playwright, program, server)
        page.evaluate("""() => {
            window.came = {};
            new MutationObserver(() => {
                for (const name of document.querySelectorAll("#deck > article [data-field='name']")) {
                    window.came[name.textContent.trim()] ??= performance.timeOrigin + performance.now();
                }
            }).observe(document.querySelector("#matches"), { subtree: true, childList: true, characterData: true });
        }""")
        time.sleep(QUIET_SECONDS)
        took = []
        for number in range(NEWCOMERS):
            newcomer, name = Visitor(server.url), f"Newcomer {number}"
            newcomer.get("/register")
            form = {"role": "creator", "name": name, "email": f"newcomer{number}@example.com", "password": PASSWORD}
            started = time.time()
            assert newcomer.post("/register", form).status == 200
            page.wait_for_function("(name) => window.came[name]", arg=name, polling=10, timeout=5_000)
            took.append(page.evaluate("(name) => window.came[name]", name) - started * 1000)
            time.sleep(BETWEEN_SECONDS)
        browser.close()
    say(f"registered → card in another browser's open deck, {NEWCOMERS} newcomers",
        f"p50 {percentile(took, 0.5):.0f} ms, p95 {percentile(took, 0.95):.0f} ms", "< 1 s")


def change_to_open_decks() -> None:
    """One creator after another becomes what some brand looks for, until all know on whose open deck something moved; what moved is found out
    the slow way, by making every deck anew."""
    with community(PROFILES) as (instance, _), app_on(instance) as app:
        with app.app_context():
            brands = list(db.session.scalars(select(Account).where(Account.role == "brand").order_by(Account.id.desc()).limit(OPEN_DECKS // STREAMS_PER_ACCOUNT)))
            cookies = {brand.id: cookie_for(app, brand) for brand in brands}
            wishes = [wanted_by(brand.profile) for brand in brands]
            db.session.commit()
        with duet(instance) as server:
            ana = Visitor(server.url).log_in("creator1@example.com", PASSWORD)
            streams = DeckStreams(server.port)
            for account, cookie in cookies.items():
                version = open_deck(server, cookie)
                for _ in range(STREAMS_PER_ACCOUNT):
                    streams.open_for(account, cookie, f"deck@{version}")
            streams.listen(lambda: False, 1)

            def change(number: int) -> float:
                streams.heard_by.clear()
                started = time.perf_counter()
                assert ana.patch("/profile", {**wishes[number % len(wishes)], "base": number + 1}).status == 200
                return started

            started = change(0)  # of the first change after a start everyone is told
            streams.listen(lambda: len(streams.heard_by) == OPEN_DECKS, 5)
            everyone, all_of_them = [(at - started) * 1000 for at in streams.heard_by.values()], len(streams.heard_by)
            before, took, moved, told, missed = pages(app, cookies), list[float](), 0, 0, 0
            assert server.process
            server_cpu = cpu_seconds(server.process.pid)
            for number in range(1, CHANGES + 1):
                for account in {streams.account_of[one] for one in streams.heard_by}:
                    open_deck(server, cookies[account])  # as their pages do when they hear of news
                started = change(number)
                streams.listen(lambda: False, 1)
                after = pages(app, cookies)
                concerned = {one for one, account in streams.account_of.items() if before[account] != after[account]}
                took += [(streams.heard_by[one] - started) * 1000 for one in concerned if one in streams.heard_by]
                moved, told, missed = moved + len(concerned), told + len(streams.heard_by), missed + len(concerned - streams.heard_by.keys())
                before = after
            server_cpu = cpu_seconds(server.process.pid) - server_cpu
            streams.close()
    say(f"one profile changed, {OPEN_DECKS} open decks: those it moved know, {CHANGES} ×",
        f"p50 {percentile(took, 0.5):.0f} ms, slowest {max(took):.0f} ms, {missed} missed", "< 1 s, 0")
    say("decks it moved / decks told, of all open decks", f"{moved / CHANGES:.0f} / {told / CHANGES:.0f} of {OPEN_DECKS}", "")
    say("a change that all are told of, the last of them", f"{max(everyone):.0f} ms, {OPEN_DECKS - all_of_them} missed", "< 1 s, 0")
    say("CPU of the server a change, with the decks made anew for it", f"{server_cpu / CHANGES * 1000:.0f} ms", "")


class DeckStreams(Streams):
    """Remembers which streams heard ``deck``, and when."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.account_of: dict[socket.socket, int] = {}
        self.heard_by: dict[socket.socket, float] = {}

    def open_for(self, account: int, cookie: str, *watch: str) -> None:
        self.open(cookie, *watch)
        self.account_of[self.sockets[-1]] = account

    def listen(self, until: Callable[[], bool], within: float) -> None:
        give_up = time.perf_counter() + within
        while not until() and time.perf_counter() < give_up:
            for key, _ in self.selector.select(0.05):
                assert isinstance(key.fileobj, socket.socket)
                if b"event: deck\n" in key.fileobj.recv(65536):
                    self.heard_by.setdefault(key.fileobj, time.perf_counter())


def open_deck(server: Server, cookie: str) -> int:
    """Make the worker know what that page shows; its version."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/matches", headers={"Cookie": cookie})
    found = re.search(r'data-live="deck@(\d+)', connection.getresponse().read().decode())
    connection.close()
    assert found
    return int(found[1])


def wanted_by(brand: Profile) -> dict[str, object]:
    """What somebody would say who is just what that brand looks for."""
    audience = ((brand.audience_min or 10_000) + (brand.audience_max or 100_000)) // 2
    return {
        "niches": sorted(brand.niches), "platforms": sorted(brand.platforms), "languages": sorted(brand.languages), "campaign_types": sorted(brand.campaign_types),
        "industries": [brand.industry or "food-drink"], "audience_size": audience, "engagement_rate": 12, "rate": max(1, (brand.budget_max or 1_000) // 2),
    }  # fmt: skip


def pages(app: Flask, accounts: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """What each one's deck would show now."""
    with app.app_context():
        found = {account: Deck.of(db.session.get_one(Account, account)).window.ids for account in accounts}
        db.session.rollback()
        return found

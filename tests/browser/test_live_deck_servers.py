"""The open deck when somebody registers, a command writes, a server is killed, several workers share the work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.profiles.models import Profile
from tests.browser.conftest import known_hash, let_in, tab, was_never_reloaded
from tests.conftest import PASSWORD, Cast, app_on
from tests.servers import ROOT, Server
from tests.visitor import Visitor

QUIET = 3.2  # seconds after which a page counts as left alone
PROMISED = 1.0


@pytest.fixture
def bos_deck(make_browser: Callable[..., BrowserContext]) -> Page:
    return tab(let_in(make_browser(), "brand2@example.com"), "/matches")


def register(server: Server, name: str) -> None:
    newcomer = Visitor(server.url)
    newcomer.get("/register")
    answer = newcomer.post("/register", {"role": "creator", "name": name, "email": f"{name.lower()}@example.com", "password": PASSWORD})
    assert answer.status == 200, answer.text


def named(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


def flask(server: Server, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app.py", *words],
        cwd=ROOT, env={**os.environ, "INSTANCE_PATH": str(server.instance), **server.env}, capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_new_member_appears_in_an_open_deck_within_a_second(bos_deck: Page, server: Server) -> None:
    took = []
    for name in ("Dara", "Esi", "Fay"):
        expect(named(bos_deck, name)).to_have_count(0)
        time.sleep(QUIET)
        started = time.monotonic()
        register(server, name)
        expect(named(bos_deck, name)).to_be_visible()
        took.append(time.monotonic() - started)

    assert min(took) < PROMISED, took  # the best of three: others may be using this machine
    assert was_never_reloaded(bos_deck)


def test_a_command_that_deactivates_somebody_reaches_the_open_deck(bos_deck: Page, server: Server, live_cast: Cast) -> None:
    card = bos_deck.locator(f"#match-{live_cast.ana}")
    card.get_by_role("link", name="Ana Ruiz", exact=True).focus()

    flask(server, "accounts", "deactivate", "creator1@example.com")

    expect(card).to_contain_text("no longer available", timeout=6_000)
    expect(bos_deck.locator("#deck-news .pill")).to_have_text("1 match has left · show")
    bos_deck.locator("#deck-news .pill").click()
    expect(card).to_have_count(0)
    expect(bos_deck.locator("#matches-count")).to_contain_text("1 creator")


def test_a_seeded_community_reaches_the_open_deck(bos_deck: Page, server: Server) -> None:
    time.sleep(QUIET)
    expect(bos_deck.locator("#deck > article")).to_have_count(2)

    flask(server, "seed", "--profiles", "30")

    expect(bos_deck.locator("#deck > article").nth(5)).to_be_visible(timeout=8_000)
    assert was_never_reloaded(bos_deck)


def test_after_a_kill_the_open_deck_shows_who_came_and_went_meanwhile(bos_deck: Page, server: Server, live_cast: Cast) -> None:
    server.stop(signal.SIGKILL)
    with app_on(server.instance) as app, app.app_context():
        account = Account(email="meanwhile@example.com", role="creator")
        account.profile = Profile(role="creator", name="Came meanwhile", niches=frozenset({"food"}))
        db.session.add(account)
        account.profile.announce_new()
        db.session.get_one(Profile, live_cast.cy).account.deactivate()
        db.session.get_one(Profile, live_cast.ana).revise({"headline": "Changed meanwhile"}, base=1)
        db.session.commit()
    server.start()

    expect(named(bos_deck, "Came meanwhile")).to_be_visible(timeout=25_000)
    expect(bos_deck.locator(f"#match-{live_cast.ana}")).to_contain_text("Changed meanwhile")
    expect(bos_deck.locator(f"#match-{live_cast.cy}")).to_have_count(0)
    assert was_never_reloaded(bos_deck)
    register(server, "After")
    expect(named(bos_deck, "After")).to_be_visible(timeout=6_000)


def test_with_several_workers_every_open_deck_shows_the_newcomer(
    chromium: Browser, make_server: Callable[..., Server], redis_url: str, live_cast: Cast
) -> None:
    server = make_server(WEB_CONCURRENCY="2", REDIS_URL=redis_url)
    browsers = [let_in(chromium.new_context(base_url=server.url), "brand2@example.com") for _ in range(4)]
    try:
        pages = [tab(browser, "/matches") for browser in browsers]
        time.sleep(QUIET)
        for name in ("Dara", "Esi"):
            register(server, name)
            for page in pages:
                expect(named(page, name)).to_be_visible()

        flask(server, "seed", "--profiles", "30")
        for page in pages:
            expect(page.locator("#deck > article").nth(8)).to_be_visible(timeout=8_000)
        flask(server, "accounts", "deactivate", "creator1@example.com")
        for page in pages:
            expect(page.locator(f"#match-{live_cast.ana}")).to_have_count(0, timeout=8_000)
    finally:
        for browser in browsers:
            browser.close()


def test_after_a_storm_every_open_deck_is_as_a_reload_shows_it(
    chromium: Browser, make_server: Callable[..., Server], redis_url: str, instance: Path, live_cast: Cast
) -> None:
    """Two workers; members edit at random, others come and go by commands whose bells ring nowhere; decks with different filters stand open."""
    random = Random(7)
    with app_on(instance) as app, app.app_context():
        for number in range(40):
            account = Account(email=f"crowd{number}@example.com", role="creator", password_hash=known_hash())
            account.profile = Profile(role="creator", name=f"Creator {number}", **something(random))
            db.session.add(account)
        db.session.commit()
    server = make_server(WEB_CONCURRENCY="2", REDIS_URL=redis_url)
    browser = let_in(chromium.new_context(base_url=server.url), "brand2@example.com")
    other = let_in(chromium.new_context(base_url=server.url), "brand2@example.com")
    pages = [tab(browser, "/matches"), tab(browser, "/matches?niche=food"), tab(other, "/matches"), tab(other, "/matches?sort=audience&platform=tiktok")]
    editors = [Visitor(server.url).log_in(f"crowd{number}@example.com", PASSWORD) for number in range(6)]
    versions = dict.fromkeys(editors, 1)

    until = time.monotonic() + 8
    while time.monotonic() < until:
        editor = random.choice(editors)
        said = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in something(random).items()}
        assert editor.patch("/profile", {**said, "base": versions[editor]}).status == 200
        versions[editor] += 1
        if random.random() < 0.1:
            with app_on(instance) as app, app.app_context():  # no bell rings in the server, nor over Redis
                leaver = db.session.get_one(Account, db.session.scalar(select(Account.id).where(Account.email == f"crowd{random.randrange(6, 40)}@example.com")))
                leaver.deactivate()
                account = Account(email=f"late{time.monotonic_ns()}@example.com", role="creator")
                account.profile = Profile(role="creator", name="Late", **something(random))
                db.session.add(account)
                account.profile.announce_new()
                db.session.commit()
        time.sleep(random.random() / 4)

    for page in pages:
        page.wait_for_function("""async () => {
            const ids = (root) => [...root.querySelectorAll("#deck > article")].map((card) => card.id).join();
            const fresh = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
            return ids(document) === ids(fresh);
        }""", timeout=15_000, polling=500)
        assert was_never_reloaded(page)
    browser.close()
    other.close()


def something(random: Random) -> dict[str, Any]:
    return {
        "niches": frozenset(random.sample(["food", "travel", "gaming", "sustainability"], random.randint(1, 3))),
        "platforms": frozenset(random.sample(["instagram", "tiktok", "twitch"], random.randint(1, 2))),
        "audience_size": random.choice([900, 20_000, 60_000, 400_000]), "engagement_rate": random.choice([0.5, 3.0, 6.0]),
        "rate": random.choice([300, 1_200, 9_000]),
    }  # fmt: skip

"""What waits, in the title of every tab; the list that follows; the browser's own notifications while no tab is in front."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.notifications.models import Notification
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.browser.conftest import House, Member, let_in, tab, was_never_reloaded
from tests.servers import Server

SLOW = 15_000  # what another process does is found by the sweep
IN_BACKGROUND = """
Object.defineProperty(document, "hidden", { get: () => true });
window.toldByBrowser = [];
window.Notification = class extends EventTarget {
  static permission = "granted";
  constructor(title, { body, tag }) { super(); window.toldByBrowser.push([body, tag]); }
};
"""


@pytest.fixture
def server(house: House) -> Server:
    return house.server


def tell(house: House, member: Member, kind: str, about: Member) -> None:
    with house.app.app_context():
        account = db.session.get_one(Profile, member.id).account
        assert isinstance(account, Account)
        Notification.tell(account, kind, db.session.get_one(Profile, about.id), key=f"{kind}:{about.id}", state="declined")
        db.session.commit()


def until(page: Page, expression: str) -> None:
    """``wait_for_function`` would evaluate it in the page, which the policy forbids."""
    give_up = time.monotonic() + 20
    while not page.evaluate(expression):
        assert time.monotonic() < give_up, expression
        page.wait_for_timeout(100)


def test_the_number_is_in_every_tab_and_reading_in_one_clears_the_other(house: House, make_browser: Callable[..., BrowserContext]) -> None:
    ana, bo = house.add("creator", name="Ana Ruiz"), house.add("brand", name="Nordlys Coffee")
    browser = let_in(make_browser(), bo.email)
    deck, page = tab(browser, "/profile"), tab(browser, "/notifications")
    expect(page).to_have_title("Notifications · Duet")

    tell(house, bo, "answer", ana)
    expect(page.locator("#notifications")).to_contain_text("Ana Ruiz declined your request", timeout=SLOW)
    expect(page).to_have_title("(1) Notifications · Duet", timeout=SLOW)
    expect(deck).to_have_title(re.compile(r"^\(1\) "), timeout=SLOW)

    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator(".notification__new")).to_have_count(0, timeout=SLOW)
    expect(page).to_have_title("Notifications · Duet", timeout=SLOW)
    expect(deck).not_to_have_title(re.compile(r"^\("), timeout=SLOW)
    assert was_never_reloaded(page) and was_never_reloaded(deck)


def test_following_it_reads_it_and_the_title_follows_the_page(house: House, make_browser: Callable[..., BrowserContext]) -> None:
    ana, bo = house.add("creator", name="Ana Ruiz"), house.add("brand", name="Nordlys Coffee")
    tell(house, bo, "answer", ana)
    page = tab(let_in(make_browser(), bo.email), "/notifications")
    expect(page).to_have_title("(1) Notifications · Duet", timeout=SLOW)

    page.get_by_role("link", name="Ana Ruiz declined your request").click()
    page.wait_for_url(f"**/profiles/{ana.id}")
    expect(page).to_have_title("Ana Ruiz · Duet", timeout=SLOW)
    page.go_back()
    expect(page.locator("#notifications")).to_contain_text("Ana Ruiz declined", timeout=SLOW)
    expect(page.locator(".notification__new")).to_have_count(0, timeout=SLOW)
    expect(page).to_have_title("Notifications · Duet", timeout=SLOW)


def test_only_with_every_tab_in_the_background_the_browser_tells_and_only_who(house: House, make_browser: Callable[..., BrowserContext]) -> None:
    ana, cy, bo = house.add("creator", name="Ana Ruiz"), house.add("creator", name="Cy Okafor"), house.add("brand", name="Nordlys Coffee")
    browser = let_in(make_browser(), bo.email)
    front = tab(browser, "/profile")
    browser.add_init_script(IN_BACKGROUND)
    behind = tab(browser, "/notifications")

    tell(house, bo, "answer", ana)
    expect(behind).to_have_title(re.compile(r"^\(1\)"), timeout=SLOW)
    front.close()
    until(behind, "navigator.locks.query().then(({ held }) => !held.some(({ name }) => name === 'duet-in-front'))")
    tell(house, bo, "answer", cy)

    until(behind, "window.toldByBrowser.length > 0")
    told = behind.evaluate("window.toldByBrowser.map(([body]) => body)")
    assert "Cy Okafor declined your request" in told


# What happened around one.


def connect(house: House, one: Member, other: Member) -> None:
    with house.app.app_context():
        asks, asked = (db.session.get_one(Profile, member.id) for member in (one, other))
        request = Request.between(asks.account, asked)
        if request and request.is_connected:
            request.end(asks.account)
        else:
            Request.send(asks.account, asked, {"what": "A film"}).answer(asked.account, accept=True)
        db.session.commit()


def test_news_comes_to_the_open_page_of_those_whom_it_concerns(house: House, make_browser: Callable[..., BrowserContext]) -> None:
    ana, bo, cy = house.add("creator", name="Ana Ruiz", rate=900), house.add("brand", name="Nordlys Coffee"), house.add("creator", name="Cy Okafor")
    around, others = (tab(let_in(make_browser(), member.email), "/activity") for member in (bo, cy))
    expect(around.locator("#activity")).to_contain_text("Quiet around you")

    connect(house, bo, ana)
    expect(around.locator("#activity")).to_contain_text("Ana Ruiz and you are connected now", timeout=SLOW)

    house.change(ana, rate=1_000)
    expect(around.locator("#activity li").first).to_contain_text("Ana Ruiz changed their rate", timeout=SLOW)

    house.change(ana, name="Ana R. Ruiz", platforms=frozenset({"tiktok"}))
    expect(around.locator("#activity li").first).to_contain_text("Ana R. Ruiz changed their platforms and rate", timeout=SLOW)
    expect(around.locator("#activity li")).to_have_count(2)

    connect(house, bo, ana)  # and no longer
    expect(around.locator("#activity")).to_contain_text("Quiet around you", timeout=SLOW)
    assert was_never_reloaded(around)
    expect(others.locator("#activity")).to_contain_text("Quiet around you")

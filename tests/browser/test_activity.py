"""The page of what happened around one, open while it happens; and the end of e-mails, by somebody who is not logged in."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.notifications.models import Wishes
from blueprints.notifications.unsubscribing import token_of
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.browser.conftest import House, Member, let_in, tab, was_never_reloaded
from tests.servers import Server

SOON = 20_000


@pytest.fixture
def server(house: House) -> Server:
    return house.server


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
    expect(around.locator("#activity")).to_contain_text("Ana Ruiz and you are connected now", timeout=SOON)

    house.change(ana, rate=1_000)
    expect(around.locator("#activity li").first).to_contain_text("Ana Ruiz changed their rate", timeout=SOON)

    house.change(ana, name="Ana R. Ruiz", platforms=frozenset({"tiktok"}))
    expect(around.locator("#activity li").first).to_contain_text("Ana R. Ruiz changed their platforms and rate", timeout=SOON)
    expect(around.locator("#activity li")).to_have_count(2)

    connect(house, bo, ana)  # and no longer
    expect(around.locator("#activity")).to_contain_text("Quiet around you", timeout=SOON)
    assert was_never_reloaded(around)
    expect(others.locator("#activity")).to_contain_text("Quiet around you")


def test_e_mails_end_with_one_press_and_no_javascript(house: House, make_browser: Callable[..., BrowserContext]) -> None:
    ana = house.add("creator")
    with house.app.app_context(), house.app.test_request_context():
        token = token_of(db.session.get_one(Profile, ana.id).account)
    page = make_browser(java_script_enabled=False).new_page()
    page.goto(f"/unsubscribe/{token}")
    page.get_by_role("button", name="Stop all e-mails").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("No more e-mails")
    with house.app.app_context():
        account = db.session.get_one(Profile, ana.id).account
        assert isinstance(account, Account) and not Wishes.of(account).want_mail

"""A session that ended under an open page: one logs in again right there, and what was typed is saved, sent, or still to be seen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import delete, select

from blueprints.accounts.models import Account, LoginSession
from blueprints.extensions import db
from tests.browser.conftest import House, Member, let_in, tab, was_never_reloaded
from tests.conftest import PASSWORD
from tests.servers import Server


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz")


@pytest.fixture
def browser(make_browser: Callable[..., BrowserContext], ana: Member) -> BrowserContext:
    return let_in(make_browser(), ana.email)


def end_sessions(house: House, member: Member) -> None:
    """As from another browser, but that open streams learn of it later than the page's own requests."""
    with house.app.app_context():
        db.session.execute(delete(LoginSession).where(LoginSession.account_id == select(Account.id).where(Account.email == member.email).scalar_subquery()))
        db.session.commit()


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="You were logged out")


def log_in_there(page: Page, password: str = PASSWORD) -> None:
    dialog(page).get_by_label("Password").fill(password)
    dialog(page).get_by_role("button", name="Log in").click()


def test_what_was_typed_is_saved_after_logging_in_in_place_and_other_tabs_go_on_by_themselves(browser: BrowserContext, house: House, ana: Member) -> None:
    other, page = tab(browser, "/matches"), tab(browser, "/profile")
    end_sessions(house, ana)
    page.get_by_label("Headline").fill("Typed after the end")
    page.get_by_label("Headline").blur()

    expect(dialog(page)).to_contain_text("what you typed is still here")
    expect(dialog(page).get_by_label("E-mail")).to_have_value(ana.email)
    expect(dialog(page).get_by_label("Password")).to_be_focused()
    log_in_there(page, "not the password")
    expect(dialog(page).get_by_role("alert")).to_contain_text("do not belong together")
    log_in_there(page)

    expect(dialog(page)).to_have_count(0)
    page.locator('#connection[data-state="live"]').wait_for(state="attached", timeout=20_000)
    expect(page.locator("#field-headline-status")).to_have_text("Saved", timeout=20_000)
    assert house.saved(ana, "headline") == "Typed after the end"
    session = page.locator("meta[name=live]").get_attribute("content")
    expect(other.locator("meta[name=live]")).to_have_attribute("content", str(session), timeout=20_000)
    other.locator('#connection[data-state="live"]').wait_for(state="attached", timeout=20_000)
    expect(dialog(other)).to_have_count(0)
    assert was_never_reloaded(page) and was_never_reloaded(other)


def test_put_away_it_waits_at_the_state_and_a_form_is_sent_once_one_is_back(browser: BrowserContext, house: House, ana: Member) -> None:
    """The form of a request is sent as a page: it would have been lost in the log-in page."""
    bo = house.add("brand", name="Nordlys Coffee")
    page = tab(browser, f"/requests/new?to={bo.id}")
    page.locator("#request-form [name=what]").fill("A film of your harbour")
    end_sessions(house, ana)
    page.evaluate("document.dispatchEvent(new CustomEvent('duet:ended'))")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    expect(page.locator("#connection")).to_contain_text("Logged out · Log in")

    page.get_by_role("button", name="Send request").click()
    log_in_there(page)

    page.wait_for_url(lambda url: "/requests/new" not in url and "/login" not in url)
    expect(page.locator("main")).to_contain_text("A film of your harbour")


def test_somebody_else_comes_to_their_own_page_and_nothing_goes_out_as_them(browser: BrowserContext, house: House, ana: Member) -> None:
    eve = house.add("creator", name="Eve Next")
    page = tab(browser, "/settings/privacy")
    end_sessions(house, ana)
    page.get_by_role("button", name="Save privacy settings").click()
    dialog(page).get_by_label("E-mail").fill(eve.email)
    log_in_there(page)

    expect(page.get_by_role("dialog", name="You are logged in as somebody else")).to_be_visible()
    page.wait_for_url("**/matches")
    expect(page.locator("#navigation")).to_contain_text("Eve Next")


def test_what_the_server_could_not_do_is_said_and_can_be_pressed_again(browser: BrowserContext, house: House, ana: Member) -> None:
    bo = house.add("brand", name="Nordlys Coffee")
    house.settle()
    page = tab(browser, "/matches")
    full = '<p class="error-fragment" data-error="507">The server\'s disk is full. Nothing was changed.</p>'
    page.route("**/save", lambda route: route.fulfill(status=507, content_type="text/html", body=full))
    card = page.locator(f"#match-{bo.id}")
    for _ in range(2):
        card.get_by_role("button", name="Save").click()
    said = page.get_by_role("alert").filter(has_text="Not done. The server's disk is full.")
    expect(said).to_have_count(1)
    page.unroute("**/save")

    said.get_by_role("button", name="Try again").click()

    expect(card.get_by_role("button", name="Saved")).to_be_visible()
    expect(said).to_have_count(0)

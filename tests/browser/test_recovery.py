"""An open page through a restart, a sleep, a clock that is set, trouble with the database, and a deploy: it comes right by itself and keeps what is typed."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import House, Member, let_in, tab
from tests.servers import Server

# Again and again: a notice that comes within a moment of waking up shows that the stream is alive, and then there is nothing to mend.
SLEEP = "const now = Date.now; let hours = 3; Date.now = () => now() + hours * 3600_000; setInterval(() => { hours += 3; }, 3_000)"
CREATOR = {"name": "Ana Ruiz", "niches": {"food"}, "platforms": {"instagram"}}


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", **CREATOR)


@pytest.fixture
def page_of(house: House, make_browser: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    """The browser of a new brand, without SharedWorker, so that a test's clock is the connection's too."""

    def make() -> BrowserContext:
        browser = let_in(make_browser(), house.add("brand").email)
        browser.add_init_script("delete window.SharedWorker")
        return browser

    return make


def is_live(page: Page) -> None:
    expect(page.locator("#connection")).to_have_attribute("data-state", "live")


def test_a_page_whose_clock_was_set_back_comes_right_after_a_restart(house: House, ana: Member, page_of: Callable[..., BrowserContext]) -> None:
    page = tab(page_of(), f"/profiles/{ana.id}")
    page.evaluate("const now = Date.now; Date.now = () => now() - 3 * 3600_000")
    house.server.stop()
    house.change(ana, headline="Changed while nobody listened")
    house.server.start()

    expect(page.locator("main")).to_contain_text("Changed while nobody listened", timeout=30_000)
    is_live(page)
    assert page.evaluate("window.loadedOnce === true")


def test_a_page_that_slept_opens_its_stream_anew_at_once(page_of: Callable[..., BrowserContext], ana: Member) -> None:
    page = tab(page_of(), f"/profiles/{ana.id}")
    with page.expect_request(re.compile(r"/live\?as="), timeout=30_000):  # two missed beats would take 35 s
        page.evaluate(SLEEP)
    is_live(page)


def test_a_new_version_is_said_quietly_and_the_next_page_is_whole(page_of: Callable[..., BrowserContext], ana: Member) -> None:
    browser = page_of()
    browser.add_init_script("""document.addEventListener("DOMContentLoaded", () => {
        if (location.pathname.startsWith("/profiles/")) document.querySelector('meta[name="live"]').dataset.version = "of-last-week";
    })""")
    page = tab(browser, f"/profiles/{ana.id}")
    expect(page.locator("#version")).to_be_visible()
    page.locator("#version").get_by_role("button", name="Reload").focus()
    assert page.evaluate("window.loadedOnce === true"), "nothing is forced"

    page.locator("#navigation").get_by_role("link", name="Matches").click()
    page.wait_for_url("**/matches")
    is_live(page)
    assert page.evaluate("window.loadedOnce !== true")
    expect(page.locator("#version")).to_be_hidden()


def test_trouble_is_said_in_words_and_passes_by_itself(page_of: Callable[..., BrowserContext], ana: Member) -> None:
    browser = page_of()
    page = tab(browser, f"/profiles/{ana.id}")
    browser.route(re.compile(r"/live"), lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}, body="away"))
    page.evaluate(SLEEP)

    expect(page.locator("#connection")).to_have_attribute("data-state", "trouble", timeout=30_000)
    expect(page.locator("#connection")).to_contain_text("Duet has a problem. What you change is kept on this device.")
    browser.unroute(re.compile(r"/live"))
    expect(page.locator("#connection")).to_have_attribute("data-state", "live", timeout=30_000)

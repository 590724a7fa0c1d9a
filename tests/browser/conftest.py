"""A real Chromium. Each person has a browser (a context) of their own; a page that logs an error or breaks the policy fails its test."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.conftest import PASSWORD
from tests.servers import Server

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync"]
EXPECTED = ("net::ERR_", "Failed to load resource")  # what a cut connection says; our own errors say more


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        assert not os.environ.get("CI"), "no Chromium: `apt-get install chromium`, as .ci/run does"
        pytest.skip("NO BROWSER: install chromium, or what a browser does stays untested")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What pages complained about in their consoles; must be empty at the end."""
    said: list[str] = []
    yield said
    assert not said


@pytest.fixture
def make_browser(chromium: Browser, server: Server, complaints: list[str]) -> Iterator[Callable[..., BrowserContext]]:
    """``make_browser(email)``: a browser of its own, logged in by the real form."""
    contexts = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in EXPECTED):
            complaints.append(message.text)

    def make(email: str | None = None, **options: object) -> BrowserContext:
        context = chromium.new_context(base_url=server.url, **{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        context.set_default_timeout(8_000)
        context.on("console", hear)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        if email:
            log_in(context.new_page(), email)
        return context

    yield make
    for context in contexts:
        context.close()


def log_in(page: Page, email: str) -> Page:
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/matches")
    return page


@pytest.fixture
def ana(make_browser: Callable[..., BrowserContext]) -> BrowserContext:
    return make_browser("creator1@example.com")


@pytest.fixture
def bo(make_browser: Callable[..., BrowserContext]) -> BrowserContext:
    return make_browser("brand2@example.com")


def tab(browser: BrowserContext, path: str) -> Page:
    """A tab whose connection is live and that knows if it was ever reloaded."""
    page = browser.new_page()
    page.goto(path)
    page.locator('#connection[data-state="live"]').wait_for(state="attached")
    page.evaluate("window.loadedOnce = true")
    return page


def was_never_reloaded(page: Page) -> bool:
    return page.evaluate("window.loadedOnce === true")

"""The brand of the cast in a real Chromium, its deck live."""

import shutil

from playwright.sync_api import Browser, Page, Playwright

from tests.conftest import PASSWORD
from tests.servers import Server


def chromium() -> str | None:
    """The program, where there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def open_deck_in(playwright: Playwright, program: str, server: Server) -> tuple[Browser, Page]:
    browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
    page = browser.new_page(base_url=server.url)
    page.goto("/login")
    page.get_by_label("E-mail").fill("brand2@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator('#connection[data-state="live"]').wait_for()
    return browser, page

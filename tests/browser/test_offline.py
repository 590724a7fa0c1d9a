"""Without a network: pages seen before can be read with their age, by who saw them and nobody else, and come right when Duet is back."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import House, Member, let_in, log_in, tab
from tests.servers import Server

EVERYTHING = """async () => {
  const found = {};
  for (const name of await caches.keys()) found[name] = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
  return found;
}"""
HELLO = "You are reading this page as it was"


@pytest.fixture
def server(house: House) -> Iterator[Server]:
    """Stopped and started by these tests."""
    yield house.server
    if house.server.process and house.server.process.poll() is not None:
        house.server.start()


@pytest.fixture
def complaints() -> list[str]:
    """htmx says in the console what it could not fetch."""
    return []


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz", headline="Street food")


@pytest.fixture
def bo(house: House) -> Member:
    return house.add("brand", name="Nordlys Secret")


def kept(page: Page) -> dict[str, Any]:
    return page.evaluate(EVERYTHING)


def until(page: Page, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Wait until what the browser keeps is so."""
    give_up = time.monotonic() + 20
    while not holds(everything := kept(page)):
        assert time.monotonic() < give_up, everything
        page.wait_for_timeout(100)


def wait_until_kept(page: Page, path: str) -> None:
    until(page, lambda everything: path in everything.get("duet-pages", []))


def test_a_page_seen_before_is_read_with_its_age_and_comes_right_when_duet_is_back(make_browser: Callable[..., BrowserContext], house: House, server: Server, ana: Member, bo: Member) -> None:
    page = tab(let_in(make_browser(), bo.email), f"/profiles/{ana.id}")
    wait_until_kept(page, f"/profiles/{ana.id}")  # the first of all, which the worker did not see come
    page.locator("#navigation").get_by_role("link", name="Settings").click()  # by htmx
    page.wait_for_url("**/settings")
    wait_until_kept(page, "/settings")
    server.stop(signal.SIGKILL)
    house.change(ana, headline="Changed while nobody listened")

    page.go_back()  # htmx finds no network, and the browser goes there itself
    expect(page.locator("#seen")).to_contain_text(HELLO)
    page.locator("#navigation").get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    page.goto(f"/profiles/{ana.id}")
    expect(page.locator("main")).to_contain_text("Street food")
    expect(page.locator("#seen time")).to_have_text("a moment ago")
    page.evaluate("window.loadedOnce = true")

    server.start()
    expect(page.locator("main")).to_contain_text("Changed while nobody listened", timeout=20_000)
    expect(page.locator("#seen")).to_have_count(0)
    assert page.evaluate("window.loadedOnce === true")
    everything = kept(page)
    assert not [path for paths in everything.values() for path in paths if path.startswith(("/live", "/navigation", "/metrics"))], "neither the stream nor a fragment"


def test_what_was_typed_the_moment_before_a_page_goes_is_kept(make_browser: Callable[..., BrowserContext], server: Server, ana: Member) -> None:
    """Behind what waits already, so that it is not sent as the page goes; and no answer of the device's database reaches that page any more."""
    page = tab(let_in(make_browser(), ana.email), "/profile")
    wait_until_kept(page, "/profile")
    server.stop(signal.SIGKILL)
    page.get_by_label("Bio").fill("Left")
    page.get_by_label("Bio").blur()
    expect(page.locator("#field-bio-status")).to_contain_text("Saved on this device")
    page.get_by_label("Headline").fill("Not even left")
    page.reload()

    expect(page.locator("#seen")).to_contain_text(HELLO)
    expect(page.get_by_label("Headline")).to_have_value("Not even left")
    expect(page.get_by_label("Bio")).to_have_value("Left")


def test_a_page_never_seen_says_so_lists_what_can_be_read_and_opens_when_duet_is_back(make_browser: Callable[..., BrowserContext], server: Server, ana: Member) -> None:
    page = tab(let_in(make_browser(), ana.email), "/matches")
    wait_until_kept(page, "/matches")
    server.stop(signal.SIGKILL)

    page.goto("/requests")
    expect(page.get_by_role("heading", level=1)).to_have_text("Duet cannot be reached right now")
    expect(page.locator("body")).not_to_contain_text("Log in")
    expect(page.locator("h1")).to_have_css("font-family", re.compile("Bricolage"))
    page.get_by_role("link", name="Matches", exact=True).click()
    expect(page.locator("#seen")).to_contain_text(HELLO)

    page.goto("/requests")
    server.start()
    expect(page.locator("#requests, main h1").first).to_contain_text("Requests", timeout=20_000)


def test_nothing_of_one_member_is_shown_to_the_next(make_browser: Callable[..., BrowserContext], server: Server, ana: Member, bo: Member) -> None:
    page = tab(let_in(make_browser(), bo.email), "/profile")
    wait_until_kept(page, "/profile")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name="Join").wait_for()
    assert not kept(page).get("duet-pages"), "wiped before the next page was there"
    log_in(page, ana.email)
    wait_until_kept(page, "/matches")
    server.stop(signal.SIGKILL)

    page.goto("/profile")
    expect(page.get_by_role("heading", level=1)).to_have_text("Duet cannot be reached right now")
    expect(page.locator("#offline-pages")).to_contain_text("Matches")
    expect(page.locator("body")).not_to_contain_text("Nordlys Secret")
    page.context.clear_cookies()  # as a closed browser does, where one is not remembered
    page.goto("/matches")
    expect(page.get_by_role("heading", level=1)).to_have_text("Duet cannot be reached right now")
    expect(page.locator("#offline-pages > li")).to_have_count(0)


def test_an_answer_that_comes_late_does_not_bring_the_one_before_back(make_browser: Callable[..., BrowserContext], server: Server, ana: Member, bo: Member) -> None:
    """What the worker is told of a page of bo's when ana is here: it keeps nothing, of nobody."""
    page = tab(let_in(make_browser(), ana.email), "/matches")
    wait_until_kept(page, "/matches")
    address = f"{server.url}/late"
    late = {"address": address, "text": '<head><meta name="live" content="1">', "headers": [["Duet-Account", "999999"], ["Content-Type", "text/html"]]}
    page.evaluate("async (fetched) => (await navigator.serviceWorker.ready).active.postMessage({ fetched })", late)

    until(page, lambda everything: not everything.get("duet-pages"))
    page.goto("/settings")
    wait_until_kept(page, "/settings")
    page.evaluate("document.dispatchEvent(new CustomEvent('duet:ended'))")  # and the session goes on, as after logging in again in place
    until(page, lambda everything: not everything.get("duet-pages"))
    page.evaluate("document.dispatchEvent(new CustomEvent('duet:state', { detail: 'live' }))")
    wait_until_kept(page, "/settings")
    assert kept(page)["duet-pages"] == ["/settings"]


def test_a_new_version_brings_its_own_files_and_old_pages_are_still_whole(make_browser: Callable[..., BrowserContext], server: Server, ana: Member) -> None:
    page = tab(let_in(make_browser(), ana.email), "/matches")
    wait_until_kept(page, "/matches")
    before = next(name for name in kept(page) if name.startswith("duet-shell-"))
    server.stop(signal.SIGKILL)
    server.env["DUET_ASSET_VERSION"] = "0123456789ab"
    try:
        server.start()
        page.goto("/settings")
        until(page, lambda everything: not everything.get(before) and len(everything.get("duet-shell-0123456789ab", [])) > 50)
        server.stop(signal.SIGKILL)
        page.goto("/matches")  # made by the version before
        expect(page.locator("#seen")).to_contain_text(HELLO)
        assert "/static/0123456789ab/" not in page.content()
        expect(page.locator("h1")).to_have_css("font-family", re.compile("Bricolage"))
    finally:
        del server.env["DUET_ASSET_VERSION"]

"""Whether somebody is here, as another person's open card shows it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import tab, was_never_reloaded
from tests.conftest import Cast
from tests.servers import Server

PATIENT = 20_000
CAN_HIDE = 'window.isHidden = false; Object.defineProperty(document, "hidden", { get: () => window.isHidden });'  # under Playwright every tab is in front


@pytest.fixture
def server(make_server: Callable[..., Server]) -> Server:
    return make_server(LIVE_HEARTBEAT_SECONDS="1", DUET_PRESENCE_AWAY_SECONDS="1", DUET_PRESENCE_GRACE_SECONDS="3")


def turn(page: Page, *, hidden: bool) -> None:
    page.evaluate('(hidden) => { window.isHidden = hidden; document.dispatchEvent(new Event("visibilitychange")); }', hidden)


def test_a_card_follows_who_comes_hides_all_tabs_comes_back_hides_it_shows_it_and_leaves(
    make_browser: Callable[..., BrowserContext], bo: BrowserContext, live_cast: Cast
) -> None:
    deck = tab(bo, "/matches")
    card = deck.locator(f"#match-{live_cast.ana}")
    presence = card.locator(".presence")
    expect(presence).to_have_text("Offline")

    ana = make_browser("creator1@example.com")
    ana.add_init_script(CAN_HIDE)
    first, second = tab(ana, "/matches"), tab(ana, "/settings/privacy")
    expect(presence).to_have_text("Online", timeout=PATIENT)
    ana.pages[0].close()  # the tab that logged in cannot hide

    turn(first, hidden=True)
    turn(second, hidden=True)
    expect(presence).to_have_text("Away", timeout=PATIENT)
    turn(second, hidden=False)
    expect(presence).to_have_text("Online", timeout=PATIENT)

    choose(second, "Nobody")
    expect(presence).to_be_hidden(timeout=PATIENT)
    expect(first.locator(f"#match-{live_cast.bo} .presence")).to_be_hidden(timeout=PATIENT)
    choose(second, "Everyone I am shown to")
    expect(presence).to_have_text("Online", timeout=PATIENT)
    expect(first.locator(f"#match-{live_cast.bo} .presence")).to_have_text("Online", timeout=PATIENT)

    ana.close()
    expect(presence).to_contain_text("Active", timeout=PATIENT)
    assert was_never_reloaded(deck)


def choose(page: Page, words: str) -> None:
    page.get_by_label(words).check()
    page.get_by_role("button", name="Save privacy settings").click()
    expect(page.get_by_text("Your privacy settings are saved.")).to_be_visible(timeout=PATIENT)

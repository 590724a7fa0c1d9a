"""Two people ask, answer and connect in real browsers."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import House, Member, let_in, tab, was_never_reloaded
from tests.servers import Server

SOON = 15_000


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def ina(house: House) -> Member:
    return house.add("creator", name="Ina Berg", niches={"food"})


@pytest.fixture
def kelp(house: House) -> Member:
    return house.add("brand", name="Kelp and Co", niches={"food"}, budget_min=500, budget_max=2_000)


def test_asked_from_a_card_and_accepted_both_pages_follow_by_themselves(
    make_browser: Callable[..., BrowserContext], house: House, ina: Member, kelp: Member
) -> None:
    house.settle()
    hers, theirs = let_in(make_browser(), ina.email), let_in(make_browser(), kelp.email)
    her_deck, their_deck, their_list = tab(hers, "/matches"), tab(theirs, "/matches"), tab(theirs, "/requests")
    her_card, their_card = her_deck.locator(f"#match-{kelp.id}"), their_deck.locator(f"#match-{ina.id}")
    expect(their_list.get_by_role("heading", name="No requests yet")).to_be_visible()

    her_card.get_by_role("link", name="Ask to work together").click()
    her_deck.wait_for_url("**/requests/new?**")
    her_deck.get_by_label("What would you like").fill("A week of breakfasts")
    her_deck.get_by_role("button", name="Send request").click()
    her_deck.wait_for_url("**/matches")
    expect(her_card).to_contain_text("Request sent", timeout=SOON)

    expect(their_card).to_contain_text("Wants to work with you", timeout=SOON)
    expect(their_deck.locator("#navigation")).to_contain_text("1 waiting for your answer", timeout=SOON)
    expect(their_list.locator(".request")).to_contain_text("A week of breakfasts", timeout=SOON)

    their_list.get_by_role("button", name=re.compile("^Accept")).click()
    expect(their_list.locator(".request--accepted")).to_have_count(1, timeout=SOON)
    expect(their_list.get_by_role("heading", name="Connections")).to_be_focused(timeout=SOON)
    expect(their_card).to_contain_text("Connected", timeout=SOON)
    expect(their_deck.locator("#navigation")).not_to_contain_text("waiting for your answer", timeout=SOON)
    expect(her_card).to_contain_text("Connected", timeout=SOON)
    assert was_never_reloaded(their_deck) and was_never_reloaded(their_list)

    her_card.get_by_role("link", name="Talk with Kelp and Co").click()
    her_deck.wait_for_url("**/messages/*")
    expect(her_deck.get_by_label(re.compile("^Message to"))).to_be_visible()


def test_the_form_keeps_what_was_typed_when_a_field_is_wrong_and_says_when_they_ask_meanwhile(
    make_browser: Callable[..., BrowserContext], house: House, ina: Member, kelp: Member
) -> None:
    page = tab(let_in(make_browser(), ina.email), f"/requests/new?to={kelp.id}")
    page.get_by_label("What would you like").fill("A week of breakfasts")
    page.get_by_label("Budget from").fill("a lot")
    page.get_by_role("button", name="Send request").click()

    expect(page.locator("#field-budget_min-status")).to_contain_text("Use a whole number")
    expect(page.get_by_label("What would you like")).to_have_value("A week of breakfasts")
    expect(page.get_by_label("Budget from")).to_have_value("a lot")
    page.locator('#connection[data-state="live"]').wait_for(state="attached")
    page.get_by_label("When?").fill("In spring")

    theirs = let_in(make_browser(java_script_enabled=False), kelp.email).new_page()
    theirs.goto(f"/requests/new?to={ina.id}")
    expect(theirs.get_by_label("Budget from")).to_have_value(re.compile("500"))
    theirs.get_by_label("What would you like").fill("Our idea")
    theirs.get_by_role("button", name="Send request").click()
    expect(theirs.locator(".flash--success")).to_contain_text("Your request is sent to Ina Berg")

    expect(page.locator("#request-note")).to_contain_text("has asked you, too", timeout=SOON)
    expect(page.get_by_label("When?")).to_have_value("In spring")

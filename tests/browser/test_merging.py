"""The same profile edited on two devices at once, and edits taken back, in real browsers."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import House, Member, field, let_in, status, tab, was_never_reloaded
from tests.servers import Server


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz", headline="Street food", niches={"food"})


@pytest.fixture
def devices(make_browser: Callable[..., BrowserContext], ana: Member) -> tuple[Page, Page]:
    """Her editor in two browsers: a laptop's and a phone's."""
    laptop, phone = (f"Mozilla/5.0 ({system}; rv:140.0) Gecko/20100101 Firefox/140.0" for system in ("X11; Linux x86_64", "Android 15; Mobile"))
    return tab(let_in(make_browser(user_agent=laptop), ana.email), "/profile"), tab(let_in(make_browser(user_agent=phone), ana.email), "/profile")


def save(page: Page, name: str, value: str) -> None:
    field(page, name).fill(value)
    field(page, name).blur()
    expect(status(page, name)).to_contain_text("Saved")


def test_the_same_text_from_two_devices_is_shown_with_who_and_when_and_made_into_one(devices: tuple[Page, Page], house: House, ana: Member) -> None:
    laptop, phone = devices
    field(laptop, "bio").fill("From the laptop")
    save(phone, "bio", "From the phone")

    note = status(laptop, "bio").locator("[data-conflict]")
    expect(note).to_contain_text(re.compile(r"Bio was also changed in Firefox on Android, (to|yester)day at \d\d:\d\d\."))
    expect(note.locator("dd")).to_have_text(["From the phone", "From the laptop"])
    field(laptop, "bio").press_sequentially("!")
    expect(note.locator("[data-mine]")).to_have_text("From the laptop!")
    expect(field(laptop, "bio")).to_have_value("From the laptop!")

    note.get_by_role("button", name="Combine both").click()
    expect(field(laptop, "bio")).to_have_value("From the phone\n\nFrom the laptop!")
    expect(field(laptop, "bio")).to_be_focused()
    assert house.saved(ana, "bio") == "From the phone", "until it is one text"
    status(laptop, "bio").get_by_role("button", name="Save").click()
    expect(field(phone, "bio")).to_have_value("From the phone\n\nFrom the laptop!")
    expect(status(phone, "bio")).to_contain_text("Updated in Firefox on Linux")


def test_links_changed_elsewhere_while_one_types_are_announced_and_both_are_kept(devices: tuple[Page, Page], house: House, ana: Member) -> None:
    laptop, phone = devices
    field(laptop, "links").press_sequentially("https://example.org/laptop")
    save(phone, "links", "https://example.org/phone")

    expect(status(laptop, "links")).to_contain_text("Links was also changed in Firefox on Android")
    expect(status(laptop, "links")).to_contain_text("Both changes will be kept.")
    expect(field(laptop, "links")).to_have_value("https://example.org/laptop")
    expect(field(laptop, "links")).to_be_focused()
    field(laptop, "links").blur()

    expect(status(laptop, "links")).to_contain_text("Saved, together with what was changed elsewhere")
    for page in devices:
        expect(field(page, "links")).to_have_value("https://example.org/phone\nhttps://example.org/laptop")
    assert house.saved(ana, "links") == ("https://example.org/phone", "https://example.org/laptop")


def test_a_save_taken_back_in_the_history_is_back_on_every_open_page(devices: tuple[Page, Page], house: House, ana: Member) -> None:
    laptop, phone = devices
    history = tab(phone.context, "/profile/history")
    expect(history.locator("#history")).to_contain_text("Nothing changed yet")
    save(laptop, "headline", "Harbours at dawn")
    laptop.get_by_role("checkbox", name="Travel", exact=True).check()
    expect(status(laptop, "niches")).to_contain_text("Saved")

    expect(history.locator(".save")).to_have_count(2)  # without a reload
    assert was_never_reloaded(history)
    first = history.locator(".save").filter(has_text="Harbours at dawn")
    expect(first).to_contain_text("in Firefox on Linux")
    first.get_by_role("button", name="Undo").click()

    expect(history.locator("main")).to_contain_text("Put back: Headline.")
    expect(history.locator(".save")).to_have_count(3)
    expect(field(laptop, "headline")).to_have_value("Street food")
    expect(status(laptop, "headline")).to_contain_text("Updated in Firefox on Android")
    assert house.saved(ana, "niches") == {"food", "travel"}
    assert was_never_reloaded(laptop)

"""What is done without a connection is kept on the device, and has its effect once when there is one again."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import select

from blueprints.extensions import db
from blueprints.messages.models import Conversation, Message
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.browser.conftest import ARGUMENTS, House, Member, chromium_program, field, let_in, status, tab
from tests.conftest import Cast
from tests.servers import Server

KEPT = "Saved on this device, will be sent"


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz", headline="Street food", niches={"food"})


@pytest.fixture(autouse=True)
def cuts_are_no_errors(complaints: list[str]) -> Iterator[None]:
    """What htmx says in the console of a network that a test has cut."""
    yield
    complaints[:] = [said for said in complaints if "Failed to fetch" not in said and "NetworkError" not in said]


def type_into(page: Page, name: str, value: str) -> None:
    field(page, name).fill(value)
    field(page, name).blur()


def wait_until_kept(page: Page, number: int, holding: str = "") -> None:
    """So many operations are on the device, of whomever, and this among them."""
    everything = """() => new Promise((resolve) => {
      const asked = indexedDB.open("duet", 1);
      asked.onsuccess = () => {
        const all = asked.result.transaction("operations").objectStore("operations").getAll();
        all.onsuccess = () => { asked.result.close(); resolve(all.result.map((one) => JSON.stringify(one))); };
      };
    })"""
    give_up = time.monotonic() + 20
    while len(now := page.evaluate(everything)) != number or holding not in "".join(now):
        assert time.monotonic() < give_up, now
        page.wait_for_timeout(100)


def connect(house: House, one: Member, other: Member) -> int:
    with house.app.app_context():
        sender, receiver = (db.session.get_one(Profile, member.id).account for member in (one, other))
        Request.send(sender, receiver.profile, {"what": "A film"}).answer(receiver, accept=True)
        db.session.commit()
        return db.session.scalars(select(Conversation).filter_by(creator_id=sender.id)).one().id


def test_what_was_edited_offline_goes_when_the_browser_is_opened_again(chromium: Browser, house: House, ana: Member, tmp_path: Path) -> None:
    def opened() -> BrowserContext:
        return chromium.browser_type.launch_persistent_context(
            str(tmp_path), executable_path=chromium_program(), args=ARGUMENTS, base_url=house.server.url
        )

    first = opened()
    page = tab(let_in(first, ana.email), "/profile")
    first.set_offline(True)
    type_into(page, "bio", "Written in a tunnel")
    expect(status(page, "bio")).to_contain_text(KEPT)
    type_into(page, "headline", "And this behind it")
    expect(status(page, "headline")).to_contain_text(KEPT)
    expect(page.locator("#outbox")).to_have_text("2 changes on this device")
    field(page, "audience_size").press_sequentially("48k")  # and not left when the browser is closed
    wait_until_kept(page, 2, holding="48k")  # as one types; nothing on the page says so
    cookies = first.cookies()
    first.close()
    assert house.saved(ana, "bio") == ""

    second = opened()
    second.add_cookies(cast(Any, cookies))  # a session cookie: its browser would ask to log in again
    page = tab(second, "/matches")
    wait_until_kept(page, 0)
    assert (house.saved(ana, "bio"), house.saved(ana, "headline"), house.saved(ana, "audience_size")) == ("Written in a tunnel", "And this behind it", 48_000)
    second.close()


def test_two_devices_that_were_offline_at_once_lose_nothing_to_each_other(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    phone, laptop = (let_in(make_browser(), ana.email) for _ in range(2))
    on_phone, on_laptop = tab(phone, "/profile"), tab(laptop, "/profile")
    for device, page, name, text in ((phone, on_phone, "bio", "From the phone"), (laptop, on_laptop, "headline", "From the laptop")):
        device.set_offline(True)
        type_into(page, name, text)
        expect(status(page, name)).to_contain_text(KEPT)
        type_into(page, "links", f"https://example.org/{name}")
        type_into(page, "rate", "900" if device is phone else "1,000")
        expect(status(page, "rate")).to_contain_text(KEPT)

    phone.set_offline(False)
    expect(status(on_phone, "bio")).to_have_text("Saved")
    expect(status(on_phone, "rate")).to_have_text("Saved")
    laptop.set_offline(False)
    expect(status(on_laptop, "headline")).to_have_text("Saved")
    expect(status(on_laptop, "rate").locator("[data-conflict]")).to_contain_text("900")

    assert (house.saved(ana, "bio"), house.saved(ana, "headline"), house.saved(ana, "rate")) == ("From the phone", "From the laptop", 900)
    expect(field(on_laptop, "rate")).to_have_value("1,000")
    status(on_laptop, "rate").get_by_role("button", name=re.compile("mine", re.IGNORECASE)).first.click()
    expect(field(on_phone, "rate")).to_have_value("1,000")
    wait_until_kept(on_phone, 0)


def test_what_was_not_taken_is_in_its_field_again(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    browser = let_in(make_browser(), ana.email)
    page = tab(browser, "/profile")
    browser.set_offline(True)
    type_into(page, "audience_size", "a lot")
    expect(status(page, "audience_size")).to_contain_text(KEPT)
    page.close()
    browser.set_offline(False)
    deck = tab(browser, "/matches")
    expect(deck.locator("#outbox")).to_have_text("1 change on this device, 1 not taken")

    editor = tab(browser, "/profile")
    expect(field(editor, "audience_size")).to_have_value("a lot")
    expect(status(editor, "audience_size").locator(".field__error")).to_contain_text("Use a whole number")
    type_into(editor, "audience_size", "50000")
    expect(status(editor, "audience_size")).to_have_text("Saved")
    wait_until_kept(editor, 0)
    expect(deck.locator("#outbox")).to_be_hidden()


def test_messages_and_answers_made_offline_are_sent_once_and_in_order(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    brand, other = house.add("brand", name="Kelp and Co"), house.add("brand", name="Fjord Tea")
    talk = connect(house, ana, brand)
    with house.app.app_context():
        Request.send(db.session.get_one(Profile, other.id).account, db.session.get_one(Profile, ana.id), {"what": "A film about tea"})
        db.session.commit()
    browser = let_in(make_browser(), ana.email)
    page, requests = tab(browser, f"/messages/{talk}"), tab(browser, "/requests")
    browser.set_offline(True)
    for text in ("One", "Two", "Three"):
        page.get_by_label(re.compile("^Message to")).fill(text)
        page.keyboard.press("Enter")
        expect(page.locator(".message--unsent").last).to_contain_text(text)
    requests.get_by_role("button", name="Accept").click()
    expect(requests.get_by_text("Your answer is saved on this device and will be sent.")).to_be_visible()
    requests.get_by_role("button", name="Undo").click()
    requests.get_by_role("button", name="Accept").click()
    expect(requests.get_by_role("button", name="Undo")).to_be_visible()

    browser.set_offline(False)
    expect(page.locator(".message__text")).to_have_text(["One", "Two", "Three"])
    expect(page.locator(".message--unsent")).to_have_count(0)
    expect(requests.locator("#requests").get_by_role("link", name=re.compile("^Talk with Fjord Tea"))).to_be_visible()
    expect(requests.get_by_text("Your answer is saved on this device")).to_have_count(0)
    with house.app.app_context():
        assert [message.text for message in db.session.scalars(select(Message).filter_by(conversation_id=talk).order_by(Message.number))] == ["One", "Two", "Three"]


def test_a_server_that_stops_while_one_types_loses_nothing(make_server: Callable[..., Server], chromium: Browser, live_cast: Cast) -> None:
    server = make_server()
    browser = let_in(chromium.new_context(base_url=server.url), "creator1@example.com")
    page = tab(browser, "/profile")
    server.stop()
    type_into(page, "headline", "Written while nobody listened")
    expect(status(page, "headline")).to_contain_text(KEPT)
    field(page, "bio").fill("Still being written")
    server.start()

    expect(status(page, "headline")).to_have_text("Saved", timeout=30_000)
    expect(field(page, "bio")).to_have_value(re.compile("^Still being written$"))
    field(page, "bio").blur()
    expect(status(page, "bio")).to_have_text("Saved")
    wait_until_kept(page, 0)
    browser.close()


def test_logging_out_asks_and_another_account_sees_and_sends_nothing(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    browser = let_in(make_browser(), ana.email)
    browser.route("**/profile", lambda route: route.abort() if route.request.method == "PATCH" else route.continue_())
    page = tab(browser, "/profile")
    type_into(page, "bio", "Ana's own words")
    expect(status(page, "bio")).to_contain_text(KEPT)
    page.close()

    browser.clear_cookies()  # somebody else logs in without Ana having logged out
    other = house.add("brand", name="Kelp and Co")
    browser.unroute("**/profile")
    theirs = tab(let_in(browser, other.email), "/profile")
    theirs.wait_for_timeout(2_500)  # more than it takes to say that something waits, and to send it
    expect(theirs.locator("#outbox")).to_be_hidden()
    assert (house.saved(other, "bio"), house.saved(ana, "bio")) == ("", "")
    wait_until_kept(theirs, 1)
    theirs.close()

    browser.clear_cookies()
    browser.route("**/profile", lambda route: route.abort() if route.request.method == "PATCH" else route.continue_())
    page = tab(let_in(browser, ana.email), "/profile")
    expect(field(page, "bio")).to_have_value("Ana's own words")
    leaving = page.get_by_role("dialog")
    page.get_by_role("button", name="Log out").click()
    expect(leaving).to_contain_text("1 change not sent yet")
    leaving.get_by_role("button", name="Send first").click()
    expect(leaving).to_contain_text("cannot be reached")
    leaving.get_by_role("button", name="Delete and log out").click()
    page.get_by_role("link", name="Join").wait_for()
    wait_until_kept(page, 0)


def test_logging_out_without_a_network_takes_nothing_away_and_minds_what_another_tab_types(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    browser = let_in(make_browser(), ana.email)
    page, other = tab(browser, "/profile"), tab(browser, "/profile")
    leaving = page.get_by_role("dialog")
    browser.set_offline(True)
    type_into(page, "bio", "Written in a tunnel")
    expect(status(page, "bio")).to_contain_text(KEPT)
    page.get_by_role("button", name="Log out").click()
    leaving.get_by_role("button", name="Delete and log out").click()
    expect(leaving).to_contain_text("you are still logged in. Nothing was deleted.")
    leaving.get_by_role("button", name="Stay").click()

    field(other, "headline").fill("Typed, and not left")
    wait_until_kept(other, 2)
    browser.set_offline(False)
    expect(status(page, "bio")).to_have_text("Saved")
    page.get_by_role("button", name="Log out").click()
    expect(leaving).to_contain_text("1 change not sent yet")
    leaving.get_by_role("button", name="Send first").click()
    expect(leaving).to_contain_text("perhaps in another tab")
    field(other, "headline").blur()
    expect(status(other, "headline")).to_have_text("Saved")
    leaving.get_by_role("button", name="Send first").click()
    page.get_by_role("link", name="Join").wait_for()
    assert (house.saved(ana, "bio"), house.saved(ana, "headline")) == ("Written in a tunnel", "Typed, and not left")


def test_what_something_between_refuses_is_not_sent_as_fast_as_it_can_be(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    """A firewall that does not like the text, say: the login is as it was, and asking for it again changes nothing."""
    page = tab(let_in(make_browser(), ana.email), "/profile")
    calls = []

    def refuse(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        calls.append(route)
        route.fulfill(status=403, content_type="text/html", body="<p>Blocked</p>")

    page.route("**/profile", refuse)
    type_into(page, "bio", "Not to be said")
    expect(status(page, "bio")).to_contain_text(KEPT)
    page.wait_for_timeout(2_000)  # thirty times and more, if it did
    assert len(calls) < 15
    page.unroute("**/profile")
    expect(status(page, "bio")).to_have_text("Saved", timeout=30_000)

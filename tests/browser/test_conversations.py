"""Two people write to each other in real browsers."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from sqlalchemy import insert, select

from blueprints.accounts.models import Account
from blueprints.extensions import db, utc_now
from blueprints.messages.models import Conversation, Message
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.browser.conftest import House, Member, let_in, tab, was_never_reloaded
from tests.servers import Server

SOON = 15_000


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@dataclass
class Pair:
    creator: Member
    brand: Member
    talk: int
    path: str


@pytest.fixture
def pair(house: House) -> Pair:
    """A creator and a brand of this test, connected."""
    creator, brand = house.add("creator", name="Ina Berg"), house.add("brand", name="Kelp and Co")
    with house.app.app_context():
        sender, receiver = (db.session.get_one(Profile, member.id).account for member in (creator, brand))
        Request.send(sender, receiver.profile, {"what": "A film"}).answer(receiver, accept=True)
        db.session.commit()
        talk = db.session.scalars(select(Conversation).filter_by(creator_id=sender.id)).one().id
    return Pair(creator, brand, talk, f"/messages/{talk}")


def account(member: Member) -> Account:
    return db.session.get_one(Profile, member.id).account


def write(page: Page, text: str) -> None:
    page.get_by_label(re.compile("^Message to")).fill(text)
    page.keyboard.press("Enter")


def message(page: Page, text: str) -> Locator:
    return page.locator("#conversation-scroll").get_by_text(text, exact=True)


def log(page: Page) -> list[str]:
    return page.locator("#conversation-scroll .message__text").all_inner_texts()


def fill(house: House, pair: Pair, number: int) -> None:
    with house.app.app_context():
        sender = account(pair.creator).id
        rows = [
            {"conversation_id": pair.talk, "number": index, "sender_id": sender, "text": f"This is number {index}.", "client_id": str(index), "sent_at": utc_now()}
            for index in range(1, number + 1)
        ]
        db.session.execute(insert(Message), rows)
        db.session.get_one(Conversation, pair.talk).last_number = number
        db.session.commit()


def test_two_people_write_to_each_other_live(make_browser: Callable[..., BrowserContext], pair: Pair) -> None:
    ina, kelp = let_in(make_browser(), pair.creator.email), let_in(make_browser(), pair.brand.email)
    hers, theirs = tab(ina, pair.path), tab(kelp, pair.path)

    hers.get_by_label(re.compile("^Message to")).press_sequentially("Hel")
    expect(theirs.locator("[data-typing]")).to_be_visible(timeout=SOON)
    expect(theirs.locator("[data-typing]")).to_have_text("Ina Berg is typing …")
    write(hers, "Hello")
    expect(theirs.locator(".message__text")).to_have_text(["Hello"], timeout=SOON)
    expect(theirs.locator("[data-typing]")).to_be_hidden()
    expect(hers.locator(".message__mark--read")).to_have_count(1, timeout=SOON)
    expect(hers.get_by_label(re.compile("^Message to"))).to_have_value("")

    for number in range(5):
        write(theirs, f"Answer {number}")
        expect(theirs.get_by_label(re.compile("^Message to"))).to_have_value("", timeout=SOON)
    expect(hers.locator(".message__text")).to_have_text(["Hello", *(f"Answer {number}" for number in range(5))], timeout=SOON)

    hers.get_by_role("link", name="Edit message").click()
    box = hers.get_by_label("Your message")
    expect(box).to_have_value("Hello")
    expect(box).to_be_focused()
    box.fill("Hello there")
    box.press("Enter")
    expect(theirs.locator(".message").first).to_contain_text("Hello there", timeout=SOON)
    expect(theirs.locator(".message").first).to_contain_text("edited")
    expect(hers.get_by_label(re.compile("^Message to"))).to_be_visible()

    hers.once("dialog", lambda dialog: dialog.accept())
    hers.get_by_role("button", name="Delete message").click()
    expect(theirs.locator(".message__text").first).to_have_text("Message deleted", timeout=SOON)
    assert was_never_reloaded(hers) and was_never_reloaded(theirs)


def test_what_is_unread_is_counted_in_every_tab_until_it_is_read_in_one(make_browser: Callable[..., BrowserContext], pair: Pair) -> None:
    ina, kelp = let_in(make_browser(), pair.creator.email), let_in(make_browser(), pair.brand.email)
    hers, deck, overview = tab(ina, pair.path), tab(kelp, "/matches"), tab(kelp, "/messages")
    write(hers, "Hello")

    expect(overview.locator(".entry__unread")).to_contain_text("1 unread", timeout=SOON)
    expect(deck.locator("#navigation")).to_have_attribute("data-unread-messages", "1", timeout=SOON)
    expect(hers.locator(".message__mark--delivered")).to_have_count(1, timeout=SOON)
    overview.get_by_role("link", name=re.compile("Ina Berg")).click()
    expect(overview.locator(".message__text")).to_have_text(["Hello"])
    expect(deck.locator("#navigation")).to_have_attribute("data-unread-messages", "0", timeout=SOON)
    expect(hers.locator(".message__mark--read")).to_have_count(1, timeout=SOON)


def test_a_draft_survives_navigation_and_reload_and_goes_with_sending(make_browser: Callable[..., BrowserContext], pair: Pair) -> None:
    page = tab(let_in(make_browser(), pair.creator.email), pair.path)
    box = page.get_by_label(re.compile("^Message to"))
    box.fill("Half a thought")
    page.locator("#navigation").get_by_role("link", name="Matches").click()
    page.wait_for_url("**/matches")
    page.goto(pair.path)
    expect(box).to_have_value("Half a thought")
    page.reload()
    expect(box).to_have_value("Half a thought")
    box.press("Enter")
    expect(page.locator(".message__text")).to_have_text(["Half a thought"], timeout=SOON)
    page.reload()
    expect(page.locator(".message__text")).to_have_text(["Half a thought"])
    expect(box).to_have_value("")


def test_what_could_not_be_sent_is_kept_and_sent_once(make_browser: Callable[..., BrowserContext], complaints: list[str], pair: Pair) -> None:
    page = tab(let_in(make_browser(), pair.creator.email), pair.path)
    box = page.get_by_label(re.compile("^Message to"))

    def lose_the_answer(route: Route) -> None:
        route.fetch()  # it arrives, and the page does not hear of it
        route.abort()

    page.route(f"**{pair.path}", lambda route: lose_the_answer(route) if route.request.method == "POST" else route.continue_())
    box.fill("Once")
    box.press("Enter")
    expect(page.locator(".message--unsent")).to_contain_text("Saved on this device, will be sent", timeout=SOON)
    expect(box).to_have_value("")
    page.unroute(f"**{pair.path}")
    expect(page.locator(".message--unsent")).to_have_count(0, timeout=SOON)
    expect(page.locator(".message__text")).to_have_text(["Once"])
    box.fill("x" * 4_001)
    box.press("Enter")
    expect(page.locator("#composer-status")).to_contain_text("at most 4,000 characters", timeout=SOON)
    expect(box).to_have_value("x" * 4_001)
    complaints[:] = [complaint for complaint in complaints if "Failed to fetch" not in complaint]


def test_paging_upwards_keeps_the_place_and_new_messages_do_not_take_it(make_browser: Callable[..., BrowserContext], house: House, pair: Pair) -> None:
    fill(house, pair, 100)
    page = tab(let_in(make_browser(), pair.brand.email), pair.path)
    expect(message(page, "This is number 100.")).to_be_in_viewport()
    first = message(page, "This is number 61.")
    page.get_by_role("link", name="Earlier messages").scroll_into_view_if_needed()
    before = first.bounding_box()
    page.get_by_role("link", name="Earlier messages").click()
    expect(message(page, "This is number 21.")).to_be_attached(timeout=SOON)
    after = first.bounding_box()
    assert before and after and abs(before["y"] - after["y"]) <= 2

    hers = tab(let_in(make_browser(), pair.creator.email), pair.path)
    write(hers, "News")
    button = page.get_by_role("button", name="New message")
    expect(button).to_be_visible(timeout=SOON)
    stayed = first.bounding_box()
    assert stayed and abs(stayed["y"] - after["y"]) <= 2
    button.click()
    expect(message(page, "News")).to_be_in_viewport()
    expect(button).to_be_hidden()
    page.get_by_role("link", name="Earlier messages").click()
    expect(page.get_by_text("You have been connected since")).to_be_attached(timeout=SOON)
    assert log(page) == [*(f"This is number {number}." for number in range(1, 101)), "News"]


def test_it_works_without_javascript(make_browser: Callable[..., BrowserContext], house: House, pair: Pair) -> None:
    fill(house, pair, 45)
    page = let_in(make_browser(java_script_enabled=False), pair.brand.email).new_page()
    page.goto(pair.path)
    page.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_role("button", name="Mark as read")).to_have_count(0)
    page.get_by_label("Message to Ina Berg").fill("Plain and simple")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".message__text").last).to_have_text("Plain and simple")
    page.get_by_role("link", name="Edit message").click()
    page.get_by_label("Your message").fill("Plainer")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".message").last).to_contain_text("Plainer")
    page.get_by_label("Message to Ina Berg").fill(" ")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#composer-status")).to_contain_text("Write something first")
    page.goto(pair.path)
    page.get_by_role("link", name="Earlier messages").click()
    expect(page.locator(".message__text").first).to_have_text("This is number 1.")
    page.get_by_role("link", name="Later messages").click()
    page.get_by_role("button", name="Delete message").click()
    expect(page.locator(".message__text").last).to_have_text("Message deleted")


def test_when_the_connection_ends_the_open_page_says_so(make_browser: Callable[..., BrowserContext], house: House, pair: Pair) -> None:
    page = tab(let_in(make_browser(), pair.creator.email), pair.path)
    page.get_by_label(re.compile("^Message to")).fill("Too late")
    with house.app.app_context():
        other = account(pair.brand)
        request = Request.between(other, account(pair.creator).profile)
        assert request
        request.end(other)
        db.session.commit()
    expect(page.locator("#conversation-state")).to_contain_text("You are no longer connected", timeout=SOON)
    expect(page.get_by_label(re.compile("^Message to"))).to_be_hidden()
    assert was_never_reloaded(page)

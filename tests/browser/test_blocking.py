"""Three people: ana blocks bo while bo has her card, her profile and their conversation open; cy keeps bo and sees nothing of it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Conversation
from tests.browser.conftest import House, Member, let_in, tab, was_never_reloaded
from tests.messages.conftest import connect
from tests.servers import Server

SOON = 15_000
GONE = "This profile is no longer available"


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def people(house: House) -> tuple[Member, Member, Member]:
    ana = house.add("creator", name="Ana Ruiz", niches={"food"})
    bo = house.add("brand", name="Nordlys Coffee", niches={"food"})
    cy = house.add("creator", name="Cy Okafor")
    house.settle()
    return ana, bo, cy


def talk(house: House, ana: Member, bo: Member) -> int:
    with house.app.app_context():
        one, other = (db.session.scalars(select(Account).where(Account.email == member.email)).one() for member in (ana, bo))
        conversation: Conversation = connect(one, other)
        conversation.write(one, "Shall we meet at the harbour?", "client-1")
        db.session.commit()
        return conversation.id


def test_a_block_reaches_every_open_page_of_both_and_of_nobody_else(
    house: House, people: tuple[Member, Member, Member], make_browser: Callable[..., BrowserContext]
) -> None:
    ana, bo, cy = people
    conversation = talk(house, ana, bo)
    brand, creator, third = (let_in(make_browser(), member.email) for member in (bo, ana, cy))
    deck, profile, messages = tab(brand, "/matches"), tab(brand, f"/profiles/{ana.id}"), tab(brand, f"/messages/{conversation}")
    own_deck, other_deck, other_profile = tab(creator, "/matches"), tab(third, "/matches"), tab(third, f"/profiles/{bo.id}")
    expect(messages.locator("main")).to_contain_text("Shall we meet at the harbour?")
    expect(deck.locator(f"#match-{ana.id}")).to_contain_text("Ana Ruiz")

    ask = tab(creator, f"/profiles/{bo.id}")
    ask.locator("#more").get_by_role("link", name="Block").click()
    expect(ask.locator("main")).to_contain_text("They are not told")
    ask.get_by_role("button", name="Block Nordlys Coffee").click()
    expect(ask.locator("main")).to_contain_text("You blocked Nordlys Coffee", timeout=SOON)

    expect(deck.locator("#matches")).not_to_contain_text("Ana Ruiz", timeout=SOON)
    expect(deck.locator(f"#match-{cy.id}")).to_contain_text("Cy Okafor")
    expect(profile.locator("main")).to_contain_text(GONE, timeout=SOON)
    expect(profile.locator("main")).not_to_contain_text("Ana Ruiz")
    expect(profile.locator("#more")).to_be_hidden()
    expect(messages.locator("main")).not_to_contain_text("Shall we meet at the harbour?", timeout=SOON)
    expect(own_deck.locator("#matches")).not_to_contain_text("Nordlys Coffee", timeout=SOON)
    house.change(bo, headline="Beans from the north")  # heard by the third, so what is to be heard has been
    expect(other_deck.locator(f"#match-{bo.id}")).to_contain_text("Beans from the north", timeout=SOON)
    expect(other_profile.locator("main")).to_contain_text("Beans from the north", timeout=SOON)
    for page in (deck, profile, messages):
        assert page.locator(".toast").all_inner_texts() == [], page.url
        assert "blocked" not in page.locator("main").inner_text().lower()
    assert all(map(was_never_reloaded, (deck, profile, own_deck, other_deck, other_profile)))

    comes_back(tab(creator, "/settings/blocked"), deck)


def comes_back(settings: Page, deck: Page) -> None:
    settings.get_by_role("button", name="Unblock Nordlys Coffee").click()
    expect(settings.locator("main")).to_contain_text("no longer blocked", timeout=SOON)
    shown = deck.locator("#matches").get_by_text("Ana Ruiz").or_(deck.locator("#deck-news a"))
    expect(shown.first).to_be_visible(timeout=SOON)


def test_a_report_reaches_an_admins_open_queue(house: House, people: tuple[Member, Member, Member], make_browser: Callable[..., BrowserContext]) -> None:
    ana, bo, _ = people
    admin = house.add("admin")
    queue = tab(let_in(make_browser(), admin.email), "/reports")
    report = tab(let_in(make_browser(), ana.email), f"/profiles/{bo.id}/report")

    report.get_by_text("Spam or advertising").click()
    report.get_by_label("In your words").fill("Sells beans in every message.")
    report.get_by_role("button", name="Send report").click()
    expect(report.locator("main")).to_contain_text("Thank you for telling us", timeout=SOON)

    expect(queue.locator("#reports")).to_contain_text("Nordlys Coffee", timeout=SOON)
    assert was_never_reloaded(queue)
    queue.get_by_role("link", name="Nordlys Coffee").first.click()
    expect(queue.locator("main")).to_contain_text("Sells beans in every message.")
    queue.get_by_label("Note for the log").fill("It is true.")
    queue.get_by_role("button", name="Suspend account").click()
    expect(queue.locator("#report-state")).to_contain_text("Suspended", timeout=SOON)
    report.goto(f"/profiles/{bo.id}")
    expect(report.locator("main")).not_to_contain_text("Nordlys")

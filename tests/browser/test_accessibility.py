"""Every page, in light and dark: no violation of axe's rules, best practice included, and the frame that screen readers move about by."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from blueprints.extensions import db
from blueprints.matches.models import Mark
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.browser.conftest import House, Member, let_in, tab
from tests.servers import Server

ALL_RULES = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}  # the latter is off by default
RULES_OF_COLOUR = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": ["cat.color"]}}


class Shown(NamedTuple):
    """A page as somebody sees it; ``{creator}`` and the like in its path are profile ids."""

    who: str
    path: str
    title: str


PAGES = {
    "home": Shown("nobody", "/", "Creators and brands that fit"),
    "register": Shown("nobody", "/register", "Create an account"),
    "log in": Shown("nobody", "/login", "Log in"),
    "not found, as nobody": Shown("nobody", "/nothing-here", "There is nothing here"),
    "not found": Shown("creator", "/nothing-here", "There is nothing here"),
    "matches of a creator": Shown("creator", "/matches", "Matches"),
    "matches of a brand": Shown("brand", "/matches", "Matches"),
    "matches, past the last": Shown("creator", "/matches?page=9", "Matches"),
    "matches, filtered to few": Shown("creator", "/matches?niche=food&within=100&audience_min=many&q=coffee", "Matches"),
    "matches, filtered to nobody": Shown("brand", "/matches?niche=art", "Matches"),
    "saved, with nothing": Shown("creator", "/matches/saved", "Saved"),
    "saved": Shown("brand", "/matches/saved", "Saved"),
    "hidden, with nothing": Shown("creator", "/matches/hidden", "Hidden"),
    "hidden": Shown("brand", "/matches/hidden", "Hidden"),
    "preferences of a creator": Shown("creator", "/matches/preferences", "Preferences"),
    "preferences of a brand": Shown("brand", "/matches/preferences", "Preferences"),
    "compare, with nothing": Shown("creator", "/matches/compare", "Compare"),
    "compare": Shown("brand", "/matches/compare?id={creator}&id={saved}&id={hidden}", "Compare"),
    "why one sees them": Shown("creator", "/matches/{brand}/why", "Why Nordlys Coffee"),
    "why one does not see them": Shown("brand", "/matches/{hidden}/why?niche=art", "Why Hidden Hank"),
    "history of one's profile": Shown("saved", "/profile/history", "History of your profile"),
    "requests": Shown("asked", "/requests", "(1) Requests"),
    "requests, with nothing": Shown("creator", "/requests", "Requests"),
    "asking somebody": Shown("creator", "/requests/new?to={brand}", "Ask Nordlys Coffee to work together"),
    "editor of a creator": Shown("creator", "/profile", "Your profile"),
    "editor of a brand": Shown("brand", "/profile", "Your profile"),
    "a brand's profile": Shown("creator", "/profiles/{brand}", "Nordlys Coffee"),
    "a creator's profile": Shown("brand", "/profiles/{creator}", "Ana Ruiz"),
    "own profile as others see it": Shown("creator", "/profiles/{creator}", "Ana Ruiz"),
    "settings": Shown("creator", "/settings", "Settings"),
    "privacy": Shown("creator", "/settings/privacy", "Privacy"),
    "notifications, with nothing": Shown("creator", "/notifications", "Notifications"),
    "what one is told of": Shown("creator", "/settings/notifications", "What you are told of"),
    "activity, with nothing": Shown("creator", "/activity", "Activity"),
    "no more e-mails, by a bad link": Shown("nobody", "/unsubscribe/nothing", "E-mails"),
    "patterns": Shown("admin", "/patterns", "Patterns"),
}


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Member]:
    """A creator and a brand with much to show, each with a match that cannot be scored, and an admin."""
    people = {
        "creator": house.add("creator", name="Ana Ruiz", headline="Street food, daily", niches={"food", "travel"}, platforms={"instagram", "youtube"},
                             languages={"en", "es"}, audience_size=48_000, engagement_rate=4.2, rate=900, links=("https://example.org/ana",),
                             bio="I film street food and the people who cook it, one city at a time."),
        "brand": house.add("brand", name="Nordlys Coffee", headline="Light roasts", niches={"food"}, platforms={"instagram"}, languages={"en"},
                           industry="food-drink", budget_min=500, budget_max=2_000, audience_min=10_000, audience_max=200_000,
                           campaign_types={"ugc", "event"}, company_size="11-50", website="https://example.org"),
        "admin": house.add("admin"),
    }
    house.add("creator", name="Cy Okafor")
    house.add("brand", name="Quiet Ltd")
    people |= {"asked": house.add("brand", name="Asked Ltd"), "saved": house.add("creator", name="Sol Saved", niches={"food"}, rate=400), "hidden": house.add("creator", name="Hidden Hank")}
    with house.app.app_context():
        brand = db.session.get_one(Profile, people["brand"].id)
        brand.revise({"musts": frozenset({"platforms", "location"})}, base=brand.version)
        Mark.on(brand.account, db.session.get_one(Profile, people["saved"].id)).save()
        Mark.on(brand.account, db.session.get_one(Profile, people["hidden"].id)).hide()
        asker, asked = (db.session.get_one(Profile, people[who].id) for who in ("saved", "asked"))
        Request.send(asker.account, asked, {"what": "A film about roasting", "timing": "In March", "budget_max": 400})
        db.session.commit()
    house.change(people["saved"], rate=500)
    house.settle()
    return people


@pytest.fixture
def browse(people: dict[str, Member], make_browser: Callable[..., BrowserContext]) -> Callable[[str], Page]:
    """A tab with the page of that name, once it is live."""

    def open_page(name: str) -> Page:
        shown = PAGES[name]
        path = shown.path.format(**{role: member.id for role, member in people.items()})
        browser = make_browser(reduced_motion="reduce")
        if shown.who != "nobody":
            return tab(let_in(browser, people[shown.who].email), path)
        page = browser.new_page()
        page.goto(path)
        return page

    return open_page


def violations(page: Page, options: dict[str, Any]) -> str:
    results = Axe().run(page, options=options)
    return results.generate_report() if results.violations_count else ""


def violations_in_light_and_dark(page: Page) -> str:
    page.emulate_media(color_scheme="light")
    ink, found = page.evaluate("getComputedStyle(document.body).color"), violations(page, ALL_RULES)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") != ink
    return found + violations(page, RULES_OF_COLOUR)


def test_axe_would_notice_a_fault(make_browser: Callable[..., BrowserContext]) -> None:
    page = make_browser().new_page()
    page.goto("/login")
    page.evaluate("document.querySelector('label[for=email]').remove()")
    page.evaluate("document.querySelector('h1').style.color = '#888'")

    assert "email" in violations(page, ALL_RULES)
    assert "contrast" in violations(page, RULES_OF_COLOUR)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_names_itself_has_its_landmarks_and_no_violation(name: str, browse: Callable[[str], Page]) -> None:
    page = browse(name)

    assert page.title() == f"{PAGES[name].title} · Duet"
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    for landmark in ("banner", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Main")).to_have_count(1)
    assert not violations_in_light_and_dark(page)


def test_the_deck_that_was_checked_shows_a_scored_and_an_unscored_card(browse: Callable[[str], Page]) -> None:
    page = browse("matches of a creator")
    expect(page.locator(".match-card", has_text="Nordlys Coffee").locator(".match-card__tier")).to_have_count(1)
    expect(page.locator(".match-card", has_text="Quiet Ltd")).to_contain_text("Not enough to tell yet")


def test_the_pages_that_were_checked_show_what_they_are_for(browse: Callable[[str], Page]) -> None:
    expect(browse("saved").locator(".changed")).to_contain_text("Changed since you last looked: rate")
    expect(browse("hidden").locator(".match-card--hidden")).to_have_count(1)
    expect(browse("matches, filtered to nobody").locator(".costs")).to_contain_text("more")
    expect(browse("matches, filtered to few").locator(".flash--info").first).to_contain_text("Audience from")
    expect(browse("compare").locator(".compared__head")).to_have_count(3)
    expect(browse("preferences of a brand").locator(".preference__lacks")).not_to_have_count(0)
    expect(browse("why one does not see them").locator(".why__line--out")).not_to_have_count(0)


def test_open_filters_and_the_bar_for_comparing_have_no_violation(browse: Callable[[str], Page]) -> None:
    page = browse("matches of a brand")
    page.locator(".match-card__compare input").first.check()
    expect(page.get_by_role("form", name="Compare")).to_be_visible()
    page.locator(".filters__summary").click()
    page.locator(".filters__fold").first.click()
    expect(page.get_by_role("checkbox", name="Travel", exact=True)).to_be_visible()

    assert not violations_in_light_and_dark(page)


def test_forms_with_errors_have_no_violation_and_name_them_to_screen_readers(make_browser: Callable[..., BrowserContext]) -> None:
    page = make_browser(reduced_motion="reduce").new_page()
    page.goto("/register")
    page.get_by_role("button", name="Create account").click()

    email = page.get_by_label("E-mail")
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_have_accessible_description("Only you see it. Please write your e-mail address.")
    assert not violations_in_light_and_dark(page)


def test_what_the_editor_says_beside_a_field_has_no_violation(
    make_browser: Callable[..., BrowserContext], house: House, complaints: list[str]
) -> None:
    dara = house.add("creator", name="Dara Errs")
    page = tab(let_in(make_browser(reduced_motion="reduce"), dara.email), "/profile")
    page.get_by_label("Audience size").fill("a lot")
    page.get_by_label("Audience size").blur()
    expect(page.locator("#field-audience_size-status .field__error")).to_be_visible()
    page.get_by_label("Headline").fill("Mine")
    house.change(dara, headline="Theirs", rate=900)
    expect(page.locator("#field-headline-status [data-conflict]")).to_be_visible()
    expect(page.locator("#field-rate-status")).to_contain_text("Updated on another device")
    page.get_by_text("Travel", exact=True).click()
    expect(page.locator("#field-niches-status")).to_contain_text("Saved")
    page.route("**/profile", lambda route: route.abort())
    page.get_by_label("Bio").fill("Written in a tunnel")
    page.get_by_label("Bio").blur()
    expect(page.locator("#field-bio-status")).to_contain_text("Saved on this device, will be sent")

    assert not violations_in_light_and_dark(page)
    complaints[:] = [said for said in complaints if "Failed to fetch" not in said]


def test_what_a_page_says_meanwhile_is_a_status_that_was_there_from_the_start(browse: Callable[[str], Page]) -> None:
    page = browse("matches of a creator")

    expect(page.locator("#announcements[role=status]")).to_have_count(1)
    expect(page.locator(".match-card[aria-live], .match-card [aria-live]")).to_have_count(0)


def test_the_open_inspector_has_no_violation(browse: Callable[[str], Page]) -> None:
    page = browse("patterns")
    page.get_by_role("link", name="Notices").click()
    expect(page.get_by_role("heading", name="Notices")).to_be_visible()

    assert not violations_in_light_and_dark(page)

"""Narrow screens and large letters: nothing makes a page scroll sideways, and fingers hit what they aim at."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from blueprints.extensions import db
from blueprints.matches.models import Mark
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.browser.conftest import House, Member, let_in
from tests.servers import Server

WIDTHS = (320, 360, 768, 1280)
LARGE_LETTERS_AT = (360, 768, 1280)
TARGET = 44
LONG_NAME, LONG_HEADLINE = "Donaudampfschifffahrt" * 4, "W" * 120

# Everything that can be seen and reaches past the right edge of the window, but for what scrolls by itself.
OVERHANGING = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const box = element.getBoundingClientRect();
  if (!element.checkVisibility({ visibilityProperty: true }) || element.closest(".visually-hidden") || box.width < 2) return false;
  if (box.right <= document.documentElement.clientWidth + 1 && box.left >= -1) return false;
  for (let parent = element.parentElement; parent && parent !== document.body; parent = parent.parentElement) {
    if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(parent).overflowX)) return false;
  }
  return true;
}).map((element) => `${element.tagName.toLowerCase()}.${element.getAttribute("class")} to ${element.getBoundingClientRect().right}`)"""

PAGES = {
    "nobody": ("/", "/register", "/login", "/nothing-here"),
    "creator": ("/matches", "/matches?niche=food&within=100&score=1", "/matches/saved", "/matches/preferences", "/matches/{brand}/why",
                "/matches/compare?id={brand}&id={other}&id={third}", "/profile", "/profiles/{brand}", "/profiles/{creator}", "/settings", "/settings/privacy", "/requests", "/requests/new?to={other}",
                "/nothing-here"),
    "brand": ("/notifications", "/settings/notifications", "/matches", "/matches/hidden", "/matches/preferences", "/profile", "/profiles/{creator}"),
    "admin": ("/patterns", "/settings"),
}
EACH_PAGE = [(who, path) for who, paths in PAGES.items() for path in paths]


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture(scope="module")
def people(house: House) -> dict[str, Member]:
    """Names and headlines as long as they may be, without a place to break."""
    long = {"name": LONG_NAME[:80], "headline": LONG_HEADLINE, "bio": "b" * 300, "niches": {"food", "travel"}, "platforms": {"instagram", "youtube"},
            "links": ("https://example.org/" + "x" * 150,), "languages": {"en"}}
    house.add("creator", name="Cy")
    hidden = house.add("creator", **long)
    people = {
        "other": house.add("brand", **long),
        "third": house.add("brand", **long),
        "creator": house.add("creator", audience_size=999_999_999, engagement_rate=99.99, rate=1_000_000, **long),
        "brand": house.add("brand", industry="travel-hospitality", budget_min=500_000, budget_max=1_000_000, audience_min=10_000, audience_max=999_999_999,
                           campaign_types={"sponsored-post"}, **long),
        "admin": house.add("admin"),
    }
    with house.app.app_context():
        for who, profile, do in (("brand", hidden, Mark.hide), ("creator", people["other"], Mark.save)):
            do(Mark.on(db.session.get_one(Profile, people[who].id).account, db.session.get_one(Profile, profile.id)))
        asker, asked = (db.session.get_one(Profile, people[who].id) for who in ("brand", "creator"))
        Request.send(asker.account, asked, {"what": "w" * 300, "timing": "t" * 120, "budget_max": 1_000_000, "deliverables": "d" * 300})
        db.session.commit()
    house.settle()
    return people


@pytest.fixture
def browse(people: dict[str, Member], make_browser: Callable[..., BrowserContext]) -> Callable[..., Page]:
    def open_page(who: str, path: str, **options: Any) -> Page:
        browser = make_browser(reduced_motion="reduce", **options)
        if who != "nobody":
            let_in(browser, people[who].email)
        page = browser.new_page()
        page.goto(path.format(**{role: member.id for role, member in people.items()}))
        return page

    return open_page


def too_wide(page: Page, width: int) -> str:
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(30)  # one layout
    scrolls = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    overhanging = page.evaluate(OVERHANGING)
    return f"{width}: {scrolls} px, {overhanging[:6]}" if scrolls > 0 or overhanging else ""


def test_a_thing_too_wide_would_be_noticed(browse: Callable[..., Page]) -> None:
    page = browse("nobody", "/")
    page.evaluate("document.querySelector('h1').style.minWidth = '700px'")

    assert too_wide(page, 360)
    assert not too_wide(page, 1280)


@pytest.mark.parametrize(("who", "path"), EACH_PAGE)
def test_no_page_scrolls_sideways_on_any_screen_or_with_large_letters(who: str, path: str, browse: Callable[..., Page]) -> None:
    page = browse(who, path)
    if page.locator(".filters__summary").first.is_visible():
        page.locator(".filters__summary").first.click()
    wrong = [too_wide(page, width) for width in WIDTHS]

    before = page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)") > before * 1.3
    wrong += [too_wide(page, width) for width in LARGE_LETTERS_AT]

    assert not any(wrong), "\n".join(filter(None, wrong))


def test_the_long_words_are_on_the_pages_that_were_measured(browse: Callable[..., Page], people: dict[str, Member]) -> None:
    deck = browse("creator", "/matches")
    card = deck.locator(f"#match-{people['brand'].id}")
    assert LONG_NAME[:80] in card.inner_text()
    assert LONG_HEADLINE in card.inner_text()


@pytest.mark.parametrize("is_touched", [True, False])
def test_navigation_and_card_actions_are_large_enough_for_fingers(is_touched: bool, browse: Callable[..., Page]) -> None:
    page = browse("creator", "/matches", viewport={"width": 360, "height": 740}, has_touch=is_touched, is_mobile=is_touched)
    for row in ("#navigation", ".match-card__foot", "#connection"):
        targets = page.locator(f"{row} :is(a, button, label):visible")
        targets.first.wait_for()
        for target in targets.all():
            box = target.bounding_box()
            assert box and box["height"] >= TARGET and box["width"] >= TARGET, (target.inner_text(), box)


def test_with_large_letters_the_bar_at_the_thumb_hides_nothing_at_the_end_of_the_page(browse: Callable[..., Page]) -> None:
    page = browse("creator", "/settings", viewport={"width": 360, "height": 900})
    for size in ("100%", "200%"):
        page.evaluate(f"document.documentElement.style.fontSize = '{size}'; scrollTo(0, document.body.scrollHeight)")
        footer, bar = page.locator(".footer span").bounding_box(), page.locator(".navigation__links--main").bounding_box()
        assert footer and bar and bar["y"] > 450  # it stands at the bottom
        assert footer["y"] + footer["height"] <= bar["y"], size

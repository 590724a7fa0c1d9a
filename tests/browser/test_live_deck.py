"""The open deck: cards change in place, newcomers wait behind a pill or, where nobody is disturbed, appear by themselves."""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, Route, expect

from blueprints.extensions import db
from blueprints.profiles.choices import NICHES
from blueprints.profiles.models import Profile
from tests.browser.conftest import House, Member, let_in, tab, was_never_reloaded
from tests.conftest import PASSWORD
from tests.servers import Server
from tests.visitor import Visitor

QUIET = 3.2  # seconds after which a page counts as left alone
SOON = 2_500  # milliseconds: at once, and not only after it was left alone anew. How soon exactly: see test_live_deck_servers.py
PHONE = {"width": 390, "height": 600}
SHOWS = {"platforms": frozenset({"instagram"}), "languages": frozenset({"en"}), "audience_size": 60_000, "engagement_rate": 4.0}


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture(scope="module")
def niches() -> Iterator[str]:
    return iter(NICHES)


@dataclass
class Scene:
    """One brand, and the creators in its deck. Every test has a niche to itself and a deck filtered by it, so that all can share a house."""

    house: House
    niche: str
    make_browser: Callable[..., BrowserContext]
    bo: Member = field(init=False)
    _visitors: dict[str, Visitor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bo = self.house.add("brand", name=f"Brand of {self.niche}", niches=frozenset({self.niche}), **BRAND)

    @property
    def path(self) -> str:
        return f"/matches?niche={self.niche}"

    def creator(self, name: str, is_in: bool = True, **said: object) -> Member:
        """A member who stands in the deck, or who could."""
        return self.house.add("creator", name=name, **SHOWS | {"niches": frozenset({self.niche}) if is_in else frozenset()} | said)

    def comes(self, member: Member) -> None:
        """What brings somebody into the deck: they say their niche, in a browser of their own."""
        self.says(member, niches=[self.niche])

    def says(self, member: Member, **changes: object) -> None:
        visitor = self._visitors.get(member.email) or Visitor(self.house.server.url).log_in(member.email, PASSWORD)
        self._visitors[member.email] = visitor
        answer = visitor.patch("/profile", {**changes, "base": self.house.saved(member, "version")})
        assert answer.status == 200, answer.text

    def opens(self, **options: object) -> Page:
        self.house.settle()
        return tab(let_in(self.make_browser(**options), self.bo.email), self.path)


BRAND = {"platforms": frozenset({"instagram"}), "languages": frozenset({"en"}), "budget_min": 500, "budget_max": 5_000, "audience_min": 10_000,
         "audience_max": 200_000}


@pytest.fixture
def scene(house: House, niches: Iterator[str], make_browser: Callable[..., BrowserContext]) -> Scene:
    return Scene(house, next(niches), make_browser)


def card(page: Page, member: Member) -> Locator:
    return page.locator(f"#match-{member.id}")


def pill(page: Page) -> Locator:
    return page.locator("#deck-news .pill")


def order(page: Page) -> list[int]:
    return [int(id.removeprefix("match-")) for id in page.locator("#deck > article").evaluate_all("(cards) => cards.map((card) => card.id)")]


def top_of(page: Page, member: Member) -> float:
    box = card(page, member).bounding_box()
    assert box
    return box["y"]


def rest_on(page: Page, member: Member) -> None:
    """The pointer, without scrolling as ``hover`` would."""
    box = card(page, member).locator("h2").bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    assert page.evaluate("scrollY") == 0


def test_at_the_top_and_idle_somebody_new_appears_by_themselves(scene: Scene) -> None:
    first, newcomer = scene.creator("First"), scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    expect(card(page, first)).to_be_visible()
    time.sleep(QUIET)

    scene.comes(newcomer)

    expect(card(page, newcomer)).to_be_visible(timeout=SOON)
    expect(card(page, newcomer)).to_have_attribute("data-updated", "new")
    expect(page.locator("#announcements")).to_have_text("1 new match")
    expect(pill(page)).to_have_count(0)
    assert was_never_reloaded(page)


def test_into_an_empty_deck_the_first_comes_by_themselves(scene: Scene) -> None:
    newcomer = scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    expect(page.locator("#matches")).to_contain_text("Nobody fits all of this")
    time.sleep(QUIET)

    scene.comes(newcomer)

    expect(card(page, newcomer)).to_be_visible(timeout=SOON)
    expect(page.locator("#matches")).not_to_contain_text("Nobody fits all of this")


def test_a_card_that_came_by_itself_is_live_like_the_others(scene: Scene) -> None:
    scene.creator("First")
    newcomer = scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    time.sleep(QUIET)
    scene.comes(newcomer)
    expect(card(page, newcomer)).to_be_visible(timeout=SOON)

    scene.says(newcomer, headline="Changed since")

    expect(card(page, newcomer)).to_contain_text("Changed since")


def test_further_down_it_waits_behind_a_pill_and_nothing_moves(scene: Scene) -> None:
    shown = [scene.creator(f"Shown {number}") for number in range(3)]
    newcomers = [scene.creator(f"Newcomer {number}", is_in=False, engagement_rate=6.0) for number in range(2)]
    page = scene.opens(viewport=PHONE)
    page.mouse.wheel(0, 500)
    page.wait_for_function("() => scrollY > 400")
    before, tops = order(page), [top_of(page, member) for member in shown]
    time.sleep(QUIET)

    scene.comes(newcomers[0])
    expect(pill(page)).to_have_text("1 new match · show")
    expect(pill(page)).to_be_in_viewport(ratio=1)
    scene.comes(newcomers[1])
    expect(pill(page)).to_have_text("2 new matches · show")
    time.sleep(QUIET)
    assert order(page) == before
    assert [top_of(page, member) for member in shown] == tops

    page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    expect(card(page, newcomers[1])).to_be_visible(timeout=5_000)
    assert set(order(page)) == {member.id for member in [*shown, *newcomers]}


def test_while_focus_is_in_the_deck_it_waits_and_focus_stays(scene: Scene) -> None:
    first, newcomer = scene.creator("First"), scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    link = card(page, first).get_by_role("link", name="First", exact=True)
    link.focus()
    time.sleep(QUIET)

    scene.comes(newcomer)

    expect(pill(page)).to_have_text("1 new match · show")
    time.sleep(QUIET)
    expect(card(page, newcomer)).to_have_count(0)
    scene.says(first, headline="Changed under the focus")
    expect(card(page, first)).to_contain_text("Changed under the focus")
    expect(link).to_be_focused()


def test_while_the_pointer_rests_on_the_deck_nothing_moves_under_it(scene: Scene) -> None:
    first, newcomer = scene.creator("First"), scene.creator("Newcomer", is_in=False, engagement_rate=6.0)
    page = scene.opens()
    rest_on(page, first)
    top = top_of(page, first)
    time.sleep(QUIET)

    scene.comes(newcomer)
    expect(pill(page)).to_be_visible()
    time.sleep(QUIET)
    expect(card(page, newcomer)).to_have_count(0)
    assert top_of(page, first) == top

    page.mouse.move(5, 5)
    expect(card(page, newcomer)).to_be_visible(timeout=5_000)


def test_who_comes_back_while_the_new_deck_is_under_way_keeps_the_old_one(scene: Scene) -> None:
    first, newcomer = scene.creator("First"), scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    held: list[Route] = []
    page.route("**/matches/deck?*", lambda route: held.append(route))
    time.sleep(QUIET)
    scene.comes(newcomer)
    expect(pill(page)).to_be_visible()
    for _ in range(100):
        page.wait_for_timeout(0 if held else 50)
    assert held, "the new deck was never asked for"

    rest_on(page, first)
    held.pop().continue_()

    page.wait_for_timeout(500)
    expect(card(page, newcomer)).to_have_count(0)
    expect(pill(page)).to_be_visible()


@pytest.mark.parametrize("how", ["pointer", "keyboard"])
def test_the_pill_shows_the_deck_as_it_is_now_and_leads_to_the_first_new_card(how: str, scene: Scene) -> None:
    shown = [scene.creator(f"Shown {number}") for number in range(4)]
    newcomer = scene.creator("Newcomer", is_in=False, engagement_rate=6.0)
    page = scene.opens(viewport=PHONE)
    page.mouse.wheel(0, 1_000)
    page.wait_for_function("() => scrollY > 900")
    scene.comes(newcomer)
    expect(pill(page)).to_be_visible()

    if how == "pointer":
        pill(page).click()
    else:
        pill(page).focus()
        page.keyboard.press("Enter")

    heading = card(page, newcomer).get_by_role("link", name="Newcomer", exact=True)
    expect(heading).to_be_focused()
    expect(heading).to_be_in_viewport(ratio=1)
    expect(pill(page)).to_have_count(0)
    assert len(order(page)) == len(shown) + 1
    scene.says(newcomer, headline="Live at once")
    expect(card(page, newcomer)).to_contain_text("Live at once")
    assert was_never_reloaded(page)


def test_a_change_is_shown_in_place_and_the_order_settles_when_asked(scene: Scene) -> None:
    best, other = scene.creator("Best", engagement_rate=6.0), scene.creator("Other", engagement_rate=3.0)
    page = scene.opens()
    assert order(page) == [best.id, other.id]
    card(page, best).hover()
    ring = card(page, best).locator(".ring")
    before = ring.get_attribute("aria-label")

    scene.says(best, platforms=["twitch"], audience_size=900)

    expect(ring).not_to_have_attribute("aria-label", before or "")
    expect(pill(page)).to_have_text("The order has changed · show")
    time.sleep(QUIET)
    assert order(page) == [best.id, other.id]
    pill(page).click()
    expect(page.locator("#matches-count")).to_be_focused()
    assert order(page) == [other.id, best.id]


def test_ticks_of_compare_survive_and_hold_the_deck(scene: Scene) -> None:
    shown = [scene.creator(f"Shown {number}") for number in range(3)]
    newcomer = scene.creator("Newcomer", is_in=False, engagement_rate=6.0)
    page = scene.opens()
    ticks = [card(page, member).get_by_role("checkbox") for member in shown[:2]]
    for tick in ticks:
        tick.check()
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(5, 5)
    time.sleep(QUIET)

    scene.says(shown[0], headline="Changed while ticked", rate=100)
    expect(card(page, shown[0])).to_contain_text("Changed while ticked")
    for tick in ticks:
        expect(tick).to_be_checked()

    scene.comes(newcomer)
    expect(pill(page)).to_be_visible()
    time.sleep(QUIET)
    expect(card(page, newcomer)).to_have_count(0)
    pill(page).click()
    expect(card(page, newcomer)).to_be_visible()
    for tick in ticks:
        expect(tick).to_be_checked()
    expect(card(page, newcomer).get_by_role("checkbox")).not_to_be_checked()


def test_what_is_typed_into_the_filters_survives_every_swap(scene: Scene) -> None:
    first, newcomer = scene.creator("First"), scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    search = page.get_by_role("searchbox")
    search.fill("harbours at da")
    time.sleep(QUIET)

    scene.says(first, headline="Changed while somebody types")
    scene.comes(newcomer)

    expect(card(page, first)).to_contain_text("Changed while somebody types")
    expect(card(page, newcomer)).to_be_visible(timeout=5_000)
    expect(search).to_have_value("harbours at da")
    expect(search).to_be_focused()
    search.press_sequentially("wn")
    expect(search).to_have_value("harbours at dawn")


def test_what_one_does_with_a_card_shows_in_ones_other_tabs_without_a_word(scene: Scene) -> None:
    first, second = scene.creator("First"), scene.creator("Second")
    here = scene.opens()
    there = tab(here.context, scene.path)

    card(here, first).get_by_role("button", name="Save").click()
    expect(card(there, first).get_by_role("button", name=re.compile("^Saved"))).to_be_visible()
    card(here, second).get_by_role("button", name="Hide").click()
    expect(card(there, second)).to_contain_text("is hidden")
    time.sleep(QUIET + 0.5)

    expect(there.locator("#announcements")).to_have_text("")
    expect(card(there, second).get_by_role("button", name="Undo")).to_be_visible()
    card(there, second).get_by_role("button", name="Undo").click()
    expect(card(here, second).get_by_role("button", name="Hide")).to_be_visible()


def test_ones_own_hiding_is_no_news(scene: Scene) -> None:
    first, second, newcomer = scene.creator("First"), scene.creator("Second"), scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    card(page, second).get_by_role("button", name="Hide").click()
    expect(card(page, second)).to_contain_text("is hidden")
    with page.expect_response("**/matches/news?*"):
        scene.says(first, rate=950)
    page.wait_for_timeout(300)
    expect(pill(page)).to_have_count(0)

    scene.comes(newcomer)
    expect(pill(page)).to_have_text("1 new match · show")
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(5, 5)
    time.sleep(QUIET)
    expect(card(page, second).get_by_role("button", name="Undo")).to_be_visible()
    pill(page).click()
    expect(card(page, newcomer)).to_be_visible()
    assert set(order(page)) == {first.id, newcomer.id}


def test_while_paused_nothing_comes_and_after_that_everything(scene: Scene) -> None:
    scene.creator("First")
    newcomer = scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    page.get_by_role("button", name="Pause live updates").click()
    expect(page.locator("#connection")).to_have_attribute("data-state", "paused")
    time.sleep(QUIET)

    scene.comes(newcomer)
    expect(page.locator("[data-waiting]")).to_contain_text("waiting")
    expect(pill(page)).to_have_count(0)
    page.locator("[data-waiting]").click()
    expect(pill(page)).to_have_text("1 new match · show")
    page.evaluate("document.activeElement.blur()")
    time.sleep(QUIET)
    expect(card(page, newcomer)).to_have_count(0)

    page.get_by_role("button", name="Resume live updates").click()
    expect(card(page, newcomer)).to_be_visible(timeout=6_000)


def test_screen_readers_hear_of_news_once_and_seldom(scene: Scene) -> None:
    scene.creator("First")
    newcomers = [scene.creator(f"Newcomer {number}", is_in=False) for number in range(3)]
    page = scene.opens()
    page.locator("#deck > article a").first.focus()
    page.evaluate("""() => {
        window.said = [];
        const region = document.getElementById("announcements");
        new MutationObserver(() => window.said.push([region.textContent, performance.now()])).observe(region, { childList: true, characterData: true });
    }""")
    for newcomer in newcomers:
        scene.comes(newcomer)
    expect(pill(page)).to_have_text("3 new matches · show")
    expect(page.locator("#announcements")).to_have_text("3 new matches", timeout=8_000)
    page.wait_for_timeout(5_500)

    said = page.evaluate("window.said")
    assert [words for words, _ in said] in (["1 new match", "3 new matches"], ["2 new matches", "3 new matches"], ["3 new matches"])
    assert all(later - earlier > 4_900 for (_, earlier), (_, later) in itertools.pairwise(said))


def test_with_reduced_motion_nothing_moves(scene: Scene) -> None:
    first, newcomer = scene.creator("First"), scene.creator("Newcomer", is_in=False)
    page = scene.opens(reduced_motion="reduce")
    rest_on(page, first)
    scene.comes(newcomer)
    expect(pill(page)).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0

    page.mouse.move(5, 5)
    expect(card(page, newcomer)).to_be_visible(timeout=5_000)
    assert page.evaluate("document.getAnimations().length") == 0


def test_of_two_tabs_the_one_it_concerns_says_so(scene: Scene) -> None:
    scene.creator("Both", platforms=frozenset({"instagram", "podcast"}))
    newcomer = scene.creator("Newcomer", is_in=False)
    all_kinds = scene.opens()
    podcasts = tab(all_kinds.context, f"{scene.path}&platform=podcast")
    for page in (all_kinds, podcasts):
        page.locator("#deck > article a").first.focus()

    scene.comes(newcomer)
    expect(pill(all_kinds)).to_have_text("1 new match · show")
    podcasts.wait_for_timeout(1_000)
    expect(pill(podcasts)).to_have_count(0)

    scene.says(newcomer, platforms=["podcast"])
    expect(pill(podcasts)).to_have_text("1 new match · show")


def test_what_cannot_change_the_page_asks_for_nothing(scene: Scene) -> None:
    scene.creator("First")
    stranger = scene.creator("Somebody else", is_in=False)
    page = scene.opens()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(path_of(request)))

    scene.says(stranger, rate=777)
    page.wait_for_timeout(2_000)
    assert asked == []

    scene.comes(stranger)
    expect(pill(page).or_(card(page, stranger))).to_be_visible()
    assert next(path for path in asked if path != "/navigation") == "/matches/news"  # a perfect match stands in the navigation, too


def path_of(request: Request) -> str:
    return "/" + request.url.split("/", 3)[3].partition("?")[0]


def test_one_whose_must_now_leaves_me_out_stays_until_asked_and_the_pill_says_so(scene: Scene) -> None:
    first, strict = scene.creator("First"), scene.creator("Strict")
    page = scene.opens()
    card(page, first).hover()

    scene.says(strict, rate=90_000)
    with scene.house.app.app_context():
        profile = db.session.get_one(Profile, strict.id)
        profile.revise({"musts": frozenset({"budget"})}, base=profile.version)
        db.session.commit()

    expect(pill(page)).to_have_text("1 match has left · show")
    expect(card(page, strict)).to_be_visible()
    pill(page).click()
    expect(card(page, strict)).to_have_count(0)
    expect(page.locator("#matches-count")).to_be_focused()
    expect(page.locator("#matches-count")).to_contain_text("1 creator")


def test_a_pill_that_goes_while_it_has_focus_leaves_it_nearby(scene: Scene) -> None:
    scene.creator("First")
    fickle = scene.creator("Fickle", is_in=False)
    page = scene.opens()
    page.locator("#deck > article a").first.focus()
    scene.comes(fickle)
    expect(pill(page)).to_be_visible()
    pill(page).focus()

    scene.house.change(fickle, niches=frozenset())

    expect(pill(page)).to_have_count(0)
    expect(page.locator("#matches-count")).to_be_focused()


def test_after_show_more_the_pill_brings_all_pages(scene: Scene) -> None:
    for number in range(30):
        scene.creator(f"Shown {number}")
    newcomer = scene.creator("Newcomer", is_in=False, engagement_rate=6.0)
    page = scene.opens()
    assert len(order(page)) == 24
    page.get_by_role("link", name="Show more matches").click()
    expect(page.locator("#deck > article")).to_have_count(30)

    scene.comes(newcomer)
    expect(pill(page)).to_have_text("1 new match · show")
    pill(page).click()

    expect(card(page, newcomer)).to_be_visible()
    assert len(order(page)) == 31


def test_the_pill_is_a_plain_link_too(scene: Scene) -> None:
    scene.creator("First")
    newcomer = scene.creator("Newcomer", is_in=False)
    page = scene.opens()
    page.locator("#deck > article a").first.focus()
    scene.comes(newcomer)
    expect(pill(page)).to_be_visible()

    plain = let_in(scene.make_browser(java_script_enabled=False), scene.bo.email).new_page()
    plain.goto(pill(page).get_attribute("href") or "")

    expect(card(plain, newcomer)).to_be_visible()

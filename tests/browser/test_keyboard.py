"""Everything by keyboard: one sees where one is, and never loses one's place when the page changes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from blueprints.extensions import db
from blueprints.profiles.models import Profile
from tests.browser.conftest import House, Member, let_in, tab
from tests.conftest import PASSWORD
from tests.servers import Server

MOST_TABS = 150

# Whether a person sees that the focused thing is focused: an outline on it, or on what stands for it (a chip, a frame).
FOCUS_IS_SEEN = """() => {
  const shows = (element) => {
    const style = element && getComputedStyle(element);
    return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const element = document.activeElement;
  const box = element.getBoundingClientRect();
  const label = element.closest("label");
  return (shows(element) && box.width > 2) || shows(label) || shows(element.closest(".field__frame"));
}"""
FOCUSED = """() => {
  const element = document.activeElement;
  return element === document.body ? "" : `${element.tagName} ${element.id} ${element.getAttribute("name") ?? ""} ${element.value ?? ""} ${element.textContent.trim()}`;
}"""


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture(scope="module")
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz", headline="Street food", niches={"food"}, platforms={"instagram"}, rate=900)


@pytest.fixture(scope="module")
def bo(house: House) -> Member:
    return house.add("brand", name="Nordlys Coffee", niches={"food"}, platforms={"instagram"}, budget_min=500, budget_max=2_000)


@pytest.fixture
def bos_deck(make_browser: Callable[..., BrowserContext], house: House, ana: Member, bo: Member) -> Page:
    house.settle()
    return tab(let_in(make_browser(), bo.email), "/matches")


def tab_to(page: Page, words: str) -> None:
    """Press Tab until a link or button with these words has focus, or a field whose label begins with them."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(
            """(words) => {
              const { activeElement: element } = document;
              if (element.labels) return [...element.labels].some((label) => label.textContent.trim().startsWith(words)) || element.textContent.includes(words);
              return element.textContent.includes(words) && !element.closest(".meter");
            }""",
            words,
        ):
            return
    raise AssertionError(f"no way to {words!r} by Tab")


def test_the_skip_link_is_first_and_leads_to_the_content(bos_deck: Page) -> None:
    bos_deck.keyboard.press("Tab")
    skip = bos_deck.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)

    bos_deck.keyboard.press("Enter")
    expect(bos_deck.locator("#main")).to_be_focused()
    bos_deck.keyboard.press("Tab")
    expect(bos_deck.locator("#main a:focus, #main button:focus")).to_have_count(1)


def test_logging_in_and_editing_need_no_pointer(make_browser: Callable[..., BrowserContext], house: House) -> None:
    dara = house.add("creator", name="Dara Keys")
    page = make_browser().new_page()
    page.goto("/")
    tab_to(page, "Log in")
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "E-mail")
    page.keyboard.type(dara.email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/matches")
    page.locator('#connection[data-state="live"]').wait_for(state="attached")

    tab_to(page, "Profile")
    page.keyboard.press("Enter")
    page.wait_for_url("**/profile")
    expect(page.locator("#main")).to_be_focused()
    tab_to(page, "Headline")
    page.keyboard.type("Written without a mouse")
    page.keyboard.press("Tab")
    expect(page.locator("#field-headline-status")).to_contain_text("Saved")
    expect(page.get_by_label("Bio")).to_be_focused()

    tab_to(page, "Travel")
    page.keyboard.press("Space")
    expect(page.locator("#field-niches-status")).to_contain_text("Saved")
    expect(page.get_by_role("checkbox", name="Travel", exact=True)).to_be_focused()
    assert (house.saved(dara, "headline"), house.saved(dara, "niches")) == ("Written without a mouse", {"travel"})


def test_an_element_without_visible_focus_would_be_noticed(make_browser: Callable[..., BrowserContext]) -> None:
    page = make_browser().new_page()
    page.goto("/login")
    tab_to(page, "E-mail")
    assert page.evaluate(FOCUS_IS_SEEN)
    page.evaluate("document.activeElement.style.outline = 'none'")
    assert not page.evaluate(FOCUS_IS_SEEN)


@pytest.mark.parametrize("path", [
    "/matches", "/matches?niche=food", "/matches/saved", "/matches/preferences", "/matches/compare?id={ana}", "/matches/{ana}/why", "/profile", "/settings",
    "/profiles/{ana}", "/requests", "/requests/new?to={ana}",
])
def test_one_always_sees_where_one_is(path: str, make_browser: Callable[..., BrowserContext], ana: Member, bo: Member) -> None:
    page = tab(let_in(make_browser(), bo.email), path.format(ana=ana.id))
    seen: list[str] = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if not focused or focused in seen[:1]:
            break  # once around
        seen.append(focused)
        assert page.evaluate(FOCUS_IS_SEEN), focused

    reachable = page.locator("body :is(a[href], button, input:not([type=hidden], [type=radio]:not(:checked)), select, textarea, summary):visible:not([tabindex='-1'])").count()
    groups = len({focused for focused in seen if focused.startswith("INPUT")})
    assert len(seen) > 6
    assert len(seen) >= reachable - groups, (len(seen), reachable)


def test_the_focused_thing_is_never_hidden_under_the_bar(make_browser: Callable[..., BrowserContext], ana: Member, bo: Member) -> None:
    page = tab(let_in(make_browser(viewport={"width": 360, "height": 700}, reduced_motion="reduce"), bo.email), "/profile")
    bar = page.locator(".navigation__links--main").bounding_box()
    assert bar and bar["y"] > 350  # it stands at the bottom
    page.locator("#main").focus()
    for _ in range(40):
        page.keyboard.press("Tab")
        box = page.evaluate("(() => { const box = (document.activeElement.closest('label') ?? document.activeElement).getBoundingClientRect();"
                            " return [box.top, box.bottom, document.activeElement.closest('.navigation__links--main, footer') !== null]; })()")
        assert box[2] or box[0] < bar["y"] - 10, page.evaluate(FOCUSED)


def test_focus_stays_on_a_link_whose_card_is_swapped(bos_deck: Page, house: House, ana: Member) -> None:
    card = bos_deck.locator(f"#match-{ana.id}")
    link = card.get_by_role("link", name=re.compile("View profile"))
    link.focus()
    house.change(ana, headline="Changed under the finger")

    expect(card).to_contain_text("Changed under the finger")
    expect(link).to_be_focused()


def test_after_following_a_link_one_is_at_the_new_pages_content(bos_deck: Page) -> None:
    tab_to(bos_deck, "Profile")
    bos_deck.keyboard.press("Enter")
    bos_deck.wait_for_url("**/profile")

    expect(bos_deck.get_by_role("heading", level=1)).to_have_text("Your profile")
    expect(bos_deck.locator("#main")).to_be_focused()
    assert bos_deck.evaluate("scrollY") == 0
    assert bos_deck.evaluate("window.loadedOnce === true")


def test_when_the_focused_card_must_go_focus_moves_to_its_words(bos_deck: Page, house: House) -> None:
    leaver = house.add("creator", name="Lea Leaving")
    house.settle()
    bos_deck.reload()
    bos_deck.locator('#connection[data-state="live"]').wait_for(state="attached")
    bos_deck.locator(f"#match-{leaver.id}").get_by_role("link", name=re.compile("View profile")).focus()
    with house.app.app_context():
        db.session.get_one(Profile, leaver.id).account.deactivate()
        db.session.commit()

    heading = bos_deck.locator(f"#match-{leaver.id}").get_by_role("heading")
    expect(heading).to_have_text("This profile is no longer available")
    expect(heading).to_be_focused()


def test_more_matches_come_without_losing_ones_place(bos_deck: Page, house: House) -> None:
    for number in range(26):
        house.add("creator", name=f"Creator {number}")
    house.settle()
    bos_deck.reload()
    shown = bos_deck.locator(".match-card")
    expect(shown).to_have_count(24)
    bos_deck.get_by_role("link", name="Show more matches").focus()
    bos_deck.keyboard.press("Enter")

    expect(shown.nth(24)).to_be_attached()
    expect(shown.nth(24).get_by_role("link").first).to_be_focused()
    expect(bos_deck.locator("#deck-news")).to_have_count(1)
    assert "pages=2" in (bos_deck.locator("#deck-news").get_attribute("hx-get") or ""), "the open deck hears of these too"


def test_filtering_needs_no_pointer(bos_deck: Page, house: House) -> None:
    house.add("creator", name="Cy Codes", niches={"tech"})
    house.settle()
    bos_deck.reload()
    expect(bos_deck.get_by_role("article", name="Cy Codes")).to_be_visible()
    tab_to(bos_deck, "Filters")
    bos_deck.keyboard.press("Enter")
    tab_to(bos_deck, "Topics")
    bos_deck.keyboard.press("Enter")
    tab_to(bos_deck, "Food")
    bos_deck.keyboard.press("Space")
    tab_to(bos_deck, "Show matches")
    bos_deck.keyboard.press("Enter")

    expect(bos_deck.get_by_role("list", name="Filters that are on")).to_contain_text("Food")
    expect(bos_deck.get_by_role("article", name="Cy Codes")).to_have_count(0)
    expect(bos_deck.get_by_role("article", name="Ana Ruiz")).to_be_visible()
    expect(bos_deck.locator("#main")).to_be_focused()
    assert bos_deck.url.endswith("/matches?niche=food"), "only what was chosen stands in the address"

    tab_to(bos_deck, "Food: take this filter off")
    bos_deck.keyboard.press("Enter")
    expect(bos_deck.get_by_role("article", name="Cy Codes")).to_be_visible()


def test_saving_keeps_ones_place_and_is_said(bos_deck: Page, ana: Member) -> None:
    save = bos_deck.locator(f"#match-{ana.id}-save")
    save.focus()
    bos_deck.keyboard.press("Enter")

    expect(save).to_have_text(re.compile(r"^\s*Saved"))
    expect(save).to_be_focused()
    expect(bos_deck.locator("#announcements")).to_have_text("Ana Ruiz is saved")
    bos_deck.keyboard.press("Enter")
    expect(save).to_have_text(re.compile(r"^\s*Save "))
    expect(save).to_be_focused()


def test_hiding_leads_to_undo_and_undo_leads_back(bos_deck: Page, ana: Member) -> None:
    card = bos_deck.locator(f"#match-{ana.id}")
    card.get_by_role("button", name="Hide Ana Ruiz").focus()
    bos_deck.keyboard.press("Enter")

    expect(card).to_contain_text("Ana Ruiz is hidden")
    expect(card.get_by_role("button", name="Undo")).to_be_focused()
    expect(bos_deck.locator("#announcements")).to_have_text("Ana Ruiz is hidden")
    bos_deck.keyboard.press("Enter")

    expect(card.get_by_role("button", name="Hide Ana Ruiz")).to_be_focused()
    expect(bos_deck.locator("#announcements")).to_have_text("Ana Ruiz is back in your deck")
    expect(card.get_by_role("link", name="View profile of Ana Ruiz")).to_be_visible()


def test_comparing_by_keyboard_and_the_comparison_is_live(bos_deck: Page, house: House, ana: Member) -> None:
    rival = house.add("creator", name="Rae Rival", niches={"food"}, rate=700)
    house.settle()
    bos_deck.reload()
    bar = bos_deck.get_by_role("form", name="Compare")
    expect(bar).to_be_hidden()
    for member in (ana, rival):
        bos_deck.locator(f"#match-{member.id} .match-card__compare input").focus()
        bos_deck.keyboard.press("Space")
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Compare").focus()
    bos_deck.keyboard.press("Enter")

    expect(bos_deck.get_by_role("heading", level=1)).to_have_text("Compare")
    expect(bos_deck.get_by_role("columnheader")).to_have_count(2)
    bos_deck.locator('#connection[data-state="live"]').wait_for(state="attached")
    house.change(rival, rate=1_900)
    expect(bos_deck.locator("#compared")).to_contain_text("€1,900")

    bos_deck.get_by_role("link", name="Remove Rae Rival").focus()
    bos_deck.keyboard.press("Enter")
    expect(bos_deck.get_by_role("columnheader")).to_have_count(1)
    expect(bos_deck.locator("#compared")).not_to_contain_text("Rae Rival")


def test_preferences_by_keyboard(make_browser: Callable[..., BrowserContext], house: House) -> None:
    dara = house.add("brand", name="Dara Insists", niches={"food"})
    page = tab(let_in(make_browser(), dara.email), "/matches/preferences")
    first = page.get_by_role("group", name="A topic in common")
    expect(first.get_by_role("radio", name="Nice to have")).to_be_checked()
    page.locator("#main").focus()
    while not page.evaluate("document.activeElement.type === 'radio'"):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(first.get_by_role("radio", name="Must")).to_be_checked()
    assert page.evaluate(FOCUS_IS_SEEN)
    tab_to(page, "Save preferences")
    page.keyboard.press("Enter")

    expect(page.locator(".flash--success")).to_contain_text("Preferences saved")
    assert house.saved(dara, "musts") == {"niche"}


def test_opening_the_profile_of_a_saved_card_marks_what_changed_as_seen(bos_deck: Page, house: House, ana: Member) -> None:
    bos_deck.locator(f"#match-{ana.id}-save").click()
    expect(bos_deck.locator(f"#match-{ana.id}-save")).to_have_text(re.compile(r"^\s*Saved"))
    house.change(ana, headline="Read this")
    changed = bos_deck.locator(f"#match-{ana.id} .changed")
    expect(changed).to_contain_text("Changed since you last looked: headline")
    other = bos_deck.context.new_page()
    other.goto(f"/profiles/{ana.id}")
    expect(other.get_by_text("Read this")).to_be_visible()

    expect(changed).to_have_count(0)
    expect(other.locator(".breakdown__seen")).to_have_count(0)
    bos_deck.locator(f"#match-{ana.id}-save").click()


def test_an_admin_opens_and_closes_the_inspector_by_keyboard(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    page = tab(let_in(make_browser(), house.add("admin").email), f"/profiles/{ana.id}")
    notices = page.get_by_role("region", name="Notices")
    expect(notices).to_be_hidden()
    page.keyboard.press("Control+Alt+l")
    expect(notices).to_be_visible()
    expect(notices).to_be_focused()

    house.change(ana, headline="Noticed by an admin")
    expect(notices.get_by_role("listitem").first).to_contain_text(f"profile:{ana.id}")
    page.keyboard.press("Control+Alt+l")
    expect(notices).to_be_hidden()


def test_members_have_no_inspector(bos_deck: Page) -> None:
    bos_deck.keyboard.press("Control+Alt+l")
    expect(bos_deck.locator("#inspector, [data-inspector]")).to_have_count(0)


def test_a_toast_can_be_dismissed_by_key(bos_deck: Page, complaints: list[str]) -> None:
    bos_deck.context.route("**/settings/live", lambda route: route.abort())
    bos_deck.get_by_role("button", name="Pause live updates").click()
    toast = bos_deck.get_by_role("alert").filter(has_text="could not be reached")
    expect(toast).to_be_visible()

    toast.get_by_role("button", name="Dismiss").focus()
    bos_deck.keyboard.press("Enter")
    expect(toast).to_have_count(0)
    assert all("settings/live" in said or "fetch" in said for said in complaints)  # the cut on purpose, and nothing else
    complaints.clear()


def test_logging_out_by_keyboard(make_browser: Callable[..., BrowserContext], house: House) -> None:
    page = tab(let_in(make_browser(), house.add("creator").email), "/matches")
    tab_to(page, "Log out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Join")).to_be_visible()

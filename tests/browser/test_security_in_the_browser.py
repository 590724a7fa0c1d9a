"""What only a browser can show: the policy is kept on every page, private pages are gone after logging out, and text stays text."""

import io
import re
from collections.abc import Callable, Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import ARGUMENTS, House, Member, chromium_program, let_in, log_in, tab
from tests.conftest import PASSWORD
from tests.servers import Server

SCRIPTS = {
    "name": '<script>window.pwned=1</script>"\'><b>Eve</b>',
    "headline": '</p><img src=x onerror="window.pwned=1">{{ 7*7 }}',
    "bio": '<svg onload="window.pwned=1">\n</textarea><script>window.pwned=1</script> [x](javascript:pwned=1)',
}
REPORT = "addEventListener('securitypolicyviolation', (event) => violated(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`))"


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def make_watched(make_browser: Callable[..., BrowserContext]) -> Iterator[Callable[[], BrowserContext]]:
    """A browser whose pages may not break the policy once."""
    violations: list[str] = []

    def make() -> BrowserContext:
        browser = make_browser()
        browser.expose_binding("violated", lambda source, words: violations.append(f"{source['page'].url}: {words}"))
        browser.add_init_script(REPORT)
        return browser

    yield make
    assert not violations


def test_a_broken_policy_would_be_noticed(make_browser: Callable[..., BrowserContext], complaints: list[str]) -> None:
    browser, violations = make_browser(), []
    browser.expose_binding("violated", lambda source, words: violations.append(words))
    browser.add_init_script(REPORT)
    page = browser.new_page()
    page.goto("/login")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.inlined = 1' }))")
    page.wait_for_timeout(200)

    assert {words.split()[0] for words in violations} == {"style-src-attr", "script-src-elem"}
    assert not page.evaluate("window.inlined")
    assert complaints
    complaints.clear()


def test_no_page_breaks_the_policy_while_it_is_used(make_watched: Callable[[], BrowserContext], house: House) -> None:
    ana = house.add("creator", name="Ana Ruiz", headline="Street food", niches={"food"}, platforms={"instagram"}, rate=900, audience_size=48_000)
    for number in range(25):
        house.add("brand", name=f"Brand {number}", niches={"food"}, platforms={"instagram"}, budget_max=2_000)
    page = make_watched().new_page()
    for path in ("/", "/register", "/nothing-here", "/login"):
        page.goto(path)
    page.get_by_role("button", name="Log in").click()  # empty: an error
    log_in(page, ana.email)
    page.locator('#connection[data-state="live"]').wait_for(state="attached")
    page.get_by_role("link", name="Show more matches").click()
    expect(page.locator(".match-card")).to_have_count(25)
    page.get_by_role("button", name="Pause live updates").click()
    page.get_by_role("button", name="Resume live updates").click()
    page.locator(".match-card").first.get_by_role("link", name=re.compile("View profile")).click()
    expect(page.locator("#breakdown")).to_be_visible()
    page.go_back()
    page.locator("#navigation").get_by_role("link", name="Profile").click()
    page.wait_for_url("**/profile")

    page.get_by_label("Headline").fill("Harbours at dawn")
    page.get_by_label("Audience size").fill("a lot")
    page.get_by_label("City").press_sequentially("Lisb")
    expect(page.locator("#field-audience_size-status .field__error")).to_be_visible()
    page.get_by_label("City").fill("Lisbon, Portugal")
    page.get_by_label("Audience size").fill("50k")
    page.get_by_text("Travel", exact=True).click()
    picture = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(picture, "PNG")
    page.get_by_label("Picture", exact=True).set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": picture.getvalue()})
    expect(page.locator("#avatar-picture img")).to_have_js_property("naturalWidth", 96)
    expect(page.locator("#profile-form-status")).to_have_text("Everything is saved.")
    page.get_by_role("link", name="See it as others do").click()
    expect(page.get_by_alt_text("Picture of Ana Ruiz")).to_be_visible()
    page.locator("#navigation").get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Change password").click()
    expect(page.locator("#field-current_password-status")).to_contain_text("Please write")
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("link", name="Join").wait_for()


def test_no_page_of_an_admin_breaks_the_policy(make_watched: Callable[[], BrowserContext], house: House) -> None:
    ana = house.add("creator", name="Ana Ruiz")
    page = log_in(make_watched().new_page(), house.add("admin").email)
    for path in ("/patterns", "/settings", f"/profiles/{ana.id}"):
        page.goto(path)
        page.locator('#connection[data-state="live"]').wait_for(state="attached")
    page.get_by_role("link", name="Notices").click()
    house.change(ana, headline="Seen by the inspector")
    expect(page.locator("#inspector li").first).to_contain_text(f"profile:{ana.id}")


def test_what_looks_like_a_script_stays_text_wherever_it_is_shown(make_watched: Callable[[], BrowserContext], house: House) -> None:
    eve, bo = house.add("creator"), house.add("brand", name="Nordlys Coffee")
    theirs, mine = make_watched(), make_watched()
    let_in(theirs, bo.email)
    let_in(mine, eve.email)
    deck, profile, editor = tab(theirs, "/matches"), tab(theirs, f"/profiles/{eve.id}"), tab(mine, "/profile")

    house.change(eve, **SCRIPTS)  # arrives by a swap
    for text in SCRIPTS.values():
        expect(deck.locator(f"#match-{eve.id}")).to_contain_text(text)
        expect(profile.locator("main")).to_contain_text(text)
    expect(editor.locator("#navigation")).to_contain_text(SCRIPTS["name"])
    for page in (deck, profile, editor):
        page.reload()  # and in a whole page
        page.locator('#connection[data-state="live"]').wait_for(state="attached")
    expect(deck.locator(f"#match-{eve.id}")).to_contain_text(SCRIPTS["headline"])
    expect(profile.get_by_role("heading", level=1)).to_have_text(SCRIPTS["name"])
    assert profile.title() == f"{SCRIPTS['name']} · Duet"
    for name, text in SCRIPTS.items():
        expect(editor.locator(f'#profile-form [name="{name}"]')).to_have_value(text)
    for page in (deck, profile, editor):
        assert page.evaluate("window.pwned === undefined")
        expect(page.locator("main script, main svg[onload], main img[onerror], main b")).to_have_count(0)


# After logging out. The browser's memory of whole pages is off in other tests, as Playwright has it; here it is on.


@pytest.fixture(scope="module")
def remembering(chromium: Browser) -> Iterator[Browser]:
    """A Chromium that keeps pages in memory for Back, as people's browsers do."""
    browser = chromium.browser_type.launch(executable_path=chromium_program(), args=ARGUMENTS, ignore_default_args=["--disable-back-forward-cache"])
    yield browser
    browser.close()


@pytest.fixture(params=["remembering", "forgetting"])
def bos_tab(request: pytest.FixtureRequest, house: House) -> Iterator[Page]:
    """bo's deck in a browser that keeps pages in memory, and in one that does not."""
    chromium: Browser = request.getfixturevalue("remembering" if request.param == "remembering" else "chromium")
    bo = house.add("brand", name="Nordlys Secret")
    context = chromium.new_context(base_url=house.server.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(8_000)
    page = log_in(context.new_page(), bo.email)
    page.locator('#connection[data-state="live"]').wait_for(state="attached")
    yield page
    context.close()


def go_back(page: Page) -> None:
    """Playwright's own `go_back` waits for a load that a page from memory does not have."""
    with page.expect_event("framenavigated"):
        page.evaluate("setTimeout(() => history.back())")
    page.wait_for_timeout(300)


def test_while_logged_in_back_shows_the_page_from_memory_and_it_is_live(remembering: Browser, house: House) -> None:
    ana, bo = house.add("creator", name="Ana Ruiz"), house.add("brand")
    context = remembering.new_context(base_url=house.server.url)
    page = log_in(context.new_page(), bo.email)
    page.locator('#connection[data-state="live"]').wait_for(state="attached")
    page.evaluate("window.loadedOnce = true")
    page.goto("/settings")
    house.change(ana, headline="Changed while the page was only remembered")
    go_back(page)

    assert page.evaluate("window.loadedOnce === true"), page.evaluate("JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)")
    expect(page.locator(f"#match-{ana.id}")).to_contain_text("Changed while the page was only remembered")
    context.close()


def test_back_after_logging_out_shows_the_login_page(bos_tab: Page) -> None:
    expect(bos_tab.locator("body")).to_contain_text("Nordlys Secret")
    bos_tab.get_by_role("button", name="Log out").click()
    bos_tab.get_by_role("link", name="Join").wait_for()
    go_back(bos_tab)

    expect(bos_tab.get_by_role("heading", level=1)).to_have_text("Welcome back")
    expect(bos_tab.locator("body")).not_to_contain_text("Nordlys Secret")


def test_back_after_boosted_links_and_logging_out_shows_the_login_page(bos_tab: Page) -> None:
    bos_tab.evaluate("window.loadedOnce = true")
    bos_tab.locator("#navigation").get_by_role("link", name="Settings").click()
    bos_tab.wait_for_url("**/settings")
    bos_tab.locator("#navigation").get_by_role("link", name="Profile").click()
    bos_tab.wait_for_url("**/profile")
    assert bos_tab.evaluate("window.loadedOnce")  # they were boosted
    bos_tab.get_by_role("button", name="Log out").click()
    bos_tab.get_by_role("link", name="Join").wait_for()

    for _ in range(3):
        go_back(bos_tab)
        expect(bos_tab.get_by_role("heading", level=1)).to_have_text("Welcome back")
        expect(bos_tab.locator("body")).not_to_contain_text("Nordlys Secret")


def test_back_in_a_tab_whose_session_ended_elsewhere_leads_to_the_login_page(bos_tab: Page) -> None:
    bos_tab.locator("#navigation").get_by_role("link", name="Settings").click()
    bos_tab.wait_for_url("**/settings")
    other = bos_tab.context.new_page()
    other.goto("/settings")
    other.get_by_role("button", name="Log out", exact=True).click()
    other.get_by_role("link", name="Join").wait_for()
    go_back(bos_tab)

    expect(bos_tab.get_by_role("heading", level=1)).to_have_text("Welcome back")
    expect(bos_tab.locator("body")).not_to_contain_text("Nordlys Secret")


def test_another_members_pages_are_not_shown_by_back(bos_tab: Page, house: House) -> None:
    eve = house.add("brand", name="Eve Next")
    bos_tab.get_by_role("button", name="Log out").click()
    bos_tab.get_by_role("link", name="Join").wait_for()
    log_in(bos_tab, eve.email)
    for _ in range(3):
        go_back(bos_tab)
        expect(bos_tab.locator("body")).not_to_contain_text("Nordlys Secret")


# A session that ended meanwhile.


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz")


def test_a_followed_link_leads_to_the_login_page_and_back_to_where_one_was(make_browser: Callable[..., BrowserContext], ana: Member) -> None:
    browser = let_in(make_browser(), ana.email)
    page = tab(browser, "/matches")
    browser.clear_cookies()
    page.locator("#navigation").get_by_text("Settings").dispatch_event("click")  # the log-in dialog may be quicker, and lie over it

    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")
    expect(page.locator("#navigation")).not_to_contain_text("Ana Ruiz")
    expect(page.locator("main")).to_have_count(1)
    log_in_here(page, ana)
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Settings|Your matches"))


def test_a_card_never_turns_into_a_login_form(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    bo = house.add("brand", name="Nordlys Coffee")
    house.settle()
    browser = let_in(make_browser(), bo.email)
    page = tab(browser, "/matches")
    expect(page.locator(f"#match-{ana.id}")).to_have_count(1)
    refused: list[str] = []
    page.on("response", lambda response: refused.append(response.url) if response.status == 401 else None)
    page.evaluate("new MutationObserver(() => { if (document.querySelector('.match-card [type=password], .match-card [name=email]')) document.title = 'a form in a card'; })"
                  ".observe(document, { childList: true, subtree: true })")
    browser.clear_cookies()
    page.evaluate("(id) => document.body.dispatchEvent(new CustomEvent(`profile:${id}`))", ana.id)

    expect(page.get_by_role("dialog")).to_contain_text("Log in again to go on")
    assert any(url.endswith(f"/matches/{ana.id}/card") for url in refused)
    expect(page.locator(f"#match-{ana.id}")).to_have_count(1)
    assert page.title() != "a form in a card"


def test_a_form_of_a_page_from_before_says_so_and_saves_nothing(make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    """Another member logged in meanwhile: what the old page sends must not become theirs."""
    eve = house.add("creator", name="Eve Next")
    browser = let_in(make_browser(), ana.email)
    page, other = tab(browser, "/settings"), browser.new_page()
    other.goto("/settings")
    other.get_by_role("button", name="Log out", exact=True).click()
    other.get_by_role("link", name="Join").wait_for()
    log_in(other, eve.email)

    expect(page.get_by_role("dialog", name="Somebody else is logged in")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This page had become too old to save")
    other.reload()
    expect(other.locator("#navigation")).to_contain_text("Eve Next")  # still logged in


def log_in_here(page: Page, member: Member) -> None:
    page.get_by_label("E-mail").fill(member.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

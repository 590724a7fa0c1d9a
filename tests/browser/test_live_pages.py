"""Open pages come right by themselves: two browsers, several tabs, restarts, lost notices."""

import re
import signal
import time
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import delete

from blueprints.extensions import db
from blueprints.live.announcements import Announcement
from blueprints.profiles.models import Profile
from tests.browser.conftest import log_in, tab, was_never_reloaded
from tests.conftest import Cast, app_on
from tests.servers import Server
from tests.visitor import Visitor


def save(page: Page, field: str, value: str) -> None:
    """Type into a field of the editor and leave it, as people do."""
    box = page.locator(f'#profile-form [name="{field}"]')
    box.fill(value)
    box.blur()
    expect(page.locator(f"#field-{field}-status")).to_contain_text("Saved")


def metric(server: Server, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", Visitor(server.url).get("/metrics").text, re.MULTILINE)
    assert found, name
    return float(found[1])


def card_of(page: Page, profile_id: int) -> str:
    return f"#match-{profile_id}"


def test_an_edit_reaches_every_open_page_of_everyone_who_sees_it(ana: BrowserContext, bo: BrowserContext, live_cast: Cast) -> None:
    deck, profile = tab(bo, "/matches"), tab(bo, f"/profiles/{live_cast.ana}")
    own_deck, editor = tab(ana, "/matches"), tab(ana, "/profile")

    save(editor, "headline", "Harbours at dawn")
    expect(deck.locator(card_of(deck, live_cast.ana))).to_contain_text("Harbours at dawn")
    expect(profile.locator("main")).to_contain_text("Harbours at dawn")

    save(editor, "name", "Ana R. Ruiz")
    expect(own_deck.locator("#navigation")).to_contain_text("Ana R. Ruiz")
    expect(editor.locator("#navigation")).to_contain_text("Ana R. Ruiz")
    expect(deck.locator(card_of(deck, live_cast.ana))).to_contain_text("Ana R. Ruiz")
    assert all(map(was_never_reloaded, (deck, profile, own_deck, editor)))


def test_what_changed_is_marked_and_said_to_screen_readers(ana: BrowserContext, bo: BrowserContext, live_cast: Cast) -> None:
    deck, editor = tab(bo, "/matches"), tab(ana, "/profile")
    save(editor, "headline", "Harbours at dawn")

    expect(deck.locator(f'{card_of(deck, live_cast.ana)} [data-field="headline"][data-updated]')).to_have_count(1)
    expect(deck.locator("#announcements")).to_have_text("Ana Ruiz was updated")
    expect(deck.locator(f'{card_of(deck, live_cast.ana)} [data-updated]')).to_have_count(0)


def test_my_own_edit_moves_the_score_of_every_open_card(ana: BrowserContext, bo: BrowserContext, live_cast: Cast) -> None:
    deck, editor = tab(bo, "/matches"), tab(bo, "/profile")
    ring = deck.locator(f"{card_of(deck, live_cast.ana)} .ring")
    before = ring.get_attribute("aria-label")

    save(editor, "budget_max", "600")

    expect(ring).not_to_have_attribute("aria-label", before or "")
    assert was_never_reloaded(deck)


def test_navigation_keeps_the_one_stream(bo: BrowserContext, server: Server, live_cast: Cast) -> None:
    page = tab(bo, "/matches")
    opened = metric(server, "duet_live_streams_opened_total")
    for _ in range(3):
        page.locator("#navigation").get_by_role("link", name="Profile").click()
        page.wait_for_url("**/profile")
        page.locator("#navigation").get_by_role("link", name="Matches").click()
        page.wait_for_url("**/matches")
        page.locator(card_of(page, live_cast.ana)).get_by_role("link", name=re.compile("View profile")).click()
        page.wait_for_url(f"**/profiles/{live_cast.ana}")
        page.go_back()
        expect(page.locator(card_of(page, live_cast.ana))).to_be_visible()

    assert was_never_reloaded(page)
    assert metric(server, "duet_live_streams_opened_total") == opened
    assert metric(server, "duet_live_streams") == 1


def test_ten_tabs_of_one_browser_share_one_stream_and_all_come_right(ana: BrowserContext, bo: BrowserContext, server: Server, live_cast: Cast) -> None:
    tabs = [tab(bo, "/matches") for _ in range(10)]
    assert metric(server, "duet_live_streams") == 2  # ana's browser has one
    save(tab(ana, "/profile"), "headline", "Seen in ten tabs")

    for page in tabs:
        expect(page.locator(card_of(page, live_cast.ana))).to_contain_text("Seen in ten tabs")


def test_after_a_killed_and_restarted_server_pages_converge_without_a_reload(ana: BrowserContext, bo: BrowserContext, server: Server, live_cast: Cast) -> None:
    deck = tab(bo, "/matches")
    server.stop(signal.SIGKILL)
    with app_on(server.instance) as app, app.app_context():
        db.session.get_one(Profile, live_cast.ana).revise({"headline": "Changed while nobody listened"}, base=1)
        db.session.commit()
    server.start()

    expect(deck.locator(card_of(deck, live_cast.ana))).to_contain_text("Changed while nobody listened", timeout=20_000)
    assert was_never_reloaded(deck)
    expect(deck.locator("#connection")).to_have_attribute("data-state", "live")


def test_a_notice_lost_on_purpose_is_found_by_the_sweep(bo: BrowserContext, server: Server, live_cast: Cast) -> None:
    deck = tab(bo, "/matches")
    with app_on(server.instance) as app, app.app_context():  # its commit rings in this process, not in the server's
        db.session.get_one(Profile, live_cast.ana).revise({"headline": "Nobody rang for this"}, base=1)
        db.session.commit()

    expect(deck.locator(card_of(deck, live_cast.ana))).to_contain_text("Nobody rang for this")


def test_a_notice_that_even_the_sweep_lost_is_found_by_the_next_watch(bo: BrowserContext, server: Server, live_cast: Cast) -> None:
    deck = tab(bo, "/matches")
    with app_on(server.instance) as app, app.app_context():
        db.session.get_one(Profile, live_cast.ana).revise({"headline": "Not even in the journal"}, base=1)
        db.session.execute(delete(Announcement))
        db.session.commit()
    time.sleep(2.5)
    expect(deck.locator(card_of(deck, live_cast.ana))).not_to_contain_text("Not even in the journal")

    deck.locator("#navigation").get_by_role("link", name="Profile").click()  # any navigation says anew what is shown…
    deck.wait_for_url("**/profile")
    other = tab(bo, "/matches")  # …and so does any tab, for all
    expect(other.locator(card_of(other, live_cast.ana))).to_contain_text("Not even in the journal")


def test_paused_updates_wait_and_are_counted(ana: BrowserContext, bo: BrowserContext, live_cast: Cast) -> None:
    deck, second = tab(bo, "/matches"), tab(bo, "/matches")
    deck.locator("#connection").get_by_role("button", name="Pause live updates").click()
    expect(deck.locator("#connection")).to_have_attribute("data-state", "paused")
    expect(second.locator("#connection")).to_have_attribute("data-state", "paused")  # kept for the account

    save(tab(ana, "/profile"), "headline", "Later, please")
    expect(deck.locator("[data-waiting]")).to_contain_text("waiting")
    expect(deck.locator(card_of(deck, live_cast.ana))).not_to_contain_text("Later, please")

    deck.locator("[data-waiting]").click()
    expect(deck.locator(card_of(deck, live_cast.ana))).to_contain_text("Later, please")
    deck.locator("#connection").get_by_role("button", name="Resume live updates").click()
    expect(second.locator(card_of(second, live_cast.ana))).to_contain_text("Later, please")


def test_logging_out_in_one_tab_is_said_in_the_others(bo: BrowserContext, server: Server) -> None:
    stays, goes = tab(bo, "/matches"), tab(bo, "/profile")
    goes.get_by_role("button", name="Log out").click()

    expect(stays.locator("#connection")).to_have_attribute("data-state", "ended")
    expect(stays.locator("#connection")).to_contain_text("Logged out · Log in")
    time.sleep(0.5)
    assert metric(server, "duet_live_streams") == 0


def test_another_member_in_the_same_browser_hears_their_own_only(ana: BrowserContext, bo: BrowserContext, live_cast: Cast) -> None:
    left_open, page = tab(bo, "/matches"), tab(bo, "/profile")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/")
    log_in(page, "creator3@example.com")
    save(tab(ana, "/profile"), "headline", "Not for the one before")

    expect(left_open.locator("#connection")).to_have_attribute("data-state", "ended")
    expect(left_open.locator(card_of(left_open, live_cast.ana))).not_to_contain_text("Not for the one before")


def test_a_new_match_waits_behind_a_pill(bo: BrowserContext, server: Server, live_cast: Cast) -> None:
    deck = tab(bo, "/matches")
    newcomer = Visitor(server.url)
    newcomer.get("/register")
    newcomer.post("/register", {"role": "creator", "name": "Dara New", "email": "dara@example.com", "password": "a long enough password"})

    expect(deck.locator("#deck-news")).to_contain_text("1 new match")
    expect(deck.get_by_text("Dara New")).to_have_count(0)
    deck.locator("#deck-news a").click()
    expect(deck.get_by_text("Dara New").first).to_be_visible()


def test_a_deactivated_member_leaves_open_cards_and_pages(bo: BrowserContext, server: Server, live_cast: Cast) -> None:
    deck, profile = tab(bo, "/matches"), tab(bo, f"/profiles/{live_cast.ana}")
    with app_on(server.instance) as app, app.app_context():
        db.session.get_one(Profile, live_cast.ana).account.deactivate()
        db.session.commit()

    expect(deck.locator(card_of(deck, live_cast.ana))).to_contain_text("no longer available")
    expect(profile.locator("main")).to_contain_text("no longer available")


def test_without_shared_workers_each_visible_tab_has_its_own_stream(make_browser: Callable[..., BrowserContext], ana: BrowserContext, live_cast: Cast) -> None:
    old = make_browser()
    old.add_init_script("delete window.SharedWorker")
    log_in(old.new_page(), "brand2@example.com")
    deck = tab(old, "/matches")
    save(tab(ana, "/profile"), "headline", "Heard without a worker")

    expect(deck.locator(card_of(deck, live_cast.ana))).to_contain_text("Heard without a worker")


def test_where_no_stream_gets_through_pages_check_every_15_seconds(make_browser: Callable[..., BrowserContext], ana: BrowserContext, live_cast: Cast) -> None:
    proxied = make_browser()
    proxied.add_init_script("delete window.SharedWorker")  # so that the route below sees the stream's request
    proxied.route(re.compile(r"/live\?as="), lambda route: route.abort())
    page = log_in(proxied.new_page(), "brand2@example.com")
    expect(page.locator("#connection")).to_have_attribute("data-state", "checking", timeout=20_000)
    save(tab(ana, "/profile"), "headline", "Found by asking")

    expect(page.locator(card_of(page, live_cast.ana))).to_contain_text("Found by asking", timeout=20_000)

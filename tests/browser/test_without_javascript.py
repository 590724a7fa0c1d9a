"""Scripts off: everything works by links and forms, and a reload shows the truth."""

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import House, Member, let_in, log_in
from tests.conftest import PASSWORD
from tests.servers import Server

NEW_PASSWORD = "another long password"


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def plain(make_browser: Callable[..., BrowserContext]) -> Callable[[], Page]:
    """A tab of a browser without scripts, nobody logged in."""
    return lambda: make_browser(java_script_enabled=False).new_page()


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz", headline="Street food", audience_size=48_000)


def editor_of(page: Page, member: Member) -> Page:
    let_in(page.context, member.email)
    page.goto("/profile")
    return page


def deck_of(page: Page, member: Member) -> Page:
    let_in(page.context, member.email)
    page.goto("/matches")
    return page


def field(page: Page, name: str) -> str:
    return page.locator(f'#profile-form [name="{name}"]').input_value()


def picture(colour: str, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (640, 400), colour).save(file, kind)
    return file.getvalue()


def test_scripts_are_really_off(plain: Callable[[], Page], ana: Member) -> None:
    page = deck_of(plain(), ana)
    expect(page.locator("#connection")).to_have_attribute("data-state", "connecting")
    expect(page.locator("[data-htmx-powered]")).to_have_count(0)


def test_somebody_registers_and_logs_in(plain: Callable[[], Page], house: House) -> None:
    page = plain()
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_text("Creator", exact=True).click()
    page.get_by_label("Name").fill("Noor Script")
    page.get_by_label("E-mail").fill("noor@example.com")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create account").click()

    expect(page.locator("#field-password-status")).to_contain_text("at least 8 characters")
    expect(page.get_by_label("Name")).to_have_value("Noor Script")
    expect(page.get_by_label("E-mail")).to_have_value("noor@example.com")
    expect(page.get_by_role("radio", name="Creator")).to_be_checked()

    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_text("your account is ready")).to_be_visible()

    log_in(page, "noor@example.com")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your matches")
    expect(page.locator("#navigation")).to_contain_text("Noor Script")


def test_a_wrong_password_says_so_and_keeps_the_address(plain: Callable[[], Page], ana: Member) -> None:
    page = plain()
    page.goto("/login")
    page.get_by_label("E-mail").fill(ana.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("E-mail")).to_have_value(ana.email)


def test_the_page_asked_for_comes_after_logging_in(plain: Callable[[], Page], ana: Member) -> None:
    page = plain()
    page.goto("/settings")
    page.get_by_label("E-mail").fill(ana.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")


def test_the_whole_profile_is_saved_as_one_form(plain: Callable[[], Page], house: House, ana: Member) -> None:
    page = editor_of(plain(), ana)
    page.get_by_label("Headline").fill("Harbours at dawn")
    page.get_by_label("Bio").fill("First line\nSecond line")
    page.get_by_label("City").fill("Lisbon")
    page.get_by_label("Rate per collaboration").fill("1.2k")
    page.get_by_text("Travel", exact=True).click()
    page.get_by_role("button", name="Save profile").click()

    expect(page.locator(".flash--success")).to_have_text("Your profile is saved.")
    page.reload()
    assert (field(page, "headline"), field(page, "bio"), field(page, "rate")) == ("Harbours at dawn", "First line\nSecond line", "1,200")
    assert field(page, "city").startswith("Lisbon, Portugal")
    expect(page.get_by_role("checkbox", name="Travel", exact=True)).to_be_checked()

    page.get_by_text("Travel", exact=True).click()  # and none of a group can be chosen again
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".flash--success")).to_be_visible()
    page.reload()
    expect(page.get_by_role("checkbox", name="Travel", exact=True)).not_to_be_checked()
    assert house.saved(ana, "niches") == frozenset()


def test_the_other_person_sees_it_after_a_reload(plain: Callable[[], Page], house: House, ana: Member) -> None:
    bo = house.add("brand", name="Nordlys Coffee")
    theirs, mine = deck_of(plain(), bo), editor_of(plain(), ana)
    theirs.goto(f"/profiles/{ana.id}")
    expect(theirs.locator("main")).to_contain_text("Street food")

    mine.get_by_label("Headline").fill("Harbours at dawn")
    mine.get_by_role("button", name="Save profile").click()
    expect(mine.locator(".flash--success")).to_be_visible()
    expect(theirs.locator("main")).not_to_contain_text("Harbours at dawn")

    theirs.reload()
    expect(theirs.locator("main")).to_contain_text("Harbours at dawn")


def test_an_error_stands_beside_its_field_and_nothing_typed_is_lost(plain: Callable[[], Page], house: House, ana: Member) -> None:
    page = editor_of(plain(), ana)
    page.get_by_label("Bio").fill("Typed for an hour")
    page.get_by_label("Audience size").fill("a lot")
    page.get_by_text("Travel", exact=True).click()
    page.get_by_role("button", name="Save profile").click()

    expect(page.get_by_role("alert")).to_contain_text("Nothing you typed is lost")
    expect(page.locator("#field-audience_size-status")).to_contain_text("Use a whole number")
    expect(page.get_by_label("Audience size")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field__error")).to_have_count(1)
    assert (field(page, "audience_size"), field(page, "bio")) == ("a lot", "Typed for an hour")
    expect(page.get_by_role("checkbox", name="Travel", exact=True)).to_be_checked()
    assert house.saved(ana, "bio") == ""

    page.get_by_label("Audience size").fill("50k")
    page.get_by_role("button", name="Save profile").click()
    expect(page.locator(".flash--success")).to_be_visible()
    assert (house.saved(ana, "bio"), house.saved(ana, "audience_size")) == ("Typed for an hour", 50_000)


@pytest.mark.parametrize(("choice", "stays"), [("Yours", "From the desk"), ("Theirs", "From the phone")])
def test_a_field_changed_in_two_places_shows_both_values_to_choose_from(
    choice: str, stays: str, plain: Callable[[], Page], house: House, ana: Member
) -> None:
    desk, phone = editor_of(plain(), ana), editor_of(plain(), ana)
    phone.get_by_label("Headline").fill("From the phone")
    phone.get_by_role("button", name="Save profile").click()
    expect(phone.locator(".flash--success")).to_be_visible()
    desk.get_by_label("Headline").fill("From the desk")
    desk.get_by_label("Bio").fill("Only the desk wrote this")
    desk.get_by_role("button", name="Save profile").click()

    expect(desk.get_by_role("alert")).to_contain_text("Choose what shall stay")
    both = desk.get_by_role("group", name="Headline was also changed in")
    expect(both.get_by_role("radio")).to_have_count(3)
    expect(both).to_contain_text("From the phone")
    expect(both).to_contain_text("From the desk")
    assert (house.saved(ana, "headline"), house.saved(ana, "bio")) == ("From the phone", "Only the desk wrote this")

    both.get_by_role("radio", name=re.compile(f"^{choice}")).check()
    desk.get_by_role("button", name="Save profile").click()
    expect(desk.locator(".flash--success")).to_be_visible()
    desk.reload()
    assert field(desk, "headline") == stays


def test_two_pages_that_edit_different_fields_both_win(plain: Callable[[], Page], house: House, ana: Member) -> None:
    desk, phone = editor_of(plain(), ana), editor_of(plain(), ana)
    for page, label, text in ((phone, "Headline", "From the phone"), (desk, "Bio", "From the desk")):
        page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Save profile").click()
        expect(page.locator(".flash--success")).to_be_visible()

    assert (house.saved(ana, "headline"), house.saved(ana, "bio")) == ("From the phone", "From the desk")


def test_a_picture_is_uploaded_seen_by_others_and_removed(plain: Callable[[], Page], house: House, ana: Member) -> None:
    bo = house.add("brand", name="Nordlys Coffee")
    page = editor_of(plain(), ana)
    page.get_by_label("Picture", exact=True).set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": picture("teal")})
    page.get_by_role("button", name="Use this picture").click()

    expect(page.locator(".flash--success")).to_have_text("Your picture is saved.")
    expect(page.locator("#avatar-picture img")).to_have_js_property("naturalWidth", 96)

    theirs = deck_of(plain(), bo)
    theirs.goto(f"/profiles/{ana.id}")
    expect(theirs.get_by_alt_text("Picture of Ana Ruiz")).to_have_js_property("naturalWidth", 192)

    page.get_by_role("button", name="Remove picture").click()
    expect(page.locator(".flash--success")).to_have_text("Your picture is removed.")
    expect(page.locator("#avatar-picture img")).to_have_count(0)


def test_what_is_no_picture_is_said_beside_the_field_and_the_old_one_stays(plain: Callable[[], Page], ana: Member) -> None:
    page = editor_of(plain(), ana)
    page.get_by_label("Picture", exact=True).set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": picture("teal")})
    page.get_by_role("button", name="Use this picture").click()
    kept = page.locator("#avatar-picture img").get_attribute("src")

    page.get_by_label("Picture", exact=True).set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": b"<svg onload=alert(1)>"})
    page.get_by_role("button", name="Use this picture").click()

    expect(page.locator("#field-avatar-status .field__error")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")
    expect(page.locator("#avatar-picture img")).to_have_attribute("src", kept or "")


def test_the_deck_goes_on_by_a_link(plain: Callable[[], Page], house: House) -> None:
    bo = house.add("brand", name="Nordlys Coffee")
    for number in range(25):
        house.add("creator", name=f"Creator {number}")
    house.settle()
    page = deck_of(plain(), bo)
    first = page.locator(".match-card__name").all_inner_texts()
    assert len(first) == 24

    page.get_by_role("link", name="Show more matches").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your matches")
    expect(page.locator(".match-card").first).to_be_visible()
    assert "page=2" in page.url
    assert not set(first) & set(page.locator(".match-card__name").all_inner_texts())

    page.get_by_role("link", name="Previous page").click()
    expect(page.locator(".match-card")).to_have_count(24)
    assert page.locator(".match-card__name").all_inner_texts() == first


def test_a_card_leads_to_the_profile_and_the_reasons(plain: Callable[[], Page], house: House) -> None:
    bo = house.add("brand", name="Nordlys Coffee", niches={"food"}, platforms={"instagram"}, budget_min=500, budget_max=2_000)
    dara = house.add("creator", name="Dara Food", niches={"food"}, platforms={"instagram"}, rate=900)
    house.settle()
    page = deck_of(plain(), bo)
    page.locator(f"#match-{dara.id}").get_by_role("link", name="Why this score").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Why you see Dara Food")
    expect(page.locator(".why__place")).to_contain_text("Place 1 of")
    expect(page.locator("#breakdown")).to_contain_text("of 100")
    page.get_by_role("link", name="View profile").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dara Food")
    expect(page.locator("#breakdown")).to_contain_text("of 100")


@pytest.fixture
def bo(house: House) -> Member:
    """A brand who looks for food; two creators are there for him to keep and to put away."""
    bo = house.add("brand", name="Nordlys Coffee", niches={"food"}, platforms={"instagram"}, budget_min=500, budget_max=2_000)
    house.add("creator", name="Fern Food", niches={"food"}, platforms={"instagram"}, rate=900)
    house.add("creator", name="Tess Tech", niches={"tech"}, platforms={"twitch"}, rate=900)
    house.settle()
    return bo


def test_a_deck_is_filtered_by_a_form_and_the_search_gets_a_name(plain: Callable[[], Page], bo: Member) -> None:
    page = deck_of(plain(), bo)
    tess = page.get_by_role("article", name="Tess Tech")
    expect(tess.first).to_be_attached()
    page.locator(".filters__summary").click()
    page.locator(".filters__fold", has_text="Topics").click()
    page.get_by_role("checkbox", name="Food", exact=True).check()
    page.get_by_role("button", name="Show matches").click()
    expect(tess).to_have_count(0)
    expect(page.get_by_role("article", name="Fern Food").first).to_be_visible()
    expect(page.get_by_role("list", name="Filters that are on")).to_contain_text("Food")

    page.get_by_text("Name this search").click()
    page.get_by_label("Name", exact=True).fill("Food people")
    page.get_by_role("button", name="Save search").click()
    expect(page.locator(".flash--success")).to_have_text("Search saved.")
    page.goto("/matches")
    page.get_by_role("link", name="Food people").click()
    expect(tess).to_have_count(0)
    page.get_by_role("button", name="Remove the search Food people").click()
    expect(page.get_by_role("link", name="Food people")).to_have_count(0)


def test_wrong_values_in_the_address_are_said_and_left_out(plain: Callable[[], Page], bo: Member) -> None:
    page = deck_of(plain(), bo)
    page.goto("/matches?niche=food&audience_min=many")

    expect(page.locator(".flash--info")).to_contain_text("“Audience from” in the address makes no sense here and is left out.")
    expect(page.get_by_role("article", name="Fern Food").first).to_be_visible()


def test_a_card_is_saved_and_says_what_changed_until_one_has_got_it(plain: Callable[[], Page], house: House, bo: Member) -> None:
    dara = house.add("creator", name="Dara Saved", niches={"food"})
    house.settle()
    page = deck_of(plain(), bo)
    page.goto("/matches?q=Dara+Saved")
    page.get_by_role("button", name="Save Dara Saved").click()
    expect(page.locator(".flash--success")).to_have_text("Saved.")
    assert page.url.endswith("q=Dara+Saved"), "one stays where one was"

    house.change(dara, rate=700)
    page.get_by_role("navigation", name="Matches").get_by_role("link", name="Saved").click()
    card = page.get_by_role("article", name="Dara Saved")
    expect(card).to_contain_text("Changed since you last looked: rate")
    card.get_by_role("button", name="Got it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Saved")
    expect(card).to_be_visible()
    expect(card.locator(".changed")).to_have_count(0)
    card.get_by_role("button", name="Saved Dara Saved").click()
    expect(card).to_have_count(0)


def test_a_card_is_hidden_and_comes_back(plain: Callable[[], Page], bo: Member) -> None:
    page = deck_of(plain(), bo)
    card = page.get_by_role("article", name="Tess Tech")
    before = card.count()
    card.first.get_by_role("button", name="Hide Tess Tech").click()
    expect(page.locator(".flash--success")).to_contain_text("Hidden")
    expect(card).to_have_count(before - 1)

    page.get_by_role("navigation", name="Matches").get_by_role("link", name="Hidden").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Nothing hidden")).to_be_visible()
    page.get_by_role("link", name="To your matches").click()
    expect(card).to_have_count(before)


def test_ticked_cards_stand_side_by_side(plain: Callable[[], Page], bo: Member) -> None:
    page = deck_of(plain(), bo)
    expect(page.get_by_role("form", name="Compare")).to_be_hidden()
    for name in ("Fern Food", "Tess Tech"):
        page.get_by_role("article", name=name).first.get_by_role("checkbox").check()
    page.get_by_role("form", name="Compare").get_by_role("button", name="Compare").click()

    expect(page.get_by_role("columnheader")).to_have_count(2)
    page.get_by_role("link", name="Remove Tess Tech").click()
    expect(page.get_by_role("columnheader")).to_have_count(1)


def test_somebody_is_asked_says_yes_and_is_let_go_again(plain: Callable[[], Page], house: House) -> None:
    ina, kelp = house.add("creator", name="Ina Asks"), house.add("brand", name="Kelp Answers")
    hers, theirs = deck_of(plain(), ina), deck_of(plain(), kelp)
    hers.goto(f"/profiles/{kelp.id}")
    hers.get_by_role("link", name="Ask to work together").click()
    hers.get_by_label("When?").fill("In March")
    hers.get_by_role("button", name="Send request").click()
    expect(hers.locator("#field-what-status")).to_contain_text("Say in a sentence or two")
    expect(hers.get_by_label("When?")).to_have_value("In March")
    hers.get_by_label("What would you like").fill("A week of breakfasts")
    hers.get_by_role("button", name="Send request").click()
    expect(hers.locator(".flash--success")).to_contain_text("Your request is sent to Kelp Answers")

    theirs.goto("/requests")
    theirs.get_by_role("button", name=re.compile("^Accept")).click()
    expect(theirs.locator(".flash--success")).to_contain_text("You and Ina Asks are connected")
    theirs.get_by_role("link", name=re.compile("^Disconnect")).click()
    theirs.get_by_role("button", name="Disconnect").click()
    expect(theirs.locator(".flash--success")).to_contain_text("no longer connected")


def test_a_must_keeps_people_out_and_says_what_it_costs(plain: Callable[[], Page], bo: Member) -> None:
    page = deck_of(plain(), bo)
    page.get_by_role("navigation", name="Matches").get_by_role("link", name="Preferences").click()
    page.get_by_role("group", name="A platform in common").get_by_role("radio", name="Must").check()
    page.get_by_role("button", name="Save preferences").click()

    expect(page.locator(".flash--success")).to_contain_text("Preferences saved")
    expect(page.get_by_role("article", name="Fern Food").first).to_be_visible()
    expect(page.get_by_role("article", name="Tess Tech")).to_have_count(0)
    expect(page.locator(".costs")).to_contain_text("Without your must “a platform in common”")


def test_a_new_password_logs_out_the_other_browsers(plain: Callable[[], Page], ana: Member) -> None:
    here, there = deck_of(plain(), ana), deck_of(plain(), ana)
    here.goto("/settings")
    here.get_by_label("Current password").fill("not the password")
    here.get_by_label("New password").fill(NEW_PASSWORD)
    here.get_by_role("button", name="Change password").click()
    expect(here.locator("#field-current_password-status")).to_contain_text("not your current password")

    here.get_by_label("Current password").fill(PASSWORD)
    here.get_by_label("New password").fill(NEW_PASSWORD)
    here.get_by_role("button", name="Change password").click()
    expect(here.locator(".flash--success")).to_contain_text("Your password is changed")

    there.reload()
    expect(there.get_by_role("heading", level=1)).to_have_text("Welcome back")
    there.get_by_label("E-mail").fill(ana.email)
    there.get_by_label("Password").fill(NEW_PASSWORD)
    there.get_by_role("button", name="Log in").click()
    expect(there.get_by_role("heading", level=1)).to_have_text("Your matches")


def test_one_ends_another_of_ones_sessions(plain: Callable[[], Page], ana: Member) -> None:
    here, there = deck_of(plain(), ana), deck_of(plain(), ana)
    here.goto("/settings")
    expect(here.locator(".session")).to_have_count(2)
    here.locator(".session:not(.session--current)").get_by_role("button", name="Log out").click()

    expect(here.locator(".flash--success")).to_have_text("That browser is logged out.")
    expect(here.locator(".session")).to_have_count(1)
    there.reload()
    expect(there.get_by_role("heading", level=1)).to_have_text("Welcome back")


def test_logging_out_ends_it(plain: Callable[[], Page], ana: Member) -> None:
    page = deck_of(plain(), ana)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("link", name="Join")).to_be_visible()

    page.goto("/matches")
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")


def test_nothing_that_needs_scripts_is_offered(plain: Callable[[], Page], ana: Member) -> None:
    page = editor_of(plain(), ana)
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.get_by_role("button", name="Pause live updates")).to_be_hidden()

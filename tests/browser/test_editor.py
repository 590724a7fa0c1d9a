"""The editor with scripts on: each field is saved by itself, and nothing typed is ever lost or overwritten."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Dialog, Locator, Page, Request, expect
from sqlalchemy import delete

from blueprints.accounts.models import LoginSession
from blueprints.extensions import db
from tests.browser.conftest import House, Member, field, let_in, log_in, status, tab, was_never_reloaded
from tests.servers import Server


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def ana(house: House) -> Member:
    """A new one for each test; her name is nobody else's on a deck that all tests share."""
    return house.add("creator", name="Ana Ruiz", headline="Street food", niches={"food"}, rate=900)


@pytest.fixture
def browser(make_browser: Callable[..., BrowserContext], ana: Member) -> BrowserContext:
    return let_in(make_browser(), ana.email)


@pytest.fixture
def editor(browser: BrowserContext) -> Page:
    return tab(browser, "/profile")


def remote(page: Page) -> Locator:
    return page.get_by_role("checkbox", name="I also work remotely")


def save(page: Page, name: str, value: str) -> None:
    """Type into a field and leave it, as people do."""
    field(page, name).fill(value)
    field(page, name).blur()
    expect(status(page, name)).to_contain_text("Saved")


def saves_of(page: Page) -> list[dict[str, list[str]]]:
    """What is sent by PATCH from now on, each as an operation of its own."""
    bodies: list[dict[str, list[str]]] = []
    seen: set[str] = set()

    def note(request: Request) -> None:
        if request.method == "PATCH":
            body = parse_qs(request.post_data or "", keep_blank_values=True)
            operation, account = body.pop("operation"), body.pop("account")
            assert account[0].isdigit() and operation[0] not in seen
            seen.add(operation[0])
            bodies.append(body)

    page.on("request", note)
    return bodies


def forget_cuts(complaints: list[str]) -> None:
    """What htmx says in the console of a network that a test has cut."""
    complaints[:] = [said for said in complaints if "Failed to fetch" not in said]


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (640, 400), colour).save(file, "PNG")
    return file.getvalue()


def choose_picture(page: Page, data: bytes) -> None:
    page.get_by_label("Picture", exact=True).set_input_files({"name": "me.png", "mimeType": "image/png", "buffer": data})


# Field by field.


def test_leaving_a_field_sends_that_field_alone(editor: Page, house: House, ana: Member) -> None:
    bodies = saves_of(editor)
    save(editor, "headline", "Harbours at dawn")

    [body] = bodies
    assert body.pop("csrf_token") != [""]
    assert body == {"base": ["1"], "base-headline": ["1"], "headline": ["Harbours at dawn"]}
    assert house.saved(ana, "headline") == "Harbours at dawn"
    assert was_never_reloaded(editor)


def test_each_save_is_based_on_the_one_before(editor: Page, house: House, ana: Member) -> None:
    for text in ("One", "Two", "Three"):
        save(editor, "headline", text)
    assert house.saved(ana, "headline") == "Three"
    expect(editor.locator("#profile-form [data-conflict]")).to_have_count(0)


def test_saved_is_no_longer_said_while_one_types_on(editor: Page) -> None:
    save(editor, "headline", "One")
    field(editor, "headline").press_sequentially("!")
    expect(status(editor, "headline")).not_to_contain_text("Saved")


def test_ones_own_saves_are_never_called_anothers(editor: Page) -> None:
    said: list[str] = []
    editor.expose_function("said", lambda words: said.append(words))
    editor.evaluate("""new MutationObserver(() => {
      for (const slot of document.querySelectorAll(".field__status")) if (slot.textContent.trim()) said(slot.textContent.trim());
    }).observe(document.getElementById("profile-form"), { subtree: true, childList: true, characterData: true })""")
    for number in range(8):
        field(editor, "headline").fill(f"Headline {number}")
        field(editor, "bio").fill(f"Bio {number}")
        field(editor, "bio").blur()
        editor.wait_for_timeout(120)
    expect(editor.locator("#profile-form-status")).to_have_text("Everything is saved.")

    assert set(said) == {"Saving…", "Saved"}


def test_leaving_a_field_as_it_was_sends_nothing(editor: Page) -> None:
    bodies = saves_of(editor)
    field(editor, "headline").fill("Another")
    field(editor, "headline").fill("Street food")
    field(editor, "headline").blur()
    field(editor, "bio").focus()
    editor.wait_for_timeout(600)
    assert bodies == []

    save(editor, "bio", "But this does")
    assert len(bodies) == 1


def test_choices_are_saved_as_a_group(editor: Page, house: House, ana: Member) -> None:
    bodies = saves_of(editor)
    editor.get_by_text("Travel", exact=True).click()
    expect(status(editor, "niches")).to_contain_text("Saved")
    assert house.saved(ana, "niches") == {"food", "travel"}

    editor.get_by_text("Travel", exact=True).click()
    editor.get_by_text("Food", exact=True).click()
    expect(status(editor, "niches")).to_contain_text("Saved")
    expect(editor.locator("#profile-form-status")).to_contain_text("Everything is saved")
    assert house.saved(ana, "niches") == frozenset()
    assert all({name.removeprefix("base-") for name in body} == {"csrf_token", "base", "niches"} for body in bodies)


def test_a_single_box_is_saved_by_itself_ticked_and_unticked(editor: Page, house: House, ana: Member) -> None:
    bodies = saves_of(editor)
    for answer, sent in ((True, ["", "yes"]), (False, [""])):
        remote(editor).set_checked(answer)
        expect(status(editor, "works_remotely")).to_contain_text("Saved")
        expect(editor.locator("#profile-form-status")).to_have_text("Everything is saved.")
        assert house.saved(ana, "works_remotely") is answer
        assert bodies[-1].pop("csrf_token") != [""]
        assert bodies[-1] == {"base": ["1"], "base-works_remotely": ["1" if answer else "2"], "works_remotely": sent}
    assert len(bodies) == 2


def test_what_one_does_and_for_whom_reaches_the_other_persons_page(
    editor: Page, make_browser: Callable[..., BrowserContext], house: House, ana: Member
) -> None:
    profile = tab(let_in(make_browser(), house.add("brand").email), f"/profiles/{ana.id}")
    expect(profile.locator("[data-field=works_remotely]")).to_have_count(0)
    remote(editor).check()
    for name in ("Product review", "Travel and hospitality"):
        editor.get_by_role("checkbox", name=name).check()

    expect(profile.locator("[data-field=works_remotely]")).to_have_text("Open to remote work")
    expect(profile.locator("[data-field=campaign_types]")).to_contain_text("Product review")
    expect(profile.locator("[data-field=industries]")).to_contain_text("Travel and hospitality")
    assert was_never_reloaded(profile)


def test_a_number_as_people_write_it_is_shown_as_it_was_understood(editor: Page, house: House, ana: Member) -> None:
    save(editor, "audience_size", "48k")
    expect(field(editor, "audience_size")).to_have_value("48,000")
    assert house.saved(ana, "audience_size") == 48_000


def test_enter_in_a_field_saves_without_leaving_the_page(editor: Page, house: House, ana: Member) -> None:
    field(editor, "headline").fill("By Enter")
    field(editor, "headline").press("Enter")
    expect(status(editor, "headline")).to_contain_text("Saved")
    expect(field(editor, "headline")).to_be_focused()
    assert was_never_reloaded(editor)
    assert house.saved(ana, "headline") == "By Enter"


def test_what_was_typed_last_is_saved_when_one_follows_a_link_at_once(editor: Page, house: House, ana: Member) -> None:
    field(editor, "bio").fill("Typed and gone")
    editor.locator("#navigation").get_by_role("link", name="Matches").click()
    editor.wait_for_url("**/matches")
    editor.locator("#navigation").get_by_role("link", name="Profile").click()

    expect(field(editor, "bio")).to_have_value("Typed and gone")
    assert house.saved(ana, "bio") == "Typed and gone"


def test_what_was_typed_last_is_saved_when_the_tab_is_left(editor: Page, house: House, ana: Member) -> None:
    field(editor, "bio").fill("Typed and closed")
    editor.goto("/settings")
    editor.goto("/profile")

    expect(field(editor, "bio")).to_have_value("Typed and closed")


def test_the_other_person_sees_each_saved_field_at_once(editor: Page, make_browser: Callable[..., BrowserContext], house: House, ana: Member) -> None:
    profile = tab(let_in(make_browser(), house.add("brand").email), f"/profiles/{ana.id}")
    save(editor, "bio", "I film street food.")

    expect(profile.locator("main")).to_contain_text("I film street food.")
    assert was_never_reloaded(profile)


# Errors beside their field.


def test_what_cannot_be_saved_stays_with_the_error_beside_it(editor: Page, house: House, ana: Member) -> None:
    field(editor, "audience_size").fill("a lot")
    field(editor, "audience_size").blur()

    expect(status(editor, "audience_size").locator(".field__error")).to_contain_text("Use a whole number")
    expect(field(editor, "audience_size")).to_have_value("a lot")
    expect(field(editor, "audience_size")).to_have_attribute("aria-invalid", "true")
    expect(field(editor, "audience_size")).to_have_accessible_description(re.compile("Use a whole number"))

    save(editor, "headline", "Other fields are saved meanwhile")
    expect(field(editor, "audience_size")).to_have_value("a lot")
    expect(status(editor, "audience_size")).to_contain_text("Use a whole number")
    assert house.saved(ana, "headline") == "Other fields are saved meanwhile"

    save(editor, "audience_size", "50000")
    expect(field(editor, "audience_size")).not_to_have_attribute("aria-invalid", "true")


def test_an_emptied_name_says_so_and_the_old_one_stays(editor: Page, house: House, ana: Member) -> None:
    field(editor, "name").fill(" ")
    field(editor, "name").blur()

    expect(status(editor, "name").locator(".field__error")).to_be_visible()
    expect(editor.locator("#navigation")).to_contain_text("Ana Ruiz")
    assert house.saved(ana, "name") == "Ana Ruiz"


# Two tabs of one person.


def test_typed_text_and_caret_survive_a_change_of_another_field(browser: BrowserContext, editor: Page, house: House, ana: Member) -> None:
    other = tab(browser, "/profile")
    bio = field(editor, "bio")
    bio.click()
    bio.press_sequentially("Half a sentence, and")
    bio.press("ArrowLeft")
    bio.press("ArrowLeft")
    save(other, "headline", "From the other tab")

    expect(field(editor, "headline")).to_have_value("From the other tab")
    expect(status(editor, "headline")).to_contain_text("Updated in another tab")
    expect(bio).to_have_value("Half a sentence, and")
    expect(bio).to_be_focused()
    assert bio.evaluate("(box) => [box.selectionStart, box.selectionEnd]") == [18, 18]
    bio.press_sequentially("X")
    expect(bio).to_have_value("Half a sentence, aXnd")

    bio.blur()
    expect(status(editor, "bio")).to_contain_text("Saved")
    assert (house.saved(ana, "headline"), house.saved(ana, "bio")) == ("From the other tab", "Half a sentence, aXnd")
    expect(field(other, "bio")).to_have_value("Half a sentence, aXnd")
    assert was_never_reloaded(editor)
    assert was_never_reloaded(other)


def test_choices_made_in_another_tab_appear(browser: BrowserContext, editor: Page) -> None:
    other = tab(browser, "/profile")
    other.get_by_text("Travel", exact=True).click()
    expect(status(other, "niches")).to_contain_text("Saved")

    expect(editor.get_by_role("checkbox", name="Travel", exact=True)).to_be_checked()
    expect(editor.get_by_role("checkbox", name="Food", exact=True)).to_be_checked()
    expect(status(editor, "niches")).to_contain_text("Updated in another tab")


@pytest.mark.parametrize(("choice", "stays"), [("Use theirs", True), ("Keep mine", False)])
def test_a_box_ticked_in_the_other_tab_is_not_ticked_under_ones_finger(
    choice: str, stays: bool, browser: BrowserContext, editor: Page, house: House, ana: Member
) -> None:
    other = tab(browser, "/profile")
    remote(editor).focus()
    remote(other).check()
    remote(other).blur()

    note = status(editor, "works_remotely").locator("[data-conflict]")
    expect(note).to_contain_text("Remote work was also changed in another tab")
    expect(note.locator("dd")).to_have_text(["yes", "no"])
    expect(remote(editor)).not_to_be_checked()
    note.get_by_role("button", name=choice).click()
    expect(note).to_have_count(0)
    expect(remote(editor)).to_be_checked(checked=stays)
    expect(remote(other)).to_be_checked(checked=stays)
    assert house.saved(ana, "works_remotely") is stays


@pytest.mark.parametrize("saves_first", [False, True], ids=["still typing", "sent too late"])
@pytest.mark.parametrize(("choice", "stays"), [("Use theirs", "Theirs"), ("Keep mine", "Mine")])
def test_a_field_changed_in_both_tabs_offers_both_values(
    choice: str, stays: str, saves_first: bool, browser: BrowserContext, editor: Page, house: House, ana: Member, complaints: list[str]
) -> None:
    other = tab(browser, "/profile")
    if saves_first:  # the answer to the save says that it came too late
        editor.route("**/profile/elsewhere*", lambda route: route.abort())
    field(editor, "headline").fill("Mine")
    save(other, "headline", "Theirs")
    if saves_first:
        field(editor, "headline").blur()

    note = status(editor, "headline").locator("[data-conflict]")
    expect(note).to_contain_text("Headline was also changed in another tab")
    expect(note.locator("dd")).to_have_text(["Theirs", "Mine"])
    expect(field(editor, "headline")).to_have_value("Mine")
    assert house.saved(ana, "headline") == "Theirs"

    editor.unroute("**/profile/elsewhere*")
    note.get_by_role("button", name=choice).click()
    expect(note).to_have_count(0)
    expect(field(editor, "headline")).to_have_value(stays)
    expect(field(other, "headline")).to_have_value(stays)
    assert house.saved(ana, "headline") == stays

    save(editor, "headline", "And on it goes")
    expect(field(other, "headline")).to_have_value("And on it goes")
    forget_cuts(complaints)


def test_a_field_in_conflict_is_not_saved_by_saving_another(browser: BrowserContext, editor: Page, house: House, ana: Member) -> None:
    other = tab(browser, "/profile")
    field(editor, "headline").fill("Mine")
    save(other, "headline", "Theirs")
    expect(status(editor, "headline").locator("[data-conflict]")).to_be_visible()
    save(editor, "bio", "Something else")

    assert (house.saved(ana, "headline"), house.saved(ana, "bio")) == ("Theirs", "Something else")
    expect(field(editor, "headline")).to_have_value("Mine")
    expect(status(editor, "headline").locator("[data-conflict]")).to_be_visible()


def test_one_is_asked_before_a_conflict_is_left_behind(browser: BrowserContext, editor: Page) -> None:
    other = tab(browser, "/profile")
    field(editor, "headline").fill("Mine")
    save(other, "headline", "Theirs")
    expect(status(editor, "headline").locator("[data-conflict]")).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    editor.on("dialog", stay)
    editor.locator("#navigation").get_by_role("link", name="Matches").click()
    editor.wait_for_timeout(300)

    assert len(asked) == 1
    assert editor.url.endswith("/profile")
    expect(field(editor, "headline")).to_have_value("Mine")


# The network is cut, the session ends.


@pytest.mark.parametrize("how", ["offline", "refused"])
def test_what_could_not_be_sent_is_said_kept_and_saved_later(how: str, browser: BrowserContext, editor: Page, house: House, ana: Member, complaints: list[str]) -> None:
    if how == "offline":
        browser.set_offline(True)
    else:
        editor.route("**/profile", lambda route: route.abort() if route.request.method == "PATCH" else route.continue_())
    field(editor, "bio").fill("Written in a tunnel")
    field(editor, "bio").blur()

    expect(status(editor, "bio")).to_contain_text("Saved on this device, will be sent")
    expect(field(editor, "bio")).to_have_value("Written in a tunnel")
    assert house.saved(ana, "bio") == ""

    if how == "offline":
        browser.set_offline(False)
    else:
        editor.unroute("**/profile")
    expect(status(editor, "bio")).to_have_text("Saved")
    assert house.saved(ana, "bio") == "Written in a tunnel"
    forget_cuts(complaints)


@pytest.mark.parametrize("how", ["cookies gone", "logged out in another tab", "ended from another browser"])
def test_an_ended_session_keeps_what_was_typed_and_saves_it_after_logging_in_again(
    how: str, browser: BrowserContext, editor: Page, house: House, ana: Member
) -> None:
    field(editor, "bio").fill("Written overnight")
    if how == "cookies gone":
        browser.clear_cookies()
    elif how == "logged out in another tab":
        other = browser.new_page()
        other.goto("/settings")
        other.get_by_role("button", name="Log out", exact=True).click()
        asks, out = other.get_by_role("button", name="Delete and log out"), other.get_by_role("link", name="Join")
        asks.or_(out).first.wait_for()  # it asks if the editor's tab has kept what is typed there already
        if asks.is_visible():
            asks.click()
        out.wait_for()
        expect(editor.get_by_role("dialog")).to_be_visible()
        editor.keyboard.press("Escape")
    else:
        with house.app.app_context():
            db.session.execute(delete(LoginSession))
            db.session.commit()
    field(editor, "bio").blur()

    expect(editor.get_by_role("dialog")).to_contain_text("what you typed is still here")
    expect(status(editor, "bio")).to_contain_text("It is sent once you are logged in")
    expect(field(editor, "bio")).to_have_value("Written overnight")
    log_in(browser.new_page(), ana.email)

    expect(editor.get_by_role("dialog")).to_have_count(0)
    expect(status(editor, "bio")).to_have_text("Saved")
    assert house.saved(ana, "bio") == "Written overnight"


# Completion.


def test_the_percentage_moves_with_each_saved_field_here_and_in_every_tab(browser: BrowserContext, editor: Page) -> None:
    deck = tab(browser, "/matches")
    bars = [editor.locator("#completion .meter__number"), editor.locator("#navigation .mini-meter__number"), deck.locator("#navigation .mini-meter__number")]
    before = int(bars[0].inner_text())
    assert all(int(bar.inner_text().removesuffix(" %")) == before for bar in bars)
    missing = editor.locator("#completion li").filter(has_text=re.compile("engagement", re.IGNORECASE))
    gain = int(missing.locator(".meter__points").inner_text().strip("+ %"))
    save(editor, "engagement_rate", "4.2")

    for bar in bars:
        expect(bar).to_have_text(re.compile(rf"^{before + gain}( %)?$"))
    expect(missing).to_have_count(0)
    assert was_never_reloaded(deck)


def test_each_deficit_leads_to_its_field(editor: Page) -> None:
    links = editor.locator("#completion .meter__link")
    targets = [link.get_attribute("href") or "" for link in links.all()]
    assert len(targets) > 3
    for target in targets:
        expect(editor.locator(f"#{target.partition('#')[2]}")).to_be_visible()


# City, picture.


def test_a_city_is_found_by_typing(editor: Page, house: House, ana: Member) -> None:
    city = field(editor, "city")
    city.press_sequentially("lisb")
    expect(editor.locator('#cities option[value="Lisbon, Portugal"]')).to_have_count(1)
    city.fill("Lisbon, Portugal")  # as choosing it does
    city.blur()

    expect(status(editor, "city")).to_contain_text("Saved")
    assert house.saved(ana, "city").label == "Lisbon, Portugal"

    city.fill("Nowhere at all")
    city.blur()
    expect(status(editor, "city").locator(".field__error")).to_contain_text("do not know a city")
    expect(city).to_have_value("Nowhere at all")
    assert house.saved(ana, "city").label == "Lisbon, Portugal"


def test_a_chosen_picture_appears_here_and_on_other_peoples_cards(
    editor: Page, browser: BrowserContext, make_browser: Callable[..., BrowserContext], house: House, ana: Member
) -> None:
    deck = tab(let_in(make_browser(), house.add("brand", niches={"food"}, budget_max=2_000).email), "/matches")
    other = tab(browser, "/profile")
    shown = deck.locator(f"#match-{ana.id} .match-card__avatar img")
    expect(deck.locator(f"#match-{ana.id}")).to_be_visible()
    expect(shown).to_have_count(0)

    choose_picture(editor, picture("teal"))
    for image in (editor.locator("#avatar-picture img"), shown, other.locator("#avatar-picture img"), editor.locator("#navigation img")):
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("(image) => image.naturalWidth") > 0
    expect(deck.locator(f"#match-{ana.id} [data-field=avatar][data-updated]")).to_have_count(1)
    assert was_never_reloaded(deck)

    first = shown.get_attribute("src") or ""
    choose_picture(editor, picture("crimson"))
    expect(shown).not_to_have_attribute("src", first)
    editor.get_by_role("button", name="Remove picture").click()
    expect(shown).to_have_count(0)
    assert house.saved(ana, "avatar") is None


def test_a_dropped_picture_is_saved(editor: Page, house: House, ana: Member) -> None:
    drop(editor, picture("teal"), "image/png")

    expect(editor.locator("#avatar-picture img")).to_have_js_property("naturalWidth", 96)
    assert house.saved(ana, "avatar")


def test_what_is_no_picture_is_said_beside_the_field_and_the_old_one_stays(editor: Page, house: House, ana: Member) -> None:
    choose_picture(editor, picture("teal"))
    expect(editor.locator("#avatar-picture img")).to_have_count(1)
    kept = house.saved(ana, "avatar")
    for wrong in (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", picture("red")[:200], b""):
        drop(editor, wrong, "image/png")
        expect(editor.locator("#field-avatar-status .field__error")).to_be_visible()
        expect(editor.locator("#avatar-picture img")).to_have_count(1)
        editor.reload()
    assert house.saved(ana, "avatar") == kept


def test_a_picture_that_is_too_large_never_travels(editor: Page, house: House, ana: Member, tmp_path: Path) -> None:
    sent: list[str] = []
    editor.on("request", lambda request: sent.append(request.url) if request.method == "POST" and "avatar" in request.url else None)
    (tmp_path / "large.png").write_bytes(bytes(9 * 1024 * 1024))
    editor.get_by_label("Picture", exact=True).set_input_files(tmp_path / "large.png")

    expect(editor.locator("#field-avatar-status .field__error")).to_contain_text("8 MB")
    assert sent == []
    assert house.saved(ana, "avatar") is None


def test_choosing_a_picture_leaves_what_is_typed_alone(editor: Page) -> None:
    bio = field(editor, "bio")
    bio.click()
    bio.press_sequentially("Half a sentence")
    drop(editor, picture("teal"), "image/png")

    expect(editor.locator("#avatar-picture img")).to_have_count(1)
    expect(bio).to_have_value("Half a sentence")
    expect(bio).to_be_focused()


def drop(page: Page, data: bytes, kind: str) -> None:
    """Let go of a file over the picture's form."""
    files = page.evaluate_handle(
        "([bytes, type]) => { const files = new DataTransfer(); files.items.add(new File([new Uint8Array(bytes)], 'dropped', { type })); return files; }",
        [list(data), kind],
    )
    form = page.locator("#avatar-form")
    form.dispatch_event("dragover", {"dataTransfer": files})
    expect(form).to_have_attribute("data-dropping", "")
    form.dispatch_event("drop", {"dataTransfer": files})
    expect(form).not_to_have_attribute("data-dropping", "")


def test_what_is_typed_right_before_logging_out_is_saved_first(editor: Page, house: House, ana: Member) -> None:
    bio = field(editor, "bio")
    bio.click()
    bio.press_sequentially("Written in the last second before I leave")
    editor.get_by_role("button", name="Log out").click()
    editor.wait_for_url("**/")

    assert house.saved(ana, "bio") == "Written in the last second before I leave"

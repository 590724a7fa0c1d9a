"""The editor in a real browser: fields save by themselves, and what two devices type at once is never lost."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import House, Member, tab
from tests.servers import Server

Made = Callable[..., BrowserContext]


@pytest.fixture
def server(house: House) -> Server:
    return house.server


@pytest.fixture
def ana(house: House) -> Member:
    return house.add("creator", name="Ana Ruiz", bio="I film street food.", niches={"food"}, audience_size=48_000)


@pytest.fixture
def editor(ana: Member, make_browser: Made) -> Page:
    return tab(make_browser(ana.email), "/profile")


def box(page: Page, field: str):
    return page.locator(f'#profile-form [name="{field}"]:not([type=hidden])')


def status(page: Page, field: str):
    return page.locator(f"#field-{field}-status")


def kept_bodies(page: Page) -> list[str]:
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data or "") if request.method == "PATCH" else None)
    return bodies


def test_only_the_changed_field_travels(house: House, ana: Member, editor: Page) -> None:
    bodies = kept_bodies(editor)
    box(editor, "headline").fill("Harbours at dawn")
    box(editor, "headline").blur()

    expect(status(editor, "headline")).to_contain_text("Saved")
    assert len(bodies) == 1
    assert "headline=" in bodies[0] and "base-headline=1" in bodies[0] and "bio" not in bodies[0] and "niches" not in bodies[0]
    assert house.saved(ana, "headline") == "Harbours at dawn"


def test_numbers_read_as_they_were_understood_and_choices_can_all_be_taken_away(house: House, ana: Member, editor: Page) -> None:
    box(editor, "audience_size").fill("12k")
    box(editor, "audience_size").blur()
    expect(box(editor, "audience_size")).to_have_value("12,000")

    editor.locator("#field-niches").get_by_label("Food", exact=True).uncheck()
    expect(status(editor, "niches")).to_contain_text("Saved")
    assert house.saved(ana, "niches") == frozenset()


def test_completion_follows_each_save(editor: Page) -> None:
    before = int(editor.locator("#completion .meter__number").inner_text())
    box(editor, "rate").fill("900")
    box(editor, "rate").blur()
    expect(editor.locator("#completion .meter__number")).to_have_text(str(before + 10))


def test_a_wrong_value_is_said_beside_its_field_and_stays(house: House, ana: Member, editor: Page) -> None:
    box(editor, "rate").fill("a lot")
    box(editor, "headline").fill("Harbours at dawn")
    box(editor, "headline").blur()

    expect(status(editor, "rate")).to_contain_text("whole number")
    expect(status(editor, "headline")).to_contain_text("Saved")
    expect(box(editor, "rate")).to_have_value("a lot")
    expect(box(editor, "rate")).to_have_attribute("aria-invalid", "true")
    box(editor, "rate").fill("900")
    box(editor, "rate").blur()
    expect(status(editor, "rate")).to_contain_text("Saved")
    expect(box(editor, "rate")).not_to_have_attribute("aria-invalid", "true")


def test_an_untouched_field_takes_what_another_device_saved(editor: Page, ana: Member, make_browser: Made) -> None:
    phone = tab(make_browser(ana.email), "/profile")
    box(phone, "headline").fill("From the phone")
    box(phone, "headline").blur()

    expect(box(editor, "headline")).to_have_value("From the phone")
    expect(status(editor, "headline")).to_contain_text("Updated on another device")
    expect(status(phone, "headline")).to_contain_text("Saved")


@pytest.mark.parametrize(("choice", "shown"), [("Use theirs", "From the phone."), ("Keep mine", "From the laptop.")])
def test_a_field_being_typed_in_is_left_alone_and_both_values_are_offered(choice, shown, house: House, editor: Page, ana: Member, make_browser: Made) -> None:
    box(editor, "bio").fill("From the laptop.")  # still focused
    phone = tab(make_browser(ana.email), "/profile")
    box(phone, "bio").fill("From the phone.")
    box(phone, "bio").blur()

    expect(status(editor, "bio")).to_contain_text("From the phone.")
    expect(box(editor, "bio")).to_have_value("From the laptop.")
    status(editor, "bio").get_by_role("button", name=re.compile(choice)).click()
    expect(box(editor, "bio")).to_have_value(shown)
    expect(status(editor, "bio").locator(".conflict")).to_have_count(0)
    expect(box(phone, "bio")).to_have_value(shown)
    assert house.saved(ana, "bio") == shown


def test_ones_own_saves_are_never_called_foreign(editor: Page) -> None:
    marks = []
    editor.expose_function("sawMark", lambda words: marks.append(words))
    editor.evaluate("""new MutationObserver(() => {
      for (const slot of document.querySelectorAll(".field__status"))
        if (/another device|elsewhere/.test(slot.textContent)) sawMark(slot.textContent);
    }).observe(document.getElementById("profile-form"), {subtree: true, childList: true, characterData: true})""")
    for number in range(8):
        box(editor, "headline").fill(f"Headline {number}")
        box(editor, "bio").fill(f"Bio {number}")
        box(editor, "bio").blur()
        editor.wait_for_timeout(120)
    expect(box(editor, "headline")).to_have_value("Headline 7")
    expect(editor.locator("#profile-form-status")).to_have_text("Everything is saved.")
    assert marks == []


def test_without_a_network_the_text_stays_and_can_be_sent_again(house: House, ana: Member, editor: Page, complaints: list[str]) -> None:
    editor.context.set_offline(True)
    box(editor, "bio").fill("Typed in a tunnel.")
    box(editor, "bio").blur()
    expect(status(editor, "bio")).to_contain_text("Not saved")
    expect(box(editor, "bio")).to_have_value("Typed in a tunnel.")

    editor.context.set_offline(False)
    status(editor, "bio").get_by_role("button", name="Try again").click()
    expect(status(editor, "bio")).to_contain_text("Saved")
    assert house.saved(ana, "bio") == "Typed in a tunnel."
    complaints[:] = [words for words in complaints if "Failed to fetch" not in words]  # htmx says it in the console as well


def test_text_typed_right_before_a_link_is_followed_is_saved(house: House, ana: Member, editor: Page) -> None:
    box(editor, "bio").fill("One last thought.")
    editor.locator("#navigation").get_by_role("link", name="Matches").click()
    editor.wait_for_url("**/matches")
    editor.locator("#navigation").get_by_role("link", name="Profile").click()
    expect(box(editor, "bio")).to_have_value("One last thought.")
    assert house.saved(ana, "bio") == "One last thought."


def test_a_logged_out_tab_keeps_what_was_typed(house: House, ana: Member, editor: Page) -> None:
    other = editor.context.new_page()
    other.goto("/profile")
    other.get_by_role("button", name="Log out").click()
    other.wait_for_url(lambda url: "/profile" not in url)
    if editor.locator("#profile-form").count() == 0:
        pytest.skip("the page itself was taken away by the log-out")
    box(editor, "bio").fill("Typed after the log-out.")
    box(editor, "bio").blur()
    expect(status(editor, "bio")).to_contain_text("Not saved")
    expect(box(editor, "bio")).to_have_value("Typed after the log-out.")


def test_cities_are_offered_while_typing(house: House, ana: Member, editor: Page) -> None:
    box(editor, "city").press_sequentially("Berl", delay=30)
    expect(editor.locator('#cities option[value="Berlin, Germany"]')).to_have_count(1)
    box(editor, "city").fill("Berlin, Germany")
    box(editor, "city").blur()
    expect(status(editor, "city")).to_contain_text("Saved")


def test_a_picture_saves_by_choosing_it_and_a_bad_one_says_why(house: House, ana: Member, editor: Page, tmp_path) -> None:
    from PIL import Image

    good, bad = tmp_path / "me.png", tmp_path / "me.svg.png"
    Image.new("RGB", (300, 200), "red").save(good)
    bad.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    editor.set_input_files("#avatar", good)
    expect(editor.locator("#avatar-picture img")).to_have_count(1)
    assert house.saved(ana, "avatar")
    editor.set_input_files("#avatar", bad)
    expect(status(editor, "avatar")).to_contain_text("SVG")
    expect(editor.locator("#avatar-picture img")).to_have_count(1)
    editor.get_by_role("button", name="Remove picture").click()
    expect(editor.locator("#avatar-picture img")).to_have_count(0)
    assert house.saved(ana, "avatar") is None

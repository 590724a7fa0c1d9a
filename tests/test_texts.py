"""What people may write of themselves, and what would deceive or break a page."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.texts import BIDI, BLANK, clean_line, clean_name, clean_text, is_visible

INVISIBLE = ["", " ", "\u00ad", "\u200b", "\u3164", "\u115f", "\u1160", "\uffa0", "\u2800", "\u2060", "\ufeff", "\u00a0", "\u3000", "\u034f", "\u180b",
             "\ufe0f", "\u0301", "\u17b4", "\u3164\u00ad \u2800", "\U000e0100"]


@pytest.mark.parametrize("name", INVISIBLE)
def test_a_name_that_nobody_can_see_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can be seen"):
        clean_name(name)


@pytest.mark.parametrize("bad", [*BIDI, "\x00", "\x07", "\x1b", "\x7f", "\x9f", "\u0378", "\ue000", "\ud800", "\ufffe", "\U000e0001", "\u206a",
                                 "e" + "\u0301" * 5, "\u200d", "a\u200db", "\u200c", "\U000e0067"])
def test_what_deceives_hides_or_breaks_is_refused_everywhere(bad: str) -> None:
    for clean in (clean_name, clean_line, clean_text):
        with pytest.raises(ValueError, match="Please"):
            clean(f"Ana {bad} Ruiz")


@pytest.mark.parametrize("name", [
    "Ana Ruiz", "José", "Nguyễn Thị Ánh", "李小龍", "한지민", "محمد", "דָּוִד", "สมชาย", "प्रिया", "O'Neill-Smith", "X Æ A-12", "42", "★", "🍜 Noodles", "👩‍👩‍👧‍👦 Family",
    "❤️‍🔥", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f Alba", "می\u200cخواهم", "क्\u200dष", "🫨",
])
def test_names_of_people_everywhere_stay_as_they_are(name: str) -> None:
    assert clean_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(("typed", "kept"), [
    ("  Ana \t  Ruiz ", "Ana Ruiz"), ("Ana\u00a0Ruiz", "Ana Ruiz"), ("An\u00ada\u200b", "Ana"), ("Jose\u0301", "José"),
])
def test_a_line_is_kept_as_it_will_be_shown(typed: str, kept: str) -> None:
    assert clean_line(typed) == kept


def test_line_breaks_are_for_texts_only() -> None:
    assert clean_text(" One\r\ntwo  \rthree\n\n\n\nfour\t five\n") == "One\ntwo\nthree\n\nfour five"
    for clean in (clean_name, clean_line):
        with pytest.raises(ValueError, match="control"):
            clean("One\ntwo")


def test_an_empty_line_or_text_stays_empty() -> None:
    assert clean_line("  ") == clean_text(" \n ") == ""


@given(st.text(alphabet=st.characters(codec=None), max_size=60))
def test_what_is_accepted_is_clean_and_stays_as_it_is(text: str) -> None:
    for clean in (clean_name, clean_line, clean_text):
        try:
            cleaned = clean(text)
        except ValueError as error:
            assert str(error).startswith("Please") and str(error).endswith(".")
            continue
        assert clean(cleaned) == cleaned
        assert not BIDI & set(cleaned)
        assert cleaned == cleaned.strip() and "  " not in cleaned
        assert all(unicodedata.category(character) not in ("Cc", "Cs", "Co") or character == "\n" for character in cleaned)
        cleaned.encode()


@given(st.text(alphabet=st.sampled_from([*BLANK, *BIDI, "\u00ad", "\u200b", "\u200d", "\ufe0f", "\u0301", " ", "\u2003", "\U000e0061"]), max_size=20))
def test_no_name_is_made_of_what_cannot_be_seen(text: str) -> None:
    assert not any(map(is_visible, text))
    with pytest.raises(ValueError, match="Please"):
        clean_name(text)

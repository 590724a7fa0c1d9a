"""People are found by what they are called and what they say."""

import unicodedata

import pytest
from flask_migrate import downgrade, upgrade
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.profiles.models import BIO_LENGTH, NAME_LENGTH, Profile
from blueprints.profiles.search import LONGEST_WORD, MOST_WORDS, fold, is_single, search, words_of

NASTY = {
    "quotes": ['"', '""', '"food', "'", "''", "food'", "\\", "food\\", "foo\\'d", "'; DROP TABLE profiles; --", "%", "_", "{{7*7}}", "<b>food</b>", "&amp;"],
    "operators of SQLite": ["AND", "OR", "NOT", "food AND", "NOT food", "food OR", "NEAR(", "NEAR(food street, 3)", "*", "food*", "**food", "^food", "food:", "name:food",
                            "name : food", "rest:x", "-food", "+food", "{name} : food", "(", ")", "food)", "(food", "a:b"],
    "operators of PostgreSQL": ["food:*", "food:*A", "food & street", "food | street", "!food", "<->", "food <-> street", "<2>", ":begun_0", ":everywhere"],
    "what cannot be seen": ["\x00", "food\x00", "fo\x00od", "\ud800", "food\udfff", "\ud83c\ud835", "\x01\x1b\x7f\x9f", "\u202efood", "\ufeff", "\u200b", "\u200d", "\ufe0f",
                            "\u3164", "\ue000", "\U0010ffff", "\u0378", "\u2028", "\t\r\n"],
    "far too much": ["x" * 5_000, "food " * 1_000, "a b " * 1_250, "\u0301" * 5_000, "e\u0301" * 2_500, "\ufdfa" * 5_000, "日" * 5_000, "🍜" * 5_000, "9" * 5_000,
                     " ".join(map(chr, range(0x4E00, 0x5800)))],
    "numbers and addresses": ["²", "½", "①", "1e5", "1e9abc", "0x1F", "1.5", "1,000", "-1", "a@b.example", "https://example.com/a?b=c#d", "/etc/passwd"],
    "other scripts": ["東京", "東", "한", "محمد", "मुंबई", "ก", "ﷺ", "𝓕𝓸𝓸𝓭", "é", "ा"],
    "single letters": ["n", "n c", "n n n n n n n n n n", "a b c d e f g h i j"],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_app(app):
    return app


def found(typed):
    """The names of who is found."""
    answer = search(typed)
    assert answer is not None
    return set(db.session.scalars(select(Profile.name).where(Profile.id.in_(answer.ids.tolist()))))


def named(typed):
    answer = search(typed)
    assert answer is not None
    assert set(answer.named) <= set(answer.ids)
    return set(db.session.scalars(select(Profile.name).where(Profile.id.in_(answer.named.tolist()))))


def test_people_are_found_by_their_name(cast):
    assert found("Ana Ruiz") == named("Ana Ruiz") == {"Ana Ruiz"}
    assert found("ruiz") == named("ruiz") == {"Ana Ruiz"}
    assert found("Okafor Cy") == {"Cy Okafor"}


def test_people_are_found_by_their_headline_and_their_bio(cast, make_account):
    make_account("creator", name="Gil", headline="Quiet mornings")

    assert found("street") == {"Ana Ruiz"}
    assert found("quiet") == {"Gil"}
    assert named("street") == named("quiet") == set()


def test_a_name_counts_for_more_than_a_bio(cast, make_account):
    make_account("creator", name="Gil", bio="Nordlys is a word for northern lights.")

    assert found("nordlys") == {"Nordlys Coffee", "Gil"}
    assert named("nordlys") == {"Nordlys Coffee"}


def test_all_words_are_needed_wherever_they_are(cast, make_account):
    make_account("creator", name="Street Gil", bio="Music.")

    assert found("street") == {"Ana Ruiz", "Street Gil"}
    assert found("street food") == found("food street") == {"Ana Ruiz"}
    assert found("gil music") == {"Street Gil"}
    assert named("gil music") == set()
    assert found("street food music") == set()


def test_the_beginning_of_each_word_is_enough(cast):
    assert found("nord coff") == named("coff nord") == {"Nordlys Coffee"}
    assert found("stre fo") == {"Ana Ruiz"}
    assert found("ordlys") == found("treet") == set()


def test_a_single_letter_begins_a_name_but_not_every_word(cast, make_account):
    make_account("creator", name="Gil", bio="Vitamin C and nothing else.")

    assert found("c") == named("c") == {"Cy Okafor", "Nordlys Coffee"}, "Ana has cook and city, and Gil's vitamin is no name"
    assert found("vitamin c") == {"Gil"}
    assert found("n c") == {"Nordlys Coffee"}


@pytest.mark.parametrize(("typed", "name"), [
    ("cafe", "Café Ñandú"), ("CAFÉ", "Café Ñandú"), ("nandu", "Café Ñandú"), ("munoz", "Iria Muñoz"), ("MUÑOZ", "Iria Muñoz"), ("mun\u0303oz", "Iria Muñoz"),
    ("lodz", "Łódź Film"), ("ŁÓDŹ", "Łódź Film"), ("soren", "Søren Ærø"), ("aero", "Søren Ærø"), ("strasse", "Straße 9"), ("STRASSE", "Straße 9"), ("straße", "Straße 9"),
    ("istanbul", "İstanbul Işık"), ("isik", "İstanbul Işık"), ("thor", "Þór"), ("nguyen", "Nguyễn Thị Ánh"), ("anh nguyen", "Nguyễn Thị Ánh"),
    ("γιωργος", "Γιώργος"), ("ΓΙΩΡΓΟΣ", "Γιώργος"), ("юрии", "Юрий Ёлкин"), ("ЮРИЙ елкин", "Юрий Ёлкин"),
    ("luna", "𝓛𝓾𝓷𝓪 ＮＯＲＤ"), ("nord", "𝓛𝓾𝓷𝓪 ＮＯＲＤ"), ("𝓛𝓾𝓷𝓪", "𝓛𝓾𝓷𝓪 ＮＯＲＤ"), ("find", "ﬁnd™"), ("oneill", "O'Néill-Smith"), ("o'neill smith", "O'Néill-Smith"), ("smith", "O'Néill-Smith"),
])  # fmt: skip
def test_case_and_accents_do_not_matter(typed, name, make_account):
    make_account("brand", name=name)
    make_account("brand", name="Somebody Else")

    assert found(typed) == ({name} if typed != "oneill" else set())


@pytest.mark.parametrize(("typed", "name"), [
    ("東京", "東京カフェ"), ("東", "東京カフェ"), ("東京ガ", "東京ガイド"), ("한지", "한지민"), ("한지민", "한지민"), ("محمد", "محمد علي"), ("على", "محمد على"), ("दिल", "दिल्ली"),
    ("สม", "สมชาย"), ("דוד", "דוד"), ("հայ", "Հայաստան"), ("می‌خواهم", "می‌خواهم"),
])  # fmt: skip
def test_names_in_other_scripts_are_found_by_their_beginning(typed, name, make_account):
    make_account("creator", name=name)
    make_account("creator", name="Somebody Else")

    assert found(typed) == named(typed) == {name}


@pytest.mark.parametrize("bio", [
    "❤️food ❤️travel", "food🍜travel", "food—travel", "(food)/travel", "food·travel", "#food, @travel_2", "«Food» ‹Travel›", "food。travel", "food\ntravel", "food_travel",
    "food.travel@example.com", "x-food-travel", "http://example.com/food/travel", "food\U0001fadftravel",
])  # fmt: skip
def test_words_are_found_whatever_stands_between_them(bio, make_account):
    make_account("creator", name="Gil", bio=bio)

    assert found("food") == found("travel") == found("travel food") == {"Gil"}


@pytest.mark.parametrize("typed", ["", " ", "\t\n", ".", "—", '"', "'", "*", "()", "%_", "\x00", "\ud800", "☕", "❤️", "👩‍👩‍👧", "\u0301", "\u3164\u200b" [1:], "\ue000"])
def test_nothing_that_can_be_searched_for_is_no_search(typed, cast):
    assert search(typed) is None


@pytest.mark.parametrize("kind", NASTY)
def test_nothing_that_is_typed_fails(kind, cast):
    there = {cast.ana.profile.id, cast.bo.profile.id, cast.cy.profile.id}
    for typed in NASTY[kind]:
        answer = search(typed)

        assert answer is None or set(answer.named) <= set(answer.ids) <= there, ascii(typed[:30])
        assert found("food") == {"Ana Ruiz"}, "and the next one is answered"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(codec=None), max_size=80))
def test_nothing_at_all_fails(typed):
    assert search(typed) is None or words_of(typed)


def test_operators_are_words(cast, make_account):
    make_account("brand", name="Food or Street")

    assert found("food street") == {"Ana Ruiz", "Food or Street"}
    assert found("food OR street") == {"Food or Street"}
    assert found("food NOT street") == set()


def test_only_the_first_words_are_read(make_account):
    words = [f"word{chr(97 + number)}" for number in range(MOST_WORDS + 1)]
    make_account("creator", name="Gil", bio=" ".join(words[:-1]))

    assert found(" ".join(words)) == {"Gil"}
    assert words_of("food Food FOOD street") == ["food", "street"]
    assert words_of("x" * 5_000) == ["x" * LONGEST_WORD]


def test_a_very_long_word_is_found_by_its_beginning(make_account):
    make_account("creator", name="x" * NAME_LENGTH, bio="日" * BIO_LENGTH)

    assert named("x" * NAME_LENGTH) == {"x" * NAME_LENGTH}


def test_an_edit_is_found_at_once_and_what_it_replaced_no_longer(ana, as_user):
    assert as_user(ana).patch("/profile", data={"bio": "Slow travel by night train.", "name": "Ana Sastre", "base": 1}).status_code == 200

    assert found("night train") == {"Ana Sastre"}
    assert named("sastre") == {"Ana Sastre"}
    assert found("street") == found("ruiz") == set()


def test_what_was_not_saved_is_not_found(ana):
    ana.profile.bio = "Slow travel."
    db.session.flush()
    assert found("slow") == {"Ana Ruiz"}
    db.session.rollback()

    assert found("slow") == set()
    assert found("street") == {"Ana Ruiz"}


def test_only_a_change_of_words_writes_the_index(ana):
    key = "rowid" if db.engine.dialect.name == "sqlite" else "id"
    db.session.execute(text(f"DELETE FROM search_words WHERE {key} = :id"), {"id": ana.profile.id})
    db.session.commit()

    ana.profile.revise({"rate": 950, "languages": {"en"}}, base=1)
    db.session.commit()
    assert found("street") == set(), "nothing was written"
    ana.profile.revise({"headline": "Street food, daily"}, base=2)
    db.session.commit()
    assert found("street") == named("ana") == {"Ana Ruiz"}


def test_who_is_gone_is_not_found(cast):
    assert found("street") == {"Ana Ruiz"}
    db.session.execute(delete(Account).where(Account.id == cast.ana.id))  # the profile goes by cascade
    db.session.commit()
    db.session.execute(delete(Profile).where(Profile.account_id == cast.bo.id))
    db.session.commit()

    assert search("street").ids.tolist() == search("ana").ids.tolist() == search("nordlys").ids.tolist() == []
    assert found("okafor") == {"Cy Okafor"}


def test_rows_written_past_the_models_are_found_too(ana):
    db.session.execute(insert(Account), [{"email": f"b{n}@example.com", "email_key": f"b{n}@example.com", "password_hash": "", "role": "brand"} for n in (1, 2)])
    accounts = db.session.scalars(select(Account.id).where(Account.email.in_(("b1@example.com", "b2@example.com")))).all()
    db.session.execute(insert(Profile), [{"account_id": id, "role": "brand", "name": f"Bulk Brewery {id}", "bio": "Überall"} for id in accounts])
    db.session.commit()
    assert len(search("bulk brewery uberall").ids) == 2

    db.session.execute(text("UPDATE profiles SET headline = 'Hafenstraße' WHERE name LIKE 'Bulk%'"))
    db.session.execute(update(Profile).where(Profile.id == ana.profile.id).values(name="Ana Bulk"))
    db.session.commit()
    assert len(search("hafenstrasse").ids) == 2
    assert len(search("bulk").named) == 3
    assert search("ruiz").ids.tolist() == []


def test_a_profile_that_gets_another_number_is_found_under_it(ana):
    db.session.execute(text("UPDATE profiles SET id = 777 WHERE account_id = :account_id"), {"account_id": ana.id})
    db.session.commit()

    assert search("street").ids.tolist() == [777]


def test_profiles_that_were_there_before_the_index_are_found(cast):
    db.session.execute(update(Profile).where(Profile.id == cast.cy.profile.id).values(bio="Überall, ❤️Żabka"))
    db.session.commit()
    try:
        downgrade(revision="0002")
    finally:
        upgrade()

    assert found("street") == named("ruiz") == {"Ana Ruiz"}
    assert found("uberall zabka") == {"Cy Okafor"}
    db.session.execute(update(Profile).where(Profile.id == cast.cy.profile.id).values(bio="Elsewhere"))
    db.session.commit()
    assert found("elsewhere") == {"Cy Okafor"}
    assert found("uberall") == set()


SCRIPTS = ("cp1252", "cp1250", "cp1253", "cp1251", "cp1254", "cp1255", "cp1256", "cp1258", "euc_jp", "gb2312", "euc_kr", "cp874")
LETTERS = st.one_of(
    st.sampled_from("abe019 'éÑøßŁςΣİı—’東が한मुंमि🍜❤️𝓛ﬁＮ\n"),
    *(st.characters(codec=codec, exclude_categories=["Cc", "Cf", "Co"], exclude_characters="¥‾\u3164") for codec in SCRIPTS),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(LETTERS, min_size=1, max_size=30).map(lambda written: unicodedata.normalize("NFC", written)))
def test_each_word_of_a_bio_finds_it(app, written):
    db.session.execute(delete(Account))
    account = Account(email="gil@example.com", role="creator", password_hash="")
    account.profile = Profile(role="creator", name="?", bio=written)
    db.session.add(account)
    db.session.flush()

    for typed in (typed for typed in (written, *words_of(written)) if not all(map(is_single, words_of(typed)))):
        answer = search(typed)
        assert answer is None or answer.ids.tolist() == [account.profile.id], (written, typed)
    db.session.rollback()


def test_sqlite_knows_the_letters_as_they_are_folded_here(app):
    if db.engine.dialect.name == "sqlite":
        letters = db.session.execute(text("SELECT letter, folded FROM search_letters")).all()

        assert len(letters) > 10_000
        assert [(letter, folded) for letter, folded in letters if fold(letter) != folded] == []

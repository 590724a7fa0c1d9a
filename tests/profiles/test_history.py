"""A member reads what their profile said before and takes single saves back; nobody else does."""

import io
import re
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import event, func, select

from blueprints.extensions import db, utc_now
from blueprints.live.announcements import Announcement
from blueprints.profiles.choices import NICHES
from blueprints.profiles.history import Edit
from blueprints.profiles.models import City, Profile

BERLIN = 2950159


def revise(account, **changes):
    account.login_session = None  # by no browser
    account.profile.revise(changes, base=account.profile.version)
    db.session.commit()
    return account.profile.version


def undo(client, save, **more):
    return client.post(f"/profile/history/{save}/undo", data=more)


def words_of(page) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page.text).split())


def test_each_save_is_an_entry_with_what_was_and_what_is(ana, as_user):
    client = as_user(ana)
    assert "Nothing changed yet" in client.get("/profile/history").text
    client.patch("/profile", data={"headline": "Street food", "rate": "1,200", "base": 1})
    revise(ana, niches={"food", "art"}, city=db.session.get(City, BERLIN), works_remotely=True, links=("https://example.org/a",))
    page = client.get("/profile/history")

    said = words_of(page)
    assert page.text.index('id="save-3"') < page.text.index('id="save-2"'), "the newest first"
    assert "from nothing → to Street food" in said and "from 900 → to 1,200" in said and "in this browser" in said
    assert "added Art ; removed Travel" in said and "to Berlin, Germany" in said and "from no → to yes" in said and "added https://example.org/a" in said
    assert "on another device" in said
    assert f"profile:{ana.profile.id}@3" in page.text, "a live element"


def test_a_long_text_is_shown_where_it_changed_and_whole_on_demand(ana, as_user):
    text = "I film street food. " * 40
    revise(ana, bio=text)
    revise(ana, bio=text.replace("I film street food. ", "I film street food. ", 20) + "Since 2019.")
    page = as_user(ana).get("/profile/history").text

    latest = page[page.index('id="save-3"') : page.index('id="save-2"')]
    excerpt = latest[: latest.index("<details")]
    assert "Since 2019." in excerpt and "…" in excerpt and len(re.sub("<[^>]*>", "", excerpt)) < 1_000
    assert "Show all of it" in latest and text.strip() in latest


def test_what_one_asks_of_others_and_pictures_have_their_own_words(ana, as_user):
    revise(ana, musts={"budget"}, dont_minds={"location"}, max_km=100)
    revise(ana, avatar="0" * 32)
    said = words_of(as_user(ana).get("/profile/history"))

    assert "Preferences, musts added A budget that reaches my rate" in said
    assert "Preferences, what you do not mind added Near me, or both of us work remotely" in said and "to within 100 km" in said
    assert "Picture no picture → a picture that is no longer stored" in said


def test_undo_puts_back_what_that_save_changed_and_is_a_save_of_its_own(ana, bo, as_user):
    client = as_user(ana)
    save = revise(ana, headline="Street food", rate=1_200)
    revise(ana, bio="Another.")
    db.session.query(Announcement).delete()
    db.session.commit()
    answer = undo(client, save)

    assert (answer.status_code, answer.location) == (303, "/profile/history")
    assert (ana.profile.headline, ana.profile.rate, ana.profile.bio, ana.profile.version) == ("", 900, "Another.", 4)
    assert f"profile:{ana.profile.id}" in set(db.session.scalars(select(Announcement.topic)))
    assert "Put back: Headline, Rate per collaboration." in client.get("/profile/history").text

    assert undo(client, 4).status_code == 303, "and so it can be undone"
    assert (ana.profile.headline, ana.profile.rate) == ("Street food", 1_200)


def test_undo_of_choices_takes_back_just_those_of_that_save(ana, as_user):
    save = revise(ana, niches={"food", "art"}, links=("https://example.org/a", "https://example.org/b"))
    revise(ana, niches={"food", "art", "music"}, links=("https://example.org/c", "https://example.org/a", "https://example.org/b"))

    assert undo(as_user(ana), save).status_code == 303
    assert ana.profile.niches == {"food", "travel", "music"}
    assert ana.profile.links == ("https://example.org/c",)


def test_what_was_changed_since_is_left_until_one_says_all_the_same(ana, as_user):
    client = as_user(ana)
    save = revise(ana, bio="Second.", rate=None, headline="Street food")
    revise(ana, bio="Third.", rate=700)
    page = undo(client, save)

    assert page.status_code == 409
    said = words_of(page)
    assert "Some of it is put back" in said and "Put back: Headline." in said
    assert "Bio was changed again since. Now Third. Before that save I film street food" in said
    assert "Now 700 Before that save 900" in said
    assert (ana.profile.bio, ana.profile.rate, ana.profile.headline) == ("Third.", 700, "")
    base = re.search(r'name="base" value="(\d+)"', page.text)[1]

    revise(ana, rate=750)
    again = undo(client, save, anyway=["bio", "rate"], base=base)
    assert again.status_code == 409 and "Now 750" in words_of(again), "what was changed while one looked is asked again"
    assert ana.profile.bio.startswith("I film street food") and ana.profile.rate == 750
    assert undo(client, save, anyway=["rate"], base=ana.profile.version).status_code == 303
    assert ana.profile.rate == 900


def test_undoing_what_is_already_as_it_was_says_so(ana, as_user):
    save = revise(ana, headline="Street food")
    revise(ana, headline="")

    assert "Nothing to put back" in as_user(ana).post(f"/profile/history/{save}/undo", follow_redirects=True).text
    assert ana.profile.version == 3


def test_what_todays_rules_do_not_let_through_stays_with_the_reason(ana, bo, as_user, monkeypatch):
    revise(ana, city=db.session.get(City, BERLIN), industries={"fashion", "beauty"})
    save = revise(ana, city=None, industries=frozenset(), headline="Street food", avatar="1" * 32)
    drop = revise(ana, avatar=None)
    edits = {edit.field: edit for edit in db.session.scalars(select(Edit).where(Edit.version == save))}
    edits["city"].before, edits["industries"].before = 1, ["fashion", "witchcraft"]
    db.session.commit()
    page = undo(as_user(ana), save)

    assert page.status_code == 422
    assert "City: it was a city that is no longer listed." in page.text and "“witchcraft” is no longer offered" in page.text
    assert (ana.profile.industries, ana.profile.headline, ana.profile.city) == ({"fashion"}, "", None)
    page = undo(as_user(ana), drop)
    assert page.status_code == 422 and "Picture: the one before is no longer stored." in page.text

    revise(bo, budget_min=100, budget_max=200)
    save = bo.profile.version
    revise(bo, budget_max=400)
    client = as_user(bo)
    page = undo(client, save)  # 500 to 2,000 before: only the lower end is still that save's
    assert page.status_code == 409 and "Budget from: Not above 400, where the range ends." in page.text
    assert (bo.profile.budget_min, bo.profile.budget_max) == (100, 400), "one end alone would be no range"
    assert undo(client, save, anyway=["budget_max"], base=bo.profile.version).status_code == 303
    assert undo(client, save).status_code == 303
    assert (bo.profile.budget_min, bo.profile.budget_max) == (500, 2_000)


def test_undo_refuses_to_make_a_must_of_what_does_not_matter(ana, as_user):
    revise(ana, musts={"budget"})
    save = revise(ana, musts=set())
    revise(ana, dont_minds={"budget"})

    assert undo(as_user(ana), save).status_code == 422
    assert (ana.profile.musts, ana.profile.dont_minds) == (set(), {"budget"})


def test_nobody_reads_or_undoes_the_saves_of_another(ana, bo, cy, as_user):
    save = revise(ana, headline="About street food")
    ana.profile.revise({"musts": {"budget"}}, base=save)
    db.session.commit()

    for account in (bo, cy):
        assert "street food" not in as_user(account).get("/profile/history").text
        assert undo(as_user(account), save).status_code == 404
    db.session.delete(cy.profile)
    cy.role = "admin"
    db.session.commit()
    assert as_user(cy).get("/profile/history").status_code == as_user(cy).get("/profile/history/list").status_code == 404
    assert undo(as_user(cy), save).status_code == 404
    assert ana.profile.headline == "About street food"


def test_it_is_paged_and_bounded(ana, as_user):
    for number in range(215):
        ana.profile.revise({"headline": f"Headline {number}"}, base=ana.profile.version)
    db.session.commit()
    client = as_user(ana)

    saves = select(func.count(Edit.version.distinct()))
    assert 180 <= (db.session.scalar(saves) or 0) <= 200
    first, last = client.get("/profile/history").text, client.get("/profile/history?page=2").text
    assert first.count('class="save panel"') == last.count('class="save panel"') == 25
    assert "Headline 214" in first and "Older" in first and "Newer" not in first and "Headline 188" in last
    assert "There are fewer saves" in client.get("/profile/history?page=99").text

    db.session.query(Edit).filter(Edit.version < 210).update({"saved_at": utc_now() - timedelta(days=366)})
    db.session.commit()
    assert 'id="save-210"' in client.get("/profile/history").text and 'id="save-209"' not in client.get("/profile/history").text
    while ana.profile.version % 10:
        ana.profile.revise({"headline": f"{ana.profile.version}"}, base=ana.profile.version)
    db.session.commit()
    assert db.session.scalar(select(func.min(Edit.version))) == 210


def test_a_save_that_meets_nobody_writes_one_statement_more_and_asks_nothing(ana):
    said = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    ana.profile.revise({"headline": "One", "bio": "Two", "niches": set(NICHES)}, base=1)
    db.session.commit()

    of_edits = [statement for statement in said if "profile_edits" in statement]
    assert len(of_edits) == 1 and of_edits[0].startswith("INSERT"), of_edits


def test_leaving_takes_the_history_along(ana):
    revise(ana, headline="Street food")
    db.session.delete(db.session.get_one(Profile, ana.profile.id))
    db.session.commit()

    assert db.session.scalar(select(func.count(Edit.id))) == 0


@pytest.mark.parametrize("page", ["0", "-3", "x", "9" * 30])
def test_a_strange_page_is_no_error(page, ana, as_user):
    assert as_user(ana).get(f"/profile/history?page={page}").status_code == 200


def png(colour: str) -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(file, "PNG")
    return io.BytesIO(file.getvalue())


def test_a_picture_is_undone_too(ana, as_user):
    client = as_user(ana)
    for colour in ("red", "blue"):
        client.post("/profile/avatar", data={"avatar": (png(colour), "me.png")}, content_type="multipart/form-data")
    blue = ana.profile.avatar
    assert client.get("/profile/history").text.count("/avatars/") >= 3

    assert undo(client, 3).status_code == 303
    assert ana.profile.avatar and ana.profile.avatar != blue

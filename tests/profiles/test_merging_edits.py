"""Edits made in two places at once: both win on different fields, and the same field is never silently overwritten."""

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from blueprints.accounts.models import LoginSession
from blueprints.extensions import db
from blueprints.profiles.forms import ProfileForm
from blueprints.profiles.history import Edit
from blueprints.profiles.models import City
from blueprints.profiles.values import merge_lines, merge_sets

JSON = {"Accept": "application/json"}


def test_two_tabs_that_edit_different_fields_both_win(ana, as_user):
    base = ana.profile.version

    as_user(ana).patch("/profile", data={"bio": "I film food.", "base": base})
    as_user(ana).patch("/profile", data={"headline": "Street food, daily", "base": base})

    assert (ana.profile.bio, ana.profile.headline) == ("I film food.", "Street food, daily")


def test_the_same_field_is_shown_with_both_values_and_not_overwritten(ana, as_user):
    as_user(ana).patch("/profile", data={"bio": "From the phone.", "base": 1})
    answer = as_user(ana).patch("/profile", data={"bio": "From the laptop.", "base": 1}, headers=JSON)

    assert answer.status_code == 409
    said = answer.json["conflict"]["bio"]
    assert (said["mine"], said["theirs"], said["version"]) == ("From the laptop.", "From the phone.", 2)
    assert ana.profile.bio == "From the phone."


def test_a_conflict_says_on_which_device_and_when(ana, as_user):
    phone = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"
    as_user(ana)
    ana.login_session = LoginSession(id=99, user_agent=phone)
    ana.profile.revise({"bio": "From the phone.", "city": db.session.get(City, 2950159)}, base=1)
    db.session.commit()
    late = {"bio": "From the laptop.", "base": 1}

    saved_at = db.session.scalars(select(Edit.saved_at).where(Edit.field == "bio")).one()
    said = as_user(ana).patch("/profile", data=late, headers=JSON).json["conflict"]["bio"]
    assert (said["device"], said["at"]) == ("Firefox on Android", saved_at.isoformat(timespec="seconds"))
    page = as_user(ana).patch("/profile", data=late, headers={"HX-Request": "true"}).text
    assert "in Firefox on Android" in page
    assert f"day at {saved_at.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" in re.sub("<[^>]*>", "", page), "today, or just before midnight yesterday"
    assert "From the phone." in page and "From the laptop." in page, "both stand side by side"


def test_ones_own_other_tab_is_called_that(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"bio": "From the one.", "base": 1})

    assert "in another tab" in client.patch("/profile", data={"bio": "From the other.", "base": 1}, headers={"HX-Request": "true"}).text


def test_a_page_is_offered_both_values(ana, as_user):
    as_user(ana).patch("/profile", data={"bio": "From the phone.", "base": 1})
    answer = as_user(ana).patch("/profile", data={"bio": "From the laptop.", "base": 1}, headers={"HX-Request": "true"})

    assert answer.status_code == 409
    assert "From the phone." in answer.text
    assert 'data-use="theirs"' in answer.text and 'data-use="mine"' in answer.text


def test_what_does_not_conflict_is_saved_beside_a_conflict(ana, as_user):
    as_user(ana).patch("/profile", data={"bio": "From the phone.", "base": 1})
    answer = as_user(ana).patch("/profile", data={"bio": "From the laptop.", "rate": "1000", "base": 1}, headers=JSON)

    assert (answer.status_code, answer.json["saved"]) == (409, ["rate"])
    assert (ana.profile.bio, ana.profile.rate) == ("From the phone.", 1_000)


def test_a_field_may_be_based_on_a_newer_version_than_the_rest(ana, as_user):
    as_user(ana).patch("/profile", data={"bio": "From the phone.", "base": 1})
    answer = as_user(ana).patch("/profile", data={"bio": "I saw that.", "base": 1, "base-bio": 2})

    assert answer.status_code == 200
    assert ana.profile.bio == "I saw that."


def test_two_who_write_the_same_agree(ana, as_user):
    as_user(ana).patch("/profile", data={"bio": "The same.", "base": 1})
    assert as_user(ana).patch("/profile", data={"bio": "The same.", "base": 1}).status_code == 200


def test_sets_and_links_take_what_both_sides_added_and_lose_what_either_took_away(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"niches": ["food", "diy"], "links": "https://example.org/a", "base": 1})
    mine = {"niches": ["food", "travel", "art"], "links": "https://example.org/b", "base": 1}
    answer = client.patch("/profile", data=mine, headers=JSON)

    assert (answer.status_code, answer.json["saved"], answer.json["merged"]) == (200, ["links", "niches"], ["links", "niches"])
    assert ana.profile.niches == {"food", "diy", "art"}
    assert ana.profile.links == ("https://example.org/a", "https://example.org/b")


def test_a_page_is_told_what_became_of_both(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"niches": ["food", "travel", "diy"], "base": 1})
    page = client.patch("/profile", data={"niches": ["food", "travel", "art"], "base": 1}, headers={"HX-Request": "true"})

    assert 'data-saved="niches"' in page.text and "data-merged" in page.text
    assert '["art", "diy", "food", "travel"]' in page.text


def test_a_merge_that_changes_nothing_is_saved_already(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"niches": ["food"], "base": 1})
    answer = client.patch("/profile", data={"niches": ["food", "travel"], "base": 1}, headers=JSON)

    assert (answer.status_code, answer.json["saved"]) == (200, ["niches"])
    assert (ana.profile.niches, ana.profile.version) == ({"food"}, 2)


def test_what_there_is_no_history_of_is_left_to_a_choice(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"niches": ["diy"], "base": 1})
    client.patch("/profile", data={"niches": ["diy", "art"], "base": 2})
    db.session.query(Edit).filter_by(version=2).delete()
    db.session.commit()

    assert client.patch("/profile", data={"niches": ["music"], "base": 1}).status_code == 409
    assert client.patch("/profile", data={"niches": ["diy", "music"], "base": 2}).status_code == 200
    assert ana.profile.niches == {"diy", "art", "music"}


def test_more_links_than_there_may_be_are_left_to_a_choice(ana, as_user):
    client = as_user(ana)
    some, others = ("\n".join(f"https://example.org/{side}{number}" for number in range(3)) for side in "ab")
    client.patch("/profile", data={"links": some, "base": 1})
    answer = client.patch("/profile", data={"links": others, "base": 1}, headers=JSON)

    assert answer.status_code == 409
    assert len(answer.json["conflict"]["links"]["mine"]) == len(answer.json["conflict"]["links"]["theirs"]) == 3
    assert len(ana.profile.links) == 3


def test_nothing_becomes_a_must_and_stops_to_matter_at_once(ana):
    ana.profile.revise({"dont_minds": {"budget"}}, base=1)
    conflict = ana.profile.revise({"musts": {"budget"}, "dont_minds": {"location"}}, base=1)

    assert conflict is not None and set(conflict) == {"musts", "dont_minds"}
    assert (ana.profile.musts, ana.profile.dont_minds) == (set(), {"budget"})


def test_cities_conflict_like_words(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"city": "Berlin, Germany", "base": 1})
    answer = client.patch("/profile", data={"city": "Paris, France", "base": 1}, headers=JSON)

    assert answer.status_code == 409
    assert (answer.json["conflict"]["city"]["mine"], answer.json["conflict"]["city"]["theirs"]) == ("Paris, France", "Berlin, Germany")


ADDRESSES = st.sampled_from("abcdefg")
SETS = st.frozensets(ADDRESSES)
LINES = st.lists(ADDRESSES, unique=True, max_size=5).map(tuple)


@given(SETS, SETS, SETS)
def test_sets_merge_the_same_whoever_comes_second(base, mine, theirs):
    merged = merge_sets(base, mine, theirs)

    assert merged == merge_sets(base, theirs, mine)
    assert merge_sets(base, mine, base) == mine and merge_sets(base, base, theirs) == theirs and merge_sets(base, mine, mine) == mine
    assert merged == {one for one in base | mine | theirs if (one in mine and one in theirs if one in base else one in mine or one in theirs)}


@given(LINES, LINES, LINES)
def test_lines_merge_as_sets_and_keep_the_order_of_those_who_gave_one(base, mine, theirs):
    merged = merge_lines(base, mine, theirs)
    if merged is None:
        assert all([line for line in side if line in base] != [line for line in base if line in side] for side in (mine, theirs)), "both moved them"
        return

    assert len(set(merged)) == len(merged)
    assert set(merged) == merge_sets(frozenset(base), frozenset(mine), frozenset(theirs))
    assert merge_lines(base, mine, base) == mine and merge_lines(base, base, theirs) == theirs
    moved = [side for side in (mine, theirs) if [line for line in side if line in base] != [line for line in base if line in side]]
    for side in moved or (theirs,):
        assert [line for line in merged if line in side] == [line for line in side if line in merged]


def test_yes_and_no_conflict_like_words(ana, as_user):
    as_user(ana).patch("/profile", data={"works_remotely": ["", "yes"], "base": 1})
    late = {"works_remotely": "", "base": 1}
    answer = as_user(ana).patch("/profile", data=late, headers=JSON)

    assert answer.status_code == 409
    assert (answer.json["conflict"]["works_remotely"]["mine"], answer.json["conflict"]["works_remotely"]["theirs"]) == (False, True)
    page = as_user(ana).patch("/profile", data=late, headers={"HX-Request": "true"})
    assert re.search(r"<dt>Theirs</dt>\s*<dd[^>]*>yes</dd>", page.text) and re.search(r"<dt>Yours</dt>\s*<dd[^>]*>no</dd>", page.text)
    assert ana.profile.works_remotely is True


def test_both_ends_of_a_range_that_no_longer_fit_conflict_together(bo, as_user):
    as_user(bo).patch("/profile", data={"budget_min": "100", "budget_max": "300", "base": 1})
    answer = as_user(bo).patch("/profile", data={"budget_min": "1000", "budget_max": "3000", "base": 1}, headers=JSON)
    assert answer.status_code == 409 and set(answer.json["conflict"]) == {"budget_min", "budget_max"}

    bo.profile.revise({"budget_max": 5_000}, base=bo.profile.version)
    db.session.commit()
    conflict = bo.profile.revise({"budget_min": 6_000, "budget_max": 9_000}, base={"budget_min": 99, "budget_max": 1})
    assert conflict is not None and set(conflict) == {"budget_min", "budget_max"}


def test_versions_only_grow_and_each_field_remembers_its_own(ana):
    ana.profile.revise({"bio": "One."}, base=1)
    ana.profile.revise({"headline": "Two."}, base=1)
    db.session.commit()

    assert ana.profile.version == 3
    assert ana.profile.changed_at_version == {"bio": 2, "headline": 3}


def test_an_open_editor_learns_what_changed_since(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"bio": "One.", "base": 1})
    client.patch("/profile", data={"headline": "Two.", "base": 1})
    fragment = client.get("/profile/elsewhere?base=2")

    assert 'data-changed="headline"' in fragment.text and 'data-changed="bio"' not in fragment.text
    assert f"profile:{ana.profile.id}@3" in fragment.text
    assert client.get("/profile/elsewhere?base=2", headers={"If-None-Match": fragment.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("base", ["", "x", "-5", "9" * 50])
def test_a_strange_base_is_no_error(base, ana, as_user):
    assert as_user(ana).get(f"/profile/elsewhere?base={base}").status_code == 200


# The plain form.


def plain_form(account: Any) -> MultiDict[str, str]:
    """All that a browser without JavaScript sends of the editor as it is now."""
    form = ProfileForm.of(account.profile)
    pairs = [("base", form.base), ("was", form.was)]
    for name in form.names:
        if isinstance(form[name].data, frozenset | bool):  # boxes: a hidden empty value stands before them
            pairs.append((name, ""))
        pairs += [(name, typed) for typed in form[name].typed(form[name].data)]
    return MultiDict(pairs)


def test_two_plain_forms_that_change_different_fields_both_win(ana, as_user):
    phone, laptop = plain_form(ana), plain_form(ana)
    phone["bio"], laptop["headline"] = "From the phone.", "From the laptop."

    assert as_user(ana).post("/profile", data=phone).status_code == 302
    assert as_user(ana).post("/profile", data=laptop).status_code == 302
    assert (ana.profile.bio, ana.profile.headline) == ("From the phone.", "From the laptop.")


def test_two_plain_forms_that_change_the_same_field_lead_to_a_choice(ana, as_user):
    client = as_user(ana)
    phone, laptop = plain_form(ana), plain_form(ana)
    phone["bio"], laptop["bio"], laptop["rate"] = "From the phone.", "From the laptop.", "950"
    client.post("/profile", data=phone)
    page = client.post("/profile", data=laptop)

    assert page.status_code == 409
    assert 'name="choose-bio" value="theirs"' in page.text and 'name="choose-bio" value="mine"' in page.text
    assert "From the phone." in page.text and "From the laptop." in page.text
    assert (ana.profile.bio, ana.profile.rate) == ("From the phone.", 950), "what does not conflict is saved"


@pytest.mark.parametrize(("choice", "status", "bio"), [("mine", 302, "Mine."), ("theirs", 302, "Theirs."), (None, 409, "Theirs.")])
def test_a_choice_decides_and_without_one_it_is_asked_again(choice, status, bio, ana, as_user):
    ana.profile.revise({"bio": "Theirs."}, base=1)
    db.session.commit()
    again = plain_form(ana)
    again["bio"] = "Mine."
    again["conflict"] = "bio"
    if choice:
        again["choose-bio"] = choice

    assert as_user(ana).post("/profile", data=again).status_code == status
    assert ana.profile.bio == bio


def test_plain_forms_with_yes_and_no_lead_to_a_choice_in_words(ana, as_user):
    ana.profile.revise({"works_remotely": True}, base=1)
    db.session.commit()
    client, laptop = as_user(ana), plain_form(ana)
    laptop.setlist("works_remotely", [""])
    for answer in (False, True):
        ana.profile.revise({"works_remotely": answer}, base=ana.profile.version)
    db.session.commit()
    page = client.post("/profile", data=laptop)

    assert page.status_code == 409
    assert "Theirs: “yes”" in page.text and "Yours: “no”" in page.text
    assert ana.profile.works_remotely is True
    again = plain_form(ana)
    again.setlist("works_remotely", [""])
    again["conflict"], again["choose-works_remotely"] = "works_remotely", "mine"
    assert client.post("/profile", data=again).status_code == 302
    assert ana.profile.works_remotely is False


def test_two_plain_forms_with_different_boxes_both_win(ana, as_user):
    phone, laptop = plain_form(ana), plain_form(ana)
    phone.setlist("works_remotely", ["", "yes"])
    laptop.setlist("industries", ["", "fashion"])

    assert as_user(ana).post("/profile", data=phone).status_code == 302
    assert as_user(ana).post("/profile", data=laptop).status_code == 302
    assert (ana.profile.works_remotely, ana.profile.industries) == (True, {"fashion"})


def test_a_choice_on_a_page_that_is_itself_old_is_asked_again(ana, as_user):
    old = plain_form(ana)
    old["bio"], old["conflict"], old["choose-bio"] = "Mine.", "bio", "mine"
    ana.profile.revise({"bio": "Newer."}, base=1)
    db.session.commit()

    assert as_user(ana).post("/profile", data=old).status_code == 409
    assert ana.profile.bio == "Newer."


def test_both_texts_can_be_put_into_the_control_and_made_into_one(ana, as_user):
    client = as_user(ana)
    ana.profile.revise({"bio": "Theirs.", "links": ("https://example.org/a",)}, base=1)
    db.session.commit()
    again = plain_form(ana)
    again["bio"], again["links"] = "Mine.", "https://example.org/b\r\nhttps://example.org/a"
    again.setlist("conflict", ["bio", "links"])
    again["choose-bio"], again["choose-links"] = "both", "both"
    page = client.post("/profile", data=again)

    assert page.status_code == 409
    assert re.search(r"<textarea[^>]*name=\"bio\"[^>]*>\s*Theirs\.\n\nMine\.</textarea>", page.text)
    assert re.search(r"<textarea[^>]*name=\"links\"[^>]*>\s*https://example.org/a\nhttps://example.org/b</textarea>", page.text)
    assert "Both texts stand in the field now" in page.text
    assert ana.profile.bio == "Theirs.", "nothing is saved until it is one text"

    one = plain_form(ana)
    one["bio"] = "Theirs and mine."
    assert client.post("/profile", data=one).status_code == 302
    assert ana.profile.bio == "Theirs and mine."


def test_preferences_set_on_two_pages_are_merged_and_what_cannot_is_asked(ana, as_user):
    client = as_user(ana)
    usual = {name: "nice" for name in ("niche", "industry", "campaign", "budget", "platforms", "location")} | {"language": "any", "max_km": "250", "base": "1"}
    assert client.post("/matches/preferences", data=usual | {"budget": "must"}).status_code == 303
    assert client.post("/matches/preferences", data=usual | {"location": "any"}).status_code == 303
    assert (ana.profile.musts, ana.profile.dont_minds, ana.profile.max_km) == ({"budget"}, {"location"}, 250)

    page = client.post("/matches/preferences", data=usual | {"budget": "any", "max_km": "50"})
    assert page.status_code == 409
    assert "How near was also changed in another tab: it is “within 250 km” now." in page.text
    base = re.search(r'name="base" value="(\d+)"', page.text)[1]
    assert client.post("/matches/preferences", data=usual | {"budget": "any", "max_km": "50", "base": base}).status_code == 303
    assert (ana.profile.musts, ana.profile.max_km) == (set(), 50)

"""Edits made in two places at once: both win on different fields, and the same field is never silently overwritten."""

from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from blueprints.extensions import db
from blueprints.profiles.forms import ProfileForm

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
    assert answer.json["conflict"] == {"bio": {"mine": "From the laptop.", "theirs": "From the phone.", "version": 2}}
    assert ana.profile.bio == "From the phone."


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


def test_sets_links_and_cities_conflict_like_words(ana, as_user):
    client = as_user(ana)
    client.patch("/profile", data={"niches": ["diy"], "links": "https://example.org/a", "city": "Berlin, Germany", "base": 1})
    mine = {"niches": ["art", "music"], "links": "https://example.org/b", "city": "Paris, France", "base": 1}
    answer = client.patch("/profile", data=mine, headers=JSON)

    assert answer.status_code == 409
    assert answer.json["conflict"]["niches"] == {"mine": ["art", "music"], "theirs": ["diy"], "version": 2}
    assert answer.json["conflict"]["city"]["theirs"] == "Berlin, Germany"
    assert answer.json["conflict"]["links"]["mine"] == ["https://example.org/b"]


def test_yes_and_no_conflict_like_words(ana, as_user):
    as_user(ana).patch("/profile", data={"works_remotely": ["", "yes"], "base": 1})
    late = {"works_remotely": "", "base": 1}
    answer = as_user(ana).patch("/profile", data=late, headers=JSON)

    assert answer.status_code == 409
    assert answer.json["conflict"] == {"works_remotely": {"mine": False, "theirs": True, "version": 2}}
    page = as_user(ana).patch("/profile", data=late, headers={"HX-Request": "true"})
    assert "Remote work was changed elsewhere to “yes”." in page.text
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
    assert "Theirs: “yes”" in page.text and "Mine: “no”" in page.text
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

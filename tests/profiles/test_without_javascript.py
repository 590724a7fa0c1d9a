"""The editor as one plain form."""

import re
from html import unescape

from blueprints.extensions import db
from tests.profiles.test_merging_edits import plain_form


def test_the_whole_form_saves_and_says_so(ana, as_user):
    form = plain_form(ana)
    form["bio"] = "I film food."
    form.setlist("niches", ["", "film"])
    answer = as_user(ana).post("/profile", data=form, follow_redirects=True)

    assert answer.request.path == "/profile"
    assert "Your profile is saved." in answer.text
    assert (ana.profile.bio, ana.profile.niches) == ("I film food.", {"film"})


def test_a_box_that_is_not_ticked_is_saved_as_no(bo, as_user):
    client = as_user(bo)
    bo.profile.revise({"works_remotely": True}, base=1)
    db.session.commit()
    hidden, box = '<input type="hidden" name="works_remotely" value="">', 'id="works_remotely" name="works_remotely" type="checkbox" value="yes"'
    page = client.get("/profile").text
    assert 0 < page.index(hidden) < page.index(box), "the empty value comes first"
    form = plain_form(bo)
    assert form.getlist("works_remotely") == ["", "yes"]
    form.setlist("works_remotely", [""])

    assert client.post("/profile", data=form).status_code == 302
    assert bo.profile.works_remotely is False


def test_a_form_sent_unchanged_changes_nothing(bo, as_user):
    assert as_user(bo).post("/profile", data=plain_form(bo)).status_code == 302
    assert bo.profile.version == 1


def test_nothing_typed_is_lost_when_something_is_wrong(bo, as_user):
    form = plain_form(bo)
    typed = {"name": "", "headline": "h" * 121, "bio": "b" * 10_000, "city": "Atlantis upon Sea", "budget_min": "a lot", "website": "javascript:alert(1)",
             "links": "not a link\nhttps://example.org/", "audience_max": "12", "industry": "fashion"}
    for name, text in typed.items():
        form[name] = text
    form.setlist("niches", ["", "diy", "film"])
    form.setlist("works_remotely", ["", "yes"])
    page = as_user(bo).post("/profile", data=form)

    assert page.status_code == 422
    shown = unescape(page.text)
    for text in typed.values():
        assert text in shown, text
    assert '<option selected value="fashion">' in page.text
    for slug in ("diy", "film"):
        assert 'checked class="check__box" id="niches-' in page.text or f'value="{slug}"' in page.text
    assert re.search(r'<input [^>]*checked[^>]* id="works_remotely"', page.text)
    for name in ("name", "headline", "bio", "city", "budget_min", "website", "links", "audience_max"):
        assert f'field--invalid" id="field-{name}"' in page.text, name
    assert bo.profile.version == 1, "nothing is saved until all is right"


def test_a_corrected_form_still_knows_what_it_was_based_on(ana, as_user):
    form = plain_form(ana)
    form["bio"], form["rate"] = "Mine.", "much"
    page = as_user(ana).post("/profile", data=form)
    ana.profile.revise({"bio": "Theirs."}, base=1)
    db.session.commit()

    assert page.status_code == 422
    assert f'name="base" value="{form["base"]}"' in page.text and f'name="was" value="{form["was"]}"' in page.text
    form["rate"] = "700"
    assert as_user(ana).post("/profile", data=form).status_code == 409
    assert (ana.profile.bio, ana.profile.rate) == ("Theirs.", 700)


def test_a_form_without_its_version_is_not_saved(ana, as_user):
    assert as_user(ana).post("/profile", data={"bio": "x"}).status_code == 422
    assert ana.profile.bio.startswith("I film")


def test_every_form_carries_a_csrf_field(app, ana, as_user):
    client = as_user(ana)
    app.config["WTF_CSRF_ENABLED"] = True
    page = client.get("/profile").text

    assert page.count("<form") == page.count('name="csrf_token"')
    assert client.post("/profile", data=plain_form(ana)).status_code == 400
    assert client.patch("/profile", data={"bio": "x", "base": 1}).status_code == 400
    assert ana.profile.version == 1

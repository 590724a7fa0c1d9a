"""A member edits their own profile; the other side sees it; nobody else can."""

import json

import pytest
from sqlalchemy import select

from blueprints.extensions import db
from blueprints.live.announcements import Announcement
from blueprints.profiles.models import City, Profile


def topics():
    return set(db.session.scalars(select(Announcement.topic)))


def forget_announcements():
    db.session.query(Announcement).delete()
    db.session.commit()


def test_a_saved_bio_reaches_the_other_persons_page(ana, bo, as_user):
    answer = as_user(ana).patch("/profile", data={"bio": "I film food.", "base": ana.profile.version})

    assert answer.status_code == 200
    assert "I film food." in as_user(bo).get(f"/profiles/{ana.profile.id}").text


def test_a_save_says_the_new_version_and_that_it_is_saved(ana, as_user):
    base = ana.profile.version
    answer = as_user(ana).patch("/profile", data={"bio": "I film food.", "base": base})

    assert answer.headers["Profile-Version"] == str(base + 1)
    assert 'hx-target="#field-bio-status"' in answer.text and "Saved" in answer.text
    assert 'hx-target="#completion"' in answer.text


def test_a_program_gets_json(ana, as_user):
    answer = as_user(ana).patch("/profile", data={"bio": "I film food.", "rate": "lots", "base": 1}, headers={"Accept": "application/json"})

    assert answer.status_code == 422
    assert answer.json["saved"] == ["bio"]
    assert answer.json["errors"]["rate"].startswith("Use a whole number")
    assert answer.json["version"] == ana.profile.version == 2


def test_the_editor_shows_everything_that_is_saved(ana, as_user):
    page = as_user(ana).get("/profile")

    assert page.status_code == 200
    for words in ("Ana Ruiz", "48,000", "4.2", "900", "I film street food"):
        assert words in page.text


@pytest.mark.parametrize("person", ["ana", "bo"])
def test_every_field_of_ones_role_can_be_edited(person, cast, as_user):
    account = getattr(cast, person)
    page = as_user(account).get("/profile").text
    from blueprints.profiles.models import FIELDS

    for name in FIELDS[account.role]:
        assert f'id="field-{name}"' in page, name
        assert f'name="{name}"' in page, name


def test_valid_fields_are_saved_where_another_is_not(ana, as_user):
    answer = as_user(ana).patch("/profile", data={"headline": "Street food, daily", "rate": "-5", "base": 1})

    assert answer.status_code == 422
    assert (ana.profile.headline, ana.profile.rate) == ("Street food, daily", 900)
    assert 'hx-target="#field-rate-status"' in answer.text


def test_the_same_value_again_announces_nothing(ana, as_user):
    client = as_user(ana)
    forget_announcements()
    answer = client.patch("/profile", data={"bio": ana.profile.bio, "niches": ["food", "travel"], "base": 1})

    assert answer.status_code == 200
    assert topics() == set()
    assert ana.profile.version == 1


def test_an_edit_rings_the_profile_oneself_and_ones_matches(ana, as_user):
    client = as_user(ana)
    forget_announcements()
    client.patch("/profile", data={"bio": "New.", "base": 1})

    assert topics() == {f"profile:{ana.profile.id}", f"me/{ana.id}", f"match:*/{ana.id}", "deck/brand"}
    said = json.loads(db.session.scalar(select(Announcement.data).where(Announcement.topic == f"profile:{ana.profile.id}")))
    assert said == {"fields": ["bio"], "completion": ana.profile.completion.percent}


def test_an_edit_of_what_is_matched_rings_the_decks_of_the_other_role(ana, as_user):
    client = as_user(ana)
    forget_announcements()
    client.patch("/profile", data={"rate": "1200", "base": 1})

    assert "deck/brand" in topics() and "deck/creator" not in topics()


def test_an_invalid_edit_announces_nothing(ana, as_user):
    client = as_user(ana)
    forget_announcements()

    assert client.patch("/profile", data={"rate": "many", "base": 1}).status_code == 422
    assert topics() == set()


def test_a_rolled_back_edit_announces_nothing(app, ana):
    rung = []
    bus, publish = app.extensions["live"].bus, app.extensions["live"].bus.publish
    bus.publish = rung.append
    try:
        ana.profile.revise({"bio": "Never."}, base=1)
        assert rung == [], "nothing rings before the commit"
        db.session.rollback()
        assert rung == []
        ana.profile.revise({"bio": "At last."}, base=1)
        db.session.commit()
        assert f"profile:{ana.profile.id}" in {notice.topic for notice in rung}
    finally:
        bus.publish = publish


def test_a_notice_of_many_fields_stays_small(bo, as_user):
    fields = {"headline": "a" * 50, "bio": "b" * 50, "website": "example.org", "industry": "fashion", "company_size": "1-10", "budget_max": "3000", "audience_min": "2"}
    as_user(bo).patch("/profile", data={**fields, "base": 1})

    notice = db.session.scalars(select(Announcement).where(Announcement.topic == f"profile:{bo.profile.id}")).one()
    assert len(notice.data) < 100
    assert bo.profile.changed_at_version == dict.fromkeys(fields, 2)


@pytest.mark.parametrize(
    ("field", "typed", "saved"),
    [
        ("audience_size", "12,000", 12_000),
        ("audience_size", "12.000", 12_000),
        ("audience_size", "12 000", 12_000),
        ("audience_size", "12\u202f000", 12_000),
        ("audience_size", "12k", 12_000),
        ("audience_size", "1.5m", 1_500_000),
        ("audience_size", "1,25 M", 1_250_000),
        ("audience_size", "1.000.000.000", 1_000_000_000),
        ("audience_size", "0", 0),
        ("audience_size", "", None),
        ("rate", "€ 1,200", 1_200),
        ("engagement_rate", "4,256 %", 4.26),
        ("engagement_rate", "0", 0.0),
        ("links", "https://example.org/me\r\n\r\nexample.com/a?b=c", ("https://example.org/me", "https://example.com/a?b=c")),
        ("links", "https://bücher.example/", ("https://bücher.example/",)),
        ("links", "", ()),
        ("niches", ["", "diy", "food"], {"diy", "food"}),
        ("niches", [""], set()),
        ("campaign_types", ["", "ugc", "series"], {"ugc", "series"}),
        ("industries", ["", "food-drink"], {"food-drink"}),
        ("works_remotely", ["", "yes"], True),
        ("works_remotely", "yes", True),
        ("works_remotely", "no", False),
        ("name", "  Ana   María ", "Ana María"),
        ("bio", "One.\r\n\r\nTwo.", "One.\n\nTwo."),
        ("bio", "b" * 2_000, "b" * 2_000),
        ("headline", "", ""),
    ],
)
def test_what_people_type_is_understood(field, typed, saved, ana, as_user):
    answer = as_user(ana).patch("/profile", data={field: typed, "base": 1})

    assert answer.status_code == 200, answer.text
    assert getattr(ana.profile, field) == saved


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "\u3164"),
        ("name", "\u00ad\u200d"),
        ("name", "Ana\u202egnp.exe"),
        ("name", "Ana\x00"),
        ("name", "n" * 81),
        ("headline", "h" * 121),
        ("headline", "safe\u2066"),
        ("bio", "b" * 2_001),
        ("bio", "b" * 10_000),
        ("audience_size", "-1"),
        ("audience_size", "1000000001"),
        ("audience_size", "9" * 50),
        ("audience_size", "12.5"),
        ("audience_size", "1.000,5"),
        ("audience_size", "1e5"),
        ("rate", "0"),
        ("rate", "1000001"),
        ("engagement_rate", "101"),
        ("engagement_rate", "nan"),
        ("engagement_rate", "1e1"),
        ("links", "javascript:alert(1)"),
        ("links", "JaVaScRiPt:alert(1)"),
        ("links", "java\tscript:alert(1)"),
        ("links", "data:text/html,x"),
        ("links", "//example.org"),
        ("links", "https://user:secret@example.org/"),
        ("links", "https://user@example.org/"),
        ("links", "https://example.org\\@evil.example"),
        ("links", "https://"),
        ("links", "https://localhost/"),
        ("links", "https://127.0.0.1/"),
        ("links", "https://example.org:99999/"),
        ("links", "https://example.org/" + "a" * 200),
        ("links", "\n".join(f"https://example.org/{n}" for n in range(6))),
        ("niches", ["food", "hacking"]),
        ("platforms", "geocities"),
        ("campaign_types", ["", "bribe"]),
        ("industries", ["", "weapons"]),
        ("works_remotely", "perhaps"),
        ("city", "Atlantis upon Sea"),
        ("city", "Berlin\x00"),
    ],
)
def test_what_cannot_be_is_refused_beside_its_field(field, typed, ana, as_user):
    before = getattr(ana.profile, field)
    answer = as_user(ana).patch("/profile", data={field: typed, "base": 1})

    assert answer.status_code == 422
    assert f'hx-target="#field-{field}-status"' in answer.text
    assert getattr(ana.profile, field) == before


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        ({"budget_min": "3000"}, "budget_min"),
        ({"budget_max": "100"}, "budget_max"),
        ({"budget_min": "900", "budget_max": "800"}, "budget_max"),
        ({"audience_min": "300k"}, "audience_min"),
        ({"audience_min": "300k", "audience_max": "all of them"}, "audience_min"),
    ],
)
def test_a_range_that_ends_before_it_begins_is_refused_where_it_was_typed(sent, at, bo, as_user):
    answer = as_user(bo).patch("/profile", data={**sent, "base": 1}, headers={"Accept": "application/json"})

    assert answer.status_code == 422
    assert at in answer.json["errors"]
    assert at not in answer.json["saved"]
    assert bo.profile.budget_min <= bo.profile.budget_max and bo.profile.audience_min <= bo.profile.audience_max


@pytest.mark.parametrize(
    "name", ["industry", "budget_min", "role", "version", "match_version", "account_id", "avatar", "musts", "dont_minds", "max_km", "shoe_size"]
)
def test_a_field_one_does_not_have_is_refused_by_name(name, ana, as_user):
    answer = as_user(ana).patch("/profile", data={name: "1", "base": 1}, headers={"Accept": "application/json"})

    assert answer.status_code == 422
    assert name in answer.json["errors"]
    assert ana.profile.version == 1


def test_a_brand_has_an_industry_and_wants_none(bo, as_user):
    answer = as_user(bo).patch("/profile", data={"industries": ["", "fashion"], "base": 1}, headers={"Accept": "application/json"})

    assert (answer.status_code, set(answer.json["errors"])) == (422, {"industries"})


@pytest.mark.parametrize("person", ["ana", "bo"])
def test_remote_work_is_switched_on_and_off_by_itself(person, cast, as_user):
    account = getattr(cast, person)
    client = as_user(account)
    bio = account.profile.bio
    for sent, saved in ((["", "yes"], True), ([""], False)):
        answer = client.patch("/profile", data={"works_remotely": sent, "base": account.profile.version}, headers={"Accept": "application/json"})

        assert (answer.status_code, answer.json["saved"]) == (200, ["works_remotely"])
        assert account.profile.works_remotely is saved
    client.patch("/profile", data={"works_remotely": ["", "yes"], "base": 3})
    client.patch("/profile", data={"headline": "Where it is not sent it stays", "base": 4})
    assert (account.profile.works_remotely, account.profile.bio) == (True, bio)


def test_remote_work_rings_the_decks_of_the_other_role(ana, as_user):
    client = as_user(ana)
    forget_announcements()
    client.patch("/profile", data={"works_remotely": "yes", "base": 1})

    assert "deck/brand" in topics()


@pytest.mark.parametrize("base", [None, "", "x", "-1", "9" * 50])
def test_an_edit_says_what_it_is_based_on(base, ana, as_user):
    answer = as_user(ana).patch("/profile", data={"bio": "New."} | ({} if base is None else {"base": base}), headers={"Accept": "application/json"})

    assert answer.status_code == 422
    assert "base" in answer.json["errors"]
    assert ana.profile.bio.startswith("I film")


def test_a_city_is_chosen_by_its_label_and_can_be_taken_out(ana, as_user):
    client = as_user(ana)
    assert client.patch("/profile", data={"city": "Berlin, Germany", "base": 1}).status_code == 200
    assert ana.profile.city.country_code == "DE"

    assert client.patch("/profile", data={"city": "", "base": 2}).status_code == 200
    assert ana.profile.city is None


def test_the_database_itself_refuses_a_brands_field_on_a_creator(ana):
    from sqlalchemy.exc import IntegrityError

    ana.profile.industry = "fashion"
    with pytest.raises(IntegrityError):
        db.session.commit()
    db.session.rollback()


def test_registering_makes_a_profile_of_that_name(stranger):
    forget_announcements()
    answer = stranger.post("/register", data={"role": "brand", "name": "Fjord Tea", "email": "fjord@example.com", "password": "a long enough password"})

    assert answer.status_code == 302
    assert db.session.scalars(select(Profile).where(Profile.name == "Fjord Tea")).one().role == "brand"
    assert "deck/creator" in topics()


def test_nobody_edits_without_a_log_in(stranger):
    assert stranger.get("/profile").status_code == 302
    assert stranger.patch("/profile", data={"bio": "x", "base": 1}).status_code in (302, 401)
    assert stranger.post("/profile", data={"bio": "x", "base": 1}).status_code in (302, 401)


def test_an_admin_has_no_profile_to_edit(as_user, ana):
    db.session.delete(ana.profile)
    ana.role = "admin"
    db.session.commit()
    assert as_user(ana).get("/profile").status_code == 404


def test_the_cities_are_there(app):
    assert db.session.query(City).count() > 30_000


def test_of_a_range_turned_round_not_even_the_half_that_could_stand_breaks_what_is_saved(bo, as_user):
    bo.profile.revise({"budget_min": 100, "budget_max": 200}, base=bo.profile.version)
    db.session.commit()

    answer = as_user(bo).patch("/profile", data={"budget_min": "500", "budget_max": "300", "headline": "Kept all the same", "base": bo.profile.version})

    assert answer.status_code == 422
    assert (bo.profile.budget_min, bo.profile.budget_max, bo.profile.headline) == (100, 200, "Kept all the same")

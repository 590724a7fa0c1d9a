"""Which pages hear of an edit, and what each viewer may watch: the announcements of a match's two sides and their versions."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.announcements import Announcement, Notice
from blueprints.live.subjects import NO_ID, Subject, current_versions, topic_of
from blueprints.matches.models import SEARCHED_FIELDS, DeckVersion, Mark
from blueprints.matches.scoring import facts_of
from blueprints.profiles.models import MATCHING_FIELDS, Profile
from tests.conftest import People

Login = Callable[[Account], FlaskClient]

BERLIN = 2950159
CHANGES: dict[str, Any] = {
    "name": "Ana R.", "headline": "New", "bio": "New", "languages": frozenset({"de"}), "links": ("https://example.org/",), "niches": frozenset({"film"}),
    "platforms": frozenset({"blog"}), "city": BERLIN, "audience_size": 5, "engagement_rate": 5.5, "rate": 5, "avatar": "a" * 64,
    "works_remotely": True, "campaign_types": frozenset({"ugc"}), "industries": frozenset({"gaming"}),
    "musts": frozenset({"niche"}), "dont_minds": frozenset({"location"}), "max_km": 250,
}
BRAND_CHANGES: dict[str, Any] = {
    "industry": "gaming", "campaign_types": frozenset({"ugc"}), "company_size": "1-10", "website": "https://example.org/",
    "budget_min": 5, "budget_max": 9_999, "audience_min": 5, "audience_max": 999_999,
}


@pytest.fixture
def rung(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Notice]]:
    """What the bus was given."""
    given: list[Notice] = []
    monkeypatch.setattr(app.extensions["live"].bus, "publish", given.append)
    yield given


def revise(profile: Profile, **changes: Any) -> None:
    if "city" in changes:
        from blueprints.profiles.models import City

        changes["city"] = db.session.get_one(City, changes["city"])
    assert profile.revise(changes, base=profile.version) is None


def topics(rung: list[Notice]) -> set[str]:
    return {notice.topic for notice in rung}


def journal() -> list[str]:
    return list(db.session.scalars(select(Announcement.topic)))


def versions(viewer: Account, *subjects: Subject) -> dict[str, int]:
    return {str(subject): version for subject, version in current_versions(viewer, subjects).items()}


def test_an_edit_is_heard_by_all_who_show_the_profile_by_oneself_and_by_ones_own_cards(cast: People, rung: list[Notice]) -> None:
    revise(cast.ana.profile, bio="I film food.")
    db.session.commit()

    assert {(notice.topic, notice.version) for notice in rung} == {
        (f"profile:{cast.ana.profile.id}", 2),
        (f"match:*/{cast.ana.id}", 2),
        (f"me/{cast.ana.id}", cast.ana.version),
        ("deck/brand", DeckVersion.of("brand")),  # for those who search
    }
    assert sorted(journal()) == sorted(topics(rung)), "the sweep finds the same"


def test_a_notice_names_the_field_and_holds_nothing_that_was_typed(cast: People, rung: list[Notice]) -> None:
    revise(cast.ana.profile, bio="I film secrets.", headline="Of kitchens")
    db.session.commit()

    told = next(notice for notice in rung if notice.topic.startswith("profile:"))
    assert json.loads(told.data) == {"fields": ["bio", "headline"], "completion": cast.ana.profile.completion.percent}
    for notice in rung:
        assert "secrets" not in notice.data and "kitchens" not in notice.data
        assert len(notice.frame) < 200


@pytest.mark.parametrize(("role", "field"), [*(("creator", field) for field in CHANGES), *(("brand", field) for field in BRAND_CHANGES)])
def test_decks_of_the_other_side_hear_only_of_what_is_matched(role: str, field: str, cast: People, rung: list[Notice]) -> None:
    account, other_side = (cast.ana, "brand") if role == "creator" else (cast.bo, "creator")
    before = DeckVersion.of(other_side)
    revise(account.profile, **{field: (CHANGES if role == "creator" else BRAND_CHANGES)[field]})
    db.session.commit()

    assert f"profile:{account.profile.id}" in topics(rung)
    assert (f"deck/{other_side}" in topics(rung)) == (field in MATCHING_FIELDS | SEARCHED_FIELDS)
    assert DeckVersion.of(other_side) == before + (field in MATCHING_FIELDS | SEARCHED_FIELDS)
    assert f"deck/{role}" not in topics(rung), "one's own side matches with nobody of it"


def test_what_is_matched_is_what_scoring_reads() -> None:
    """Of a profile that says nothing, so that nothing stands in for anything else; the place comes with its city."""
    read: set[str] = set()

    class Watched:
        def __getattr__(self, name: str) -> Any:
            read.add(name)
            return getattr(Profile(role="creator"), name)

    facts_of(Watched(), None, None)

    assert read | {"city"} == MATCHING_FIELDS
    assert MATCHING_FIELDS <= CHANGES.keys() | BRAND_CHANGES.keys(), "each of them is tried above"


def test_what_one_asks_of_others_is_not_named_to_them(cast: People, rung: list[Notice]) -> None:
    revise(cast.ana.profile, musts=frozenset({"niche"}), dont_minds=frozenset({"location"}), max_km=250)
    db.session.commit()

    assert {f"profile:{cast.ana.profile.id}", "deck/brand"} <= topics(rung), "the precondition: it is heard"
    for notice in rung:
        assert not any(word in notice.data for word in ("musts", "minds", "max_km", "niche", "location", "250"))


def test_somebody_new_is_heard_by_the_other_sides_decks(cast: People, stranger: FlaskClient, rung: list[Notice]) -> None:
    form = {"role": "brand", "name": "Fjord Tea", "email": "fjord@example.com", "password": "a long enough password"}
    assert stranger.post("/register", data=form).status_code == 302

    new = db.session.scalars(select(Profile).where(Profile.name == "Fjord Tea")).one()
    assert topics(rung) == {"deck/creator", f"profile:{new.id}"}
    assert json.loads(next(notice.data for notice in rung if notice.topic == "deck/creator")) == {"profile": new.id}


def test_whoever_leaves_is_gone_from_every_page(cast: People, rung: list[Notice]) -> None:
    cast.ana.deactivate()
    db.session.commit()

    left = next(notice for notice in rung if notice.topic == f"profile:{cast.ana.profile.id}")
    assert left.is_gone
    assert {"deck/brand", f"end-account/{cast.ana.id}"} <= topics(rung)


def test_nothing_is_heard_of_what_was_rolled_back(cast: People, rung: list[Notice]) -> None:
    before = journal()
    revise(cast.ana.profile, niches=frozenset({"film"}))
    db.session.flush()
    assert journal() != before, "announced, but only within the transaction"
    db.session.rollback()

    revise(cast.bo.profile, bio="This one counts.")
    db.session.commit()

    assert topics(rung) == {f"profile:{cast.bo.profile.id}", f"match:*/{cast.bo.id}", f"me/{cast.bo.id}", "deck/creator"}
    assert sorted(journal()) == sorted([*before, *topics(rung)])
    assert cast.ana.profile.version == 1


def test_nothing_is_heard_before_the_commit(cast: People, rung: list[Notice]) -> None:
    revise(cast.ana.profile, bio="Not yet.")
    assert rung == []

    db.session.commit()

    assert len(rung) == 4


@pytest.mark.parametrize("changes", [{}, {"bio": "I film street food and the people who cook it, one city at a time."}])
def test_an_edit_that_changes_nothing_is_not_heard(changes: dict[str, str], cast: People, rung: list[Notice]) -> None:
    revise(cast.ana.profile, **changes)
    db.session.commit()

    assert rung == []
    assert cast.ana.profile.version == 1


def test_an_invalid_edit_is_not_heard(cast: People, as_user: Login, rung: list[Notice]) -> None:
    client = as_user(cast.ana)
    rung.clear()

    assert client.patch("/profile", data={"rate": "-5", "base": 1}).status_code == 422

    assert rung == []


# Who may watch what, and at which version it stands.


def test_a_profile_may_be_watched_by_its_owner_and_the_other_side(cast: People) -> None:
    revise(cast.ana.profile, bio="A second version.")
    db.session.commit()
    watched = Subject("profile", cast.ana.profile.id)

    assert versions(cast.ana, watched) == {str(watched): 2}
    assert versions(cast.bo, watched) == {str(watched): 2}
    assert versions(cast.cy, watched) == {}, "a stranger"
    assert versions(cast.bo, Subject("profile", 999_999)) == {}


def test_a_match_stands_at_the_viewers_own_version(cast: People) -> None:
    revise(cast.bo.profile, bio="A second version.")
    db.session.commit()
    with_ana = Subject("match", cast.ana.profile.id)

    assert versions(cast.bo, with_ana) == {str(with_ana): 2}
    assert versions(cast.cy, with_ana) == {}, "a stranger"
    assert versions(cast.ana, with_ana) == {}, "nobody is matched with themself"
    assert topic_of(with_ana, cast.bo) == f"match:{cast.ana.profile.id}/{cast.bo.id}"


def test_a_match_moves_on_when_the_viewer_does_something_with_it_and_no_other_match_does(cast: People, rung: list[Notice]) -> None:
    with_ana, with_cy = (Subject("match", account.profile.id) for account in (cast.ana, cast.cy))
    before = versions(cast.bo, with_ana, with_cy)
    assert before == {str(with_ana): 1, str(with_cy): 1}

    Mark.on(cast.bo, cast.ana.profile).save()
    db.session.commit()

    assert versions(cast.bo, with_ana, with_cy) == {str(with_ana): cast.bo.version, str(with_cy): 1}
    assert cast.bo.version > 1
    assert topics(rung) == {f"match:{cast.ana.profile.id}/{cast.bo.id}", f"me/{cast.bo.id}"}, "nobody else hears of it"


def test_decks_of_one_role_stand_at_one_version_and_each_hears_of_its_own(cast: People) -> None:
    DeckVersion.moved_on("brand")
    db.session.commit()
    brands, creators = DeckVersion.of("brand"), DeckVersion.of("creator")
    assert brands > creators

    assert versions(cast.bo, Subject("deck")) == {"deck": brands}
    assert versions(cast.ana, Subject("deck")) == versions(cast.cy, Subject("deck")) == {"deck": creators}
    assert [topic_of(Subject("deck"), account) for account in (cast.ana, cast.bo, cast.cy)] == [
        f"deck/creator.{cast.ana.id}", f"deck/brand.{cast.bo.id}", f"deck/creator.{cast.cy.id}",
    ]  # fmt: skip


def test_me_is_always_oneself(cast: People) -> None:
    cast.ana.changed()
    db.session.commit()
    assert cast.ana.version != cast.bo.version

    for account in (cast.ana, cast.bo, cast.cy):
        assert versions(account, Subject("me")) == {"me": account.version}
        assert topic_of(Subject("me"), account) == f"me/{account.id}"


def test_whoever_left_can_be_watched_by_nobody_else(cast: People) -> None:
    ana = cast.ana.profile.id
    assert versions(cast.bo, Subject("profile", ana), Subject("match", ana)) != {}
    cast.ana.deactivate()
    db.session.commit()

    assert versions(cast.bo, Subject("profile", ana), Subject("match", ana)) == {}


def test_an_admin_sees_every_profile_and_has_no_deck(cast: People) -> None:
    cast.cy.take_role("admin")
    db.session.commit()
    profiles = [Subject("profile", account.profile.id) for account in (cast.ana, cast.bo)]

    assert set(versions(cast.cy, *profiles)) == set(map(str, profiles))
    assert versions(cast.cy, Subject("deck"), Subject("match", cast.bo.profile.id)) == {}


def test_a_deck_counter_moves_on_by_one_each_time(app: Flask) -> None:
    first = DeckVersion.of("brand")
    for _ in range(3):
        DeckVersion.moved_on("brand")
        db.session.commit()

    assert DeckVersion.of("brand") == first + 3
    assert [topic for topic in journal() if topic == "deck/brand"] == ["deck/brand"] * 3


def test_a_page_that_slept_is_told_what_moved_on_and_what_is_gone(cast: People, as_user: Login) -> None:
    ana, cy = cast.ana.profile.id, cast.cy.profile.id
    as_user(cast.ana).patch("/profile", data={"niches": ["film"], "base": 1})
    cast.cy.deactivate()
    db.session.commit()
    shown = f"profile:{ana}@1 match:{ana}@1 profile:{cy}@1 deck@0 me@999999"

    told = as_user(cast.bo).post("/live/watch", data={"subjects": shown}).get_json()

    assert told.pop("version")
    assert told == {"stream": False, "stale": {f"profile:{ana}": 2, "deck": DeckVersion.of("brand")}, "gone": [f"profile:{cy}"]}


@pytest.mark.parametrize("kind", ["profile", "match"])
@pytest.mark.parametrize("id", [str(2**31), "9" * 18])
def test_a_number_that_no_row_can_have_is_gone_and_nothing_breaks(kind: str, id: str, cast: People, as_user: Login) -> None:
    answer = as_user(cast.bo).post("/live/watch", data={"subjects": f"{kind}:{id}@1"})

    assert (answer.status_code, answer.get_json()["gone"]) == (200, [f"{kind}:{id}"])


def test_no_id_is_the_id_of_subjects_without_one() -> None:
    assert Subject("deck").id == NO_ID

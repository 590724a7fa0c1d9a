"""The index: it says of everyone what their profile says, hears of every change, and holds nobody who may not be seen."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isnan, nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live import EVERYTHING, announce
from blueprints.matches.index import CHUNK, FACTS, OTHERS, Index, Table, everyone
from blueprints.matches.models import facts_of
from blueprints.profiles.models import MATCHING_FIELDS, OTHER_ROLE, City, Profile
from blueprints.site.seeds import seed
from tests.conftest import People
from tests.matches.people import CREATORS, Side

Login = Callable[[Account], FlaskClient]

BERLIN = 2950159
START = 1024  # rows that a table has room for at first


@pytest.fixture
def index(app: Flask) -> Index:
    return app.extensions["matches"].index


def ids(index: Index, role: str) -> list[int]:
    """Who is in it."""
    table = index.read(role)
    return sorted(int(id) for id in table["id"][table["is_there"]])


def held(table: Table, id: int) -> dict[str, Any]:
    """All that it says of one."""
    (row,) = table.rows([id])
    return {name: table[name][row] for name in [*FACTS, *OTHERS]}


def said(profile: Profile) -> dict[str, Any]:
    """All that it has to say of one."""
    facts, seen = facts_of(profile), profile.account.last_seen_at
    return {name: getattr(facts, name) for name in FACTS} | {
        "id": profile.id,
        "version": profile.version,
        "created": profile.created_at.timestamp(),
        "seen": seen.timestamp() if seen else 0.0,
        "followers": nan if profile.audience_size is None else profile.audience_size,
        "engagement_percent": nan if profile.engagement_rate is None else profile.engagement_rate,
        "has_avatar": profile.avatar is not None,
        "is_there": True,
    }


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(a == b or (isnan(a) and isnan(b)) for a, b in ((one[name], other[name]) for name in one))


def agrees(index: Index, profile: Profile) -> bool:
    return alike(held(index.read(profile.role), profile.id), said(profile))


# What it says, and when.


def test_it_says_of_everyone_what_their_profile_says(app: Flask, index: Index) -> None:
    seed(db.session, 40, 9, app.config["MEDIA_PATH"], None)
    profiles = db.session.scalars(select(Profile)).all()
    assert {profile.role for profile in profiles} == set(OTHER_ROLE)

    for profile in profiles:
        assert agrees(index, profile), profile.id
    assert index.size == len(profiles) == 40


CHANGES: dict[str, dict[str, Any]] = {
    "creator": {
        "niches": frozenset({"film", "art"}), "platforms": frozenset({"blog"}), "languages": frozenset({"de"}), "works_remotely": True, "musts": frozenset({"niche"}),
        "campaign_types": frozenset({"ugc"}), "industries": frozenset({"beauty"}), "audience_size": 0, "engagement_rate": 0.5, "rate": None, "city": BERLIN,
        "dont_minds": frozenset({"budget"}), "max_km": 250, "avatar": "a" * 64,
    },
    "brand": {"industry": "gaming", "budget_min": None, "budget_max": None, "audience_min": 0, "audience_max": None},
}  # fmt: skip


@pytest.mark.parametrize("role", CHANGES)
def test_a_change_is_in_it_as_soon_as_it_is_saved(role: str, cast: People, index: Index) -> None:
    profile = (cast.ana if role == "creator" else cast.bo).profile
    assert agrees(index, profile)

    for field, value in CHANGES[role].items():
        before = held(index.read(role), profile.id)
        profile.revise({field: db.session.get_one(City, value) if field == "city" else value}, base=profile.version)
        db.session.commit()

        assert agrees(index, profile), field
        assert not alike(before | {"version": 0}, held(index.read(role), profile.id) | {"version": 0}), f"{field} shows"


def test_everything_that_is_matched_is_among_these_changes() -> None:
    assert {field for changes in CHANGES.values() for field in changes} == MATCHING_FIELDS | {"avatar"}


def test_what_was_rolled_back_is_not_in_it(cast: People, index: Index) -> None:
    assert agrees(index, cast.ana.profile)
    cast.ana.profile.revise({"niches": frozenset({"film"})}, base=1)
    db.session.flush()
    db.session.rollback()

    assert cast.ana.profile.niches == {"food", "travel"}
    assert agrees(index, cast.ana.profile)


def test_somebody_new_is_in_it_at_once(cast: People, index: Index, stranger: FlaskClient) -> None:
    assert ids(index, "brand") == [cast.bo.profile.id]
    form = {"role": "brand", "name": "Fjord Tea", "email": "fjord@example.com", "password": "a long enough password"}
    assert stranger.post("/register", data=form).status_code == 302

    new = db.session.scalars(select(Profile).where(Profile.name == "Fjord Tea")).one()
    assert ids(index, "brand") == [cast.bo.profile.id, new.id]
    assert agrees(index, new)


def test_whoever_leaves_is_out_of_it_at_once(cast: People, index: Index) -> None:
    ana, cy = cast.ana.profile.id, cast.cy.profile.id
    assert ids(index, "creator") == [ana, cy]

    cast.ana.deactivate()
    db.session.commit()

    assert ids(index, "creator") == [cy]
    assert index.size == 2


@pytest.mark.parametrize("role", ["brand", "admin"])
def test_whoever_changes_sides_is_out_of_it_at_once(role: str, cast: People, index: Index) -> None:
    assert cast.ana.profile.id in ids(index, "creator")

    cast.ana.take_role(role)
    db.session.commit()

    assert ids(index, "creator") == [cast.cy.profile.id]
    assert ids(index, "brand") == [cast.bo.profile.id]


def test_a_deleted_account_is_out_of_it(cast: People, index: Index) -> None:
    ana = cast.ana.profile.id
    assert ana in ids(index, "creator")
    cast.ana.profile.announce_gone()
    db.session.delete(cast.ana)
    db.session.commit()

    assert ana not in ids(index, "creator")


def test_whoever_may_not_be_seen_when_it_is_built_is_not_in_it(cast: People, index: Index) -> None:
    cast.ana.deactivate()
    cast.cy.take_role("admin")
    db.session.commit()
    assert not index.is_built

    assert ids(index, "creator") == []
    assert ids(index, "brand") == [cast.bo.profile.id]


def test_it_holds_exactly_those_whom_the_other_side_may_see(app: Flask, index: Index) -> None:
    seed(db.session, 20, 4, app.config["MEDIA_PATH"], None)
    accounts = db.session.scalars(select(Account).order_by(Account.id)).all()
    accounts[0].deactivate()
    accounts[1].take_role(OTHER_ROLE[accounts[1].role])
    accounts[2].take_role("admin")
    db.session.commit()

    for role, other in OTHER_ROLE.items():
        viewer = SimpleNamespace(role=other, id=0)
        visible = db.session.scalars(Profile.visible_to(viewer).where(Profile.role == role).with_only_columns(Profile.id)).all()
        assert ids(index, role) == sorted(visible)
    assert index.size == 17


def test_a_bulk_that_nobody_announced_one_by_one_is_in_it_after_the_announcement_of_everything(app: Flask, cast: People, index: Index) -> None:
    assert index.size == 0 and len(ids(index, "creator")) == 2
    seed(db.session, 10, 6, app.config["MEDIA_PATH"], None)
    assert len(ids(index, "creator")) == 2, "nothing was heard yet"

    announce(EVERYTHING, 1)
    db.session.commit()

    assert len(ids(index, "creator")) + len(ids(index, "brand")) == index.size == 13


def test_while_it_is_built_anew_in_the_background_the_old_one_serves(app: Flask, cast: People, index: Index) -> None:
    index.has_background = True
    assert len(ids(index, "creator")) == 2
    seed(db.session, 5, 6, app.config["MEDIA_PATH"], None)
    announce(EVERYTHING, 1)
    db.session.commit()

    assert len(ids(index, "creator")) == 2
    assert index.news.is_set(), "the background is woken"
    index.freshen()  # what the background does then
    assert index.size == 8


def test_a_change_is_not_forgotten_when_the_database_is_away(cast: People, index: Index) -> None:
    assert agrees(index, cast.ana.profile)
    cast.ana.profile.revise({"rate": 5}, base=1)
    db.session.commit()
    rename("profiles", "away")
    try:
        with pytest.raises(SQLAlchemyError):
            index.read("creator")
    finally:
        rename("away", "profiles")

    assert agrees(index, cast.ana.profile)
    assert held(index.read("creator"), cast.ana.profile.id)["rate"] == 5


def test_it_is_built_anew_later_when_the_database_was_away(cast: People, index: Index, app: Flask) -> None:
    assert len(ids(index, "creator")) == 2
    seed(db.session, 5, 6, app.config["MEDIA_PATH"], None)
    announce(EVERYTHING, 1)
    db.session.commit()
    rename("profiles", "away")
    try:
        with pytest.raises(SQLAlchemyError):
            index.read("creator")
    finally:
        rename("away", "profiles")

    ids(index, "creator")
    assert index.size == 8


def rename(table: str, other: str) -> None:
    db.session.rollback()
    with db.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {other}"))


def test_when_somebody_was_seen_is_looked_up_from_time_to_time(cast: People, index: Index) -> None:
    """Nothing is announced when somebody is about."""
    assert held(index.read("creator"), cast.ana.profile.id)["seen"] == 0
    now = datetime.now(UTC) + timedelta(seconds=1)
    cast.ana.last_seen_at = now
    db.session.commit()

    index.refresh_seen()

    assert held(index.read("creator"), cast.ana.profile.id)["seen"] == now.timestamp()


def test_more_than_fit_at_first_and_more_than_are_read_at_once(app: Flask, index: Index) -> None:
    many = START + CHUNK + 7
    accounts = [{"email": f"{number}@example.com", "email_key": f"{number}@example.com", "role": "brand", "password_hash": ""} for number in range(many)]
    made = db.session.scalars(insert(Account).returning(Account.id, sort_by_parameter_order=True), accounts).all()
    nothing: dict[str, frozenset[str]] = dict.fromkeys(("platforms", "languages", "niches", "campaign_types", "industries", "musts", "dont_minds"), frozenset())
    rows = [{"account_id": id, "role": "brand", "name": "B", "budget_max": 1 + id, "changed_at_version": {}, **nothing} for id in made]
    db.session.execute(insert(Profile), rows)
    db.session.commit()

    table = index.read("brand")

    assert ids(index, "brand") == list(db.session.scalars(everyone("brand").with_only_columns(Profile.id).order_by(Profile.id)))
    assert index.size == many == table.length
    assert len(set(table["budget_high"])) == many


# The table by itself.


def put(table: Table, id: int, side: Side) -> dict[str, Any]:
    others = {"version": id, "created": float(id), "seen": 0.0, "followers": nan, "engagement_percent": nan, "has_avatar": bool(id % 2)}
    table.put(id, side.facts, others)
    return {name: getattr(side.facts, name) for name in FACTS} | others | {"id": id, "is_there": True}


STEPS = st.lists(st.tuples(st.booleans() | st.just(True), st.integers(1, 12) | st.integers(1_020, 1_030) | st.sampled_from([3_000, 70_000]), CREATORS), max_size=40)


@settings(deadline=None, max_examples=60)
@given(STEPS)
def test_a_table_holds_what_was_put_last_and_nothing_that_was_dropped(steps: list[tuple[bool, int, Side]]) -> None:
    """Whatever comes and goes, in any order of ids."""
    table, expected, most = Table(), dict[int, dict[str, Any]](), 0
    for comes, id, side in steps:
        if comes:
            expected[id] = put(table, id, side)
        else:
            table.drop(id)
            expected.pop(id, None)
        most = max(most, len(expected))

        assert sorted(table["id"][table["is_there"]]) == sorted(expected)
        assert table.length == most, "rows are used again"
    for id, told in expected.items():
        assert alike(held(table, id), told)
    assert len(table.rows(list(range(1, 71_000)))) == len(expected)
    assert not any(len(table.rows([id])) for id in (-1, 0, 13, 2**31, 10**18))


def test_nothing_of_whoever_was_dropped_is_left() -> None:
    table = Table()
    put(table, 7, Side(frozenset({"food"}), rate=900, audience_size=5_000, place=(52.52, 13.41)))
    table.drop(7)

    assert table.length == 1
    assert all(not column.any() for column in table.columns.values())


def test_a_table_grows_and_keeps_what_it_has() -> None:
    table = Table()
    told = {id: put(table, id, Side(rate=id)) for id in range(1, 2 * START)}

    assert table.length == 2 * START - 1
    assert all(alike(held(table, id), told[id]) for id in (1, START - 1, START, START + 1, 2 * START - 1))
    assert np.array_equal(table["rate"], np.arange(1, 2 * START))


def test_ids_are_marked_among_rows() -> None:
    table = Table()
    for id in (5, 9_000, 2):
        put(table, id, Side())

    assert list(table.among(slice(0, 3), [2, 5, 4, -3, 10**12])) == [True, False, True]
    assert list(table.among(slice(0, 2), np.array([9_000]))) == [False, True]
    assert list(table.among(slice(0, 3), [])) == [False] * 3

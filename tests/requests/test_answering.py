"""Yes, no, taking it back, and no longer being connected: for the two, for strangers, and for pages that are too old."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.announcements import Notice
from blueprints.live.subjects import NO_ID, Subject, current_versions
from blueprints.requests.models import Request, RequestError, answered
from tests.conftest import People
from tests.requests.conftest import Ask
from tests.requests.test_asking import between, seen

Login = Callable[[Account], FlaskClient]

HTMX = {"HX-Request": "true"}
ANSWERS = ["accept", "decline", "withdraw"]
WORDS = {"accept": "accepted", "decline": "declined", "withdraw": "withdrawn"}


def test_a_yes_connects_the_two_and_both_see_it(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    answer = as_user(cast.bo).post(f"/requests/{asked.id}/accept")
    assert (answer.status_code, answer.location) == (303, "/requests")

    assert "You and Ana Ruiz are connected." in as_user(cast.bo).get("/requests").text
    for one, other in ((cast.ana, cast.bo), (cast.bo, cast.ana)):
        assert "Connections" in seen(as_user(one).get("/requests").text)
        assert "You are connected" in seen(as_user(one).get(f"/profiles/{other.profile.id}").text)
        assert "Connected" in seen(as_user(one).get(f"/matches/{other.profile.id}/card").text)
        assert list(db.session.scalars(Request.connections_of(one.id))) == [other.id]
    assert cast.bo.waiting_requests == 0


def test_a_no_is_seen_by_both_and_ends_it(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    as_user(cast.bo).post(f"/requests/{asked.id}/decline")

    assert "They said no" in seen(as_user(cast.ana).get("/requests").text)
    assert "You said no" in seen(as_user(cast.bo).get("/requests").text)
    assert not list(db.session.scalars(Request.connections_of(cast.ana.id)))
    assert cast.bo.waiting_requests == 0


def test_what_was_taken_back_waits_for_nobody(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    as_user(cast.ana).post(f"/requests/{asked.id}/withdraw")

    assert "Nothing waits for you" in seen(as_user(cast.bo).get("/requests").text)
    assert "They withdrew it" in seen(as_user(cast.bo).get("/requests").text)
    assert "Ask to work together" in seen(as_user(cast.ana).get(f"/matches/{cast.bo.profile.id}/card").text)
    assert cast.bo.waiting_requests == 0


def test_disconnecting_asks_first_and_then_both_are_free_to_ask_again(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    assert as_user(cast.ana).get(f"/requests/{asked.id}/end").status_code == 302, "there is nothing to end yet"
    asked.answer(cast.bo, accept=True)
    db.session.commit()
    confirm = as_user(cast.ana).get(f"/requests/{asked.id}/end")
    assert "Disconnect from Nordlys Coffee?" in confirm.text and "Stay connected" in confirm.text
    assert asked.is_connected, "asking changes nothing"

    assert as_user(cast.ana).post(f"/requests/{asked.id}/end").status_code == 303

    for one, other in ((cast.ana, cast.bo), (cast.bo, cast.ana)):
        assert "No longer connected" in seen(as_user(one).get("/requests").text)
        assert as_user(one).get(f"/requests/new?to={other.profile.id}").status_code == 200
        assert not list(db.session.scalars(Request.connections_of(one.id)))


@pytest.mark.parametrize("act", ANSWERS)
def test_said_twice_it_is_said_once(act: str, cast: People, as_user: Login, ask: Ask, rung: list[Notice]) -> None:
    asked = ask(cast.ana, cast.bo)
    client = as_user(cast.ana if act == "withdraw" else cast.bo)
    client.post(f"/requests/{asked.id}/{act}")
    version = asked.version
    rung.clear()

    assert client.post(f"/requests/{asked.id}/{act}").status_code == 303
    assert (asked.version, rung) == (version, [])


@pytest.mark.parametrize("first", ANSWERS)
@pytest.mark.parametrize("second", ANSWERS)
def test_who_comes_second_is_told_why_nothing_happened(first: str, second: str, cast: People, as_user: Login, ask: Ask) -> None:
    if first == second:
        return
    asked = ask(cast.ana, cast.bo)
    who = {"accept": cast.bo, "decline": cast.bo, "withdraw": cast.ana}
    as_user(who[first]).post(f"/requests/{asked.id}/{first}")

    answer = as_user(who[second]).post(f"/requests/{asked.id}/{second}", headers=HTMX)
    assert answer.status_code == 410
    assert WORDS[first] in answer.text and "data-error" in answer.text
    page = as_user(who[second]).post(f"/requests/{asked.id}/{second}", follow_redirects=True)
    assert WORDS[first] in seen(page.text), "and without JavaScript, too"
    assert between(cast.ana, cast.bo).state == WORDS[first]  # type: ignore[union-attr]


def test_an_old_page_does_not_answer_the_next_request(cast: People, as_user: Login, ask: Ask) -> None:
    old = ask(cast.ana, cast.bo)
    old.withdraw(cast.ana)
    db.session.commit()
    new = ask(cast.ana, cast.bo, what="Another idea")

    answer = as_user(cast.bo).post(f"/requests/{old.id}/accept", headers=HTMX)

    assert answer.status_code == 410 and "withdrawn meanwhile" in answer.text
    assert (old.state, new.state) == ("withdrawn", "pending")


@pytest.mark.parametrize("then, where", [("card", "/matches/{}/card"), ("panel", "/requests/with/{}/panel"), ("list", "/requests/lists"), ("", "/requests/lists")])
def test_htmx_is_answered_with_the_part_it_was_asked_from(then: str, where: str, cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    answer = as_user(cast.bo).post(f"/requests/{asked.id}/accept", data={"then": then}, headers=HTMX)

    assert (answer.status_code, answer.location) == (303, where.format(cast.ana.profile.id))
    fragment = as_user(cast.bo).get(answer.location).text
    assert "Connected" in fragment or "You are connected" in fragment
    assert "<html" not in fragment


def test_one_can_neither_answer_oneself_nor_take_back_what_others_asked(cast: People, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)

    with pytest.raises(RequestError):
        asked.answer(cast.ana, accept=True)
    with pytest.raises(RequestError):
        asked.withdraw(cast.bo)
    assert asked.state == "pending"


@pytest.mark.parametrize("act", [*ANSWERS, "end"])
def test_a_stranger_finds_no_request_of_others(act: str, cast: People, as_user: Login, ask: Ask, make_account: Callable[..., Account]) -> None:
    asked = ask(cast.ana, cast.bo)

    for other in (cast.cy, make_account("brand")):
        assert as_user(other).post(f"/requests/{asked.id}/{act}").status_code == 404
        assert as_user(other).get(f"/requests/{asked.id}").status_code == 404
        assert "breakfasts" not in as_user(other).get("/requests").text
    assert between(cast.ana, cast.bo).state == "pending"  # type: ignore[union-attr]


def test_an_admin_has_no_requests(cast: People, as_user: Login) -> None:
    client = as_user(cast.cy)
    cast.cy.role = "admin"
    db.session.commit()

    assert client.get("/requests").status_code == 404
    assert current_versions(cast.cy, [Subject("request", cast.bo.profile.id)]) == {}


def test_the_subjects_stand_where_the_request_stands(cast: People, ask: Ask) -> None:
    def stands(viewer: Account, them: Account) -> tuple[int | None, int | None]:
        found = current_versions(viewer, [Subject("request", them.profile.id), Subject("requests", NO_ID)])
        return found.get(Subject("request", them.profile.id)), found.get(Subject("requests", NO_ID))

    assert stands(cast.bo, cast.ana) == (0, 0)
    asked = ask(cast.ana, cast.bo)
    assert stands(cast.bo, cast.ana) == (asked.version, 1) == stands(cast.ana, cast.bo)
    asked.answer(cast.bo, accept=True)
    db.session.commit()
    assert stands(cast.bo, cast.ana) == (asked.version, 2)
    assert asked.version == 2
    assert stands(cast.cy, cast.bo)[0] == 0, "of others' requests nothing is said"
    assert stands(cast.cy, cast.ana)[0] is None


def test_what_happened_is_signalled_with_who_did_it(cast: People, ask: Ask) -> None:
    happened: list[tuple[str, Account | None]] = []
    with answered.connected_to(lambda request, by, brief: happened.append((request.state, by))):
        asked = ask(cast.ana, cast.bo)
        ask(cast.ana, cast.bo)
        asked.answer(cast.bo, accept=True)
        asked.answer(cast.bo, accept=True)
        asked.end(cast.ana)
        asked.end(cast.ana)

    assert happened == [("pending", cast.ana), ("accepted", cast.bo), ("ended", cast.ana)]

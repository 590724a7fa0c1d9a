"""What a device sends again because it got no answer: it has its effect once, and never as somebody else."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.accounts.operations import Operation
from blueprints.extensions import db
from blueprints.messages.models import Conversation, Message
from blueprints.profiles import routes
from blueprints.requests.models import Request
from tests.conftest import Login, People
from tests.messages.conftest import connect
from tests.requests.test_races import at_once, cookie_of, tab

JSON = {"Accept": "application/json"}
ID = "0123456789abcdef0123456789abcdef"


def of(account: Account, **fields: Any) -> dict[str, Any]:
    """A form as a device sends it from its outbox."""
    return {"operation": ID, "account": str(account.id), **fields}


def patch(client: FlaskClient, account: Account, **fields: Any) -> Any:
    return client.patch("/profile", data=of(account, **fields), headers=JSON)


def asked(cast: People) -> Request:
    request = Request.send(cast.ana, cast.bo.profile, {"what": "A film about coffee"})
    db.session.commit()
    return request


# Profiles.


def test_an_edit_whose_answer_was_lost_is_not_made_again_over_what_came_after(cast: People, as_user: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, client = cast.ana, as_user(cast.ana)
    with monkeypatch.context() as broken:
        broken.setattr(routes.Outcome, "as_json", lambda _self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            patch(client, ana, base=1, bio="From the train")
    assert ana.profile.bio == "From the train", "it was saved, and the device does not know"
    client.patch("/profile", data={"base": 2, "bio": "From the desk"}, headers=JSON)

    answer = patch(client, ana, base=1, bio="From the train")

    assert (answer.status_code, answer.json["saved"], answer.json["versions"]) == (200, ["bio"], {"bio": 2})
    assert answer.json["values"] == {"bio": ["From the desk"]}
    assert (ana.profile.bio, ana.profile.version) == ("From the desk", 3)


def test_what_an_operation_could_not_save_is_judged_anew(cast: People, as_user: Login) -> None:
    ana, client = cast.ana, as_user(cast.ana)
    first = patch(client, ana, base=1, bio="From the train", rate="a lot")
    again = patch(client, ana, base=1, bio="From the train", rate="1,000")

    assert (first.status_code, again.status_code) == (422, 200)
    assert again.json["versions"] == {"bio": 2, "rate": 3}
    assert (ana.profile.bio, ana.profile.rate) == ("From the train", 1_000)


def test_an_edit_sent_twice_at_the_same_moment_is_made_once(app: Flask, cast: People, as_user: Login) -> None:
    cookie, ana = cookie_of(as_user(cast.ana)), cast.ana
    data = of(ana, base=1, bio="From the train")

    assert at_once(app, *[lambda: tab(app, cookie).patch("/profile", data=data, headers=JSON).status_code] * 4) == [200] * 4

    assert (ana.profile.bio, ana.profile.version) == ("From the train", 2)


# Requests.


def test_an_answer_to_a_request_is_given_once_whatever_has_happened_since(cast: People, as_user: Login) -> None:
    request, client = asked(cast), as_user(cast.bo)
    path = f"/requests/{request.id}/accept"
    first = client.post(path, data=of(cast.bo), headers=JSON)
    assert first.json == {"state": "accepted", "words": "You and Ana Ruiz are connected."}
    request.end(cast.ana)
    db.session.commit()

    again: Any = client.post(path, data=of(cast.bo), headers=JSON)
    other = client.post(path, data=of(cast.bo) | {"operation": "another-one"}, headers=JSON)

    assert (again.status_code, again.json["state"]) == (200, "ended")
    assert (other.status_code, other.json) == (410, {"words": "This is over: you are no longer connected."})
    assert request.state == "ended"


def test_an_answer_sent_twice_at_the_same_moment_is_one(app: Flask, cast: People, as_user: Login) -> None:
    request, cookie = asked(cast), cookie_of(as_user(cast.bo))
    before, path, data = request.version, f"/requests/{request.id}/decline", of(cast.bo)

    assert at_once(app, *[lambda: tab(app, cookie).post(path, data=data, headers=JSON).status_code] * 4) == [200] * 4

    assert (request.state, request.version) == ("declined", before + 1)


def test_taken_back_too_late_is_said_in_words(cast: People, as_user: Login) -> None:
    request = asked(cast)
    request.answer(cast.bo, accept=False)
    db.session.commit()

    answer = as_user(cast.ana).post(f"/requests/{request.id}/withdraw", data=of(cast.ana), headers=JSON)

    assert (answer.status_code, answer.json) == (410, {"words": "This request has been declined already."})


# Messages.


def test_a_message_sent_twice_at_the_same_moment_is_one(app: Flask, cast: People, as_user: Login) -> None:
    talk, cookie = connect(cast.ana, cast.bo), cookie_of(as_user(cast.ana))
    path, data = f"/messages/{talk.id}", of(cast.ana, text="Hello", client_id=ID)

    assert at_once(app, *[lambda: tab(app, cookie).post(path, data=data, headers=JSON).status_code] * 4) == [200] * 4

    assert [(message.number, message.text) for message in db.session.scalars(select(Message))] == [(1, "Hello")]


def test_a_message_that_arrived_has_arrived_even_where_nobody_can_write_any_more(cast: People, as_user: Login) -> None:
    talk, client = connect(cast.ana, cast.bo), as_user(cast.ana)
    path, data = f"/messages/{talk.id}", of(cast.ana, text="Hello", client_id=ID)
    assert client.post(path, data=data, headers=JSON).status_code == 200
    as_user(cast.bo).post(f"/profiles/{cast.ana.profile.id}/block")

    assert client.post(path, data=data, headers=JSON).status_code == 200
    assert client.post(path, data=data | {"operation": "another-one", "client_id": "another-one"}, headers=JSON).status_code == 404


def test_why_a_message_cannot_be_sent_is_said_in_words(cast: People, as_user: Login) -> None:
    talk, client = connect(cast.ana, cast.bo), as_user(cast.ana)
    path = f"/messages/{talk.id}"
    empty = client.post(path, data=of(cast.ana, text=" ", client_id=ID), headers=JSON)
    Request.between(cast.ana, cast.bo.profile).end(cast.bo)  # type: ignore[union-attr]
    db.session.commit()
    closed: Any = client.post(path, data=of(cast.ana, text="Hello", client_id=ID), headers=JSON)

    assert (empty.status_code, empty.json) == (422, {"words": "Write something first."})
    assert closed.status_code == 403 and closed.json["words"].startswith("You are no longer connected")
    assert not db.session.scalars(select(Operation)).all(), "what was refused may be asked for again"


# Whose it is.


def test_what_waited_for_one_account_is_never_done_as_another(cast: People, as_user: Login) -> None:
    request, talk = asked(cast), connect(cast.cy, cast.bo)
    bo, kept = as_user(cast.bo), of(cast.ana)
    profile_before = cast.bo.profile.version

    assert bo.patch("/profile", data=kept | {"base": profile_before, "bio": "Ana's"}, headers=JSON).status_code == 403
    assert bo.post(f"/requests/{request.id}/accept", data=kept, headers=JSON).status_code == 403
    assert bo.post(f"/messages/{talk.id}", data=kept | {"text": "Ana's", "client_id": ID}, headers=JSON).status_code == 403
    assert (cast.bo.profile.version, request.state, db.session.get_one(Conversation, talk.id).last_number) == (profile_before, "pending", 0)
    assert not db.session.scalars(select(Operation)).all()


def test_the_same_id_from_two_accounts_is_two_operations(cast: People, as_user: Login) -> None:
    for account in (cast.ana, cast.bo):
        assert patch(as_user(account), account, base=account.profile.version, bio=f"{account.id}").status_code == 200
        assert account.profile.bio == f"{account.id}"


def test_an_id_that_is_none_is_refused(cast: People, as_user: Login) -> None:
    for id in ("short", "x" * 41, "with a space", "", "\x00" * 9, "²" * 9):
        assert as_user(cast.ana).patch("/profile", data=of(cast.ana, base=1, bio="Hm") | {"operation": id}, headers=JSON).status_code == 400
    for account in ("", "0", "-1", "\x00", "9" * 5_000, "²"):
        assert as_user(cast.ana).patch("/profile", data=of(cast.ana, base=1, bio="Hm") | {"account": account}, headers=JSON).status_code == 403
    assert cast.ana.profile.bio != "Hm"

"""A new password: who knew the old one is out."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from blueprints.accounts import routes
from blueprints.accounts.models import Account
from blueprints.extensions import db
from tests.accounts.test_logging_in import is_logged_in, sessions_of, token
from tests.conftest import PASSWORD

Login = Callable[[Account], FlaskClient]

FRESH = "quite another password"


def change(client: FlaskClient, current: str = PASSWORD, new: str = FRESH) -> int:
    return client.post("/settings/password", data={"current_password": current, "new_password": new}).status_code


def log_in(app: Flask, account: Account, password: str) -> FlaskClient | None:
    client = app.test_client()
    return client if client.post("/login", data={"email": account.email, "password": password}).status_code == 302 else None


def test_the_new_password_works_and_the_old_one_no_longer(app: Flask, ana: Account, as_user: Login) -> None:
    assert change(as_user(ana)) == 302

    assert log_in(app, ana, FRESH)
    assert not log_in(app, ana, PASSWORD)


def test_all_other_browsers_are_logged_out_and_this_one_gets_a_new_token(app: Flask, ana: Account, as_user: Login) -> None:
    here, there = as_user(ana), log_in(app, ana, PASSWORD)
    assert there is not None
    before, copied = token(here), here.get_cookie("duet")
    assert copied is not None

    change(here)

    assert is_logged_in(here)
    assert not is_logged_in(there)
    assert len(sessions_of(ana)) == 1
    assert token(here) != before
    there.set_cookie("duet", copied.value)
    assert not is_logged_in(there), "whoever copied the cookie is out as well"


@pytest.mark.parametrize(("current", "new", "says"), [
    ("a wrong password", FRESH, routes.WRONG_CURRENT),
    ("", FRESH, "the password you use now"),
    (PASSWORD, "short", "at least 8"),
    (PASSWORD, "creator1@example.com", "neither your name"),
    (PASSWORD, "Ana Ruiz", "neither your name"),
])
def test_what_is_wrong_is_said_beside_its_field_and_nothing_changes(ana: Account, as_user: Login, current: str, new: str, says: str) -> None:
    stored = ana.password_hash

    answer = as_user(ana).post("/settings/password", data={"current_password": current, "new_password": new})

    assert answer.status_code == 422
    assert says in answer.text
    assert FRESH not in answer.text
    db.session.expire_all()
    assert ana.password_hash == stored
    assert is_logged_in(as_user(ana))


def test_no_transaction_is_open_while_a_password_is_hashed(ana: Account, as_user: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    client = as_user(ana)
    open_then: list[bool] = []

    def noting(work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: str) -> Any:
            open_then.append(db.session().in_transaction())
            return work(*args)

        return noted

    for name in ("verify", "hash_password"):
        monkeypatch.setattr(routes, name, noting(getattr(routes, name)))

    assert change(client) == 302
    db.session.rollback()
    client.post("/logout")
    client.post("/login", data={"email": "creator1@example.com", "password": FRESH})
    db.session.rollback()
    client.post("/register", data={"role": "brand", "name": "New", "email": "new@example.com", "password": FRESH})

    assert open_then == [False] * 4


def test_a_stranger_cannot(stranger: FlaskClient, ana: Account) -> None:
    answer = stranger.post("/settings/password", data={"current_password": PASSWORD, "new_password": FRESH})

    assert (answer.status_code, answer.location) == (302, "/login")

"""Logging in again over the page one was on: the form comes as a fragment, and the answer is what the page needs to go on."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from blueprints.accounts.models import Account, LoginSession
from blueprints.extensions import db
from tests.conftest import PASSWORD, add_cast, app_on

Login = Callable[[Account], FlaskClient]
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture
def serving(instance: Path) -> Iterator[Flask]:
    """Where forms need their token and attempts are counted."""
    with app_on(instance, WTF_CSRF_ENABLED=True, RATELIMIT_ENABLED=True) as app:
        with app.app_context():
            add_cast()
        yield app


def token_of(text: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', text)
    assert found
    return found[1]


def send(client: FlaskClient, **typed: str) -> TestResponse:
    form = client.get("/login/again?token=1", headers=FRAGMENT).text
    return client.post("/login/again", headers=FRAGMENT, data={"email": "creator1@example.com", "password": PASSWORD, "csrf_token": token_of(form), **typed})


def test_a_browser_without_any_cookie_gets_the_form_and_with_it_all_that_the_page_needs(serving: Flask) -> None:
    client = serving.test_client()
    form = client.get("/login/again", headers=FRAGMENT)
    assert (form.status_code, "<html" in form.text) == (200, False)
    assert "Set-Cookie" not in form.headers, "another tab may be logging in at this very moment"

    answer = send(client)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.get_json()
    assert client.get_cookie("duet_session").value == str(said["session"])  # type: ignore[union-attr]
    saved = client.patch("/profile", data={"bio": "Typed before", "base": "1", "csrf_token": said["csrf"], "account": said["account"]}, headers=FRAGMENT)
    assert saved.status_code == 200, "with its new token the page goes on"


def test_what_is_wrong_is_said_in_the_form_in_the_words_of_the_login_page(serving: Flask) -> None:
    client = serving.test_client()

    for typed, words in (({"password": "wrong password"}, "do not belong together"), ({"password": ""}, "Please write your password.")):
        answer = send(client, **typed)

        assert (answer.status_code, "<html" in answer.text) == (422, False)
        assert words in answer.text
        assert 'value="creator1@example.com"' in answer.text
    assert client.get_cookie("duet_session") is None


def test_too_many_attempts_and_a_suspended_account_are_said_there_too(serving: Flask) -> None:
    serving.config["LOGIN_FAILURES_PER_ACCOUNT"] = "2/minute"
    client = serving.test_client()
    answers = [send(client, password="wrong password") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert "That was tried too often" in answers[-1].text and answers[-1].headers["Retry-After"]

    with serving.app_context():
        suspended = db.session.query(Account).filter_by(email="brand2@example.com").one()
        suspended.suspend()
        db.session.commit()
    answer = send(client, email="brand2@example.com")
    assert (answer.status_code, "Your account is suspended" in answer.text) == (422, True)


def test_a_tab_beside_one_that_logged_in_needs_no_password(ana: Account, as_user: Login) -> None:
    answer = as_user(ana).get("/login/again", headers=FRAGMENT)

    assert answer.get_json() == {
        "session": db.session.query(LoginSession).filter_by(account_id=ana.id).one().id, "account": ana.id, "csrf": answer.get_json()["csrf"], "home": "/"
    }


def test_the_page_of_a_session_that_another_took_over_is_told_so(serving: Flask) -> None:
    client = serving.test_client()
    old = token_of(client.get("/login").text)
    send(client)

    answer = client.post("/settings/live", data={"csrf_token": old}, headers=FRAGMENT)

    assert answer.status_code == 400
    assert answer.headers["Duet-Session"] == str(client.get("/login/again").get_json()["session"])


def test_the_token_of_nobody_is_still_needed(serving: Flask) -> None:
    answer = serving.test_client().post("/login/again", data={"email": "creator1@example.com", "password": PASSWORD})

    assert answer.status_code == 400

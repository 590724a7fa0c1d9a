"""Logging in and out."""

from collections.abc import Callable
from unittest.mock import Mock

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from blueprints.accounts import passwords, routes
from blueprints.accounts.models import Account, LoginSession
from blueprints.extensions import db, utc_now
from blueprints.live.announcements import Announcement
from tests.conftest import PASSWORD

Login = Callable[[Account], FlaskClient]


def sessions_of(account: Account) -> list[LoginSession]:
    return list(db.session.scalars(LoginSession.of(account)))


def announced() -> list[str]:
    return list(db.session.scalars(select(Announcement.topic)))


def is_logged_in(client: FlaskClient) -> bool:
    return client.get("/settings").status_code == 200


def token(client: FlaskClient) -> str:
    with client.session_transaction() as cookie:
        return str(cookie["_user_id"])


@pytest.mark.parametrize("typed", ["creator1@example.com", "CREATOR1@Example.Com", "  creator1@example.com "])
def test_case_and_spaces_in_an_address_do_not_matter(stranger: FlaskClient, ana: Account, typed: str) -> None:
    assert stranger.post("/login", data={"email": typed, "password": PASSWORD}).status_code == 302
    assert is_logged_in(stranger)


def test_an_unknown_address_and_a_wrong_password_get_the_same_page_after_the_same_work(
    app: Flask, ana: Account, bo: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking = Mock(wraps=passwords.verify)
    monkeypatch.setattr(routes, "verify", checking)
    bo.deactivated_at = utc_now()
    db.session.commit()
    answers = []

    for email, password in ((ana.email, "wrong"), ("nobody@example.com", "wrong"), ("not an address", "wrong"), (bo.email, PASSWORD)):
        answer = app.test_client().post("/login", data={"email": email, "password": password})
        answers.append((answer.status_code, answer.text.replace(email, "…"), sorted(answer.headers.keys())))

    assert [checked.args[1] for checked in checking.call_args_list] == ["wrong", "wrong", "wrong", PASSWORD]
    assert answers[0][0] == 422
    assert routes.WRONG in answers[0][1]
    assert all(answer == answers[0] for answer in answers)


def test_what_was_typed_is_kept_but_not_the_password(stranger: FlaskClient, ana: Account) -> None:
    answer = stranger.post("/login", data={"email": ana.email, "password": "a wrong password", "remember": "y", "next": "/matches"})

    assert f'value="{ana.email}"' in answer.text
    assert 'value="/matches"' in answer.text
    assert "checked" in answer.text
    assert "a wrong password" not in answer.text


def test_an_account_without_a_password_cannot_be_entered(stranger: FlaskClient, ana: Account) -> None:
    ana.password_hash = ""
    db.session.commit()

    for password in ("the password of nobody", PASSWORD):
        assert stranger.post("/login", data={"email": ana.email, "password": password}).status_code == 422


def test_a_hash_made_with_older_settings_is_renewed(stranger: FlaskClient, ana: Account) -> None:
    from argon2 import PasswordHasher

    ana.password_hash = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    db.session.commit()

    stranger.post("/login", data={"email": ana.email, "password": PASSWORD})

    db.session.expire_all()
    assert not passwords.needs_rehash(ana.password_hash)
    assert passwords.verify(ana.password_hash, PASSWORD)


@pytest.mark.parametrize(("theirs", "status"), [(PASSWORD, 302), ("another long password", 422)])
def test_who_logs_in_while_the_hash_is_replaced_gets_in_as_long_as_the_password_is_the_same(
    stranger: FlaskClient, ana: Account, monkeypatch: pytest.MonkeyPatch, theirs: str, status: int
) -> None:
    """As another browser does that logs in at the same moment, or changes the password."""
    from argon2 import PasswordHasher

    email, newest = ana.email, passwords.hash_password(theirs)
    ana.password_hash = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(PASSWORD)
    db.session.commit()

    def hash_meanwhile(password: str) -> str:
        with db.engine.begin() as another:
            another.execute(update(Account).values(password_hash=newest))
        return passwords.hash_password(password)

    hashing = Mock(side_effect=hash_meanwhile)
    monkeypatch.setattr(routes, "hash_password", hashing)

    assert stranger.post("/login", data={"email": email, "password": PASSWORD}).status_code == status
    hashing.assert_called_once()
    db.session.expire_all()
    assert ana.password_hash == newest, "it is new already"


def test_the_cookie_holds_a_random_token_and_the_database_only_its_hash(app: Flask, ana: Account, as_user: Login) -> None:
    client = as_user(ana)

    with client.session_transaction() as cookie:
        assert set(cookie) <= {"_user_id", "_fresh", "csrf_token"}
    row, = sessions_of(ana)
    assert len(token(client)) >= 43
    assert token(client) not in (row.token_hash, str(row.id), str(ana.id))
    assert not client.get_cookie("remember_token")


def test_logging_in_takes_a_new_session_and_a_new_form_token(app: Flask, stranger: FlaskClient, ana: Account) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    page = stranger.get("/login").text
    with stranger.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
        before = cookie["csrf_token"]
    form_token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]

    answer = stranger.post("/login", data={"email": ana.email, "password": PASSWORD, "csrf_token": form_token})

    assert answer.status_code == 302
    with stranger.session_transaction() as cookie:
        assert "planted" not in cookie
    stranger.get("/settings")
    with stranger.session_transaction() as cookie:
        assert cookie["csrf_token"] != before


def test_logging_in_again_ends_the_session_this_browser_had(ana: Account, bo: Account, as_user: Login) -> None:
    client = as_user(ana)
    first, = sessions_of(ana)
    first_id, first_token = first.id, token(client)

    client.post("/login", data={"email": bo.email, "password": PASSWORD})

    assert bo.email in client.get("/settings").text
    assert token(client) != first_token
    assert sessions_of(ana) == []
    assert f"end-session/{first_id}" in announced()


def test_a_session_id_is_never_used_again(ana: Account, bo: Account, as_user: Login) -> None:
    client = as_user(ana)
    first, = sessions_of(ana)
    first_id = first.id

    client.post("/logout")
    client.post("/login", data={"email": bo.email, "password": PASSWORD})

    second, = sessions_of(bo)
    assert second.id > first_id


def test_logging_out_ends_the_session_its_streams_and_what_the_browser_kept(ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    row, = sessions_of(ana)
    session_id, old = row.id, client.get_cookie("duet")
    assert old is not None

    answer = client.post("/logout")

    assert (answer.status_code, answer.location) == (302, "/")
    assert answer.headers["Clear-Site-Data"] == '"cache"'
    assert client.get_cookie("duet_session") is None
    assert sessions_of(ana) == []
    assert f"end-session/{session_id}" in announced()
    client.set_cookie("duet", old.value)
    assert not is_logged_in(client), "a copied cookie opens nothing after the log-out"


def test_logging_out_is_never_a_link_and_harms_nobody_who_is_not_logged_in(ana: Account, as_user: Login, stranger: FlaskClient) -> None:
    assert as_user(ana).get("/logout").status_code == 405
    assert is_logged_in(as_user(ana))
    assert stranger.post("/logout").status_code == 302


def test_scripts_can_tell_which_session_a_page_belongs_to(ana: Account, as_user: Login) -> None:
    hint = as_user(ana).get_cookie("duet_session")
    row, = sessions_of(ana)

    assert hint is not None
    assert (hint.value, hint.http_only, hint.same_site) == (str(row.id), False, "Lax")


@pytest.mark.parametrize(("scheme", "secure"), [("http", False), ("https", True)])
def test_cookies_are_secure_exactly_when_the_page_came_by_tls(stranger: FlaskClient, ana: Account, scheme: str, secure: bool) -> None:
    answer = stranger.post("/login", data={"email": ana.email, "password": PASSWORD}, base_url=f"{scheme}://localhost")

    cookies = {header.partition("=")[0]: header for header in answer.headers.getlist("Set-Cookie")}
    assert set(cookies) == {"duet", "duet_session", "duet_device"}
    assert all(("; Secure" in header) is secure and "SameSite=Lax" in header for header in cookies.values())
    assert "HttpOnly" in cookies["duet"] and "HttpOnly" in cookies["duet_device"]

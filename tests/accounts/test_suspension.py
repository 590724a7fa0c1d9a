"""A suspended account: out of sight and logged out at once, told so at the log-in and only there, and back at once when restored."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.subjects import Subject, current_versions
from blueprints.matches.versions import DeckVersion
from tests.accounts.test_logging_in import announced
from tests.conftest import PASSWORD, People

Login = Callable[[Account], FlaskClient]


def log_in(client: FlaskClient, account: Account, password: str = PASSWORD) -> tuple[int, str]:
    answer = client.post("/login", data={"email": account.email, "password": password})
    return answer.status_code, answer.text


@pytest.mark.parametrize("path", ["/profiles/{}", "/profiles/{}/portrait", "/matches/{}/card", "/matches/{}/breakdown", "/matches/{}/why"])
def test_others_find_them_no_more_and_then_again(path: str, cast: People, as_user: Login) -> None:
    client, path = as_user(cast.bo), path.format(cast.ana.profile.id)
    assert client.get(path).status_code == 200
    cast.ana.suspend()
    db.session.commit()
    assert client.get(path).status_code == 404 and "Ana Ruiz" not in client.get("/matches").text

    cast.ana.restore()
    db.session.commit()
    assert client.get(path).status_code == 200 and "Ana Ruiz" in client.get("/matches").text


def test_streams_end_open_pages_are_told_and_decks_move(cast: People) -> None:
    deck = DeckVersion.of("brand")
    cast.ana.suspend()
    db.session.commit()
    topics = announced()
    assert {f"end-account/{cast.ana.id}", f"profile:{cast.ana.profile.id}", "deck/brand"} <= set(topics)
    assert DeckVersion.of("brand") == deck + 1
    subject = Subject("profile", cast.ana.profile.id)
    assert current_versions(cast.bo, [subject]) == {}

    cast.ana.restore()
    db.session.commit()
    assert DeckVersion.of("brand") == deck + 2
    assert current_versions(cast.bo, [subject]) == {subject: cast.ana.profile.version}


def test_only_who_knows_the_password_is_told(app: Flask, cast: People, as_user: Login, stranger: FlaskClient) -> None:
    app.config["SUPPORT_EMAIL"] = "help@duet.example"
    member = as_user(cast.ana)
    cast.ana.suspend()
    db.session.commit()

    assert member.get("/settings").status_code == 302, "logged out"
    status, page = log_in(stranger, cast.ana)
    assert status == 422 and "Your account is suspended" in page and "help@duet.example" in page
    assert stranger.get("/settings").status_code == 302, "and not in"
    status, page = log_in(app.test_client(), cast.ana, "a wrong password")
    assert status == 422 and "suspended" not in page and "do not belong together" in page


def test_without_an_address_it_names_the_people_who_run_it(cast: People, stranger: FlaskClient) -> None:
    cast.ana.suspend()
    db.session.commit()
    assert "the people who run this Duet" in log_in(stranger, cast.ana)[1]


def test_who_left_by_themselves_is_told_nothing_even_when_suspended(cast: People, stranger: FlaskClient) -> None:
    cast.ana.deactivate()
    cast.ana.suspend()
    db.session.commit()
    assert "suspended" not in log_in(stranger, cast.ana)[1]


def test_restored_they_log_in_again(cast: People, stranger: FlaskClient) -> None:
    cast.ana.suspend()
    cast.ana.restore()
    db.session.commit()
    assert log_in(stranger, cast.ana)[0] == 302


def test_twice_is_the_same_as_once(cast: People) -> None:
    cast.ana.suspend()
    since, version = cast.ana.suspended_at, cast.ana.profile.version
    cast.ana.suspend()
    assert (cast.ana.suspended_at, cast.ana.profile.version) == (since, version)
    cast.ana.restore()
    version = cast.ana.profile.version
    cast.ana.restore()
    assert cast.ana.profile.version == version


def test_the_command_line_does_both(app: Flask, cast: People) -> None:
    run = app.test_cli_runner().invoke
    for verb, is_here in (("suspend", False), ("restore", True)):
        result = run(args=["accounts", verb, cast.ana.email.upper()])
        assert result.exit_code == 0, result.output
        db.session.expire_all()
        assert cast.ana.is_here is is_here
    assert run(args=["accounts", "suspend", "nobody@example.com"]).exit_code == 1

"""What operators ask: alive, ready, and numbers for this machine only."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from tests.conftest import app_on

Login = Callable[[Account], FlaskClient]

NOBODY_THERE = "postgresql+psycopg://nobody:secret@127.0.0.1:1/none"


@pytest.fixture
def without_database(tmp_path: Path) -> Iterator[Flask]:
    with app_on(tmp_path / "instance", {"DATABASE_URL": NOBODY_THERE}, TESTING=False) as app:
        yield app


def test_alive_is_alive(stranger: FlaskClient) -> None:
    answer = stranger.get("/healthz")

    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert "Set-Cookie" not in answer.headers


def test_ready_says_what_it_stands_on(stranger: FlaskClient) -> None:
    answer = stranger.get("/readyz")

    assert answer.status_code == 200
    assert answer.get_json() == {"database": "up", "writes": "up", "bus": "up", "streams": 0, "index": "building"}


def test_a_bus_that_is_away_is_said_and_takes_nobody_out(app: Flask, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.extensions["live"].bus, "is_up", False, raising=False)

    answer = stranger.get("/readyz")

    assert (answer.status_code, answer.get_json()["bus"]) == (200, "down")


def test_without_its_database_the_worker_is_alive_and_not_ready(without_database: Flask) -> None:
    client = without_database.test_client()

    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")

    assert (answer.status_code, answer.get_json()["database"]) == (503, "down")
    assert "secret" not in answer.text


def test_a_page_without_a_database_says_that_nothing_is_lost_and_when_to_come_back(without_database: Flask, caplog: pytest.LogCaptureFixture) -> None:
    answer = without_database.test_client().post("/login", data={"email": "ana@example.com", "password": "a long enough password"})

    assert answer.status_code == 503
    assert "Duet cannot reach its database" in answer.text
    assert answer.headers["Retry-After"] == "2"
    assert "secret" not in answer.text + caplog.text


def test_a_member_reads_the_same_while_the_database_is_away(app: Flask, ana: Account, as_user: Login, without_database: Flask) -> None:
    without_database.config["SECRET_KEY"] = app.config["SECRET_KEY"]
    cookie = as_user(ana).get_cookie("duet")
    assert cookie
    member = without_database.test_client()
    member.set_cookie("duet", cookie.value)

    for path in ("/", "/matches", "/profile", "/navigation"):
        for asking in ({"Accept": "text/html"}, {"HX-Request": "true"}):
            answer = member.get(path, headers=asking)
            assert answer.status_code == 503, path
            assert "Duet cannot reach its database" in answer.text
    assert member.get("/nowhere", headers={"Accept": "text/html"}).status_code == 404


def test_the_numbers_are_for_this_machine(stranger: FlaskClient) -> None:
    for address in ("127.0.0.1", "::1"):
        answer = stranger.get("/metrics", environ_base={"REMOTE_ADDR": address})
        assert answer.status_code == 200
        assert answer.content_type.startswith("text/plain")
        assert "duet_live_" in answer.text


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "2001:db8::1", ""])
def test_the_numbers_are_for_nobody_else(address: str, stranger: FlaskClient) -> None:
    answer = stranger.get("/metrics", environ_base={"REMOTE_ADDR": address})

    assert answer.status_code == 404
    assert "duet_live_" not in answer.text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host", "Via"])
def test_the_numbers_never_go_through_a_proxy(header: str, stranger: FlaskClient) -> None:
    assert stranger.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404


def test_the_numbers_never_go_through_a_trusted_proxy_either(instance: Path) -> None:
    with app_on(instance, TRUSTED_PROXIES=1) as app:
        client = app.test_client()

        assert client.get("/metrics").status_code == 200
        assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404

"""What every answer says to the browser, and to which names this server answers."""

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from tests.conftest import PASSWORD, app_on

Login = Callable[[Account], FlaskClient]

EVERYWHERE = ["/", "/login", "/register", "/healthz", "/readyz", "/nowhere", "/matches"]


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Headers do not depend on the database."""
    return {}


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_tells_the_browser_to_trust_nothing_but_this_site(path: str, stranger: FlaskClient) -> None:
    headers = stranger.get(path).headers

    policy = dict((directive.split(" ", 1)) for directive in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert set(policy.values()) == {"'none'", "'self'"}, "no unsafe-inline, no unsafe-eval, no other host"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_what_a_server_runs_on_is_nobodys_business(stranger: FlaskClient) -> None:
    assert "X-Powered-By" not in stranger.get("/").headers


@pytest.mark.parametrize("path", ["/matches", "/profile", "/settings", "/navigation", "/matches/news", "/nowhere"])
def test_a_private_page_is_kept_by_no_cache_and_never_shown_to_the_next_member(path: str, ana: Account, as_user: Login) -> None:
    headers = as_user(ana).get(path).headers

    assert headers["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "HX-Request"} <= {name.strip() for name in headers["Vary"].split(",")}


def test_a_picture_and_a_stylesheet_may_be_kept_and_carry_no_cookie(stranger: FlaskClient) -> None:
    address = re.search(r'href="(/static/[^"]+base\.css)"', stranger.get("/").text)
    assert address

    headers = stranger.get(address[1], buffered=True).headers

    assert headers["Cache-Control"].startswith("public")
    assert "Set-Cookie" not in headers
    assert "Cookie" not in headers.get("Vary", "")


@pytest.mark.parametrize("path", ["/", "/login", "/nowhere"])
def test_only_what_came_by_tls_is_told_to_stay_there(path: str, stranger: FlaskClient) -> None:
    secure = stranger.get(path, base_url="https://localhost").headers

    assert int(re.findall(r"max-age=(\d+)", secure["Strict-Transport-Security"])[0]) >= 365 * 24 * 3600
    assert "Strict-Transport-Security" not in stranger.get(path).headers


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_cookie_that_came_by_tls_never_travels_without_it(scheme: str, ana: Account, stranger: FlaskClient) -> None:
    """Without TLS it must, or nobody could log in on their own machine."""
    answer = stranger.post("/login", data={"email": ana.email, "password": PASSWORD}, base_url=f"{scheme}://localhost")

    cookies = answer.headers.getlist("Set-Cookie")
    assert [cookie for cookie in cookies if cookie.startswith("duet=") and "; HttpOnly" in cookie]
    for cookie in cookies:
        assert ("; Secure" in cookie) == (scheme == "https"), cookie
        assert "; SameSite=Lax" in cookie


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "LOCALHOST", "duet.localhost", "127.0.0.1:8000", "10.1.2.3", "[::1]", "[::1]:8000", "localhost."])
def test_numbers_and_this_machines_own_name_are_answered(host: str, stranger: FlaskClient) -> None:
    assert stranger.get("/", headers={"Host": host}).status_code == 200


def test_the_name_of_this_machine_is_answered(stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Workshop")

    assert stranger.get("/", headers={"Host": "workshop:8000"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", "evil.example:127.0.0.1"])
def test_a_name_this_server_was_not_given_reaches_no_page(host: str, stranger: FlaskClient) -> None:
    answer = stranger.get("/login?next=/matches", headers={"Host": host})

    assert answer.status_code == 400
    assert "evil" not in answer.text, "nothing of it is repeated"
    assert "<form" not in answer.text


def test_who_comes_by_a_foreign_name_reads_what_to_do_about_it(stranger: FlaskClient) -> None:
    page = stranger.get("/", headers={"Host": "evil.example", "Accept": "text/html"}).text

    assert "<h1" in page
    assert "does not answer to that name" in page
    assert "ALLOWED_HOSTS" in page


@pytest.mark.parametrize("host", ["", "a b", "[::1", "::1", "localhost:abc", "localhost:81:81", "evil.example@localhost", "localhost/evil", "localhost\\evil", "ex%61mple", "a" * 5_000, "é.example", ".", "[]", "<script>"])
def test_a_malformed_name_is_a_bad_request_and_no_failure(host: str, stranger: FlaskClient) -> None:
    answer = stranger.get("/", headers={"Host": host})

    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert "<script>" not in answer.text.partition("<body>")[2]


def test_an_operator_names_the_hosts_of_a_public_server(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "duet.example,www.duet.example")
    with app_on(instance) as app:
        client = app.test_client()

        assert client.get("/", headers={"Host": "duet.example"}).status_code == 200
        assert client.get("/", headers={"Host": "WWW.duet.example:443"}).status_code == 200
        assert client.get("/", headers={"Host": "other.duet.example"}).status_code == 400


def test_behind_a_proxy_its_word_counts_and_without_one_nobodys_does(instance: Path, app: Flask) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost", "X-Forwarded-For": "192.0.2.7"}
    assert "Strict-Transport-Security" not in app.test_client().get("/", headers=told).headers

    with app_on(instance, TRUSTED_PROXIES=1) as behind:
        assert "Strict-Transport-Security" in behind.test_client().get("/", headers=told).headers
        assert behind.test_client().get("/", headers={**told, "X-Forwarded-Host": "evil.example"}).status_code == 400


def test_a_header_cannot_be_written_through_an_address(stranger: FlaskClient) -> None:
    for path in ("/login?next=/%0d%0aSet-Cookie:x=1", "/matches?a=%0d%0aX-Evil:1", "/nowhere%0d%0aX-Evil:1"):
        answer = stranger.get(path, headers={"HX-Request": "true"})

        assert "X-Evil" not in answer.headers
        assert not any("x=1" in cookie for cookie in answer.headers.getlist("Set-Cookie"))

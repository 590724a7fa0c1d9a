"""Being sent to the login page and back, and never to another site."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from blueprints.accounts.models import Account
from blueprints.accounts.redirects import safe_next
from tests.conftest import PASSWORD

ELSEWHERE = [
    "http://evil.example", "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "/\n/evil.example", "\t//evil.example", " //evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "/./" + "/evil.example",
    "/a//evil.example", "/x\r\nSet-Cookie: a=b", "?x", "#x", "", "/" + "a" * 3000,
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_what_a_browser_could_read_as_another_site_is_no_target(target: str) -> None:
    assert safe_next(target) is None


@pytest.mark.parametrize("target", ["/", "/profiles/42", "/matches?page=2&sort=score", "/login?next=//x", "/settings#password"])
def test_a_page_of_this_site_is_a_target(target: str) -> None:
    assert safe_next(target) == target


def test_logging_in_leads_back_to_where_one_was_going_and_never_elsewhere(stranger: FlaskClient, ana: Account) -> None:
    for target, leads_to in (("/matches?page=2", "/matches?page=2"), ("//evil.example", "/"), ("https://evil.example/", "/")):
        assert ('value="/matches?page=2"' in stranger.get("/login", query_string={"next": target}).text) is (leads_to == target)

        answer = stranger.post("/login", data={"email": ana.email, "password": PASSWORD, "next": target})

        assert answer.location == leads_to
        stranger.post("/logout")


@given(st.text())
def test_a_target_is_a_path_of_this_site_or_nothing(target: str) -> None:
    safe = safe_next(target)

    assert safe is None or (safe == target and safe[0] == "/" and safe[1:2] not in ("/", "\\") and safe.isprintable() or not safe.isascii())


def test_a_page_that_needs_a_member_leads_to_the_login_page_and_back(stranger: FlaskClient) -> None:
    answer = stranger.get("/settings?x=1")

    assert (answer.status_code, answer.location) == (302, "/login?next=/settings?x%3D1")


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(stranger: FlaskClient) -> None:
    answer = stranger.post("/settings/sessions/end-others", headers={"Referer": "http://localhost/settings"})

    assert answer.location == "/login?next=/settings"


@pytest.mark.parametrize(("current", "target"), [
    ("http://localhost/matches?page=2", "/login?next=/matches?page%3D2"),
    ("http://evil.example/matches", "/login"),
    ("http://[", "/login"),
    ("", "/login"),
])
def test_a_followed_link_is_told_to_show_the_login_page_as_a_page(stranger: FlaskClient, current: str, target: str) -> None:
    answer = stranger.get("/settings", headers={"HX-Request": "true", "HX-Boosted": "true", "HX-Request-Type": "full", "HX-Current-URL": current})

    assert (answer.status_code, answer.data) == (401, b"")
    assert answer.headers["HX-Redirect"] == target


@pytest.mark.parametrize(("method", "more"), [("GET", {}), ("POST", {}), ("POST", {"HX-Boosted": "true", "HX-Request-Type": "full"})])
def test_a_part_of_a_page_and_a_form_stay_where_they_are(method: str, more: dict[str, str], stranger: FlaskClient) -> None:
    """What was typed would be lost: the page asks for the password itself."""
    path = "/settings/sessions" if method == "GET" else "/settings/live"
    answer = stranger.open(path, method=method, headers={"HX-Request": "true", **more})

    assert (answer.status_code, answer.data) == (401, b"")
    assert "HX-Redirect" not in answer.headers


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_program_hears_401(stranger: FlaskClient, accept: str) -> None:
    assert stranger.get("/settings", headers={"Accept": accept}).status_code == 401


def test_a_member_who_opens_the_login_page_is_sent_on(ana: Account, as_user: Callable[[Account], FlaskClient]) -> None:
    assert as_user(ana).get("/login?next=/settings").location == "/settings"
    assert as_user(ana).get("/login?next=//evil.example").location == "/"

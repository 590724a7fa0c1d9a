"""Every error as something a person understands: a page for a page, a fragment for a fragment, a line for a program."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.profiles.models import Profile
from tests.conftest import PASSWORD, app_on

Login = Callable[[Account], FlaskClient]

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
BOOSTED = {"HX-Request": "true", "HX-Boosted": "true", "HX-Request-Type": "full"}
HISTORY = {"HX-Request": "true", "HX-Request-Type": "full"}
CURL = {"Accept": "*/*"}
SECRET = "a password in a stack trace"


@pytest.fixture
def database() -> dict[str, str]:
    """Errors read the same on both databases."""
    return {}


@pytest.fixture
def serving(instance: Path) -> Iterator[Flask]:
    """The app as members meet it: what goes wrong is answered, not raised, and forms need their token."""
    with app_on(instance, TESTING=False, WTF_CSRF_ENABLED=True) as app:
        yield app


def break_it(app: Flask, error: Exception) -> None:
    def broken() -> str:
        raise error

    app.view_functions["accounts.register"] = broken


def test_a_browser_gets_a_page_with_a_way_on(stranger: FlaskClient) -> None:
    answer = stranger.get("/nowhere", headers=BROWSER)

    assert answer.status_code == 404
    assert "<html" in answer.text and "<h1" in answer.text
    assert "There is nothing here" in answer.text
    assert re.search(r'<a class="button[^"]*" href="/">To the start page</a>', answer.text)


def test_a_members_page_leads_back_to_their_matches(ana: Account, as_user: Login) -> None:
    answer = as_user(ana).get("/profiles/999999", headers=BROWSER)

    assert answer.status_code == 404
    assert "To your matches" in answer.text
    assert "Ana Ruiz" in answer.text, "still logged in"


def test_a_fragment_gets_a_fragment_that_names_its_status(ana: Account, as_user: Login) -> None:
    answer = as_user(ana).get("/matches/999999/breakdown", headers=FRAGMENT)

    assert answer.status_code == 404
    assert answer.text.strip() == '<p class="error-fragment" data-error="404">There is nothing here. The page may have moved, or it is not visible to you.</p>'


@pytest.mark.parametrize("headers", [BOOSTED, HISTORY], ids=["a followed link", "a page brought back"])
def test_a_boosted_link_to_nothing_is_followed_as_a_page(headers: dict[str, str], stranger: FlaskClient) -> None:
    """Bodies of errors are not swapped in: without this the click would do nothing."""
    answer = stranger.get("/nowhere?a=1&b=%20", headers=headers)

    assert (answer.status_code, answer.data) == (404, b"")
    assert answer.headers["HX-Redirect"] in ("/nowhere?a=1&b=%20", "/nowhere?a=1&b=+")
    assert "There is nothing here" in stranger.get(answer.headers["HX-Redirect"], headers=BROWSER).text


@pytest.mark.parametrize("path", ["//evil.example/nowhere", "/\\evil.example/nowhere", "//evil.example%2f..", "///evil.example"])
def test_an_error_never_sends_anybody_to_another_site(path: str, stranger: FlaskClient) -> None:
    answer = stranger.get("/", headers=BOOSTED, environ_overrides={"PATH_INFO": path})

    target = answer.headers.get("HX-Redirect") or answer.headers.get("Location", "/")
    assert not re.match(r"(https?:)?[/\\]{2}(?!localhost)", target), target


@pytest.mark.parametrize("path", ["/nowhere%0d%0aX-Evil:1", "/%E6%97%A5%E6%9C%AC", "/nowhere%3Fa", "/nowhere%23a", "/%00", "/%ff"])
def test_a_boosted_link_to_any_address_is_followed_to_that_very_address(path: str, stranger: FlaskClient) -> None:
    answer = stranger.get(path, headers=BOOSTED)

    assert answer.status_code == 404
    assert "X-Evil" not in answer.headers
    assert unquote_to_bytes(answer.headers["HX-Redirect"]) in (unquote_to_bytes(path), "/\ufffd".encode())
    assert answer.headers["HX-Redirect"].isascii()


def test_a_program_that_wants_no_html_gets_a_line_of_text(stranger: FlaskClient) -> None:
    answer = stranger.get("/nowhere", headers={"Accept": "application/json"})

    assert answer.status_code == 404
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.text == "There is nothing here. The page may have moved, or it is not visible to you.\n"


def test_curl_takes_anything_and_gets_the_page(stranger: FlaskClient) -> None:
    assert "<h1" in stranger.get("/nowhere", headers=CURL).text


def test_a_wrong_method_says_which_are_right(stranger: FlaskClient) -> None:
    answer = stranger.get("/logout", headers=BROWSER)

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "That cannot be done here" in answer.text


@pytest.mark.parametrize("error", [ValueError(SECRET), OSError(5, SECRET), RecursionError(SECRET), KeyError(SECRET)])
@pytest.mark.parametrize("headers", [BROWSER, FRAGMENT, {"Accept": "application/json"}], ids=["browser", "fragment", "program"])
def test_what_goes_wrong_is_said_without_its_inside_and_noted(error: Exception, headers: dict[str, str], serving: Flask, caplog: pytest.LogCaptureFixture) -> None:
    break_it(serving, error)

    answer = serving.test_client().get("/register", headers=headers)

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    for inside in (SECRET, "Traceback", ".py", type(error).__name__):
        assert inside not in answer.text
    assert SECRET in caplog.text, "the operator reads what it was"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_went_wrong_leaves_no_half_a_change(serving: Flask, app: Flask, ana: Account, as_user: Login) -> None:
    cookie = as_user(ana).get_cookie("duet")
    assert cookie
    serving.config["WTF_CSRF_ENABLED"] = False
    client = serving.test_client()
    client.set_cookie("duet", cookie.value)
    profile_id = ana.profile.id

    def half_way() -> str:
        profile = db.session.get_one(Profile, profile_id)
        profile.revise({"bio": "Half a change"}, base=profile.version)
        raise ValueError("half way")

    serving.view_functions["profiles.save"] = half_way
    db.session.rollback()

    assert client.post("/profile", data={}).status_code == 500

    db.session.expire_all()
    assert ana.profile.bio.startswith("I film"), "and the lock is free again"
    serving.view_functions["profiles.save"] = lambda: "fine"
    assert client.post("/profile", data={}).status_code == 200


@pytest.mark.parametrize("token", [None, "", "wrong", "IjEi.aaaa.bbbb"])
def test_a_form_without_its_token_is_a_page_that_says_what_to_do(token: str | None, serving: Flask) -> None:
    form = {"email": "ana@example.com", "password": PASSWORD} | ({} if token is None else {"csrf_token": token})

    answer = serving.test_client().post("/login", data=form, headers=BROWSER)

    assert answer.status_code == 400
    assert "This page had become too old to save" in answer.text
    assert "Nothing was changed" in answer.text
    assert PASSWORD not in answer.text


def test_the_same_form_with_its_token_is_read(serving: Flask) -> None:
    client = serving.test_client()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)
    assert token

    answer = client.post("/login", data={"email": "nobody@example.com", "password": PASSWORD, "csrf_token": token[1]}, headers=BROWSER)

    assert answer.status_code == 422
    assert "do not belong together" in answer.text


def test_a_token_of_another_browser_is_worth_nothing(serving: Flask) -> None:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', serving.test_client().get("/login").text)
    assert token

    other = serving.test_client()
    other.get("/login")

    assert other.post("/login", data={"email": "nobody@example.com", "password": PASSWORD, "csrf_token": token[1]}).status_code == 400


@pytest.mark.parametrize("many", [{"email": "x" * 300_000}, {f"field{number}": "x" for number in range(300)}], ids=["long", "many"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(many: dict[str, str], stranger: FlaskClient) -> None:
    answer = stranger.post("/login", data={**many, "password": PASSWORD}, content_type="multipart/form-data", headers=BROWSER)

    assert answer.status_code == 413
    assert "That is too large" in answer.text


def test_a_declared_length_beyond_the_limit_is_refused_unread(stranger: FlaskClient) -> None:
    answer = stranger.post("/login", headers=BROWSER, environ_overrides={"CONTENT_LENGTH": str(10 * 1024**3), "CONTENT_TYPE": "application/x-www-form-urlencoded"})

    assert answer.status_code == 413
    assert "That is too large" in answer.text


def test_what_somebody_typed_into_an_address_is_never_markup(stranger: FlaskClient) -> None:
    for path in ("/<script>alert(1)</script>", "/nowhere?q=<script>alert(1)</script>"):
        assert "<script>alert" not in stranger.get(path, headers=BROWSER).text


def test_a_form_that_was_cut_off_on_its_way_is_not_taken_for_a_whole_one(ana: Account, as_user: Login) -> None:
    def sent(**environ: object) -> int:
        asked = {"data": b"base=1&bio=I+film+street+food", "content_type": "application/x-www-form-urlencoded"}
        return as_user(ana).patch("/profile", **asked, environ_overrides={"wsgi.input_terminated": True, **environ}).status_code  # type: ignore[arg-type]

    assert sent(CONTENT_LENGTH="40") == 400
    assert db.session.get_one(Profile, ana.profile.id).bio.startswith("I film street food and")
    assert sent() == 200
    assert db.session.get_one(Profile, ana.profile.id).bio == "I film street food"

"""Where one is logged in: how long it lasts, the list, and ending one or all others."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from blueprints.accounts.devices import device
from blueprints.accounts.models import IDLE, IDLE_REMEMBERED, LONGEST, Account, LoginSession
from blueprints.extensions import db, utc_now
from tests.accounts.test_logging_in import announced, is_logged_in, sessions_of
from tests.conftest import PASSWORD

Login = Callable[[Account], FlaskClient]

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"


@pytest.fixture
def another_browser(app: Flask) -> Callable[..., FlaskClient]:
    """Logs an account in from a browser of its own."""

    def login(account: Account, agent: str = FIREFOX, **form: str) -> FlaskClient:
        client = app.test_client()
        answer = client.post("/login", data={"email": account.email, "password": PASSWORD, **form}, headers={"User-Agent": agent})
        assert answer.status_code == 302
        return client

    return login


def only_session(account: Account) -> LoginSession:
    db.session.rollback()
    found, = db.session.scalars(select(LoginSession).where(LoginSession.account_id == account.id))
    return found


def test_a_session_lasts_twelve_hours_after_it_was_last_used(ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    row = only_session(ana)
    assert timedelta(0) <= utc_now() + IDLE - row.expires_at < timedelta(minutes=1)

    row.expires_at = utc_now() - timedelta(seconds=1)
    db.session.commit()

    assert not is_logged_in(client)


def test_a_remembered_session_lasts_thirty_days_and_its_cookie_survives_the_browser(ana: Account, another_browser: Callable[..., FlaskClient]) -> None:
    client = another_browser(ana, remember="y")

    row, cookie = only_session(ana), client.get_cookie("duet")

    assert row.remembered
    assert timedelta(0) <= utc_now() + IDLE_REMEMBERED - row.expires_at < timedelta(minutes=1)
    assert cookie is not None and cookie.expires is not None


def test_a_session_that_is_not_remembered_ends_with_the_browser(ana: Account, as_user: Login) -> None:
    cookie, hint = as_user(ana).get_cookie("duet"), as_user(ana).get_cookie("duet_session")

    assert cookie is not None and cookie.expires is None and cookie.max_age is None
    assert hint is not None and hint.expires is None and hint.max_age is None


def test_no_session_outlives_ninety_days_however_much_it_is_used(ana: Account, another_browser: Callable[..., FlaskClient]) -> None:
    client = another_browser(ana, remember="y")
    row = only_session(ana)
    row.created_at = utc_now() - LONGEST + timedelta(hours=1)
    row.last_seen_at = utc_now() - timedelta(days=1)
    db.session.commit()

    assert is_logged_in(client)

    assert only_session(ana).expires_at <= utc_now() + timedelta(hours=1)


def test_a_page_read_is_noted_every_five_minutes_at_most(ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    for minutes, is_noted in ((4, False), (6, True)):
        seen = utc_now() - timedelta(minutes=minutes)
        only_session(ana).last_seen_at = seen
        db.session.commit()

        client.get("/settings")

        assert (only_session(ana).last_seen_at > seen) is is_noted


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # elsewhere writers wait for rows, not for each other
def test_a_busy_database_does_not_keep_a_member_from_reading(ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    only_session(ana).last_seen_at = utc_now() - timedelta(hours=1)
    db.session.commit()

    with db.engine.connect() as writer:
        writer.exec_driver_sql("UPDATE accounts SET version = version")
        assert is_logged_in(client)


def test_who_is_logged_in_is_one_query(app: Flask, ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    client.get("/settings/sessions")
    db.session.rollback()
    db.session.expunge_all()
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: asked.append(statement))

    assert "Ana Ruiz" in client.get("/navigation").text

    queries = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(queries) == 1, queries


def test_a_deactivated_account_is_logged_out_everywhere(ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    ana.deactivated_at = utc_now()
    db.session.commit()

    assert not is_logged_in(client)


def test_expired_sessions_are_swept_out_when_somebody_logs_in(ana: Account, bo: Account, as_user: Login) -> None:
    as_user(ana)
    only_session(ana).expires_at = utc_now() - timedelta(days=1)
    db.session.commit()

    as_user(bo)

    assert db.session.scalars(select(LoginSession.account_id)).all() == [bo.id]


def test_the_list_shows_each_browser_in_words_and_marks_this_one(ana: Account, another_browser: Callable[..., FlaskClient]) -> None:
    here = another_browser(ana)
    another_browser(ana, IPHONE)

    page = here.get("/settings").text

    assert "Firefox on Linux" in page
    assert "Safari on iOS" in page
    assert page.count("This device") == 1
    assert page.count("this computer") == 2


def test_the_list_shows_only_ones_own(ana: Account, bo: Account, another_browser: Callable[..., FlaskClient]) -> None:
    another_browser(bo, IPHONE)

    assert "iOS" not in another_browser(ana).get("/settings/sessions").text


def test_the_list_comes_right_by_itself_when_another_browser_logs_in_or_out(ana: Account, another_browser: Callable[..., FlaskClient]) -> None:
    here = another_browser(ana)
    shown = ana.version
    assert f'data-live="me@{shown}" hx-get="/settings/sessions"' in here.get("/settings").text

    there = another_browser(ana, IPHONE)
    assert ana.version > shown
    assert announced().count(f"me/{ana.id}") == 2
    there.post("/logout")

    assert announced().count(f"me/{ana.id}") == 3
    watched = here.post("/live/watch", data={"subjects": f"me@{shown}"}).get_json()
    assert watched["stale"] == {"me": ana.version}


def test_ending_one_logs_that_browser_out_and_ends_its_streams(ana: Account, another_browser: Callable[..., FlaskClient]) -> None:
    here, there = another_browser(ana), another_browser(ana, IPHONE)
    ended, = [row for row in sessions_of(ana) if "iPhone" in row.user_agent]
    ended_id = ended.id

    answer = here.post(f"/settings/sessions/{ended_id}/end")

    assert (answer.status_code, answer.location) == (302, "/settings")
    assert f"end-session/{ended_id}" in announced()
    assert is_logged_in(here)
    assert not is_logged_in(there)


def test_ending_this_one_is_logging_out(ana: Account, as_user: Login) -> None:
    client = as_user(ana)

    client.post(f"/settings/sessions/{only_session(ana).id}/end")

    assert not is_logged_in(client)


def test_a_strangers_session_cannot_be_ended_nor_guessed(ana: Account, bo: Account, as_user: Login) -> None:
    as_user(ana), as_user(bo)
    theirs, = sessions_of(bo)

    for session_id in (theirs.id, 999_999, int("9" * 50)):
        assert as_user(ana).post(f"/settings/sessions/{session_id}/end").status_code == 404
    assert is_logged_in(as_user(bo))


def test_ending_all_others_leaves_only_this_one(ana: Account, bo: Account, as_user: Login, another_browser: Callable[..., FlaskClient]) -> None:
    here, others = another_browser(ana), [another_browser(ana, IPHONE) for _ in range(2)]
    ids = [row.id for row in sessions_of(ana) if "iPhone" in row.user_agent]
    as_user(bo)

    here.post("/settings/sessions/end-others")

    assert is_logged_in(here)
    assert not any(is_logged_in(other) for other in others)
    assert {f"end-session/{session_id}" for session_id in ids} <= set(announced())
    assert is_logged_in(as_user(bo)), "others' sessions are not touched"


def test_pausing_live_updates_is_kept_with_the_account_and_told_to_its_pages(ana: Account, as_user: Login) -> None:
    client, before = as_user(ana), ana.version

    answer = client.post("/settings/live", data={"paused": "1"}, headers={"HX-Request": "true"})

    assert (answer.status_code, answer.data) == (204, b"")
    assert ana.live_paused_at is not None
    assert ana.version == before + 1
    client.post("/settings/live", data={"paused": "0"}, headers={"HX-Request": "true"})
    assert ana.live_paused_at is None


def test_pausing_without_javascript_leads_back_to_the_page(ana: Account, as_user: Login) -> None:
    here = as_user(ana).post("/settings/live", data={"paused": "1"}, headers={"Referer": "http://localhost/matches?page=2"})
    elsewhere = as_user(ana).post("/settings/live", data={"paused": "1"}, headers={"Referer": "http://evil.example/x"})

    assert here.location == "/matches?page=2"
    assert elsewhere.location == "/settings"


@pytest.mark.parametrize(("agent", "words"), [(FIREFOX, "Firefox on Linux"), (IPHONE, "Safari on iOS"), ("", "An unknown browser"), ("x", "An unknown browser")])
def test_a_browser_in_words(agent: str, words: str) -> None:
    assert device(agent) == words

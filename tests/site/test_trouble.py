"""The database in trouble, with the real thing each time: the person reads what it is, nothing is half done, and it comes back by itself."""

import errno
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gevent import GreenletExit
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from blueprints import extensions
from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.sweep import Sweep
from blueprints.site.problems import AWAY, BUSY, FULL, READ_ONLY, Noted, Problem, problem_of
from tests.conftest import PASSWORD

Login = Callable[[Account], FlaskClient]

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
FRAGMENT = {"HX-Request": "true", "HX-Request-Type": "partial"}
PROGRAM = {"Accept": "application/json"}
on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "LOCK_WAIT_SECONDS", 0.2)


@contextmanager
def another_holds_the_lock() -> Iterator[None]:
    """Of the whole database on SQLite, of all that a save needs on PostgreSQL."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect() as other, other.begin():
            other.execute(text("LOCK TABLE profiles IN ACCESS EXCLUSIVE MODE"))
            yield
    else:
        with closing(by_hand()) as program:
            program.execute("BEGIN IMMEDIATE")
            yield


def by_hand() -> sqlite3.Connection:
    """Another program at the same database."""
    return sqlite3.connect(str(db.engine.url.database), isolation_level=None)


def save(client: FlaskClient, **headers: str) -> tuple[int, str]:
    answer = client.patch("/profile", data={"bio": "Typed in trouble", "base": "999"}, headers=headers)
    return answer.status_code, answer.text


def test_who_waits_too_long_for_a_lock_hears_that_duet_is_busy(impatient: None, app: Flask, ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    db.session.rollback()
    db.engine.dispose()  # PostgreSQL is told how long to wait as a connection opens
    with another_holds_the_lock():
        fragment = client.patch("/profile", data={"bio": "Typed in trouble", "base": "1"}, headers=FRAGMENT)
        page = client.post("/profile", data={"bio": "Typed in trouble", "base": "1"}, headers=BROWSER)

    assert (fragment.status_code, page.status_code) == (503, 503)
    assert fragment.headers["Retry-After"] == "2"
    assert fragment.text.strip() == '<p class="error-fragment" data-error="503">Duet is busy. Nothing was changed. Please try again in a moment.</p>'
    assert "<h1" in page.text and "Duet is busy" in page.text
    assert client.get("/readyz").get_json()["writes"] == "busy"
    assert save(client)[0] == 200, "and then it goes on by itself"


@contextmanager
def connections(prepare: Callable[[sqlite3.Connection, Any], None]) -> Iterator[None]:
    """The app opens all of them anew, prepared like this."""
    event.listen(db.engine, "connect", prepare)
    db.session.rollback()
    db.engine.dispose()
    try:
        yield
    finally:
        event.remove(db.engine, "connect", prepare)
        db.session.rollback()
        db.engine.dispose()


def with_no_room_left(connection: sqlite3.Connection, _record: Any) -> None:
    """It may add no page to the database: what SQLite says then is what it says of a full disk."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")


def for_reading(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA query_only = 1")  # SQLite answers as it does where the file may not be written


@on_sqlite
def test_a_full_disk_is_said_in_words_and_ends_with_the_disk_being_full(app: Flask, ana: Account, as_user: Login, caplog: pytest.LogCaptureFixture) -> None:
    client = as_user(ana)
    long = "A long text about street food. " * 20
    db.session.rollback()
    with closing(by_hand()) as other:  # no free page inside either
        other.execute("CREATE TABLE ballast (x BLOB)")
        while other.execute("PRAGMA freelist_count").fetchone()[0]:
            other.execute("INSERT INTO ballast VALUES (zeroblob(100000))")
    with connections(with_no_room_left):
        answers = [client.patch("/profile", data={"bio": f"{n} {long}", "links": "https://a.example/" + "x" * 100, "base": "99"}, headers=FRAGMENT) for n in range(60)]
        full = [answer for answer in answers if answer.status_code == 507]
        assert full, {answer.status_code for answer in answers}
        assert {answer.status_code for answer in answers} <= {200, 507}
        assert "The server&#39;s disk is full. Nothing was changed" in full[-1].text
        kept = [n for n, answer in enumerate(answers) if answer.status_code == 200]

        assert client.get("/matches").status_code == 200, "reading goes on"
        assert client.get("/readyz").get_json() | {"index": 0} == {"database": "up", "writes": "full", "bus": "up", "streams": 0, "index": 0}
        for method, path, data in (("GET", "/login", {}), ("POST", "/login", {"email": ana.email, "password": PASSWORD}),
                                   ("POST", "/register", {"email": "new@example.com", "password": PASSWORD, "name": "New", "role": "brand"})):
            for headers in (BROWSER, FRAGMENT, PROGRAM):
                stranger = app.test_client()
                answer = stranger.open(path, method=method, data=data, headers=headers)
                assert answer.status_code in (200, 302, 507), (path, answer.status_code)
                assert method == "GET" or answer.status_code != 507 or "disk is full" in answer.text
        assert Sweep(app.extensions["live"].hub).look() >= 0
    db.session.expire_all()
    assert not kept or ana.profile.bio.startswith(f"{kept[-1]} "), "what was said to be saved is saved, and no more"
    assert len([record for record in caplog.records if "full" in record.getMessage()]) == 1, "once a minute, and no traceback"
    assert save(client)[0] == 200, "and then it goes on by itself"


@on_sqlite
def test_a_database_that_can_only_be_read_shows_pages_and_saves_nothing(app: Flask, ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    with connections(for_reading):
        assert client.get("/matches").status_code == 200
        status, words = save(client, **FRAGMENT)
        assert (status, "can only be read" in words) == (503, True)
        assert client.get("/readyz").get_json()["writes"] == "read-only"

    assert save(client)[0] == 200


@on_postgresql
def test_a_database_that_restarts_is_away_for_a_moment(app: Flask, ana: Account, as_user: Login) -> None:
    """Its connections end in the middle of what is asked; the next request opens another."""
    client = as_user(ana)
    email = ana.email
    db.session.rollback()

    def end_it(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE profiles"):
            event.remove(db.engine, "before_cursor_execute", end_it)
            with db.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"))

    event.listen(db.engine, "before_cursor_execute", end_it)
    status, words = save(client, **FRAGMENT)

    assert (status, "Duet cannot reach its database" in words) == (503, True)
    assert save(client)[0] == 200
    assert app.test_client().post("/login", data={"email": email, "password": PASSWORD}).status_code == 302


@on_postgresql
def test_a_replica_can_be_read(app: Flask, ana: Account, as_user: Login) -> None:
    client = as_user(ana)
    db.session.rollback()

    def read_only(connection: Any) -> None:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    event.listen(db.engine, "begin", read_only)
    try:
        assert client.get("/matches").status_code == 200
        status, words = save(client, **FRAGMENT)
    finally:
        event.remove(db.engine, "begin", read_only)

    assert (status, "can only be read" in words) == (503, True)


@on_postgresql
def test_what_postgresql_calls_them(app: Flask) -> None:
    """Raised by the server itself, so that the codes are real."""
    for code, problem in (("53100", FULL), ("40P01", BUSY), ("55P03", BUSY), ("25006", READ_ONLY), ("58030", AWAY), ("22012", None), ("25P02", None)):
        with pytest.raises(DBAPIError) as raised:
            db.session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"))
        db.session.rollback()
        assert problem_of(raised.value) is problem, code


@on_sqlite
def test_what_sqlite_calls_them(app: Flask) -> None:
    """A question that is wrong is nobody's trouble but ours, whatever else is wrong at the time."""
    def of(code: int) -> Problem | None:
        raised = sqlite3.OperationalError("in SQLite's words")
        raised.sqlite_errorcode = code
        return problem_of(OperationalError("SELECT 1", {}, raised))

    assert of(sqlite3.SQLITE_BUSY_SNAPSHOT) is BUSY and of(sqlite3.SQLITE_READONLY_DBMOVED) is READ_ONLY
    assert of(sqlite3.SQLITE_IOERR_WRITE) is FULL and of(sqlite3.SQLITE_IOERR_READ) is AWAY, "a disk that cannot be read is not full"
    assert of(sqlite3.SQLITE_CORRUPT) is None
    for wrong in ("SELECT * FROM nowhere", "SELEC 1", "INSERT INTO operations (id) VALUES ('x')", "SELECT :missing"):
        with pytest.raises(SQLAlchemyError) as raised, db.engine.connect() as connection:
            connection.execute(text(wrong))
        assert problem_of(raised.value) is None, wrong


@on_sqlite
def test_a_followed_link_stays_on_the_page_while_the_server_is_in_trouble(app: Flask, ana: Account, as_user: Login) -> None:
    """What was typed there would go with it; the words come beside the page."""
    client = as_user(ana)

    def broken() -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    app.view_functions["accounts.settings"] = broken
    answer = client.get("/settings", headers={"HX-Request": "true", "HX-Boosted": "true", "HX-Request-Type": "full"})

    assert (answer.status_code, "HX-Redirect" in answer.headers, "data-error" in answer.text) == (507, False, True)


@on_sqlite
def test_a_page_does_not_wait_to_note_that_one_is_here(app: Flask, ana: Account, as_user: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite somebody's lock is everybody's, and a page would take seconds."""
    client = as_user(ana)
    ana_seen = ana.last_seen_at
    db.session.rollback()
    with closing(by_hand()) as other:
        other.execute("UPDATE login_sessions SET last_seen_at = '2026-01-01 00:00:00'")
    with another_holds_the_lock(), monkeypatch.context() as patched:
        patched.setattr("blueprints.extensions.time.sleep", Mock(side_effect=AssertionError("it waits")))
        with pytest.raises(AssertionError, match="it waits"):
            save(client)
        assert client.get("/settings").status_code == 200
    db.session.expire_all()

    assert ana.last_seen_at == ana_seen, "it was to be noted, and could not"


@on_sqlite
def test_what_works_in_the_background_says_so_once_a_minute_and_goes_on(app: Flask, ana: Account, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is here is written each second; while that fails it is kept, and written once it can be."""
    keeper = app.extensions["presence"]
    ana_id = ana.id
    monkeypatch.setattr(extensions, "_warned", {})
    rounds = iter(range(4))

    def sleep(_seconds: float) -> None:
        if next(rounds, None) is None:
            raise GreenletExit

    monkeypatch.setattr("blueprints.presence.keeper.gevent.sleep", sleep)
    keeper.unwritten[ana_id] = True
    with connections(for_reading), pytest.raises(GreenletExit):
        keeper.keep()
    assert [record.getMessage() for record in caplog.records] == ["attempt to write a readonly database; it tries again each second"]
    assert ana_id in keeper.unwritten

    keeper.tick(time.monotonic())
    assert ana_id not in keeper.unwritten


def test_an_hour_of_trouble_is_a_line_a_minute(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("blueprints.site.problems.time.monotonic", lambda: now)
    noted = Noted()
    error = OperationalError("UPDATE secret", {}, Exception("database or disk is full"))
    for second in range(120):
        now = 1000.0 + second
        noted.meet(FULL, error)

    assert [record.getMessage() for record in caplog.records] == [
        "database: full: database or disk is full", "database: full: database or disk is full (59 more in the last minutes)"
    ]
    assert noted.lately() == "full"
    now += 60
    assert noted.lately() is None

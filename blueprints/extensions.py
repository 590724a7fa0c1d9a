"""The libraries Duet stands on, made once and bound to the app in ``app.create_app``."""

import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Request, current_app, has_request_context, request, session
from flask_htmx import HTMX
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect, generate_csrf
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter, RateLimiter
from sqlalchemy import DateTime, Dialect, Engine, ExceptionContext, MetaData, TypeDecorator, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase
from werkzeug.routing import IntegerConverter, Map

log = logging.getLogger(__name__)

LOCK_WAIT_SECONDS = 5.0
WARN_EVERY_SECONDS = 60.0
MAX_ID = 2**31 - 1  # what PostgreSQL's integer holds

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_warned: dict[str, float] = {}  # name of a log → when

P = ParamSpec("P")
R = TypeVar("R")


class Model(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is taken off on the way in and put back on the way out."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


def utc_now() -> datetime:
    return datetime.now(UTC)


class Counters:
    """The counters behind ``accounts.limits``: in this process, or in Redis for all workers. They are asked where it matters only;
    Flask-Limiter, which wraps the same library, would look at every request, which costs a card a twentieth of its time."""

    limiter: RateLimiter
    enabled: bool

    def init_app(self, app: Flask) -> None:
        storage = storage_from_string(app.config["RATELIMIT_STORAGE_URI"], **app.config["RATELIMIT_STORAGE_OPTIONS"])
        self.limiter = MovingWindowRateLimiter(storage)
        self.enabled = app.config.get("RATELIMIT_ENABLED", True)


class Database(SQLAlchemy):
    def _teardown_session(self, exc: BaseException | None) -> None:
        """A connection that broke after the answer was made takes nothing from that answer, and leaves nothing behind for the next request."""
        try:
            super()._teardown_session(exc)
        except DBAPIError as error:
            self.session.registry.clear()
            log.warning("database: %s", error.orig)


db = Database(metadata=Model.metadata)
migrate = Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
htmx = HTMX()
limiter = Counters()


class IdConverter(IntegerConverter):
    """``<id:name>``: a row's number. What no database could hold is simply not found."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, min=1, max=MAX_ID)


def warn_seldom(log: logging.Logger, error: Exception) -> None:
    """For loops that try again each second while the database is away or full: a line a minute says it as well."""
    now = time.monotonic()
    if now - _warned.get(log.name, -WARN_EVERY_SECONDS) >= WARN_EVERY_SECONDS:
        _warned[log.name] = now
        log.warning("%s; it tries again each second", getattr(error, "orig", None) or error)


class WholeRequest(Request):
    """A body that ends before its declared length was cut off on its way: it is refused (400), not read as far as it came. gunicorn says that it
    ends bodies itself, for which Werkzeug would take half a text for all of it."""

    def __init__(self, environ: Any, populate_request: bool = True, shallow: bool = False) -> None:
        if environ.get("CONTENT_LENGTH"):
            environ.pop("wsgi.input_terminated", None)
        super().__init__(environ, populate_request, shallow)


def reads_only(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a POST view that writes nothing, so that on SQLite it does not queue for the write lock."""
    view.reads_only = True  # type: ignore[attr-defined]
    return view


def csrf_token() -> str:
    """For the field of a form: the same for all of a session's requests, so that a card that did not change reads the same.
    Flask-WTF alone would sign another with each second."""
    if "csrf_token" not in session:
        return generate_csrf()
    return _signed_token(session["csrf_token"], current_app.secret_key)


@lru_cache(50_000)
def _signed_token(_of_session: str, _secret: str) -> str:
    return generate_csrf()


def init_app(app: Flask) -> None:
    app.request_class = WholeRequest
    app.url_map.converters["id"] = IdConverter
    db.init_app(app)
    migrate.init_app(app, db, directory=str(app.config["MIGRATIONS"]), render_as_batch=True)
    login_manager.init_app(app)
    csrf.init_app(app)
    app.jinja_env.globals["csrf_token"] = csrf_token  # for macros; a template itself sees what the processor says
    app.context_processor(lambda: {"csrf_token": csrf_token})
    htmx.init_app(app)
    limiter.init_app(app)


def upsert(model: Any) -> Any:
    """The database's own INSERT into a model's table, which knows ``on_conflict_do_update`` and ``on_conflict_do_nothing``."""
    return (postgresql if db.engine.dialect.name == "postgresql" else sqlite).insert(model)


def rows(prepared: Any, **given: Any) -> Sequence[Any]:
    """All rows of a query that was made once, in the request's own transaction but without what the session does for objects: half of what asking costs."""
    return db.session.connection().execute(prepared, given).all()


def read_aside(query: Any) -> Sequence[Any]:
    """All rows of a query on a connection of its own, beside the pool: those who wait for its answer may hold all of the pool."""
    with _beside_the_pool(db.engine).connect().execution_options(reads_only=True) as connection:
        return connection.execute(query).all()


@lru_cache
def _beside_the_pool(engine: Engine) -> Engine:
    aside = create_engine(engine.url, pool_size=1, max_overflow=2, pool_pre_ping=engine.dialect.name != "sqlite")
    event.listen(engine, "engine_disposed", lambda _engine: aside.dispose())
    return aside


@event.listens_for(Engine, "handle_error")
def _notice_a_broken_connection(context: ExceptionContext) -> None:
    """PostgreSQL ended it, or it fails a ping in whatever way: nothing more is tried with it, not even a rollback, and the next request gets another."""
    state = getattr(context.original_exception, "sqlstate", "")
    was_ended = isinstance(context.sqlalchemy_exception, OperationalError) and (state is None or state.startswith(("08", "57P")))
    if was_ended or context.is_pre_ping:
        context.is_disconnect = True


@event.listens_for(Engine, "connect")
def _configure_postgresql(connection: Any, _record: Any) -> None:
    """Nobody waits longer for another's lock than on SQLite: the page then says that Duet is busy, and keeps what was typed."""
    if isinstance(connection, sqlite3.Connection):
        return
    connection.autocommit = True
    connection.execute(f"SET lock_timeout = {int(LOCK_WAIT_SECONDS * 1000)}")
    connection.autocommit = False


@event.listens_for(Engine, "connect")
def _configure_sqlite(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own begins too late and loses updates silently
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged write also survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA busy_timeout = 0")  # SQLite would wait in C and freeze every greenlet; _begin waits instead
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """Take SQLite's write lock at once when this transaction may write: a read that turns into a write can only fail."""
    if connection.dialect.name != "sqlite":
        return
    if connection.get_execution_options().get("reads_only") or _request_reads_only():
        connection.exec_driver_sql("BEGIN")
        return
    give_up = time.monotonic() + connection.get_execution_options().get("waits_seconds", LOCK_WAIT_SECONDS)
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= give_up:
                raise
            time.sleep(0.005)


def _request_reads_only() -> bool:
    if not has_request_context():
        return False
    view = current_app.view_functions.get(request.endpoint or "")
    return request.method in ("GET", "HEAD", "OPTIONS") or getattr(view, "reads_only", False)

"""The app on a fresh database for each test, on SQLite and on PostgreSQL; the cast; a client for each of them; real servers."""

import contextlib
import functools
import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask, g
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from app import create_app
from blueprints.accounts import passwords
from blueprints.accounts.models import Account
from blueprints.accounts.passwords import hash_password
from blueprints.extensions import db
from blueprints.profiles.models import Profile
from tests import servers

PASSWORD = "a long enough password"
QUIET = {"TESTING": True, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False}

passwords.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # argon2id all the same, but a thousand log-ins are not a minute

Login = Callable[[Account], FlaskClient]


@dataclass
class People:
    """ana (creator) and bo (brand) see each other; cy (creator) is a stranger to ana: same role, so neither sees the other."""

    ana: Account
    bo: Account
    cy: Account


@dataclass
class Cast:
    """The profile ids of the same people, for tests that meet them through a real server only."""

    ana: int
    bo: int
    cy: int


class CompiledTemplates(BytecodeCache):
    """Each test has an app of its own; what it makes of the templates is the same for all."""

    def __init__(self) -> None:
        self.code: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self.code.get(bucket.key, ("", None))
        bucket.code = code if checksum == bucket.checksum else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key] = (bucket.checksum, bucket.code)


compiled_templates = CompiledTemplates()
compiled_queries: dict[str, tuple[Any, Any]] = {}  # by dialect; an engine compiles for its own dialect object only


def share_compiled(app: Flask) -> None:
    """What the first app made of templates and queries, the others need not make again."""
    app.jinja_env.bytecode_cache = compiled_templates
    with app.app_context():
        engine: Any = db.engine
        engine.dialect, engine._compiled_cache = compiled_queries.setdefault(engine.dialect.name, (engine.dialect, engine._compiled_cache))


@contextlib.contextmanager
def app_on(instance: Path, env: dict[str, str] | None = None, **config: Any) -> Iterator[Flask]:
    """An app in this process on the database of that instance."""
    database = (env or {}).get("DATABASE_URL")
    app = create_app({"INSTANCE_PATH": instance, **({"SQLALCHEMY_DATABASE_URI": database} if database else {}), **QUIET, **config})
    share_compiled(app)
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with a migrated database and all cities, made once and copied for each test."""
    from blueprints.site.setup import prepare_database

    folder = tmp_path_factory.mktemp("prepared")
    with app_on(folder) as app, app.app_context():
        prepare_database()
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """A real PostgreSQL, migrated and with all cities; each call empties what people made in it and returns its URL."""
    import psycopg

    from blueprints.site.setup import prepare_database

    with servers.postgres_server() as url_of, psycopg.connect(url_of("postgres"), autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET fsync = off")  # nothing here must survive a power cut
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("CREATE DATABASE duet")
        url = sqlalchemy_url(url_of("duet"))
        with app_on(tmp_path_factory.mktemp("postgres_instance"), {"DATABASE_URL": url}) as app, app.app_context():
            prepare_database()
        made_by_people = ", ".join(table for table in db.metadata.tables if table not in ("cities", "city_names"))
        with psycopg.connect(url_of("duet"), autocommit=True) as duet:

            def emptied() -> str:
                duet.execute(f"TRUNCATE {made_by_people} RESTART IDENTITY CASCADE")  # type: ignore[arg-type]
                return url

            yield emptied


def sqlalchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


@pytest.fixture
def instance(prepared: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "instance"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment that chooses the database: everything runs on both."""
    return {} if request.param == "sqlite" else {"DATABASE_URL": request.getfixturevalue("postgres")()}


@pytest.fixture
def app(instance: Path, database: dict[str, str]) -> Iterator[Flask]:
    with app_on(instance, database) as app:
        # pytest-flask keeps one context per test, Flask-Login caches the user in g and Flask-WTF its token: without this a second client is the first
        app.before_request_funcs.setdefault(None, []).insert(0, lambda: [g.pop(name, None) for name in ("_login_user", "csrf_token")] and None)
        with app.app_context():
            yield app
            db.session.rollback()


@functools.cache
def password_hash() -> str:
    """Of the one password everybody has here; hashed once, since a good hash is slow."""
    return hash_password(PASSWORD)


def add_account(email: str, role: str, **fields: Any) -> Account:
    account = Account(email=email, role=role, password_hash=password_hash())
    account.profile = Profile(role=role, **{"name": f"Somebody {role}", **fields})
    db.session.add(account)
    return account


def add_cast() -> People:
    people = People(
        ana=add_account("creator1@example.com", "creator", name="Ana Ruiz", niches={"food", "travel"}, platforms={"instagram", "youtube"},
                        languages={"en", "es"}, audience_size=48_000, engagement_rate=4.2, rate=900,
                        bio="I film street food and the people who cook it, one city at a time."),
        bo=add_account("brand2@example.com", "brand", name="Nordlys Coffee", niches={"food", "sustainability"}, platforms={"instagram"},
                       languages={"en"}, industry="food-drink", budget_min=500, budget_max=2_000, audience_min=10_000, audience_max=200_000),
        cy=add_account("creator3@example.com", "creator", name="Cy Okafor"),
    )
    db.session.commit()
    return people


@pytest.fixture
def make_account(app: Flask) -> Callable[..., Account]:
    """``make_account("creator", name="Ana", bio="…")``: an account with its profile, committed."""
    numbers = itertools.count(10)

    def make(role: str, **fields: Any) -> Account:
        account = add_account(f"{role}{next(numbers)}@example.com", role, **fields)
        db.session.commit()
        return account

    return make


@pytest.fixture
def cast(app: Flask) -> People:
    return add_cast()


@pytest.fixture
def ana(cast: People) -> Account:
    return cast.ana


@pytest.fixture
def bo(cast: People) -> Account:
    return cast.bo


@pytest.fixture
def cy(cast: People) -> Account:
    return cast.cy


@pytest.fixture
def as_user(app: Flask) -> Login:
    """A client of its own, logged in by the real form."""
    clients: dict[int, FlaskClient] = {}

    def login(account: Account) -> FlaskClient:
        if account.id not in clients:
            client = app.test_client()
            answer = client.post("/login", data={"email": account.email, "password": PASSWORD})
            assert answer.status_code == 302, answer.text
            clients[account.id] = client
        return clients[account.id]

    return login


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """Nobody: a client that is not logged in."""
    return app.test_client()


@pytest.fixture
def live_cast(instance: Path) -> Cast:
    """The cast in the database of a server that is not started yet."""
    with app_on(instance) as app, app.app_context():
        people = add_cast()
        return Cast(people.ana.profile.id, people.bo.profile.id, people.cy.profile.id)


@pytest.fixture
def make_server(instance: Path, live_cast: Cast) -> Iterator[Callable[..., servers.Server]]:
    """``make_server(WEB_CONCURRENCY="2")``: real gunicorn on this test's instance."""
    with contextlib.ExitStack() as stack:
        yield lambda **env: stack.enter_context(servers.duet(instance, **env))


@pytest.fixture
def server(make_server: Callable[..., servers.Server]) -> servers.Server:
    return make_server()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis."""
    with servers.redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url

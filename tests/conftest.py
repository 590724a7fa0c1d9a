"""The app on a fresh database for each test, the cast, and a client for each of them."""

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from app import create_app
from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.profiles.models import Profile

PASSWORD = "a long enough password"
Login = Callable[[Account], FlaskClient]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with a migrated database and all cities, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("prepared")
    os.environ["INSTANCE_PATH"] = str(folder)
    app = create_app({"INSTANCE_PATH": folder, "TESTING": True})
    with app.app_context():
        from blueprints.site.setup import prepare_database

        prepare_database()
        db.engine.dispose()
    return folder


@pytest.fixture
def app(prepared: Path, tmp_path: Path) -> Iterator[Flask]:
    instance = tmp_path / "instance"
    shutil.copytree(prepared, instance)
    app = create_app({"INSTANCE_PATH": instance, "TESTING": True, "WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False})
    # pytest-flask keeps one context per test and Flask-Login caches the user in g: without this a second client is the first one
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: g.pop("_login_user", None) and None)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def make_account(app: Flask) -> Callable[..., Account]:
    """``make_account("creator", name="Ana", bio="…")``: an account with its profile, committed."""
    from blueprints.accounts.passwords import hash_password

    numbers = itertools.count(1)
    hashed = hash_password(PASSWORD)

    def make(role: str, **fields: Any) -> Account:
        account = Account(email=f"{role}{next(numbers)}@example.com", role=role, password_hash=hashed)
        account.profile = Profile(role=role, **{"name": f"Somebody {role}", **fields})
        db.session.add(account)
        db.session.commit()
        return account

    return make


@pytest.fixture
def cast(make_account: Callable[..., Account]) -> SimpleNamespace:
    """ana (creator) and bo (brand) see each other; cy (creator) is a stranger to ana: same role, so neither sees the other."""
    return SimpleNamespace(
        ana=make_account("creator", name="Ana Ruiz", niches={"food", "travel"}, platforms={"instagram", "youtube"}, languages={"en", "es"},
                         audience_size=48_000, engagement_rate=4.2, rate=900, bio="I film street food and the people who cook it, one city at a time."),
        bo=make_account("brand", name="Nordlys Coffee", niches={"food", "sustainability"}, platforms={"instagram"}, languages={"en"},
                        industry="food-drink", budget_min=500, budget_max=2_000, audience_min=10_000, audience_max=200_000),
        cy=make_account("creator", name="Cy Okafor"),
    )


@pytest.fixture
def ana(cast: SimpleNamespace) -> Account:
    return cast.ana


@pytest.fixture
def bo(cast: SimpleNamespace) -> Account:
    return cast.bo


@pytest.fixture
def cy(cast: SimpleNamespace) -> Account:
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

"""Duet: ``create_app()`` reads the environment and puts the parts together."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import StrictUndefined
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from blueprints import accounts, assets, extensions, formats, live, mail, profiles, requests, presence, matches, messages, notifications, reports, site  # isort: skip  # from left to right

ROOT = Path(__file__).parent


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The whole application. ``config`` goes over what the environment says; tests use it."""
    app = Flask(__name__, static_folder=None, instance_path=os.environ.get("INSTANCE_PATH", str(ROOT / "instance")))
    app.config.from_mapping(settings(Path((config or {}).get("INSTANCE_PATH", app.instance_path))))
    app.config.from_prefixed_env("DUET")  # any other setting, such as DUET_LOGIN_LIMIT_PER_ADDRESS
    app.config.update(config or {})
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    refuse_unusable(app.config["SQLALCHEMY_DATABASE_URI"])
    for part in (extensions, assets, formats, mail, live, accounts, profiles, requests, presence, matches, messages, notifications, reports, site):
        part.init_app(app)
    return app


def settings(instance: Path) -> dict[str, Any]:
    """Everything that can be set from outside, with its default."""
    env = os.environ
    refuse_unwritable(instance)
    redis_url = env.get("REDIS_URL") or None
    return {
        "INSTANCE_PATH": instance,
        "MEDIA_PATH": instance / "media",
        "MIGRATIONS": ROOT / "blueprints" / "migrations",
        "STATIC_PATH": ROOT / "static",
        "SECRET_KEY": env.get("SECRET_KEY") or kept_secret(instance / "secret"),
        "SQLALCHEMY_DATABASE_URI": env.get("DATABASE_URL") or f"sqlite:///{(instance / 'duet.sqlite3').resolve()}",
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": 20, "max_overflow": 20, "pool_pre_ping": bool(env.get("DATABASE_URL"))},
        "REDIS_URL": redis_url,
        "RATELIMIT_STORAGE_URI": redis_url or "memory://",
        "RATELIMIT_STORAGE_OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1} if redis_url else {},
        "DEVELOPMENT": env.get("DUET_ENV") == "development",
        "TEMPLATES_AUTO_RELOAD": env.get("DUET_ENV") == "development",
        "TRUSTED_PROXIES": whole_number("TRUSTED_PROXIES", 0),
        "ALLOWED_HOSTS": [host for host in env.get("ALLOWED_HOSTS", "").split(",") if host],
        "LIVE_MAX_STREAMS": whole_number("LIVE_MAX_STREAMS", 10_000, least=1),
        "LIVE_HEARTBEAT_SECONDS": whole_number("LIVE_HEARTBEAT_SECONDS", 15, least=1),
        "MAX_CONTENT_LENGTH": 9 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 256 * 1024,
        "MAX_FORM_PARTS": 200,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=90),
        "SESSION_COOKIE_NAME": "duet",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "WTF_CSRF_TIME_LIMIT": None,  # the token lives as long as its session: a form left open overnight still saves
        "WTF_CSRF_SSL_STRICT": True,
    }


def whole_number(name: str, default: int, least: int = 0) -> int:
    """One clear line for what is no number."""
    text = os.environ.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise SystemExit(f"duet: {name} must be a whole number from {least}, not {text!r}.")
    return int(text)


def refuse_unwritable(folder: Path) -> None:
    """One clear line instead of a failure at the first upload."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SystemExit(f"duet: cannot write to the instance folder {folder} ({error.strerror}). Choose another with INSTANCE_PATH.") from error


def refuse_unusable(database: str) -> None:
    try:
        make_url(database).get_dialect()
    except (ArgumentError, ImportError) as error:
        raise SystemExit("duet: DATABASE_URL is no address of a database, such as postgresql+psycopg://user@host/name.") from error


def kept_secret(path: Path) -> str:
    """The secret key of this instance, made on the first start and readable by its owner only."""
    if not path.exists():
        fresh = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(fresh, path)  # the first of several workers wins
        except FileExistsError:
            pass
        fresh.unlink()
    return path.read_text().strip()

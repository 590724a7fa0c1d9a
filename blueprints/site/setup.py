"""A database ready to serve: migrated, with its cities, and with a demo community on the first start of an empty one."""

import hashlib
import hmac
import os

from flask import current_app
from flask_migrate import upgrade
from sqlalchemy import exists, select

from blueprints.accounts.models import Account
from blueprints.accounts.passwords import hash_password
from blueprints.extensions import db
from blueprints.profiles.cities import import_cities
from blueprints.site.seeds import seed

DEMO_PROFILES = 200
DEMO_SEED = 2026
DEMO_LOG_INS = {"creator": "ana@example.com", "brand": "bo@example.com"}


def prepare_database() -> None:
    """Migrate and import the cities; does nothing where both are done."""
    upgrade()
    import_cities()


def prepare_demo() -> None:
    """The demo community, where nobody has registered yet and ``DEMO`` is not ``0``."""
    if os.environ.get("DEMO") != "0" and not db.session.scalar(select(exists(select(Account.id)))):
        db.session.rollback()
        seed(db.session, DEMO_PROFILES, DEMO_SEED, current_app.config["MEDIA_PATH"], hash_password(demo_password()))


def has_demo() -> bool:
    return db.session.scalar(select(exists(select(Account.id).where(Account.email_key.in_(DEMO_LOG_INS.values())))))  # type: ignore[return-value]


def demo_password() -> str:
    """The demo members' password: this instance's own, so that a public server's demo is not open to all who read our code."""
    digest = hmac.new(current_app.config["SECRET_KEY"].encode(), b"demo password", hashlib.sha256).hexdigest()
    return f"duet-{digest[:4]}-{digest[4:8]}"

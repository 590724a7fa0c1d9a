"""What happens beside the requests happens here when a test asks for it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.notifications.models import Notification

Told = Callable[[Account], list[str]]

PERFECT: dict[str, Any] = {  # for the cast's Nordlys Coffee
    "niches": {"food", "sustainability"}, "platforms": {"instagram"}, "campaign_types": {"ugc"}, "industries": {"food-drink"}, "works_remotely": True,
    "audience_size": 50_000, "engagement_rate": 9.0, "rate": 600,
}  # fmt: skip


@pytest.fixture
def look(app: Flask) -> Callable[[], None]:
    """What a worker's background would do now."""
    return app.extensions["notifications"].look


@pytest.fixture
def told(app: Flask, look: Callable[[], None]) -> Told:
    """What a member is told in the app, the latest first; "*" before what is unread."""

    def told(account: Account) -> list[str]:
        look()
        db.session.expire_all()
        found = db.session.scalars(Notification.of(account).order_by(Notification.updated_at.desc(), Notification.id.desc()))
        return [f"{'' if one.is_read else '*'}{one.sentence}" for one in found]

    return told


def unread(account: Account) -> tuple[int, int]:
    """The badge, and the unread rows behind it and the navigation's other numbers."""
    db.session.expire_all()
    rows = Notification.of(account).where(Notification.read_at.is_(None))
    return account.unread_notifications, len(db.session.scalars(rows).all())


def rows(account: Account) -> list[Notification]:
    return list(db.session.scalars(select(Notification).where(Notification.account_id == account.id).order_by(Notification.id)))

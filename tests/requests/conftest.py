"""Briefs, requests as they stand, and what the bus was given."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.announcements import Notice
from blueprints.requests.models import Request
from tests.requests.briefs import BRIEF

Ask = Callable[..., Request]


@pytest.fixture
def ask(app: Flask) -> Ask:
    """``ask(ana, bo)``: sent and committed."""

    def send(sender: Account, to: Account, **brief: object) -> Request:
        sent = Request.send(sender, to.profile, BRIEF | brief)
        db.session.commit()
        return sent

    return send


@pytest.fixture
def rung(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Notice]]:
    """What the bus was given."""
    given: list[Notice] = []
    monkeypatch.setattr(app.extensions["live"].bus, "publish", given.append)
    yield given

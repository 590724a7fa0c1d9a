"""Workers whose clock is the test's, and who sees what."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live import Live
from blueprints.live.hub import Stream
from blueprints.live.subjects import current_versions, parse
from blueprints.presence.keeper import Keeper
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.conftest import Login


@dataclass
class Worker:
    """One of several on the same database; a tick a call, at the second that the test says."""

    keeper: Keeper
    now: float = 1_000.0
    streams: list[Stream] = field(default_factory=list)

    def opens(self, account: Account, *, hidden: bool = False) -> Stream:
        stream = self.keeper.hub.open(account.id, session_id=account.id)
        stream.hidden = hidden
        return stream

    def after(self, seconds: float) -> None:
        """What that time brings: a tick each second."""
        db.session.commit()
        until = self.now + seconds
        while self.now < until:
            self.now = min(self.now + 1, until)
            self.keeper.tick(self.now)
        db.session.expire_all()


@pytest.fixture
def make_worker(app: Flask) -> Callable[[], Worker]:
    def make() -> Worker:
        worker = Worker(Keeper(app))
        worker.keeper.hub = Live(app).hub
        return worker

    return make


@pytest.fixture
def worker(make_worker: Callable[[], Worker]) -> Worker:
    return make_worker()


@pytest.fixture
def connect(app: Flask) -> Callable[[Account, Account], Request]:
    def accepted(one: Account, other: Account) -> Request:
        request = Request.send(one, other.profile, {"what": "A film about your coffee"})
        request.answer(other, accept=True)
        db.session.commit()
        return request

    return accepted


def shown_to(client: Any, them: Account) -> str | None:
    """What the fragment says of them, in words; None where it is not there for whom asks."""
    answer = client.get(f"/presence/{them.profile.id}")
    words = re.sub(r"<[^>]+>", " ", answer.text).split()
    assert answer.status_code == (200 if words else 404)
    return " ".join(words) or None


def hears_of(viewer: Account, *them: Account) -> Collection[int]:
    """The profiles among these whose presence the viewer's streams may watch."""
    db.session.expire_all()
    return {subject.id for subject in current_versions(viewer, parse(f"presence:{one.profile.id}" for one in them))}


@pytest.fixture
def sees(as_user: Login) -> Callable[[Account, Account], str | None]:
    """What one is shown of the other: the same on the fragment, the page, the card and the stream."""

    def check(viewer: Account, them: Account) -> str | None:
        words = shown_to(as_user(viewer), them)
        page = as_user(viewer).get(f"/profiles/{them.profile.id}")
        assert (f"presence:{them.profile.id}@" in page.text) == (words is not None)
        assert bool(hears_of(viewer, them)) == (words is not None)
        return words

    return check


def presence_of(account: Account) -> str:
    db.session.expire_all()
    return db.session.get_one(Profile, account.profile.id).presence

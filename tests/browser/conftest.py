"""A real Chromium. Each person has a browser (a context) of their own; a page that logs an error or breaks the policy fails its test."""

import dataclasses
import itertools
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright
from sqlalchemy import func, select

from blueprints.accounts.models import Account
from blueprints.accounts.passwords import hash_password
from blueprints.extensions import db
from blueprints.profiles.models import Profile
from tests import servers
from tests.conftest import PASSWORD, app_on
from tests.servers import Server
from tests.visitor import Visitor

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync"]
EXPECTED = ("net::ERR_", "Failed to load resource")  # what a cut connection says; our own errors say more


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if (program := chromium_program()) is None:
        assert not os.environ.get("CI"), "no Chromium: `apt-get install chromium`, as .ci/run does"
        pytest.skip("NO BROWSER: install chromium, or what a browser does stays untested")
    expect.set_options(timeout=15_000)  # a busy machine is not a broken page
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


def chromium_program() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What pages complained about in their consoles; must be empty at the end."""
    said: list[str] = []
    yield said
    assert not said


@dataclass(frozen=True)
class Member:
    """An account as tests know it; ``id`` is the profile's, 0 for an admin."""

    email: str
    id: int


@dataclass
class House:
    """One server for a whole file of tests that bring their own people and so do not disturb each other."""

    server: Server
    app: Flask
    _numbers: Iterator[int] = dataclasses.field(default_factory=itertools.count)

    def add(self, role: str, **fields: Any) -> Member:
        email = f"{role}{next(self._numbers)}@example.com"
        with self.app.app_context():
            account = Account(email=email, role=role, password_hash=known_hash())
            if role != "admin":
                account.profile = Profile(role=role, **{"name": f"Somebody {role}", **fields})
            db.session.add(account)
            if account.profile:
                account.profile.announce_new()
            db.session.commit()
            return Member(email, account.profile.id if account.profile else 0)

    def settle(self) -> None:
        """Wait until the server's decks know everyone who was added, or left; it hears of them by the sweep."""
        with self.app.app_context():
            everyone = db.session.scalar(select(func.count()).select_from(Profile).join(Account).where(Account.deactivated_at.is_(None)))
        give_up = time.monotonic() + 10
        while f"duet_matches_indexed {float(everyone or 0)}" not in Visitor(self.server.url).get("/metrics").text:
            assert time.monotonic() < give_up, "somebody is not in the index"
            time.sleep(0.05)

    def saved(self, member: Member, name: str) -> Any:
        """What the database says of one field."""
        with self.app.app_context():
            return getattr(db.session.get_one(Profile, member.id), name)

    def change(self, member: Member, **changes: Any) -> None:
        """Saved by nobody's browser; open pages hear of it by the sweep, a second or two later."""
        with self.app.app_context():
            profile = db.session.get_one(Profile, member.id)
            profile.revise(changes, base=profile.version)
            db.session.commit()


@cache
def known_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture(scope="module")
def house(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For files that say ``server`` is the house's: `make_browser` then opens browsers there."""
    instance = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("house") / "instance"))
    with servers.duet(instance) as server, app_on(instance) as app:
        yield House(server, app)


@pytest.fixture
def make_browser(chromium: Browser, server: Server, complaints: list[str]) -> Iterator[Callable[..., BrowserContext]]:
    """``make_browser(email)``: a browser of its own, logged in by the real form."""
    contexts = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in EXPECTED):
            complaints.append(message.text)

    def make(email: str | None = None, **options: object) -> BrowserContext:
        context = chromium.new_context(base_url=server.url, **{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]
        context.set_default_timeout(8_000)
        context.on("console", hear)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        contexts.append(context)
        if email:
            log_in(context.new_page(), email)
        return context

    yield make
    for context in contexts:
        context.close()


def log_in(page: Page, email: str) -> Page:
    page.goto("/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def let_in(browser: BrowserContext, email: str) -> BrowserContext:
    """Logged in without a page, for tests that are not about logging in: ten times as fast."""
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.request.get("/login").text())
    assert token
    answer = browser.request.post("/login", form={"email": email, "password": PASSWORD, "csrf_token": token[1]}, max_redirects=0)
    assert answer.status == 302, answer.text()
    return browser


@pytest.fixture
def ana(make_browser: Callable[..., BrowserContext]) -> BrowserContext:
    return make_browser("creator1@example.com")


@pytest.fixture
def bo(make_browser: Callable[..., BrowserContext]) -> BrowserContext:
    return make_browser("brand2@example.com")


def tab(browser: BrowserContext, path: str) -> Page:
    """A tab whose connection is live and that knows if it was ever reloaded."""
    page = browser.new_page()
    page.goto(path)
    page.locator('#connection[data-state="live"]').wait_for(state="attached")
    page.evaluate("window.loadedOnce = true")
    return page


def was_never_reloaded(page: Page) -> bool:
    return page.evaluate("window.loadedOnce === true")


def field(page: Page, name: str) -> Locator:
    """A control of the editor."""
    return page.locator(f'#profile-form [name="{name}"]')


def status(page: Page, name: str) -> Locator:
    """What the editor says beside it."""
    return page.locator(f"#field-{name}-status")

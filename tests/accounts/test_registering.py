"""Becoming a member, as a creator or a brand, without telling anyone who already is one."""

from collections.abc import Callable
from typing import Any
from unittest.mock import Mock, call

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from blueprints.accounts import routes
from blueprints.accounts.forms import NAME_LENGTH
from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.profiles import models as profiles
from tests.conftest import PASSWORD

NEW = {"role": "creator", "name": "Ana Ruiz", "email": "ana@example.com", "password": PASSWORD}


def accounts() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Account.id))) or 0


@pytest.mark.parametrize("role", ["creator", "brand"])
def test_a_newcomer_registers_logs_in_and_has_a_profile(stranger: FlaskClient, role: str) -> None:
    registered = stranger.post("/register", data={**NEW, "role": role})
    logged_in = stranger.post("/login", data=NEW)

    assert (registered.status_code, registered.location) == (302, "/login")
    assert logged_in.status_code == 302
    account = db.session.scalars(select(Account)).one()
    assert (account.email, account.role, account.profile.name, account.profile.role) == ("ana@example.com", role, "Ana Ruiz", role)


def test_a_known_address_gets_the_same_answer_after_the_same_work(app: Flask, ana: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    hashing = Mock(wraps=routes.hash_password)
    monkeypatch.setattr(routes, "hash_password", hashing)
    before = accounts()

    new = app.test_client().post("/register", data=NEW)
    known = app.test_client().post("/register", data={**NEW, "email": ana.email.upper()})

    assert hashing.call_args_list == [call(PASSWORD), call(PASSWORD)]
    assert (known.status_code, known.location, known.data) == (new.status_code, new.location, new.data)
    assert sorted(new.headers.keys()) == sorted(known.headers.keys())
    assert accounts() == before + 1


def test_the_page_after_it_reads_the_same_too(app: Flask, ana: Account) -> None:
    pages = []
    for email in ("somebody@example.com", ana.email):
        client = app.test_client()
        client.post("/register", data={**NEW, "email": email})
        pages.append(client.get("/login").data)

    assert pages[0] == pages[1]
    assert routes.REGISTERED.encode() in pages[0]


def test_registering_a_known_address_changes_nothing_of_its_account(stranger: FlaskClient, ana: Account, as_user: Callable[[Account], FlaskClient]) -> None:
    stranger.post("/register", data={**NEW, "email": ana.email, "password": "the stranger's own password", "name": "Mallory"})

    taken_over = stranger.post("/login", data={"email": ana.email, "password": "the stranger's own password"})

    assert taken_over.status_code == 422
    assert as_user(ana).get("/settings").status_code == 200
    assert ana.profile.name == "Ana Ruiz"


@pytest.mark.parametrize(("wrong", "says"), [
    ({"role": "admin"}, "creator or brand"),
    ({"role": ""}, "choose"),
    ({"email": "not an address"}, "e-mail address like"),
    ({"email": "ana@localhost"}, "e-mail address like"),
    ({"email": "ana@example.com\x00"}, "e-mail address like"),
    ({"email": "a@b.example\r\nBcc: c@d.example"}, "e-mail address like"),
    ({"email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.example"}, "e-mail address"),
    ({"password": "short"}, "at least 8"),
    ({"password": "x" * 201}, "at most 200"),
    ({"password": "Ana Ruiz"}, "neither your name"),
    ({"password": "ANA@example.com"}, "neither your name"),
    ({"name": ""}, "write the name"),
    ({"name": "   "}, "can be seen"),
    ({"name": "\u00ad"}, "can be seen"),
    ({"name": "\u3164"}, "can be seen"),
    ({"name": "Ana\u202eziuR"}, "direction of text"),
    ({"name": "Ana\nRuiz"}, "control characters"),
    ({"name": "a" * (NAME_LENGTH + 1)}, "at most 80"),
])
def test_what_cannot_be_registered_is_said_and_what_was_typed_is_kept(stranger: FlaskClient, wrong: dict[str, Any], says: str) -> None:
    answer = stranger.post("/register", data={**NEW, **wrong})

    assert answer.status_code == 422
    assert says in answer.text
    assert 'value="ana@example.com"' in answer.text or "email" in wrong
    assert PASSWORD not in answer.text
    assert accounts() == 0


def test_demo_addresses_that_reach_nobody_are_fine(stranger: FlaskClient) -> None:
    for email in ("ana@duet.test", "bo@shop.example", "cy@bücher.example"):
        assert stranger.post("/register", data={**NEW, "email": email}).status_code == 302
    assert accounts() == 3


def test_a_name_is_saved_as_it_will_be_shown(stranger: FlaskClient) -> None:
    stranger.post("/register", data={**NEW, "name": "  Ana\u00ad \t Jose\u0301 "})

    assert db.session.scalars(select(Account)).one().profile.name == "Ana José"


def test_a_name_may_be_as_long_as_a_profiles() -> None:
    assert NAME_LENGTH == profiles.NAME_LENGTH


def test_without_its_token_the_form_is_refused(app: Flask, stranger: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True

    assert stranger.post("/register", data=NEW).status_code == 400
    assert stranger.post("/login", data=NEW).status_code == 400
    assert accounts() == 0


def test_a_member_who_comes_again_is_sent_home(ana: Account, as_user: Callable[[Account], FlaskClient]) -> None:
    assert as_user(ana).get("/register").location == "/"

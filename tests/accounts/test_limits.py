"""Guessing passwords is slow, and nobody is locked out by another."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from blueprints.accounts import limits
from blueprints.accounts.models import Account
from blueprints.extensions import limiter
from tests.conftest import PASSWORD

NOT_REAL = "nobody@example.com"
Try = Callable[..., int]


@pytest.fixture
def limited(app: Flask) -> Flask:
    """The app with small numbers: three wrong passwords for an account."""
    app.config.update(
        RATELIMIT_ENABLED=True, LOGIN_FAILURES_PER_ACCOUNT="3/10 minutes", LOGIN_FAILURES_PER_ACCOUNT_EVERYWHERE="5/10 minutes",
        LOGIN_FAILURES_PER_DEVICE="3/10 minutes", REGISTRATION_LIMIT_PER_ACCOUNT="2/10 minutes",
    )
    limiter.init_app(app)
    return app


def attempt(client: FlaskClient, email: str, password: str = "wrong", address: str = "192.0.2.1") -> int:
    return client.post("/login", data={"email": email, "password": password}, environ_base={"REMOTE_ADDR": address}).status_code


@pytest.mark.parametrize("email", ["creator1@example.com", NOT_REAL])
def test_wrong_passwords_are_limited_whether_or_not_the_account_exists(limited: Flask, ana: Account, email: str) -> None:
    client = limited.test_client()

    assert [attempt(client, email) for _ in range(4)] == [422, 422, 422, 429]
    assert attempt(client, email.upper()) == 429, "in capitals it is the same account"


def test_an_address_whose_domain_is_spelt_otherwise_counts_as_the_same(limited: Flask, ana: Account) -> None:
    client = limited.test_client()
    local, domain = ana.email.split("@")
    for spelling in (domain, domain.replace("e", "ｅ", 1), domain.replace(".", "。")):
        assert attempt(client, f"{local}@{spelling}") == 422

    assert attempt(client, ana.email) == 429


def test_the_answer_says_when_to_try_again_and_keeps_what_was_typed(limited: Flask, ana: Account) -> None:
    client = limited.test_client()
    for _ in range(3):
        attempt(client, ana.email)

    answer = client.post("/login", data={"email": ana.email, "password": PASSWORD, "next": "/settings"}, environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 600
    assert "Please try again in 10 minutes." in answer.text
    assert f'value="{ana.email}"' in answer.text and 'value="/settings"' in answer.text
    assert PASSWORD not in answer.text


def test_a_stranger_who_fails_does_not_lock_the_owner_out_of_the_browser_they_know(limited: Flask, ana: Account) -> None:
    known, stranger = limited.test_client(), limited.test_client()
    assert attempt(known, ana.email, PASSWORD) == 302
    known.post("/logout")

    assert [attempt(stranger, ana.email) for _ in range(5)][-1] == 429

    assert attempt(stranger, ana.email, PASSWORD) == 429, "the right password does not help a browser that must wait"
    assert attempt(known, ana.email, PASSWORD) == 302


def test_a_stranger_at_one_address_does_not_lock_the_owner_out_at_another(limited: Flask, ana: Account) -> None:
    for _ in range(10):
        attempt(limited.test_client(), ana.email, address="192.0.2.1")

    assert attempt(limited.test_client(), ana.email, PASSWORD, address="198.51.100.7") == 302


def test_many_addresses_together_are_limited_too(limited: Flask, ana: Account) -> None:
    answers = [attempt(limited.test_client(), ana.email, address=f"192.0.2.{number}") for number in range(6)]

    assert answers == [422] * 5 + [429]


def test_addresses_of_one_ipv6_customer_count_as_one(limited: Flask, ana: Account) -> None:
    answers = [attempt(limited.test_client(), ana.email, address=f"2001:db8::{number}") for number in range(1, 5)]

    assert answers == [422, 422, 422, 429]


def test_a_known_browser_is_limited_on_its_own(limited: Flask, ana: Account) -> None:
    known = limited.test_client()
    attempt(known, ana.email, PASSWORD)

    assert [attempt(known, ana.email) for _ in range(4)] == [422, 422, 422, 429]
    assert attempt(limited.test_client(), ana.email, PASSWORD) == 302, "and only itself"


def test_a_known_browser_is_known_for_its_account_only(limited: Flask, ana: Account, bo: Account) -> None:
    anas = limited.test_client()
    attempt(anas, ana.email, PASSWORD)
    for _ in range(3):
        attempt(limited.test_client(), bo.email)

    assert attempt(anas, bo.email, PASSWORD) == 429


def test_a_forged_device_cookie_is_no_known_browser(limited: Flask, ana: Account) -> None:
    for _ in range(3):
        attempt(limited.test_client(), ana.email)
    forger = limited.test_client()
    forger.set_cookie(limits.DEVICE_COOKIE, f'{{"id": "x", "accounts": ["{limits.account_digest(ana.email)}"]}}', path="/login")

    assert attempt(forger, ana.email, PASSWORD) == 429


def test_logging_in_right_is_not_counted_as_guessing(limited: Flask, ana: Account) -> None:
    assert [attempt(limited.test_client(), ana.email, PASSWORD) for _ in range(6)] == [302] * 6


def test_one_address_is_limited_over_all_accounts(limited: Flask) -> None:
    limited.config["LOGIN_FAILURES_PER_ADDRESS"] = "4/minute"

    assert [attempt(limited.test_client(), f"{number}@example.com") for number in range(5)] == [422] * 4 + [429]
    assert attempt(limited.test_client(), "5@example.com", address="192.0.2.2") == 422


def test_sixty_log_ins_from_one_address_in_a_minute_are_fine_as_delivered(limited: Flask, ana: Account) -> None:
    assert limited.config["LOGIN_LIMIT_PER_ADDRESS"] == limits.DEFAULTS["LOGIN_LIMIT_PER_ADDRESS"]

    assert {attempt(limited.test_client(), ana.email, PASSWORD) for _ in range(60)} == {302}


@pytest.mark.parametrize("email", ["creator1@example.com", NOT_REAL])
def test_registering_is_limited_per_account_whether_or_not_it_exists(limited: Flask, ana: Account, email: str) -> None:
    form = {"role": "brand", "name": "New", "email": email, "password": PASSWORD}

    answers = [limited.test_client().post("/register", data=form) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [302, 302, 429]
    assert "Retry-After" in answers[2].headers
    assert 'value="New"' in answers[2].text


def test_registering_is_limited_per_address(limited: Flask) -> None:
    limited.config["REGISTRATION_LIMIT_PER_ADDRESS"] = "2/hour"
    form = {"role": "brand", "name": "New", "password": PASSWORD}

    answers = [limited.test_client().post("/register", data={**form, "email": f"{number}@example.com"}).status_code for number in range(3)]

    assert answers == [302, 302, 429]


def test_guessing_the_current_password_in_a_stolen_session_is_limited(limited: Flask, ana: Account, as_user: Callable[[Account], FlaskClient]) -> None:
    form = {"current_password": "wrong", "new_password": "quite another password"}

    answers = [as_user(ana).post("/settings/password", data=form) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
    assert "Retry-After" in answers[3].headers


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_workers_that_share_a_redis_count_together(limited: Flask, ana: Account, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = [MovingWindowRateLimiter(storage_from_string(redis_url)) for _ in range(2)]
    answers = []

    for worker in workers * 2:
        monkeypatch.setattr(limiter, "limiter", worker)
        answers.append(attempt(limited.test_client(), ana.email))

    assert answers == [422, 422, 422, 429]


def test_without_its_counter_each_worker_counts_for_itself(limited: Flask, ana: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError

    def away(*_: object) -> int:
        raise ConnectionError

    limits._own_counter.cache_clear()
    monkeypatch.setattr(limiter.limiter, "hit", away)
    monkeypatch.setattr(limiter.limiter, "test", away)

    assert [attempt(limited.test_client(), ana.email) for _ in range(4)] == [422, 422, 422, 429]


@pytest.mark.parametrize(("seconds", "words"), [(1, "in a minute"), (60, "in a minute"), (61, "in 2 minutes"), (600, "in 10 minutes")])
def test_waiting_in_words(seconds: int, words: str) -> None:
    assert limits.in_words(seconds) == words

"""How often one may try, so that passwords cannot be guessed and nobody can be locked out by another.

Each number is a setting (``10/10 minutes``, several with ``;``). Failures are counted for an address, for an account as one address tries it,
and for an account as all the unknown browsers in the world try it: the last two whether the account exists or not. A browser that has logged
in to the account before carries a signed cookie and is counted on its own, so that strangers who fail never stop its owner.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

from flask import Response, current_app, request
from gevent.lock import BoundedSemaphore
from itsdangerous import BadSignature, URLSafeTimedSerializer
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter
from redis.exceptions import RedisError

from blueprints.accounts.addresses import counted
from blueprints.accounts.models import email_key
from blueprints.extensions import limiter

DEFAULTS = {
    "LOGIN_LIMIT_PER_ADDRESS": "120/minute; 2000/hour",  # successes too: each costs the processor a hash
    "LOGIN_FAILURES_PER_ADDRESS": "30/minute; 200/hour",
    "LOGIN_FAILURES_PER_ACCOUNT": "10/10 minutes",
    "LOGIN_FAILURES_PER_ACCOUNT_EVERYWHERE": "100/10 minutes",
    "LOGIN_FAILURES_PER_DEVICE": "20/10 minutes",
    "REGISTRATION_LIMIT_PER_ADDRESS": "30/minute; 200/hour",
    "REGISTRATION_LIMIT_PER_ACCOUNT": "5/10 minutes",
}

DEVICE_COOKIE = "duet_device"
DEVICE_SECONDS = 365 * 24 * 3600
ACCOUNTS_PER_DEVICE = 5

_turns: WeakValueDictionary[str, BoundedSemaphore] = WeakValueDictionary()


@dataclass(frozen=True)
class Allowance:
    """One number: ``setting`` names how many, ``key`` who is counted."""

    setting: str
    key: str

    def wait(self) -> int:
        """Seconds until it may be tried again; 0: now."""
        return max((_counted(_wait, limit, self._name) for limit in self._limits), default=0)

    def count(self) -> None:
        for limit in self._limits:
            _counted(_hit, limit, self._name)

    def take(self) -> int:
        """Count one, unless it must wait: so many seconds."""
        seconds = self.wait()
        if not seconds:
            self.count()
        return seconds

    @property
    def _limits(self) -> list[RateLimitItem]:
        return _parsed(current_app.config[self.setting]) if limiter.enabled else []

    @property
    def _name(self) -> str:
        return f"{self.setting}:{self.key}"


class Attempt:
    """One try to log in to the account of this e-mail address, from this browser."""

    def __init__(self, email: str) -> None:
        self._account, self._address, device = account_digest(email), counted(request.remote_addr), _device()
        self._is_known = self._account in device["accounts"]
        self._failures = [
            Allowance("LOGIN_FAILURES_PER_DEVICE", f"{self._account}:{device['id']}"),
        ] if self._is_known else [
            Allowance("LOGIN_FAILURES_PER_ADDRESS", self._address),
            Allowance("LOGIN_FAILURES_PER_ACCOUNT", f"{self._account}:{self._address}"),
            Allowance("LOGIN_FAILURES_PER_ACCOUNT_EVERYWHERE", self._account),
        ]

    @contextmanager
    def turn(self) -> Iterator[int]:
        """The seconds to wait, or 0. Attempts on one account take turns, so that many at once cannot all slip in before the first failed."""
        seconds = 0 if self._is_known else Allowance("LOGIN_LIMIT_PER_ADDRESS", self._address).take()
        if seconds:
            yield seconds
            return
        with _turns.setdefault(self._failures[-1].key, BoundedSemaphore()):
            yield max(allowance.wait() for allowance in self._failures)

    def failed(self) -> None:
        for allowance in self._failures:
            allowance.count()


def registration_wait(email: str) -> int:
    """Seconds to wait before someone here may register this address; 0: now, and it is counted."""
    return max(
        Allowance("REGISTRATION_LIMIT_PER_ADDRESS", counted(request.remote_addr)).take(),
        Allowance("REGISTRATION_LIMIT_PER_ACCOUNT", account_digest(email)).take(),
    )


def account_digest(email: str) -> str:
    """Stands for an e-mail address in counters and cookies: nobody reads the address from it."""
    key = current_app.config["SECRET_KEY"].encode()
    return hmac.new(key, b"account " + email_key(email).encode(errors="replace"), hashlib.sha256).hexdigest()[:20]


def remember_device(response: Response, email: str) -> None:
    """Let this browser be known as one that has logged in to the account before."""
    device, account = _device(), account_digest(email)
    device["accounts"] = [account, *(other for other in device["accounts"] if other != account)][:ACCOUNTS_PER_DEVICE]
    value = _signer().dumps(device)
    response.set_cookie(
        DEVICE_COOKIE, value, max_age=DEVICE_SECONDS, path="/login", secure=request.is_secure, httponly=True, samesite="Lax"
    )


def in_words(seconds: int) -> str:
    if seconds <= 60:
        return "in a minute"
    return f"in {-(-seconds // 60)} minutes"


def _device() -> dict[str, Any]:
    try:
        return _signer().loads(request.cookies.get(DEVICE_COOKIE, ""), max_age=DEVICE_SECONDS)
    except BadSignature:
        return {"id": secrets.token_urlsafe(12), "accounts": []}


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="device")


def _counted(ask: Callable[[RateLimiter, RateLimitItem, str], int], limit: RateLimitItem, name: str) -> int:
    try:
        return ask(limiter.limiter, limit, name)
    except (StorageError, RedisError):  # without Redis each worker counts for itself: still limited, and nobody is locked out
        return ask(_own_counter(), limit, name)


def _wait(counter: RateLimiter, limit: RateLimitItem, name: str) -> int:
    if counter.test(limit, name):
        return 0
    return max(1, round(counter.get_window_stats(limit, name).reset_time - time.time()))


def _hit(counter: RateLimiter, limit: RateLimitItem, name: str) -> int:
    return counter.hit(limit, name)


@cache
def _own_counter() -> RateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


@cache
def _parsed(limits: str) -> list[RateLimitItem]:
    return parse_many(limits)

"""Passwords as argon2id, worked out beside the event loop so that nobody else waits."""

import unicodedata
from collections.abc import Callable
from typing import TypeVar

import gevent
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

R = TypeVar("R")

hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP's first choice: 19 MiB, so that ten at once fit a small server
_nobodys = hasher.hash("the password of nobody")


def hash_password(password: str) -> str:
    return _beside(hasher.hash, _normal(password))


def verify(hash: str, password: str) -> bool:
    """Whether it is the password; takes as long where there is no hash, because there is no account or no password was set."""
    return _beside(_matches, hash or _nobodys, _normal(password)) and bool(hash)


def needs_rehash(hash: str) -> bool:
    return hasher.check_needs_rehash(hash)


def _normal(password: str) -> str:
    """The same password typed on another keyboard may come in other code points."""
    return unicodedata.normalize("NFKC", password)


def _matches(hash: str, password: str) -> bool:
    try:
        return hasher.verify(hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _beside(work: Callable[..., R], *args: str) -> R:
    return gevent.get_hub().threadpool.apply(work, args)

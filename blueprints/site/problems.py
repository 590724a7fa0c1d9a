"""What the database can suffer from, in words for the person who meets it, for the operator's log and for ``/readyz``."""

import errno
import logging
import sqlite3
import time
from typing import Any, NamedTuple

from sqlalchemy.exc import DBAPIError, TimeoutError

LATELY_SECONDS = 60

log = logging.getLogger(__name__)


class Problem(NamedTuple):
    """``name`` is what ``/readyz`` says. A status from 500 on: whoever keeps what was typed may send it again."""

    name: str
    status: int
    title: str
    text: str
    retry_after: int


BUSY = Problem("busy", 503, "Duet is busy", "Nothing was changed. Please try again in a moment.", 2)
AWAY = Problem("away", 503, "Duet cannot reach its database", "Nothing was lost that was saved. Please try again in a moment.", 2)
READ_ONLY = Problem("read-only", 503, "Duet can only be read at the moment", "Nothing was changed. Please try again in a few minutes.", 30)
FULL = Problem(
    "full", 507, "The server's disk is full", "Nothing was changed, and what was saved before is safe. The people who run this Duet have to make room: please try again later.", 60
)

OF_SQLITE = {  # https://sqlite.org/rescode.html: a whole code, or the kind that its lower eight bits name
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: FULL,  # a quota says so, and a log that cannot grow
    sqlite3.SQLITE_IOERR_READ: AWAY,
    sqlite3.SQLITE_IOERR_SHORT_READ: AWAY,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: AWAY,
}
OF_POSTGRESQL = {  # https://www.postgresql.org/docs/current/errcodes-appendix.html: a whole code, or the class it begins with
    "40001": BUSY, "40P01": BUSY, "55P03": BUSY, "57014": BUSY, "53300": BUSY,
    "53100": FULL,
    "25006": READ_ONLY,
    "08": AWAY, "53": AWAY, "57": AWAY, "58": AWAY,
}  # fmt: skip
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def problem_of(error: BaseException) -> Problem | None:
    """Which it is, or None: then it is a fault of ours, or of the question."""
    if isinstance(error, OSError):
        return FULL if error.errno in NO_ROOM else None
    if isinstance(error, TimeoutError):  # every connection of the pool is in use
        return BUSY
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        number: int = getattr(error.orig, "sqlite_errorcode", -1)
        return OF_SQLITE.get(number) or OF_SQLITE.get(number & 0xFF)
    code: str | None = getattr(error.orig, "sqlstate", None)
    if code:
        return OF_POSTGRESQL.get(code) or OF_POSTGRESQL.get(code[:2])
    return AWAY if error.connection_invalidated or _is_of_the_connection(error.orig) else None


def _is_of_the_connection(error: Any) -> bool:
    """psycopg gives no code when it could not connect, or the connection broke."""
    return type(error).__name__ in ("OperationalError", "ConnectionTimeout")


class Noted:
    """The last one that somebody met. An hour of a full disk is a line a minute in the log, not one for each request."""

    def __init__(self) -> None:
        self._met: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def meet(self, problem: Problem, error: BaseException) -> None:
        now = time.monotonic()
        self._met[problem.name] = now
        if now - self._said.get(problem.name, -LATELY_SECONDS) < LATELY_SECONDS:
            self._unsaid[problem.name] = self._unsaid.get(problem.name, 0) + 1
            return
        more = self._unsaid.pop(problem.name, 0)
        self._said[problem.name] = now
        log.error("database: %s: %s%s", problem.name, getattr(error, "orig", error), f" ({more} more in the last minutes)" if more else "")

    def lately(self) -> str | None:
        """The name of the last one, if it is less than a minute ago."""
        recent = {name: met for name, met in self._met.items() if time.monotonic() - met < LATELY_SECONDS}
        return max(recent, key=lambda name: recent[name]) if recent else None

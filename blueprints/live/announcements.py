"""``announce`` inside a transaction: rung on the bus after its commit, and journalled so that a lost ring is found by the sweep."""

import json
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import current_app
from sqlalchemy import BigInteger, Float, Text, event, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from blueprints.extensions import Model, db

EVERY_ID = "*"
OF_THE_MOMENT = 0  # the version of a notice that is not remembered: it passes by
EVERYTHING = "*"  # the topic that says: whatever you remember may be old, look again

log = logging.getLogger(__name__)


class Announcement(Model):
    """The journal of the last minutes: what the sweep compares with what it has heard. Never an order of events, only "this moved"."""

    __tablename__ = "announcements"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(db.Integer, "sqlite"), primary_key=True)
    topic: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[str] = mapped_column(Text, default="{}")
    announced_at: Mapped[float] = mapped_column(Float, default=time.time)  # for whoever reads it: clocks decide nothing here


@dataclass(frozen=True)
class Notice:
    """That a topic moved to ``version``; ``data`` is the JSON text of what may be said of the change (field names, never values)."""

    topic: str
    version: int
    data: str = "{}"

    @property
    def said(self) -> dict[str, Any]:
        return json.loads(self.data)

    @cached_property
    def subject(self) -> str:
        return self.topic.partition("/")[0]

    @property
    def is_gone(self) -> bool:
        """Those who hear it may not see the topic any more."""
        return '"gone":true' in self.data

    @cached_property
    def frame(self) -> bytes:
        """The bytes every stream shares."""
        return self.frame_for(self.subject)

    def frame_for(self, subject: str) -> bytes:
        return frame(subject, {"gone": True} if self.is_gone else {"v": self.version, **self.said})


def frame(name: str, data: dict[str, Any]) -> bytes:
    """One server-sent event. LF line ends only; JSON never holds a raw line break."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def announce(topic: str, version: int, **data: Any) -> None:
    """Tell every open page that shows ``topic`` that it stands at ``version``, once and only if this transaction commits.

    ``match:*/7`` stands for every ``match`` that viewer 7 watches. ``data`` must fit in about 100 bytes and hold no personal data.
    """
    session = db.session()
    notice = Notice(topic, version, json.dumps(data, separators=(",", ":")))
    session.add(Announcement(topic=topic, version=version, data=notice.data))
    _queue(session).append(notice)


def announce_all(versions: Mapping[str, int]) -> None:
    """``announce`` for many topics at once, journalled by one statement."""
    if versions:
        now = time.time()
        rows = [{"topic": topic, "version": version, "data": "{}", "announced_at": now} for topic, version in versions.items()]
        session = db.session()
        session.execute(insert(Announcement), rows)
        _queue(session).extend(Notice(topic, version) for topic, version in versions.items())


def cut(account_id: int, subjects: Sequence[str]) -> None:
    """From this commit on the account's streams hear nothing more of these subjects, and its open pages are told that they are gone.

    Each is a topic of its own, so that none ever hides another, in whatever order they are heard. About five subjects fit into one notice.
    """
    announce(f"cut/{account_id}.{secrets.token_hex(6)}", 1, subjects=list(subjects))


def say(topic: str, **data: Any) -> None:
    """Tell every open page that shows ``topic`` something of this moment (somebody is typing): stored nowhere, and lost where nobody listens."""
    current_app.extensions["live"].bus.publish(Notice(topic, OF_THE_MOMENT, json.dumps(data, separators=(",", ":"))))


def end_streams(*, session_id: int | None = None, account_id: int | None = None) -> None:
    """Close the streams of one login session, or of an account, as soon as this transaction commits."""
    announce_again(f"end-session/{session_id}" if session_id is not None else f"end-account/{account_id}")


def announce_again(topic: str) -> None:
    """``announce`` what has no version: by the clock, and above what anyone may still remember, since clocks are set back and differ between machines."""
    newest = db.session.scalar(select(func.max(Announcement.version)).where(Announcement.topic == topic)) or 0
    announce(topic, max(time.time_ns() // 1_000_000, newest + 1))


def _queue(session: Session) -> list[Notice]:
    return session.info.setdefault("announced", [])


@event.listens_for(Session, "after_commit")
def _ring(session: Session) -> None:
    if session.in_nested_transaction():  # only a savepoint: nothing is saved yet
        return
    for notice in session.info.pop("announced", []):
        try:
            current_app.extensions["live"].bus.publish(notice)
        except Exception:  # the edit is saved: a bell that breaks must not make it look lost. The sweep rings again
            log.exception("could not ring %s", notice.topic)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, _previous: Any) -> None:
    session.info.pop("announced", None)

"""What somebody's change, or being saved, means to others: found beside the requests, by the worker in which it happened."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import gevent
from flask import Flask, current_app
from gevent.event import Event
from sqlalchemy import Select, event, func, literal, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction, aliased

from blueprints.accounts.models import Account
from blueprints.extensions import db, read_aside, utc_now, warn_seldom
from blueprints.matches.models import Mark, words_for
from blueprints.matches.perfect import perfect_for
from blueprints.notifications.kinds import milestone
from blueprints.notifications.models import Notification, Wish
from blueprints.profiles.models import MATCHING_FIELDS, OTHER_ROLE, PREFERENCE_FIELDS, Profile
from blueprints.requests.models import Request

MATTERS = MATCHING_FIELDS - set(PREFERENCE_FIELDS) | {"name"}  # to those who saved it
MATCHES_A_DAY = 3
A_DAY = timedelta(days=1)
AT_ONCE = 20  # members told in one transaction: others want to write as well

Member = aliased(Account)
Whom = Any  # a row with a profile's id, role and account_id

log = logging.getLogger(__name__)


@dataclass
class Lookout:
    """One worker's. What is noted here is lost with the worker: a member is then told a little less, and never wrongly."""

    app: Flask
    changed: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))  # profile id → fields
    saved: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    news: Event = field(default_factory=Event)

    def keep_looking(self) -> None:
        """For ever, in the background."""
        while True:
            self.news.wait()
            self.news.clear()
            try:
                with self.app.app_context():
                    self.look()
            except SQLAlchemyError as error:  # the database is away; the next round tries again
                warn_seldom(log, error)
                gevent.sleep(1)
                self.news.set()
            except Exception:  # whatever it was: without this loop nobody hears of matches any more
                log.exception("lookout")

    def look(self) -> None:
        for noted, tell in ((self.changed, tell_of_change), (self.saved, tell_of_savers)):
            while noted:
                profile_id, fields = noted.popitem()
                try:
                    for whom in read_aside(select(Profile.id, Profile.role, Profile.account_id).where(Profile.id == profile_id)):
                        tell(whom, fields)
                except SQLAlchemyError:
                    noted[profile_id] |= fields
                    raise
                finally:
                    db.session.rollback()


# What happens in a transaction is noted in it, and looked at once it has committed.


def note_change(profile: Profile, fields: Iterable[str]) -> None:
    """Receiver of ``profile_changed``."""
    if profile.account.is_here:
        _noted().append(("changed", profile.id, set(fields) if fields else set(MATCHING_FIELDS)))


def note_saved(mark: Mark) -> None:
    """Receiver of ``saved``."""
    _noted().append(("saved", mark.profile_id, set[str]()))


def _noted() -> list[tuple[str, int, set[str]]]:
    return db.session().info.setdefault("noted", [])


@event.listens_for(Session, "after_commit")
def _look(session: Session) -> None:
    if session.in_nested_transaction():  # only a savepoint
        return
    if noted := session.info.pop("noted", None):
        lookout: Lookout = current_app.extensions["notifications"]
        for name, profile_id, fields in noted:
            getattr(lookout, name)[profile_id] |= fields
        lookout.news.set()


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if not transaction.nested:
        session.info.pop("noted", None)


# Whom it concerns. What can be read beforehand is: on SQLite others could not write meanwhile.


def tell_of_change(whom: Whom, fields: set[str]) -> None:
    if names := words_for(fields & MATTERS):
        savers = those_who_see(whom).join(Mark, Mark.account_id == Member.id)
        for member, profile in held(savers.where(Mark.profile_id == whom.id, Mark.saved_at.is_not(None), Mark.hidden_at.is_(None)), "change", whom):
            Notification.tell(member, "change", profile, key=f"change:{whom.id}", fields=names)
    if fields & MATCHING_FIELDS:
        tell_of_match(whom)


def tell_of_match(whom: Whom) -> None:
    """Once for each pair for ever, and no more than three a day. Whoever saved or hid the card, or has asked or been asked, knows them already."""
    marked = select(Mark.account_id).where(Mark.account_id == Member.id, Mark.profile_id == whom.id, or_(Mark.saved_at.is_not(None), Mark.hidden_at.is_not(None)))
    mine, theirs = (Request.creator_id, Request.brand_id) if whom.role == "brand" else (Request.brand_id, Request.creator_id)
    asked = select(Request.id).where(mine == Member.id, theirs == whom.account_id)
    told = select(Notification.id).where(Notification.account_id == Member.id, Notification.key == f"match:{whom.id}")
    today = select(func.count()).where(Notification.account_id == Member.id, Notification.kind == "match", Notification.created_at > utc_now() - A_DAY)
    news = those_who_see(whom).where(~marked.exists(), ~asked.exists(), ~told.exists(), today.scalar_subquery() < MATCHES_A_DAY)
    for some in chunks(perfect_for(current_app.extensions["matches"].index, whom.role, whom.id)):
        fitting = select(Profile.account_id).where(Profile.id.in_(some))
        for member, profile in held(news.where(Member.id.in_(fitting)), "match", whom):
            Notification.tell_once(member, "match", profile)


def tell_of_savers(whom: Whom, _fields: set[str]) -> None:
    savers = those_who_see(whom).join(Mark, Mark.account_id == Member.id).where(Mark.profile_id == whom.id, Mark.saved_at.is_not(None))
    [(count,)] = read_aside(savers.with_only_columns(func.count()))
    if number := milestone(count):
        Notification.tell_higher(db.session.get_one(Account, whom.account_id), "saves", number)
        db.session.commit()


def those_who_see(whom: Whom) -> "Select[Any]":
    """The members of the other side who may see that profile, by the one rule of visibility."""
    role = OTHER_ROLE[whom.role]
    sees = Profile.visible_to(SimpleNamespace(role=role, id=Member.id)).where(Profile.id == whom.id).with_only_columns(Profile.id)
    return select(Member).where(Member.role == role, Member.is_here, sees.exists())


def held(members: "Select[Any]", kind: str, whom: Whom) -> Iterator[tuple[Account, Profile]]:
    """Each of those who want to be told of ``kind`` at all, held until that is committed, some at a time. Who is held is asked for once more:
    another worker may have told them meanwhile."""
    wanting = members.where(Wish.wants_at_all(Member.id, literal(kind))).order_by(Member.id)
    for some in chunks([row.id for row in read_aside(wanting.with_only_columns(Member.id))]):
        db.session.execute(select(Account.id).where(Account.id.in_(some)).order_by(Account.id).with_for_update())
        for member in db.session.scalars(wanting.where(Member.id.in_(some))).all():
            yield member, db.session.get_one(Profile, whom.id)
        db.session.commit()
        gevent.sleep(0)


def chunks(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]

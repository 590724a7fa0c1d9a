"""What happens to requests without anybody pressing a button on them: time, blocks, and members who leave or come back."""

import logging
import random
from typing import Any

import gevent
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request

EXPIRE_EVERY = 60.0
AT_ONCE = 200

log = logging.getLogger(__name__)


def keep_expiring(app: Flask) -> None:
    """Every worker does; who comes second finds nothing left to do."""
    while True:
        gevent.sleep(EXPIRE_EVERY * random.uniform(0.8, 1.2))
        try:
            with app.app_context():
                expire_overdue()
        except SQLAlchemyError as error:  # the database is away, or busy: the next round tries again
            log.warning("requests: %s", error)
        except Exception:  # whatever it was: without this loop nothing expires any more
            log.exception("requests")


def expire_overdue() -> int:
    """Each in a transaction of its own, so that nobody waits for long; how many were overdue."""
    with db.engine.connect().execution_options(reads_only=True) as connection:
        overdue = connection.scalars(Request.overdue().limit(AT_ONCE)).all()
    for id in overdue:
        if late := db.session.get(Request, id):
            late.expire()
        db.session.commit()
    return len(overdue)


def sever_the_two(account: Account, *, other: Account, **_said: Any) -> None:
    """Receiver of ``blocked``."""
    theirs = other.profile
    if account.role != other.role and theirs and (latest := Request.between(account, theirs)):
        latest.sever(account)


def show_the_two(account: Account, *, other: Account, **_said: Any) -> None:
    """Receiver of ``unblocked``: what is over between them stands in the lists of both again."""
    if db.session.execute(Request.with_me(account).where(Profile.account_id == other.id)).first():
        for one in sorted((account, other), key=lambda one: one.id):
            one.moved("requests")


def tell_the_others(account: Account, **_said: Any) -> None:
    """Receiver of ``left`` and ``returned``: the lists and counts of those who had to do with the account, and its own, follow who is there."""
    Request.recount(account)
    for other in db.session.scalars(Request.others_of(account)):
        other.moved("requests")
        Request.recount(other)

"""What a device asked for under an id of its own making, kept so that asking again, whatever became of the first answer, does not do it again."""

import re
from datetime import datetime, timedelta
from typing import Any

from flask import abort, request
from flask_login import current_user
from sqlalchemy import JSON, ForeignKey, String, delete
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.accounts.models import Account
from blueprints.extensions import Model, UtcDateTime, db, htmx, upsert, utc_now

ID_LENGTH = 40
ID = re.compile(rf"[A-Za-z0-9-]{{8,{ID_LENGTH}}}")
KEPT = timedelta(days=90)  # a device gives up sending by itself well before


class Operation(Model):
    """One of them. ``did`` says what it changed, in the words of the view that did it; what it did not do may be asked for again."""

    __tablename__ = "operations"
    __allow_unmapped__ = True

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True)
    did: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    done_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)

    was_done: bool = False  # by an earlier request

    @classmethod
    def begin(cls, account: Account, id: str) -> "Operation":
        """It becomes done with this transaction's commit; until then the same one, asked for at the same moment, waits."""
        new = upsert(cls).values(account_id=account.id, id=id, did={}, done_at=utc_now()).on_conflict_do_nothing().returning(cls.id)
        is_new = db.session.scalar(new) is not None
        operation = db.session.get_one(cls, (account.id, id), populate_existing=True)
        operation.was_done = not is_new
        return operation

    @classmethod
    def forget_old(cls) -> None:
        db.session.execute(delete(cls).where(cls.done_at < utc_now() - KEPT))


def asked_operation() -> Operation | None:
    """The one that the form names in ``operation``, if any. 403 when what the device kept is another account's (``account``): nothing was done."""
    if request.form.get("account", str(current_user.id)) != str(current_user.id):
        abort(403)
    id = request.form.get("operation")
    if id is None:
        return None
    if not ID.fullmatch(id):
        abort(400)
    return Operation.begin(current_user._get_current_object(), id)


def wants_json() -> bool:
    """A script that sends what waited on a device, or another program: it wants to know what became of it, not a page."""
    return not htmx and request.accept_mimetypes.best == "application/json"

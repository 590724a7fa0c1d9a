"""``/unsubscribe/<token>``: no more e-mails, with one press and without logging in. The signed token is the proof; mail programs post it by themselves (RFC 8058)."""

import hashlib

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeSerializer

from blueprints.accounts.models import Account
from blueprints.extensions import csrf, db
from blueprints.notifications.models import Wishes

bp = Blueprint("unsubscribing", __name__)

PURPOSE = "unsubscribe"


def token_of(account: Account) -> str:
    """Good for this alone, and for ever: an old e-mail unsubscribes as well as the latest."""
    return _signer().dumps(account.id)


def account_of(token: str) -> Account | None:
    try:
        account_id = _signer().loads(token)
    except BadData:
        return None
    return db.session.get(Account, account_id)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=PURPOSE, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256})


@bp.get("/unsubscribe/<token>")
def ask(token: str) -> ResponseReturnValue:
    """A page with a button: programs that look behind the links of an e-mail unsubscribe nobody."""
    return page("ask", token) if account_of(token) else (page("unknown", token), 404)


@bp.post("/unsubscribe/<token>")
@csrf.exempt
def unsubscribe(token: str) -> ResponseReturnValue:
    """No e-mail of any kind from now on. Twice is the same as once; answered without a redirect, as mail programs want it."""
    account = account_of(token)
    if account is None:
        return page("unknown", token), 404
    Wishes.of(account).end_mail()
    db.session.commit()
    return page("done", token)


def page(state: str, token: str) -> str:
    return render_template("notifications/unsubscribe.html", state=state, token=token)

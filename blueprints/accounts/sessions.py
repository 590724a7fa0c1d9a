"""Login sessions on the server: the cookie holds a random token, the row behind its hash says who and until when."""

from datetime import datetime
from functools import cache
from typing import NamedTuple

from flask import Flask, Response, g, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import current_user, login_user
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import configure_mappers, contains_eager

from blueprints.accounts.addresses import coarse
from blueprints.accounts.models import LONGEST, TOUCH_EVERY, Account, LoginSession, token_hash
from blueprints.accounts.operations import Operation
from blueprints.extensions import db, login_manager, utc_now

HINT_COOKIE = "duet_session"
USER_AGENT_LENGTH = 300


class Glance(NamedTuple):
    id: int
    role: str


class CookiesAsSecureAsTheRequest(SecureCookieSessionInterface):
    """Plain http works on one's own machine; what came by TLS never travels without it."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Made once for an app: deriving its keys anew for every request costs more than checking the signature."""
        if "session_serializer" not in app.extensions:
            app.extensions["session_serializer"] = super().get_signing_serializer(app)
        return app.extensions["session_serializer"]

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """A file for everyone carries no cookie and does not vary by one."""
        if not response.cache_control.public:
            super().save_session(app, session, response)


@login_manager.user_loader
def load(token: str) -> Account | None:
    """The account of a session that has neither ended nor expired, with its profile, in one query."""
    now = utc_now()
    found = db.session.scalar(_by_token(), {"token_hash": token_hash(token), "now": now})
    if found is None:
        return None
    _carry(found.account, found, token)
    if request.method == "GET" and now - found.last_seen_at > TOUCH_EVERY:  # a write holds the lock already, and is followed by a GET
        _touch(found, now)
    return found.account


def glance() -> Glance | None:
    """Who asks, by the rule of ``load`` but without loading them: for answers that need no more than knowing who."""
    token = session.get("_user_id")
    if not token:
        return None
    found = db.session.connection().execute(_glance(), {"token_hash": token_hash(token), "now": utc_now()}).one_or_none()
    return Glance(*found) if found else None


def begin(account: Account, remembered: bool) -> None:
    """Log this browser in: a new session, a new token, a new CSRF token. The session it had before ends. Commits."""
    if current_user.is_authenticated:
        current_user.login_session.end()
    db.session.execute(delete(LoginSession).where(LoginSession.expires_at < utc_now()))
    Operation.forget_old()
    agent = request.user_agent.string[:USER_AGENT_LENGTH]
    begun, token = LoginSession.begin(account, remembered=remembered, user_agent=agent, address=coarse(request.remote_addr))
    db.session.commit()
    session.clear()
    g.pop("csrf_token", None)  # Flask-WTF's, of the session that this request came with
    if remembered:
        session.permanent = True
    _keep(begun, token)


def rotate(mine: LoginSession) -> None:
    """Give this browser's session a new token. Commits."""
    token = mine.rotate()
    db.session.commit()
    _keep(mine, token)


def leave_hint(response: Response) -> None:
    """Tell scripts which session is on: a page that comes back from the browser's memory sees that it is another's."""
    mine = current_user.login_session
    lifetime = int(LONGEST.total_seconds()) if mine.remembered else None
    response.set_cookie(HINT_COOKIE, str(mine.id), max_age=lifetime, secure=request.is_secure, samesite="Lax")


def take_hint(response: Response) -> None:
    response.delete_cookie(HINT_COOKIE, secure=request.is_secure, samesite="Lax")


def _keep(login_session: LoginSession, token: str) -> None:
    _carry(login_session.account, login_session, token)
    login_user(login_session.account)
    session.pop("_id", None)  # Flask-Login's fingerprint of the browser, which nobody here asks for


ALIVE = (LoginSession.token_hash == bindparam("token_hash"), LoginSession.expires_at > bindparam("now"), Account.is_here)


@cache
def _by_token() -> Select[LoginSession]:
    configure_mappers()  # Account.profile comes from the profiles package
    with_profile = contains_eager(LoginSession.account).joinedload(Account.profile)
    return select(LoginSession).join(LoginSession.account).options(with_profile).where(*ALIVE)


@cache
def _glance() -> Select[int, str]:
    return select(Account.id, Account.role).join(LoginSession, LoginSession.account_id == Account.id).where(*ALIVE)


def _carry(account: Account, login_session: LoginSession, token: str) -> None:
    account.login_session, account.token = login_session, token


def _touch(found: LoginSession, now: datetime) -> None:
    """Note that the member is here, in a transaction of its own; if the database is busy or full, the next page does it."""
    try:
        with db.engine.connect().execution_options(waits_seconds=0) as connection, connection.begin():
            seen = {"last_seen_at": now, "expires_at": found.expiry(seen=now)}
            connection.execute(update(LoginSession).where(LoginSession.id == found.id).values(seen))
            connection.execute(update(Account).where(Account.id == found.account_id).values(last_seen_at=now))
    except DBAPIError:
        pass

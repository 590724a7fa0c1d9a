"""Registering, logging in and out, and one's settings. No answer tells whether an e-mail address is known, neither by words nor by time."""

import time

import gevent
from flask import Blueprint, Response, abort, current_app, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required, logout_user
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as WerkzeugResponse

from blueprints.accounts import limits, sessions
from blueprints.accounts.forms import AgainForm, LoginForm, PasswordForm, RegisterForm, valid_email
from blueprints.accounts.models import Account, LoginSession, email_key, registered
from blueprints.accounts.passwords import hash_password, needs_rehash, verify
from blueprints.accounts.redirects import path_here, safe_next, to_login
from blueprints.extensions import csrf_token, db, htmx

bp = Blueprint("accounts", __name__)

REGISTERED = "If this e-mail address was new to Duet, your account is ready: log in with your password."
NO_SUPPORT_EMAIL = "the people who run this Duet"
WRONG = "This e-mail address and password do not belong together. Please check both."
SUSPENDED = "Your account is suspended, and nobody else sees it. If you think that this is a mistake, please write to {}."
WRONG_CURRENT = "This is not your current password."
TOO_OFTEN = "That was tried too often. Please try again {}."


@bp.get("/register")
def register() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(url_for("site.home"))
    return render_template("accounts/register.html", form=RegisterForm())


@bp.post("/register")
def create() -> ResponseReturnValue:
    """Always the same redirect, after the same time, whether or not the address was known."""
    answer_at = time.monotonic() + current_app.config["REGISTRATION_SECONDS"]
    form = RegisterForm()
    if not form.validate():
        return render_template("accounts/register.html", form=form), 422
    if seconds := limits.registration_wait(form.email.data):
        return _too_often("accounts/register.html", form, seconds)
    _add(form.email.data, form.role.data, form.name.data, hash_password(form.password.data))
    gevent.sleep(max(0, answer_at - time.monotonic()))
    flash(REGISTERED, "info")
    return redirect(url_for(".login"))


def _add(email: str, role: str, name: str, password_hash: str) -> None:
    """A new account, unless the address is known; the database decides, so that two at once cannot both be new."""
    account = Account(email=email, role=role, password_hash=password_hash)
    db.session.add(account)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        return
    registered.send(account, name=name)
    db.session.commit()


@bp.get("/login")
def login() -> ResponseReturnValue:
    target = safe_next(request.args.get("next"))
    if current_user.is_authenticated:
        return redirect(target or url_for("site.home"))
    return render_template("accounts/login.html", form=LoginForm(next=target or ""))


@bp.post("/login")
def begin() -> ResponseReturnValue:
    form = LoginForm()
    status, headers = _begin(form)
    if status != 200:
        return make_response(render_template("accounts/login.html", form=form), status, headers)
    return _begun(redirect(safe_next(form.next.data) or url_for("site.home")))


@bp.get("/login/again")
def again() -> ResponseReturnValue:
    """The form as a fragment, for a page whose session ended under it; or, where another tab has logged in meanwhile, what that page needs to go on.

    The token comes with ``token=1`` only, right before the form is sent. It sets a cookie, and many tabs may ask for the form at the very moment
    when one of them logs in: none of them may take its new cookie away.
    """
    if current_user.is_authenticated:
        return _to_go_on()
    form = AgainForm(formdata=None, meta={} if request.args.get("token") == "1" else {"csrf": False})
    return render_template("accounts/_again.html", form=form)


@bp.post("/login/again")
def begin_again() -> ResponseReturnValue:
    """As logging in, but the page stays: it is told of its new session, or gets the form back with what is wrong."""
    form = AgainForm()
    status, headers = _begin(form)
    if status != 200:
        return make_response(render_template("accounts/_again.html", form=form), status, headers)
    return _begun(_to_go_on())


def _to_go_on() -> Response:
    mine = current_user.login_session
    response = make_response({"session": mine.id, "account": current_user.id, "csrf": csrf_token(), "home": url_for("site.home")})
    response.headers["Cache-Control"] = "no-store"
    return response


def _begun(response: Response | WerkzeugResponse) -> Response:
    answer = make_response(response)
    sessions.leave_hint(answer)
    limits.remember_device(answer, current_user.email)
    return answer


def _begin(form: LoginForm) -> tuple[int, dict[str, str]]:
    """Log in as the form says: 200, or another status with headers, and the words in the form.

    The password is checked with no transaction open: on SQLite all other writers would wait for it.
    Only who knows the password learns that an account is suspended.
    """
    if not form.validate():
        return 422, {}
    attempt = limits.Attempt(_usual(form.email.data) or form.email.data)  # one address however it is spelt
    with attempt.turn() as seconds:
        if seconds:
            form.form_errors.append(TOO_OFTEN.format(limits.in_words(seconds)))
            return 429, {"Retry-After": str(seconds)}
        account_id, stored = _account_of(form.email.data)
        right = verify(stored, form.password.data)
        if not right:
            attempt.failed()
    fresh = hash_password(form.password.data) if right and needs_rehash(stored) else ""
    account = _still(account_id, stored, form.password.data) if right else None
    if account is None or not account.is_here:
        form.form_errors.append(SUSPENDED.format(current_app.config["SUPPORT_EMAIL"] or NO_SUPPORT_EMAIL) if account else WRONG)
        return 422, {}
    if fresh and needs_rehash(account.password_hash):  # else another browser that logged in has renewed it meanwhile
        account.password_hash = fresh
    sessions.begin(account, remembered=form.remember.data)
    return 200, {}


def _account_of(email: str) -> tuple[int, str]:
    """Id and password hash behind an address, read outside of the request's own transaction; (0, "") for nobody."""
    query = select(Account.id, Account.password_hash).where(Account.email_key == email_key(_usual(email)), Account.deactivated_at.is_(None))
    with db.engine.connect().execution_options(reads_only=True) as connection:
        row = connection.execute(query).one_or_none()
    return (row.id, row.password_hash) if row else (0, "")


def _usual(email: str) -> str:
    try:
        return valid_email(email)
    except ValueError:
        return ""


def _still(account_id: int, stored: str, password: str) -> Account | None:
    """The account, held, whose password was just found right against the hash ``stored``, if it is right now. Another hash need not be of another
    password: a browser that logs in renews an old one."""
    held = select(Account).where(Account.id == account_id, Account.deactivated_at.is_(None)).with_for_update()
    while account := db.session.scalar(held.execution_options(populate_existing=True)):
        if account.password_hash == stored:
            return account
        stored = account.password_hash
        db.session.rollback()  # the lock is not for the time of a hash
        if not verify(stored, password):
            return None
    return None


@bp.post("/logout")
def logout() -> ResponseReturnValue:
    if current_user.is_authenticated:
        current_user.login_session.end()
        db.session.commit()
        logout_user()
    session.clear()
    response = make_response(redirect(url_for("site.home")))
    response.headers["Clear-Site-Data"] = '"cache"'
    sessions.take_hint(response)
    return response


@bp.get("/settings")
@login_required
def settings() -> ResponseReturnValue:
    return _settings(_password_form())


@bp.get("/settings/sessions")
@login_required
def login_sessions() -> ResponseReturnValue:
    """The list as a fragment, for the live element to fetch."""
    return render_template("accounts/_sessions.html", sessions=_mine(), current=current_user.login_session)


@bp.post("/settings/sessions/<id:session_id>/end")
@login_required
def end_session(session_id: int) -> ResponseReturnValue:
    if session_id == current_user.login_session.id:
        return logout()
    ended = db.session.scalar(select(LoginSession).where(LoginSession.account_id == current_user.id, LoginSession.id == session_id))
    if ended is None:
        abort(404)
    ended.end()
    db.session.commit()
    flash("That browser is logged out.", "success")
    return redirect(url_for(".settings"))


@bp.post("/settings/sessions/end-others")
@login_required
def end_other_sessions() -> ResponseReturnValue:
    current_user.login_session.end_others()
    db.session.commit()
    flash("All other browsers are logged out.", "success")
    return redirect(url_for(".settings"))


@bp.post("/settings/password")
@login_required
def change_password() -> ResponseReturnValue:
    """Ends all other sessions: whoever knew the old password is out everywhere."""
    form = _password_form()
    if not form.validate():
        return _settings(form, 422)
    attempt = limits.Allowance("LOGIN_FAILURES_PER_DEVICE", f"settings:{current_user.id}")
    if seconds := attempt.take():  # counted before the check: many guesses at once do not all slip in
        form.current_password.errors = [TOO_OFTEN.format(limits.in_words(seconds))]
        return _settings(form, 429, {"Retry-After": str(seconds)})
    account_id, session_id, stored = current_user.id, current_user.login_session.id, current_user.password_hash
    db.session.rollback()  # the lock is not for the time of two hashes
    if not verify(stored, form.current_password.data):
        form.current_password.errors = [WRONG_CURRENT]
        return _settings(form, 422)
    fresh = hash_password(form.new_password.data)
    account, mine = _still(account_id, stored, form.current_password.data), db.session.get(LoginSession, session_id)
    if account is None or mine is None:  # meanwhile the password was changed, or this session ended, from another browser
        return to_login()
    account.password_hash = fresh
    mine.end_others()
    sessions.rotate(mine)
    flash("Your password is changed. All other browsers are logged out.", "success")
    return redirect(url_for(".settings"))


@bp.post("/settings/live")
@login_required
def pause_live() -> ResponseReturnValue:
    """``paused=1`` or ``0``: whether pages wait to be asked before they change under the reader."""
    current_user.pause_live(request.form.get("paused") == "1")
    db.session.commit()
    if htmx:
        return "", 204
    return redirect(safe_next(path_here(request.referrer)) or url_for(".settings"))


def _settings(form: PasswordForm, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    page = render_template("accounts/settings.html", form=form, sessions=_mine(), current=current_user.login_session)
    return make_response(page, status, headers or {})


def _password_form() -> PasswordForm:
    profile = current_user.profile
    return PasswordForm(email=current_user.email, name=profile.name if profile else "")


def _mine() -> list[LoginSession]:
    """This member's sessions that are still good, the latest used first."""
    return list(db.session.scalars(LoginSession.of(current_user)))


def _too_often(template: str, form: RegisterForm, seconds: int) -> Response:
    form.form_errors.append(TOO_OFTEN.format(limits.in_words(seconds)))
    return make_response(render_template(template, form=form), 429, {"Retry-After": str(seconds)})

"""Admins are made at the command line, and only there."""

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from tests.accounts.test_logging_in import announced
from tests.conftest import PASSWORD


def test_an_admin_is_created_and_logs_in(app: Flask, stranger: FlaskClient) -> None:
    result = app.test_cli_runner().invoke(args=["accounts", "create-admin", "Root@example.com"], input=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert stranger.post("/login", data={"email": "root@example.com", "password": PASSWORD}).status_code == 302
    assert stranger.get("/settings").status_code == 200
    assert db.session.scalars(select(Account)).one().role == "admin"


def test_a_member_is_made_an_admin_and_their_streams_end(app: Flask, ana: Account, as_user: Callable[[Account], FlaskClient]) -> None:
    result = app.test_cli_runner().invoke(args=["accounts", "make-admin", ana.email.upper()])

    assert result.exit_code == 0, result.output
    db.session.expire_all()
    assert ana.role == "admin"
    assert f"end-account/{ana.id}" in announced()
    assert as_user(ana).get("/settings").status_code == 200


def test_what_cannot_be_done_is_one_clear_line(app: Flask, ana: Account) -> None:
    run = app.test_cli_runner().invoke
    password = f"{PASSWORD}\n{PASSWORD}\n"

    for result, says in (
        (run(args=["accounts", "make-admin", "nobody@example.com"]), "nobody has registered"),
        (run(args=["accounts", "create-admin", ana.email], input=password), "use make-admin"),
        (run(args=["accounts", "create-admin", "no address"], input=password), "e-mail address like"),
        (run(args=["accounts", "create-admin", "new@example.com"], input="short\nshort\n"), "at least 8"),
    ):
        assert result.exit_code == 1
        assert says in result.output
    assert db.session.scalars(select(Account.role).where(Account.role == "admin")).all() == []

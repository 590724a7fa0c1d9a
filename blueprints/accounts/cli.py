"""``flask accounts …``: what no page may do, above all making admins."""

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from blueprints.accounts.forms import check_password, valid_email
from blueprints.accounts.models import Account, email_key
from blueprints.accounts.passwords import hash_password
from blueprints.extensions import db

cli = AppGroup("accounts", help="Make admins, suspend or deactivate members.")


@cli.command()
@click.argument("email")
def make_admin(email: str) -> None:
    """Give the account of EMAIL the role admin."""
    account = registered_with(email)
    account.take_role("admin")
    db.session.commit()
    click.echo(f"{account.email} is an admin now.")


@cli.command()
@click.argument("email")
def deactivate(email: str) -> None:
    """Take the account of EMAIL out of sight and log it out everywhere."""
    account = registered_with(email)
    account.deactivate()
    db.session.commit()
    click.echo(f"{account.email} is deactivated.")


@cli.command()
@click.argument("email")
def suspend(email: str) -> None:
    """Take the account of EMAIL out of sight until it is restored; its owner is told at the next log-in."""
    account = registered_with(email)
    account.suspend()
    db.session.commit()
    click.echo(f"{account.email} is suspended.")


@cli.command()
@click.argument("email")
def restore(email: str) -> None:
    """Take the suspension of the account of EMAIL back."""
    account = registered_with(email)
    account.restore()
    db.session.commit()
    click.echo(f"{account.email} is no longer suspended.")


@cli.command()
@click.argument("email")
def create_admin(email: str) -> None:
    """Make a new account with the role admin for EMAIL; asks for its password."""
    try:
        email = valid_email(email)
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        check_password(password, email, name="")
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    db.session.add(Account(email=email, role="admin", password_hash=hash_password(password)))
    try:
        db.session.commit()
    except IntegrityError as error:
        db.session.rollback()
        raise click.ClickException(f"{email} has registered already: use make-admin.") from error
    click.echo(f"{email} is an admin now.")


def registered_with(email: str) -> Account:
    account = db.session.scalar(select(Account).where(Account.email_key == email_key(email)))
    if account is None:
        raise click.ClickException(f"nobody has registered with {email}.")
    return account

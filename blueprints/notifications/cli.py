"""``flask notifications …``: what cron runs."""

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from blueprints import mail
from blueprints.extensions import db
from blueprints.notifications import digest as digests
from blueprints.notifications.activity import KEPT_FOR, Activity
from blueprints.notifications.models import Notification

cli = AppGroup("notifications", help="Write to those who are away.")


@cli.command()
@click.option("--dry-run", is_flag=True, help="Print what would be sent, and send and mark nothing.")
def digest(dry_run: bool) -> None:
    """E-mail members what waits for them: at most once in 20 hours each, never while they are here. Forgets old activity too.

    Run it by cron, once an hour, say. Two at once, or one again, send nothing twice.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if not app.config["PUBLIC_URL"]:
        raise click.ClickException("set PUBLIC_URL to the address at which members reach this site, such as https://duet.example.com: an e-mail needs whole links.")

    def complain(line: str) -> None:
        click.echo(line, err=True)

    if dry_run:
        count = 0
        for count, letter in enumerate(digests.drafts(app, complain), start=1):
            body = letter.message.get_body(("plain",))
            click.echo(f"To: {letter.email}\nSubject: {letter.message['Subject']}\n\n{body.get_content() if body else ''}")
        click.echo(f"{count} would be sent. Nothing was sent or marked.")
        return
    post, outcome = mail.post(app.config), digests.Outcome()
    try:
        with post:
            digests.send_all(app, post, complain, outcome)
    except SQLAlchemyError as error:
        raise click.ClickException(f"the database: {getattr(error, 'orig', None) or error}. {outcome.sent} were sent; the next run sends the others.") from error
    except mail.NoServer as error:
        raise click.ClickException(f"{error}. {outcome.sent} were sent; the next run sends the others.") from error
    forgotten, read = Activity.prune(), Notification.prune()
    db.session.commit()
    click.echo(f"{outcome.sent} sent {post.where}; {outcome.refused} not taken. Forgot {forgotten} lines of activity and {read} read notifications older than {KEPT_FOR.days} days.")

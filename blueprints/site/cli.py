"""The commands: ``flask serve`` (what ``make run`` calls), ``flask setup``, ``flask seed``; those of backups."""

import os
import re
import socket
import sys
import time
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from blueprints.extensions import db
from blueprints.live import EVERYTHING, announce_again
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.models import OTHER_ROLE
from blueprints.site.backups import backup_command, hold_for_server, restore_command, restored_command
from blueprints.site.refusals import Refusal
from blueprints.site.seeds import seed
from blueprints.site.setup import DEMO_LOG_INS, demo_password, has_demo, prepare_database, prepare_demo

MOST_PROFILES = 1_000_000
NUMBER = re.compile("[0-9]{1,5}")  # str.isdigit also takes ² and digits of other scripts


def init_app(app: Flask) -> None:
    app.cli.command("serve")(serve)
    app.cli.command("setup")(setup)
    for command in (seed_command, backup_command, restore_command, restored_command):
        app.cli.add_command(command)


def setup() -> None:
    """Migrate the database, import the cities, and seed the demo community into an empty one."""
    try:
        prepare_database()
        prepare_demo()
    except SQLAlchemyError as error:
        raise Refusal(f"the database cannot be used: {str(error).splitlines()[0]}") from error


def serve() -> None:
    """Check what can be checked, set up the database, and become gunicorn."""
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
    refuse_bad_settings(host, port)
    hold_for_server(current_app.config["INSTANCE_PATH"])
    setup()
    os.environ["DUET_GREETING"] = greeting(host, port)
    db.session.remove()
    db.engine.dispose()
    sys.stdout.flush()
    config = Path(current_app.root_path) / "gunicorn.conf.py"
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", str(config)])


def greeting(host: str, port: str) -> str:
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host
    lines = [f"Duet is running: http://{shown}:{port}"]
    if has_demo():
        lines += [f"Demo {role}: {email}  password: {demo_password()}" for role, email in DEMO_LOG_INS.items()]
    return "\n".join(["", *(f"  {line}" for line in lines), "  Stop with Ctrl-C", ""])


def refuse_bad_settings(host: str, port: str) -> None:
    """One line for each thing that would otherwise fail later and less clearly."""
    if not NUMBER.fullmatch(port) or not 0 < int(port) < 65536:
        raise Refusal(f"PORT must be a number from 1 to 65535, not {port!r}.")
    workers = os.environ.get("WEB_CONCURRENCY", "1")
    if not NUMBER.fullmatch(workers) or int(workers) < 1:
        raise Refusal(f"WEB_CONCURRENCY must be a number from 1, not {workers!r}.")
    if int(workers) > 1 and not current_app.config["REDIS_URL"]:
        raise Refusal("WEB_CONCURRENCY above 1 needs REDIS_URL, so that every worker hears what the others saved.")
    try:
        family = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
    except OSError as error:
        raise Refusal(f"cannot listen on {host}:{port} ({error.strerror}). Is another Duet running? Choose another with PORT=8001.") from error


@click.command("seed")
@with_appcontext
@click.option("--profiles", type=click.IntRange(1, MOST_PROFILES), default=200, show_default=True)
@click.option("--seed", "seed_number", type=int, default=1, show_default=True, help="The same number makes the same community.")
def seed_command(profiles: int, seed_number: int) -> None:
    """Add a believable community to the database."""
    started = time.monotonic()
    seed(db.session, profiles, seed_number, current_app.config["MEDIA_PATH"], None)
    for role in OTHER_ROLE:
        DeckVersion.moved_on(role)  # open decks of a running server hear that somebody came
    announce_again(EVERYTHING)
    db.session.commit()
    click.echo(f"{profiles} profiles in {time.monotonic() - started:.1f} s")

"""A community to measure, and the table's lines."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from blueprints.extensions import db
from blueprints.site.seeds import seed
from blueprints.site.setup import prepare_database
from tests.conftest import Cast, add_cast, app_on


@contextlib.contextmanager
def community(profiles: int = 0) -> Iterator[tuple[Path, Cast]]:
    """A fresh instance with the cast and so many others."""
    with tempfile.TemporaryDirectory() as folder:
        instance = Path(folder)
        with app_on(instance) as app, app.app_context():
            prepare_database()
            people = add_cast()
            cast = Cast(people.ana.profile.id, people.bo.profile.id, people.cy.profile.id)
            if profiles:
                seed(db.session, profiles, 1, instance / "media", None)
        yield instance, cast


def say(what: str, measured: str, target: str) -> None:
    print(f"| {what:<66} | {measured:<34} | {target:<18} |", flush=True)

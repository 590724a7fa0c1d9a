"""A seeded community that many tests only look at, made once."""

import shutil
from pathlib import Path

import pytest

from blueprints.extensions import db
from tests.conftest import app_on
from tests.matches.reference import Town


@pytest.fixture(scope="session")
def town(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Three hundred members out of a database, and the index of that database."""
    instance = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("town") / "instance"))
    with app_on(instance) as app, app.app_context():
        town = Town.seeded(app, 300, number=3)
        db.session.expunge_all()
        return town

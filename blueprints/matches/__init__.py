"""Matches: scoring (pure), the deck and its cards."""

from flask import Flask

from blueprints.matches.models import decks_move_on
from blueprints.profiles.models import profile_changed


def init_app(app: Flask) -> None:
    from blueprints.matches import subjects  # noqa: F401  registers them
    from blueprints.matches.routes import bp

    profile_changed.connect(decks_move_on)
    app.register_blueprint(bp)

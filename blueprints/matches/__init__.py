"""Matches: scoring (pure), the index of everyone, the deck and its cards, what a viewer keeps, and who hears that a deck moved."""

from dataclasses import dataclass, field

from flask import Flask

from blueprints.live import Notice
from blueprints.matches.deck import in_turns
from blueprints.matches.index import Index
from blueprints.matches.models import decks_move_on, decks_of_both_move_on
from blueprints.matches.open_decks import OpenDecks
from blueprints.profiles.blocks import blocked, unblocked
from blueprints.profiles.models import profile_changed
from blueprints.profiles.undoing import offered


@dataclass
class Matching:
    """One worker's memory for matching."""

    app: Flask
    index: Index = field(default_factory=Index)
    open_decks: OpenDecks = field(init=False)

    def __post_init__(self) -> None:
        live = self.app.extensions["live"]
        self.open_decks = OpenDecks(self.index, live.hub, live.bus)
        live.hub.listeners.append(self.hear)
        live.background.append(lambda: self.index.keep_fresh(self.app, then=self.open_decks.tell))

    def hear(self, notice: Notice) -> None:
        self.index.hear(notice)
        self.open_decks.hear(notice)


def init_app(app: Flask) -> None:
    from blueprints.matches import subjects  # noqa: F401  registers them
    from blueprints.matches.cli import commands
    from blueprints.matches.forms import criteria
    from blueprints.matches.routes import bp

    app.extensions["matches"] = Matching(app)
    app.jinja_env.filters["in_turns"] = in_turns
    offered.update(musts=criteria, dont_minds=criteria)
    profile_changed.connect(decks_move_on)
    blocked.connect(decks_of_both_move_on)
    unblocked.connect(decks_of_both_move_on)
    app.register_blueprint(bp)
    app.cli.add_command(commands)

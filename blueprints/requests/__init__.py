"""Requests to work together: asking, answering, limits, and who is connected."""

from flask import Flask

from blueprints.accounts.models import circles, left, returned
from blueprints.profiles.blocks import blocked, unblocked


def init_app(app: Flask) -> None:
    from blueprints.requests import subjects  # noqa: F401  registers them
    from blueprints.requests.changes import keep_expiring, sever_the_two, show_the_two, tell_the_others
    from blueprints.requests.models import Request
    from blueprints.requests.routes import bp

    circles.add(Request.ids_of_others)
    blocked.connect(sever_the_two)
    unblocked.connect(show_the_two)
    left.connect(tell_the_others)
    returned.connect(tell_the_others)
    app.extensions["live"].background.append(lambda: keep_expiring(app))
    app.register_blueprint(bp)

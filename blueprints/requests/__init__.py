"""Requests to work together: asking, answering, limits, and who is connected."""

from flask import Flask

from blueprints.accounts.models import left, returned
from blueprints.profiles.blocks import blocked


def init_app(app: Flask) -> None:
    from blueprints.requests import subjects  # noqa: F401  registers them
    from blueprints.requests.changes import keep_expiring, sever_the_two, tell_the_others
    from blueprints.requests.routes import bp

    blocked.connect(sever_the_two)
    left.connect(tell_the_others)
    returned.connect(tell_the_others)
    app.extensions["live"].background.append(lambda: keep_expiring(app))
    app.register_blueprint(bp)

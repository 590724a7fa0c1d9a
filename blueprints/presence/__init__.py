"""Who is here, away or gone, and who may know it."""

from flask import Flask

from blueprints.accounts.models import left
from blueprints.presence.rules import may_see
from blueprints.presence.tracker import AWAY_SECONDS, GRACE_SECONDS
from blueprints.requests.models import answered


def init_app(app: Flask) -> None:
    from blueprints.presence.keeper import Keeper
    from blueprints.presence.models import Presence
    from blueprints.presence.routes import bp
    from blueprints.presence.subjects import part

    app.config.setdefault("PRESENCE_GRACE_SECONDS", GRACE_SECONDS)
    app.config.setdefault("PRESENCE_AWAY_SECONDS", AWAY_SECONDS)
    app.extensions["presence"] = Keeper(app)
    app.jinja_env.globals["may_see_presence"] = may_see
    left.connect(Presence.end)
    answered.connect(part)
    app.register_blueprint(bp)

"""What happened to a member and around them: the list, the badge, browser notifications, the e-mail digest."""

from flask import Flask

from blueprints import mail
from blueprints.profiles.models import profile_changed
from blueprints.requests.models import answered


def init_app(app: Flask) -> None:
    from blueprints.notifications import activity, activity_routes, subjects

    assert subjects  # imported so that they register
    mail.init_app(app)
    profile_changed.connect(activity.profile_did)
    answered.connect(activity.pair_did)
    app.register_blueprint(activity_routes.bp)

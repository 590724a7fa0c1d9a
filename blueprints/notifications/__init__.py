"""What happened to a member and around them: the list, the badge, browser notifications, the e-mail digest."""

from flask import Flask

from blueprints import mail


def init_app(app: Flask) -> None:
    from blueprints.notifications import activity, subjects

    assert activity and subjects  # imported so that they register
    mail.init_app(app)

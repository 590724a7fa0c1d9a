"""What happened to a member and around them: the list, the badge, browser notifications, the e-mail digest."""

from flask import Flask

from blueprints import mail


def init_app(app: Flask) -> None:
    mail.init_app(app)

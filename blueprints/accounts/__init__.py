"""Who is who: registering, logging in and out, sessions, settings."""

from flask import Flask


def init_app(app: Flask) -> None:
    pass

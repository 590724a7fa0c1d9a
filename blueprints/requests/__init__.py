"""Requests to work together: asking, answering, limits, and who is connected."""

from flask import Flask


def init_app(app: Flask) -> None:
    from blueprints.requests import models  # noqa: F401

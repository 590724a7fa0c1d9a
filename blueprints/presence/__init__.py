"""Who is here, away or gone, and who may know it."""

from flask import Flask


def init_app(app: Flask) -> None:
    from blueprints.presence import models  # noqa: F401

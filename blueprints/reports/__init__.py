"""Reports of members, the admins' queue and what they do about it."""

from flask import Flask


def init_app(app: Flask) -> None:
    from blueprints.reports import models  # noqa: F401

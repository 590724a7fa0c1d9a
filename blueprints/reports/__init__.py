"""Reports of members, the admins' queue and what they do about it."""

from flask import Flask


def init_app(app: Flask) -> None:
    from blueprints.reports import subjects  # noqa: F401  registers it
    from blueprints.reports.routes import bp

    app.register_blueprint(bp)

"""What belongs to the whole site: home, navigation, errors, headers, health, patterns, setting up and serving."""

from typing import Any

from flask import Flask, current_app
from flask_login import current_user

from blueprints.site import cli, development, errors, headers


def init_app(app: Flask) -> None:
    from blueprints.site.routes import bp

    app.register_blueprint(bp)
    app.context_processor(page_context)
    for part in (headers, errors, cli, development):
        part.init_app(app)


def page_context() -> dict[str, Any]:
    """What the layout reads beside a view's own inputs."""
    viewer = current_user if current_user.is_authenticated else None
    saved_at = development.saved_at() if current_app.config["DEVELOPMENT"] else None
    return {"viewer": viewer, "development": saved_at, "inspecting": saved_at is not None or (viewer is not None and viewer.role == "admin")}

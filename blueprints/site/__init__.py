"""What belongs to the whole site: home, navigation, errors, headers, assets, health, patterns, setting up and serving."""

from flask import Flask
from flask_login import current_user

from blueprints.site import assets, cli, errors, headers


def init_app(app: Flask) -> None:
    from blueprints.site.routes import bp

    app.register_blueprint(bp)
    app.context_processor(lambda: {"viewer": current_user if current_user.is_authenticated else None})
    for part in (assets, headers, errors, cli):
        part.init_app(app)

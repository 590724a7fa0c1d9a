"""Who is who: registering, logging in and out, sessions, settings."""

from flask import Flask


def init_app(app: Flask) -> None:
    from blueprints.accounts import devices, limits, sessions, subjects
    from blueprints.accounts.cli import cli
    from blueprints.accounts.routes import bp
    from blueprints.extensions import login_manager

    assert subjects  # imported so that it registers
    login_manager.session_protection = None  # the row of the session decides, not a guess at the browser
    app.session_interface = sessions.CookiesAsSecureAsTheRequest()
    for setting, default in limits.DEFAULTS.items():
        app.config.setdefault(setting, default)
    app.config.setdefault("SUPPORT_EMAIL", "")  # whom a suspended member writes to
    app.config.setdefault("REGISTRATION_SECONDS", 0.0 if app.testing else 0.3)
    app.add_template_filter(devices.device, "device")
    app.add_template_test(devices.is_phone, "phone")
    app.register_blueprint(bp)
    app.cli.add_command(cli)

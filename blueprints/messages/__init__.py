"""Conversations between connected members: messages in order and once, how far each has read, who is typing."""

from flask import Flask


def init_app(app: Flask) -> None:
    from blueprints.accounts.models import left, returned
    from blueprints.messages import limits, models, subjects
    from blueprints.messages.links import parts_of
    from blueprints.messages.routes import bp
    from blueprints.profiles.blocks import blocked, unblocked
    from blueprints.requests.models import answered

    assert subjects  # imported so that it registers
    for setting, default in limits.DEFAULTS.items():
        app.config.setdefault(setting, default)
    app.add_template_filter(parts_of, "parts_of")
    answered.connect(models.begin_conversation)
    blocked.connect(models.part)
    unblocked.connect(models.meet_again)
    left.connect(models.leave)
    returned.connect(models.come_back)
    app.register_blueprint(bp)

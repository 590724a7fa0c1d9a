"""What members say about themselves: the editor, the page others see, completion, cities, avatars."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from markupsafe import Markup

from blueprints.accounts.models import left, registered, returned
from blueprints.profiles import choices

Panel = Callable[[Any, Any], Markup | None]

beside_name: list[Panel] = []  # what they show beside the name, in the same way
panels: list[Panel] = []  # what other packages show below a profile: each is asked with (viewer, profile) and answers with its section or None


def init_app(app: Flask) -> None:
    from blueprints.profiles import blocking, undoing
    from blueprints.profiles.subjects import begin_profile, return_profile, withdraw_profile

    app.jinja_env.globals["choices"] = choices
    app.jinja_env.tests["stored_picture"] = undoing.is_stored
    registered.connect(begin_profile)
    left.connect(withdraw_profile)
    returned.connect(return_profile)
    app.register_blueprint(blocking.bp)

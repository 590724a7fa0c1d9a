"""The form for what others get to know of a member."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice

from blueprints.presence.privacy import SETTINGS
from blueprints.presence.rules import ALL, CONNECTIONS, NOBODY

WHO = {ALL: "Everyone I am shown to", CONNECTIONS: "Only my connections", NOBODY: "Nobody"}


class PrivacyForm(FlaskForm):
    presence_to = RadioField("Who sees whether I am here", choices=[SelectChoice(*pair) for pair in WHO.items()])
    shows_reading = BooleanField("Show when I have read a message")
    shows_typing = BooleanField("Show when I am typing")

    @property
    def choices(self) -> dict[str, Any]:
        """For ``privacy.choose``."""
        return {name: self[name].data for name in SETTINGS}

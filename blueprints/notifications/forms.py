"""The table of what a member wants to be told of, and how."""

from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from blueprints.notifications.kinds import BROWSER, EMAIL, IN_APP, TABLE, Kind
from blueprints.notifications.models import Wishes

CHANNEL_WORDS = {IN_APP: "Duet", BROWSER: "Browser", EMAIL: "E-mail"}


class WishesForm(FlaskForm):
    """A row of boxes for each kind that can be switched off; made by ``of``."""

    rows: tuple[Kind, ...] = ()
    channels = CHANNEL_WORDS

    @classmethod
    def of(cls, wishes: Wishes, sent: MultiDict[str, str] | None = None) -> "WishesForm":
        kinds = tuple(kind for kind in TABLE if kind.can_be_off)
        fields = {kind.name: _boxes(kind) for kind in kinds}
        form = type("WishesForm", (cls,), {**fields, "rows": kinds})
        return form(sent, data=None if sent is not None else {name: sorted(wishes.by_kind[name]) for name in fields})

    @property
    def chosen(self) -> Mapping[str, Any]:
        return {kind.name: self[kind.name].data for kind in self.rows}


def _boxes(kind: Kind) -> SelectMultipleField:
    choices = [SelectChoice(*channel) for channel in CHANNEL_WORDS.items()]
    return SelectMultipleField(kind.label, choices=choices, widget=ListWidget(), option_widget=CheckboxInput())

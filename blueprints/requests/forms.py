"""The form for asking somebody to work together: what, when, for how much, and what comes of it."""

from functools import partial

from flask_wtf import FlaskForm
from wtforms.widgets import TextArea

from blueprints.accounts.models import Account
from blueprints.profiles.forms import Typed, read_line, read_text, read_whole, write_whole
from blueprints.profiles.models import MAX_EUROS
from blueprints.requests.models import BRIEF, DELIVERABLES_LENGTH, TIMING_LENGTH, WHAT_LENGTH, Brief
from blueprints.texts import is_visible


def read_what(typed: str) -> str:
    text = read_text(typed, WHAT_LENGTH)
    if not any(map(is_visible, text)):
        raise ValueError("Say in a sentence or two what you would like to do together.")
    return text


class RequestForm(FlaskForm):
    """Whatever ``read`` says of it, what was typed stays in its field."""

    what = Typed("What would you like to do together?", read_what, widget=TextArea())
    timing = Typed("When?", partial(read_line, longest=TIMING_LENGTH))
    budget_min = Typed("Budget from", partial(read_whole, low=1, high=MAX_EUROS), write_whole)
    budget_max = Typed("Budget up to", partial(read_whole, low=1, high=MAX_EUROS), write_whole)
    deliverables = Typed("What comes of it?", partial(read_text, longest=DELIVERABLES_LENGTH), widget=TextArea())

    refusal: str | None = None  # why it cannot be sent, whatever is in it

    @classmethod
    def for_new(cls, viewer: Account) -> "RequestForm":
        """A brand's own budget stands in it already."""
        budget = {"budget_min": viewer.profile.budget_min, "budget_max": viewer.profile.budget_max} if viewer.role == "brand" else {}
        return cls(formdata=None, data={**dict.fromkeys(BRIEF, ""), "budget_min": None, "budget_max": None, **budget})

    def validate(self, extra_validators: object = None) -> bool:
        valid = super().validate()
        if self.what.data is None and not self.what.errors:
            self.what.errors = ["Say in a sentence or two what you would like to do together."]
        low, high = self.budget_min, self.budget_max
        if low.data and high.data and low.data > high.data and not (low.errors or high.errors):
            high.errors = [f"Not below {write_whole(low.data)}, where the range begins."]
        return valid and not self.errors

    @property
    def brief(self) -> Brief:
        return {name: self[name].data if name.startswith("budget") else self[name].data or "" for name in BRIEF}

"""What a member says when they report somebody, and what an admin notes."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, InputRequired, ValidationError
from wtforms.widgets import HiddenInput

from blueprints.accounts.forms import said
from blueprints.reports.models import NOTE_LENGTH, REASONS, WORDS_LENGTH
from blueprints.texts import clean_text, is_visible


class ReportForm(FlaskForm):
    reason = RadioField("What is wrong", choices=[SelectChoice(*reason) for reason in REASONS.items()], validate_choice=False,
                        validators=[InputRequired("Please choose what is wrong."), AnyOf(REASONS, "Please choose one of these.")])
    words = TextAreaField("In your words")
    also_block = BooleanField("Block them as well")

    def validate_words(self, field: TextAreaField) -> None:
        field_text(field, WORDS_LENGTH)
        if self.reason.data == "other" and not any(map(is_visible, field.data or "")):
            raise ValidationError("Please say in a few words what is wrong.")


class ActionForm(FlaskForm):
    note = TextAreaField("Note for the log")
    base = IntegerField(widget=HiddenInput(), validators=[InputRequired("This page is out of date. Please load it again.")])

    def validate_note(self, field: TextAreaField) -> None:
        field_text(field, NOTE_LENGTH)
        if not any(map(is_visible, field.data or "")):
            raise ValidationError("Please say why, for the log. Only admins read it.")


def field_text(field: TextAreaField, most: int) -> None:
    """What was typed stays in the field where it is refused."""
    text = said(clean_text, field.data or "")
    if len(text) > most:
        raise ValidationError(f"Please use at most {most:,} characters: these are {len(text):,}.")
    field.data = text

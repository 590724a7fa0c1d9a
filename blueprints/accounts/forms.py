"""What people type about their account, checked."""

from collections.abc import Callable
from typing import Any, TypeVar

from email_validator import EmailNotValidError, validate_email
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import AnyOf, InputRequired, ValidationError

from blueprints.accounts.models import EMAIL_LENGTH, email_key
from blueprints.texts import clean_name

R = TypeVar("R")

NAME_LENGTH = 80
PASSWORD_MIN, PASSWORD_MAX = 8, 200
ROLES = {"creator": "Creator", "brand": "Brand"}


def valid_email(typed: str) -> str:
    """The address in its usual form; ValueError with a sentence for the person. Asks no server: known or not must take as long."""
    try:
        email = validate_email(typed.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError("Please write an e-mail address like ana@example.com.") from error
    if len(email_key(email)) > EMAIL_LENGTH:
        raise ValueError("This e-mail address is too long.")
    return email


def said(check: Callable[..., R], *args: str | None) -> R:
    """What ``check`` returns; its ValueError as words beside the field."""
    try:
        return check(*args)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def needed(sentence: str) -> InputRequired:
    return InputRequired(sentence)


class RegisterForm(FlaskForm):
    role = RadioField("I am a", choices=[SelectChoice(*role) for role in ROLES.items()], validate_choice=False,
                      validators=[needed("Please choose what you are."), AnyOf(ROLES, "Please choose creator or brand.")])
    name = StringField("Name", validators=[needed("Please write the name that others will see.")])
    email = EmailField("E-mail", validators=[needed("Please write your e-mail address.")])
    password = PasswordField("Password", validators=[needed("Please choose a password.")])

    def validate_name(self, field: StringField) -> None:
        name = said(clean_name, field.data or "")
        if len(name) > NAME_LENGTH:
            raise ValidationError(f"Please use at most {NAME_LENGTH} characters: these are {len(name)}.")
        field.data = name

    def validate_email(self, field: EmailField) -> None:
        field.data = said(valid_email, field.data or "")

    def validate_password(self, field: PasswordField) -> None:
        said(check_password, field.data, self.email.data or "", self.name.data or "")


class LoginForm(FlaskForm):
    email = EmailField("E-mail", validators=[needed("Please write your e-mail address.")])
    password = PasswordField("Password", validators=[needed("Please write your password.")])
    remember = BooleanField("Stay logged in on this device")
    next = HiddenField()


class AgainForm(LoginForm):
    """Over another page, whose elements have ids too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self:
            field.id = f"again-{field.name}"


class PasswordForm(FlaskForm):
    current_password = PasswordField("Current password", validators=[needed("Please write the password you use now.")])
    new_password = PasswordField("New password", validators=[needed("Please choose a new password.")])

    def __init__(self, *args: Any, email: str, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email, self.name = email, name

    def validate_new_password(self, field: PasswordField) -> None:
        said(check_password, field.data, self.email, self.name)


def check_password(password: str | None, email: str, name: str) -> None:
    """ValueError with a sentence unless it can be a password of this member."""
    length = len(password or "")
    if length < PASSWORD_MIN:
        raise ValueError(f"Please use at least {PASSWORD_MIN} characters: {PASSWORD_MIN - length} more.")
    if length > PASSWORD_MAX:
        raise ValueError(f"Please use at most {PASSWORD_MAX} characters.")
    if email_key(password or "") in (email_key(email), email_key(name)):
        raise ValueError("Please choose a password that is neither your name nor your e-mail address.")

"""The editor's form: reads what people type, says what is wrong beside the field, and keeps what was typed either way."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field
from wtforms.fields.choices import Choice, SelectFieldBase
from wtforms.widgets import CheckboxInput, ListWidget, Select, TextArea, TextInput

from blueprints.formats import number
from blueprints.profiles import choices, cities
from blueprints.profiles.models import (
    BIO_LENGTH,
    FIELDS,
    HEADLINE_LENGTH,
    MAX_AUDIENCE,
    MAX_EUROS,
    MAX_LINKS,
    NAME_LENGTH,
    RANGES,
    URL_LENGTH,
    City,
    Conflict,
    Profile,
)
from blueprints.texts import clean_line, clean_name, clean_text

WHOLE_NUMBER = re.compile(r"(\d+|\d{1,3}(?:([.,])\d{3})(?:\2\d{3})*)([km])?|(\d{1,9})[.,](\d{1,3})([km])")
DECIMAL = re.compile(r"(\d{1,9})(?:[.,](\d{1,9}))?")
HOST = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
THOUSANDS = {"k": 1_000, "m": 1_000_000}
NO_VERSION = "Say which version the changes are based on: base=<number>."
NOT_A_LINK = "Give a web address that begins with http:// or https://, such as https://example.org."
NOTHING = "nothing"
UNDECIDED = -1  # as a version: nothing is based on it
JOINTS = {"words": " ", "paragraphs": "\n\n"}
ANSWERS = {"": False, "no": False, "yes": True}


# How typed text is read. Each raises ValueError with the words for the person.


def read_name(typed: str) -> str:
    name = clean_name(typed)
    if not name:
        raise ValueError("Please give the name that others see.")
    return _no_longer(name, NAME_LENGTH)


def read_line(typed: str, longest: int) -> str:
    return _no_longer(clean_line(typed), longest)


def read_text(typed: str, longest: int) -> str:
    return _no_longer(clean_text(typed), longest)


def read_whole(typed: str, low: int, high: int) -> int | None:
    """Whole numbers as people write them: 12,000 · 12.000 · 12 000 · 12k · 1.5m · €900."""
    text = re.sub(r"[\s'’_€]|eur\b", "", unicodedata.normalize("NFKC", typed).casefold())
    if not text:
        return None
    if len(text) > 30 or not (match := WHOLE_NUMBER.fullmatch(text)):
        raise ValueError("Use a whole number, such as 12,000 or 12k.")
    whole, _, unit, before, after, other_unit = match.groups()
    if whole:
        value = int(re.sub(r"\D", "", whole)) * THOUSANDS.get(unit, 1)
    else:
        value = int(before + after) * THOUSANDS[other_unit] // 10 ** len(after)
    if not low <= value <= high:
        raise ValueError(f"Use a number from {number(low)} to {number(high)}.")
    return value


def read_percentage(typed: str) -> float | None:
    text = re.sub(r"[\s%]", "", unicodedata.normalize("NFKC", typed))
    if not text:
        return None
    match = DECIMAL.fullmatch(text)
    if not match:
        raise ValueError("Use a percentage, such as 4.2.")
    value = round(float(f"{match[1]}.{match[2] or 0}"), 2)
    if value > 100:
        raise ValueError("Use a percentage from 0 to 100.")
    return value


def read_link(typed: str) -> str:
    """An http(s) address with a real host name, without credentials; without a scheme https is meant."""
    text = clean_line(typed)
    if not text:
        return ""
    if "://" not in text and re.fullmatch(r"[^:/?#]+(:\d+)?([/?#].*)?", text):
        text = f"https://{text}"
    if len(text) > URL_LENGTH:
        raise ValueError(f"A link may have {URL_LENGTH} characters: this one has {len(text)}.")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna").decode()
        _ = parts.port  # refuses what is no port
    except ValueError:
        raise ValueError(NOT_A_LINK) from None
    if parts.scheme not in ("http", "https") or not HOST.fullmatch(host) or re.search(r"[\s\\<>\"]", text):
        raise ValueError(NOT_A_LINK)
    if "@" in parts.netloc:
        raise ValueError("Leave the user name and password out of the link.")
    return text


def read_links(typed: str) -> tuple[str, ...]:
    links = tuple(dict.fromkeys(read_link(line) for line in typed.splitlines() if line.strip()))
    if len(links) > MAX_LINKS:
        raise ValueError(f"At most {MAX_LINKS} links: leave out {len(links) - MAX_LINKS}.")
    return links


def read_city(typed: str) -> City | None:
    name = read_line(typed, 160)
    city = cities.resolve(name) if name else None
    if name and not city:
        raise ValueError("We do not know a city of that name: choose one that is offered as you type.")
    return city


def _no_longer(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"At most {number(longest)} characters: {number(len(text) - longest)} too many.")
    return text


# How a value is written into its control.


def write_whole(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def write_percentage(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")


class Typed(Field):
    """A text control. What was typed stays in it, whatever ``read`` says of it. ``combine``: what two texts of it become one by, if they can."""

    widget = TextInput()
    merges = False

    def __init__(self, label: str, read: Callable[[str], Any], write: Callable[[Any], str] = str, combine: str = "", **options: Any) -> None:
        super().__init__(label, **options)
        self._read, self._write, self.combine = read, write, combine

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            self.data = self._read(valuelist[0])

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else self._write(self.data)

    def typed(self, value: Any) -> list[str]:
        """The value as its control sends it."""
        return [self._write(value)]

    def words(self, value: Any) -> str:
        return self._write(value) or NOTHING

    def hold_both(self, theirs: Any) -> None:
        """Put what stands now before what was typed, for the person to make one of the two."""
        self.raw_data = [combined(self._write(theirs), self._value(), self.combine)]


class Lines(Typed):
    """A text control of which each line counts for itself."""

    merges = True


class ChoicesField(SelectFieldBase):
    """Checkboxes. An empty value among those sent says that the group was there, so that "none" can be chosen."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()
    merges = True
    combine = ""

    def __init__(self, label: str, offered: Mapping[str, str], **options: Any) -> None:
        super().__init__(label, **options)
        self.offered = offered

    def iter_choices(self) -> Iterator[Choice]:
        return (Choice(slug, label, slug in self.data, {}) for slug, label in self.offered.items())

    def process_data(self, value: Any) -> None:
        self.data = frozenset(value or ())

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            sent = {slug for slug in valuelist if slug}
            self.data = frozenset(sent & self.offered.keys())
            if sent - self.data:
                raise ValueError("Choose among those offered.")

    def typed(self, value: frozenset[str]) -> list[str]:
        return sorted(value)

    def words(self, value: frozenset[str]) -> str:
        return ", ".join(label for slug, label in self.offered.items() if slug in value) or NOTHING


class YesNoField(Field):
    """One checkbox. An empty value before its own says that it was there, so that "no" can be chosen."""

    widget = CheckboxInput()
    merges = False
    combine = ""

    def process_data(self, value: Any) -> None:
        self.data = bool(value)

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            if valuelist[-1] not in ANSWERS:
                raise ValueError("Answer yes or no.")
            self.data = ANSWERS[valuelist[-1]]

    def _value(self) -> str:
        return "yes"

    def typed(self, value: bool) -> list[str]:
        return ["yes"] if value else []

    def words(self, value: bool) -> str:
        return "yes" if value else "no"


class ChoiceField(SelectFieldBase):
    """One of several, or none."""

    widget = Select()
    merges = False
    combine = ""

    def __init__(self, label: str, offered: Mapping[str, str], **options: Any) -> None:
        super().__init__(label, **options)
        self.offered = {"": "Choose…", **offered}

    def iter_choices(self) -> Iterator[Choice]:
        return (Choice(slug, label, slug == (self.data or ""), {}) for slug, label in self.offered.items())

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            if valuelist[0] not in self.offered:
                raise ValueError("Choose one of those offered.")
            self.data = valuelist[0] or None

    def typed(self, value: str | None) -> list[str]:
        return [value or ""]

    def words(self, value: str | None) -> str:
        return self.offered[value] if value else NOTHING


def combined(theirs: str, mine: str, how: str) -> str:
    """Both, and what they have in common once where that can be told; ``static/js/editor.js`` does the same."""
    mine = mine.replace("\r\n", "\n")
    if how == "lines":
        return "\n".join(dict.fromkeys(line for line in f"{theirs}\n{mine}".split("\n") if line))
    if theirs in mine or mine in theirs:
        return max(theirs, mine, key=len)
    return f"{theirs}{JOINTS[how]}{mine}"


def _euros(label: str) -> Typed:
    return Typed(label, partial(read_whole, low=1, high=MAX_EUROS), write_whole)


def _people(label: str) -> Typed:
    return Typed(label, partial(read_whole, low=0, high=MAX_AUDIENCE), write_whole)


class ProfileForm(FlaskForm):
    """What both roles say of themselves."""

    name = Typed("Name", read_name)
    headline = Typed("Headline", partial(read_line, longest=HEADLINE_LENGTH), combine="words")
    bio = Typed("Bio", partial(read_text, longest=BIO_LENGTH), combine="paragraphs", widget=TextArea())
    city = Typed("City", read_city, lambda city: city.label if city else "")
    works_remotely = YesNoField("Remote work")
    languages = ChoicesField("Languages", choices.LANGUAGES)
    links = Lines("Links", read_links, "\n".join, combine="lines", widget=TextArea())

    EXTRAS: ClassVar = {"base", "was", "csrf_token", "conflict", "operation", "account"}
    PREFIXES: ClassVar = ("base-", "choose-")

    profile: Profile
    sent: MultiDict[str, str]
    conflict: Conflict
    base_error: str | None

    @classmethod
    def of(cls, profile: Profile, sent: MultiDict[str, str] | None = None) -> "ProfileForm":
        """The form of the profile's role with what was sent over what is saved. Nothing sent: what is saved."""
        form = FORMS[profile.role](formdata=sent, obj=profile)
        form.profile, form.sent, form.conflict, form.base_error = profile, sent or MultiDict(), {}, None
        return form

    def validate(self, extra_validators: Any = None) -> bool:
        valid = super().validate(extra_validators)
        if not is_version(self.sent.get("base", "")):
            self.base_error = NO_VERSION
        for low, high in RANGES:
            if low in self:
                self._check_range(self[low], self[high])
        return valid and not self.faults

    def _check_range(self, low: Field, high: Field) -> None:
        """Both ends as they would stand: one that cannot be read leaves the saved one."""
        first, last = (getattr(self.profile, field.name) if field.errors else field.data for field in (low, high))
        if first is not None and last is not None and first > last:
            if high.name in self.changed_names and not high.errors:
                high.errors = [f"Not below {write_whole(first)}, where the range begins."]
                self._check_range(low, high)  # the other end alone must fit what is saved
            else:
                low.errors = [*low.errors, f"Not above {write_whole(last)}, where the range ends."]

    @property
    def names(self) -> tuple[str, ...]:
        return FIELDS[self.profile.role]

    @property
    def unknown(self) -> list[str]:
        """What was sent under a name that is no field of this role's profile."""
        return sorted(name for name in self.sent if name not in self.names and name not in self.EXTRAS and not name.startswith(self.PREFIXES))

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong, by field."""
        faults = {name: " ".join(self[name].errors) for name in self.names if self[name].errors}
        return faults | ({"base": self.base_error} if self.base_error else {})

    @property
    def changed_names(self) -> list[str]:
        """Fields that came with another value than the one they were filled with."""
        was = dict(word.split("=", 1) for word in self.sent.get("was", "").split() if "=" in word)
        return [name for name in self.names if name in self.sent and was.get(name) != _digest(self[name].typed(self[name].data))]

    @property
    def changes(self) -> dict[str, Any]:
        """What is to be saved: the valid fields that were changed, less those for which theirs was chosen, or both."""
        names = [name for name in self.changed_names if not self[name].errors]
        return {name: self[name].data for name in names if name not in self.to_combine and self.sent.get(f"choose-{name}") != "theirs"}

    @property
    def asked(self) -> list[str]:
        """Fields between whose two values the page let choose."""
        return [name for name in self.names if name in self.sent.getlist("conflict") and name in self.sent]

    @property
    def to_combine(self) -> list[str]:
        """Texts of which both were chosen: to be made into one by the person, and saved then."""
        return [name for name in self.names if name in self.sent and self[name].combine and self.sent.get(f"choose-{name}") == "both"]

    def combine(self) -> list[str]:
        """Put both into their controls."""
        for name in self.to_combine:
            self[name].hold_both(getattr(self.profile, name))
        return self.to_combine

    @property
    def bases(self) -> dict[str, int]:
        """The version each field is based on; a conflict that was shown and not decided stays one."""
        undecided = {name for name in self.sent.getlist("conflict") if self.sent.get(f"choose-{name}") not in ("mine", "theirs")}
        return {name: UNDECIDED if name in undecided else self._base(name) for name in self.names}

    def _base(self, name: str) -> int:
        own = self.sent.get(f"base-{name}", "")
        return int(own if is_version(own) else self.sent["base"])

    @property
    def base(self) -> str:
        """What the page's form carries: after an error what came, so that nobody's edit in between is passed over."""
        return self.sent.get("base", "") if self.faults and not self.base_error else str(self.profile.version)

    @property
    def was(self) -> str:
        """Digests of the values that the page was filled with, by which a plain form tells what the person changed."""
        if self.faults and "was" in self.sent:
            return self.sent["was"]
        return " ".join(f"{name}={_digest(self[name].typed(getattr(self.profile, name)))}" for name in self.names)

    @property
    def unsaved(self) -> list[str]:
        """Fields whose controls hold something that is not saved."""
        return [name for name in self.names if name in self.sent and (self[name].errors or self[name].data != getattr(self.profile, name))]


class CreatorForm(ProfileForm):
    niches = ChoicesField("Niches", choices.NICHES)
    platforms = ChoicesField("Platforms", choices.PLATFORMS)
    campaign_types = ChoicesField("Kinds of collaboration", choices.CAMPAIGN_TYPES)
    industries = ChoicesField("Industries you want to work with", choices.INDUSTRIES)
    audience_size = _people("Audience size")
    engagement_rate = Typed("Engagement rate", read_percentage, write_percentage)
    rate = _euros("Rate per collaboration")


class BrandForm(ProfileForm):
    industry = ChoiceField("Industry", choices.INDUSTRIES)
    company_size = ChoiceField("Company size", choices.COMPANY_SIZES)
    website = Typed("Website", read_link)
    niches = ChoicesField("Niches you look for", choices.NICHES)
    platforms = ChoicesField("Platforms you want to be on", choices.PLATFORMS)
    campaign_types = ChoicesField("Campaigns", choices.CAMPAIGN_TYPES)
    budget_min = _euros("Budget from")
    budget_max = _euros("Budget to")
    audience_min = _people("Audience from")
    audience_max = _people("Audience to")


FORMS: dict[str, type[ProfileForm]] = {"creator": CreatorForm, "brand": BrandForm}


def _digest(typed: list[str]) -> str:
    return hashlib.blake2b(json.dumps(typed).encode(), digest_size=6).hexdigest()


def is_version(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,18}", text) is not None

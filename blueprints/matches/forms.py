"""The form for what a member insists on, would like, and does not mind."""

from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import RadioField, SelectField
from wtforms.fields.choices import SelectChoice

from blueprints import formats
from blueprints.matches.reasons import lacking
from blueprints.matches.scoring import CRITERIA_OF, USUAL_MAX_KM
from blueprints.profiles.models import DISTANCES_KM, Conflict, Profile

MUST, NICE, ANY = "must", "nice", "any"
IMPORTANCE = {MUST: "Must", NICE: "Nice to have", ANY: "Don't mind"}
CHANGED = {"musts": "What must be", "dont_minds": "What you do not mind", "max_km": "How near"}
WITHOUT_SCORE = frozenset({"language"})  # counts in no score: it can only be a must

LABELS: dict[str, str | dict[str, str]] = {
    "niche": "A topic in common",
    "industry": "An industry I want to work with",
    "campaign": "A kind of collaboration in common",
    "budget": {"creator": "A budget that reaches my rate", "brand": "A rate within my budget"},
    "platforms": "A platform in common",
    "engagement": "At least the usual engagement for the audience",
    "audience": "An audience within my range",
    "location": "Near me, or both of us work remotely",
    "language": "A language in common",
}


class PreferencesForm(FlaskForm):
    """A choice for each criterion of the role; made by ``of``."""

    max_km = SelectField("How near", choices=[SelectChoice(str(km), f"within {formats.number(km)} km") for km in DISTANCES_KM], default=str(USUAL_MAX_KM))

    names: tuple[str, ...] = ()
    base: int  # the version of the profile that the page shows
    also: list[str]  # what was changed elsewhere meanwhile, in words: saved only when it is sent again
    lacks: dict[str, str | None]  # for each of them the field of the member's own profile that a must still waits for

    @classmethod
    def of(cls, profile: Profile, sent: MultiDict[str, str] | None = None) -> "PreferencesForm":
        """As they stand, with what was sent over them."""
        form = FORMS[profile.role](formdata=sent, data={**_standing(profile), "max_km": str(profile.max_km or USUAL_MAX_KM)})
        form.names = CRITERIA_OF[profile.role]
        form.base, form.also = profile.version, []
        form.lacks = {name: lacking(name, profile) for name in form.names}
        return form

    @property
    def changes(self) -> dict[str, Any]:
        """For ``Profile.revise``."""
        chosen = {name: self[name].data for name in self.names}
        return {
            "musts": frozenset(name for name, importance in chosen.items() if importance == MUST),
            "dont_minds": frozenset(name for name, importance in chosen.items() if importance == ANY and name not in WITHOUT_SCORE),
            "max_km": int(self.max_km.data),
        }


def _standing(profile: Profile) -> dict[str, str]:
    return {
        name: MUST if name in profile.musts else ANY if name in profile.dont_minds or name in WITHOUT_SCORE else NICE
        for name in CRITERIA_OF[profile.role]
    }


def differences(conflict: Conflict, role: str) -> list[str]:
    """Preferences that were changed in two places, as they stand now, and where that was done."""
    said = []
    for name, one in conflict.items():
        labels = [label for slug, label in criteria(role).items() if name != "max_km" and slug in one.theirs]
        now = f"within {formats.number(one.theirs)} km" if name == "max_km" and one.theirs else ", ".join(labels) or "nothing"
        said.append(f"{CHANGED[name]} was also changed {one.where}: it is “{now}” now.")
    return said


def criteria(role: str) -> dict[str, str]:
    """What a member of that role can insist on or not mind, in words."""
    labels = {name: LABELS[name] for name in CRITERIA_OF[role]}
    return {name: label[role] if isinstance(label, dict) else label for name, label in labels.items()}


def _form_of(role: str) -> type[PreferencesForm]:
    fields = {}
    for name, label in criteria(role).items():
        offered = [SelectChoice(value, words) for value, words in IMPORTANCE.items() if value != NICE or name not in WITHOUT_SCORE]
        fields[name] = RadioField(label, choices=offered, validate_choice=True)
    return type(f"PreferencesForm{role.title()}", (PreferencesForm,), fields)


FORMS = {role: _form_of(role) for role in CRITERIA_OF}

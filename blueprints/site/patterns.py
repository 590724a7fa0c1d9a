"""Sample data for /patterns: every component and every card in every state, without a database."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from wtforms import (
    BooleanField,
    Form,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from blueprints.extensions import utc_now
from blueprints.matches.deck import Cost
from blueprints.matches.filters import SORTS, Filters
from blueprints.matches.forms import PreferencesForm
from blueprints.matches.scoring import tier_of
from blueprints.profiles.choices import INDUSTRIES, NICHES
from blueprints.profiles.models import DISTANCES_KM

LONG_WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"[:80]
SIX_NAMES = ("Ana Duarte", "Bo", "Chi Nguyen", "Dot Ek", "Eli Zur", "Fay Wu")
LONG_NAME = "Maria-Fernanda Castellanos de la Vega y Montenegro-Schwarzenberg"
LONG_LINE = "I travel slowly, by train and on foot, and film the kitchens of the people who take me in along the way, week by week."

Scores = tuple[int | None, int | None, int | None]

RINGS: tuple[tuple[Scores, int], ...] = (
    ((100, 100, 100), 0),
    ((92, 96, 88), 0),
    ((78, 90, 66), 1),
    ((64, 52, 76), 2),
    ((23, 34, 12), 3),
    ((0, 0, 0), 0),
    ((None, None, None), 4),
)

DEFICITS = (
    ("bio", "34 more characters in your bio", 10),
    ("avatar", "Add a picture", 15),
    ("rate", "Say what a collaboration costs", 11),
)

FACTS = {
    "creator": [("Followers", "48.3k"), ("Engagement", "6.2 %"), ("Rate", "€900")],
    "brand": [("Budget", "€600–€1,500"), ("Campaign", "Sponsored post"), ("Looks for", "Food, Travel")],
}

FACTORS = (
    ("niche", "Niche", 25, "You both care about food and travel"),
    ("budget", "Budget", 20, "€900 sits well inside the budget of €600–€1,500"),
    ("platforms", "Platforms", 15, "Instagram and newsletter in common"),
    ("engagement", "Engagement", 15, "6.2 % engagement is high for this audience"),
    ("audience", "Audience", 15, "48k followers, a little under what is asked for"),
    ("location", "Location", 10, "Same city: Lisbon"),
)


PRESENCES: tuple[dict[str, Any], ...] = (
    {"presence_to": "all", "presence": "online", "presence_since": utc_now()},
    {"presence_to": "all", "presence": "away", "presence_since": utc_now()},
    {"presence_to": "all", "presence": "offline", "presence_since": utc_now() - timedelta(hours=2)},
    {"presence_to": "all", "presence": "offline", "presence_since": None},
    {"presence_to": "nobody", "presence": "online", "presence_since": None},
)


class SampleForm(Form):
    """One field of each kind; ``pattern_samples`` gives some of them errors."""

    name = StringField("Name")
    email = StringField("E-mail")
    password = PasswordField("Password")
    bio = TextAreaField("Bio")
    rate = IntegerField("Rate for one collaboration")
    engagement_rate = StringField("Engagement rate")
    industry = SelectField("Industry", choices=[SelectChoice("", "Choose one"), *(SelectChoice(*pair) for pair in INDUSTRIES.items())])
    niches = SelectMultipleField(
        "Niches", choices=[SelectChoice(*pair) for pair in list(NICHES.items())[:6]], widget=ListWidget(), option_widget=CheckboxInput()
    )
    role = RadioField("I am", choices=[SelectChoice("creator", "A creator"), SelectChoice("brand", "A brand")])
    remember = BooleanField("Keep me logged in on this device")


def pattern_samples() -> dict[str, Any]:
    """What site/patterns.html reads."""
    chosen = {"niches": ["food", "travel"], "role": "creator", "industry": "food-drink", "remember": True}
    return {
        "not_live": lambda shown, url: "",
        "sample_viewer": SimpleNamespace(role="brand", profile=sample_owner(), counts_from=0),
        "presences": [person(number, "creator", "Bo") for number in range(100, 104)],
        "people": [person(number, role, name) for role in ("creator", "brand") for number, name in enumerate(SIX_NAMES)],
        "rings": [sample_match(1, sides, unanswered) for sides, unanswered in RINGS],
        "brand_rings": [sample_match(1, (81, 74, 88), 1, role="brand"), sample_match(1, (47, 70, 24), 3, role="brand")],
        "cards": cards(),
        "breakdown": sample_match(60, (78, 84, 72), 1),
        "sample_deck": sample_deck(),
        "searches": [SimpleNamespace(id=901, name="Food near the sea", query=Filters(niche=frozenset({"food"}), within=100).query)],
        "compared": [sample_match(71, (92, 96, 88)), sample_match(72, (66, 58, 74), 1, name=LONG_NAME), sample_match(73, (38, 52, 24), 3, name="Noor")],
        "preferences": PreferencesForm.of(sample_owner()),
        "completions": [completion(64, *DEFICITS), completion(100)],
        "form": SampleForm(data={"name": "Marisol Okafor", "rate": 900, **chosen}),
        "wrong_form": wrong_form(),
    }


def sample_owner() -> Any:
    """A brand's own profile, with what it asks of others; the audience it looks for is not filled in."""
    answered = {"niches": frozenset({"food"}), "campaign_types": frozenset({"event"}), "languages": frozenset({"en"}), "budget_max": 1_500}
    asks = {"musts": frozenset({"niche", "audience"}), "dont_minds": frozenset({"location"}), "max_km": 250}
    return person(900, "brand", "Kelp & Co", version=1, audience_min=None, audience_max=None, city=None, works_remotely=True, **answered, **asks)


def sample_deck() -> SimpleNamespace:
    """Enough of a Deck for its filters, their chips and what they cost."""
    filters = Filters(q="market", niche=frozenset({"food", "travel"}), within=100, avatar=True, sort="newest")
    chips = [(words, filters.without(*names)) for names, words in filters.said]
    costs = [Cost(words, names, more) for (names, words), more in zip(filters.said, (4, 31, 12, 2), strict=True)]
    costs += [Cost("a language in common", (), 9), Cost("", (), 3, is_theirs=True)]
    return SimpleNamespace(filters=filters, chips=chips, sorts=SORTS, distances=DISTANCES_KM, costs=costs, total=3)


def wrong_form() -> SampleForm:
    """Each kind of field with an error."""
    form = SampleForm(prefix="wrong-", data={"email": "marisol@"})
    form.email.errors = ["Write the whole address, such as ana@example.org."]
    form.name.errors = ["Write the name people should see."]
    form.niches.errors = ["Choose at least one."]
    form.industry.errors = ["Choose the one that fits best."]
    form.rate.errors = ["Write whole euros, such as 900."]
    return form


def cards() -> list[tuple[str, Any]]:
    """Each card state with the words that name it."""
    thin: dict[str, Any] = {"headline": "", "bio": "", "facts": [], "platforms": frozenset(), "completion": completion(35)}
    return [
        ("Perfect", sample_match(51, (94, 97, 91))),
        ("Excellent, a brand", sample_match(52, (81, 74, 88), 1, role="brand", name="Kelp & Co", headline="Seaweed snacks of the coast")),
        ("Good, no picture", sample_match(53, (66, 58, 74), 1, name="Tomasz Wilk")),
        ("Fair, three factors unanswered", sample_match(54, (38, 52, 24), 3, name="Noor", reasons=["Instagram and newsletter in common"])),
        ("Long name and headline", sample_match(55, (77, 70, 84), name=LONG_NAME, headline=LONG_LINE)),
        (
            "80 letters without a break",
            sample_match(56, (72, 65, 79), name=LONG_WORD, headline=LONG_WORD, place=f"{LONG_WORD}, within 100 km"),
        ),
        ("Not enough to tell yet", sample_match(57, (None, None, None), 4, **thin)),
        ("Just updated", sample_match(58, (83, 86, 80), name="Ines Moreau")),
        ("Saved", sample_match(61, (88, 90, 86), name="Ida Lund", is_saved=True)),
        ("Changed since last seen", sample_match(62, (79, 82, 76), 1, name="Rui Costa", is_saved=True, changed_since_seen=["headline", "rate"])),
        ("Hidden", sample_match(63, (70, 66, 74), name="Ana Ruiz", is_hidden=True)),
        ("Request sent", sample_match(64, (81, 84, 78), name="Nils Berg", request=sample_request("wait"))),
        ("Asked by them", sample_match(65, (85, 82, 88), name="Maya Stone", request=sample_request("answer"))),
        ("Connected", sample_match(66, (90, 92, 88), name="Leo Marchetti", request=sample_request("talk"), is_connected=True)),
        ("They said no", sample_match(67, (74, 70, 78), name="Freya Lind", request=sample_request("later"))),
    ]


def sample_request(step: str) -> SimpleNamespace:
    """Enough of a Request for a card."""
    again = datetime(2027, 1, 8, tzinfo=UTC)
    return SimpleNamespace(id=1, version=1, step_for=lambda _viewer: step, may_ask_again_at=lambda _viewer: again)


def person(id: int, role: str, name: str, **more: Any) -> SimpleNamespace:
    """Enough of a Profile for avatars, cards and the navigation."""
    profile = {
        "id": id,
        "role": role,
        "name": name,
        "avatar": None,
        "headline": "Street food and slow travel, filmed where people cook",
        "bio": "I film the stalls my grandmother took me to, and the people who still run them. Two videos a week, always with a recipe.",
        "platforms": frozenset({"instagram", "newsletter", "youtube"}),
        "completion": completion(83),
        **PRESENCES[id % len(PRESENCES)],
        "presence_version": 1,
    }
    return SimpleNamespace(**profile | more)


def completion(percent: int, *deficits: tuple[str, str, int]) -> SimpleNamespace:
    found = [SimpleNamespace(field=field, text=text, points=points, url=f"#field-{field}") for field, text, points in deficits]
    return SimpleNamespace(percent=percent, deficits=found)


def sample_match(
    id: int, scores: Scores, unanswered: int = 0, *, role: str = "creator", name: str = "Marisol Okafor", **more: Any
) -> SimpleNamespace:
    """Enough of a Match. ``scores``: overall, for the viewer, for them; the last ``unanswered`` factors have no evidence."""
    value, theirs, mine = scores
    known = value is not None
    match = {
        "profile": person(id, role, name, **{key: more.pop(key) for key in ("headline", "bio", "platforms", "completion") if key in more}),
        "score": value,
        "for_viewer": theirs,
        "for_them": mine,
        "tier": tier_of(value)[0],
        "tier_label": tier_of(value)[1],
        "answered": len(FACTORS) - unanswered,
        "factors": factors(theirs or 0, mine or 0, unanswered),
        "reasons": [FACTORS[0][3], FACTORS[1][3]] if known else [],
        "difference": FACTORS[4][3] if known else None,
        "facts": FACTS[role],
        "missing": [label for _, label, _, _ in FACTORS[-unanswered:]][:2] if unanswered else [],
        "place": "Lisbon, Portugal, within 100 km",
        "is_saved": False,
        "is_hidden": False,
        "changed_since_seen": [],
        "is_connected": False,
        "request": None,
        "live": f"profile:{id}@1 match:{id}@1 request:{id}@1",
    }
    return SimpleNamespace(**match | more)


def factors(theirs: int, mine: int, unanswered: int) -> list[SimpleNamespace]:
    """Values scattered around the two sides, so that the bars differ."""
    found = []
    for index, (name, label, weight, words) in enumerate(FACTORS):
        known = index < len(FACTORS) - unanswered
        lean = (12, -8, 5, 0, -20, 8)[index]
        sides = [max(0, min(100, side + lean)) / 100 for side in (theirs, mine)] if known else [None, None]
        found.append(
            SimpleNamespace(
                name=name,
                label=label,
                weight=weight,
                value=sides[0],
                for_viewer=sides[0],
                for_them=None if index == 3 else sides[1],
                words=words if known else "They have not answered this yet",
            )
        )
    return found

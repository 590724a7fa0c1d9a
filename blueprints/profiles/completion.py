"""How complete a profile is, as a table of rules that can be read aloud. Pure: no database, no Flask.

A rule asks for so much of one thing and gives its points in proportion, so every character and every choice counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

EDITOR = "/profile"  # a stable address of the outside contract

Amount = Callable[[Any], int]  # of a profile: how much there is


@dataclass(frozen=True)
class Rule:
    """``needed`` of what ``amount`` counts in ``field`` give ``points``; ``words`` say what is missing, with ``{n}`` for how much."""

    field: str
    points: int
    words: str
    amount: Amount
    needed: int = 1
    one: str = ""  # the words when n is 1

    def earned(self, profile: Any) -> int:
        return self.points * min(self.amount(profile), self.needed) // self.needed

    def deficit(self, profile: Any) -> "Deficit":
        missing = self.needed - self.amount(profile)
        words = self.one if self.one and missing == 1 else self.words
        return Deficit(self.field, words.format(n=missing), self.points - self.earned(profile))


@dataclass(frozen=True)
class Deficit:
    """What would meet a rule, and what that would add."""

    field: str
    text: str
    points: int

    @property
    def url(self) -> str:
        return f"{EDITOR}#field-{self.field}"


@dataclass(frozen=True)
class Completion:
    """``percent`` and the gains of all deficits are always 100 together."""

    percent: int
    deficits: tuple[Deficit, ...]


def of(profile: Any) -> Completion:
    """The completion of anything with a profile's attributes, the greatest gain first."""
    rules = RULES[profile.role]
    deficits = [rule.deficit(profile) for rule in rules if rule.earned(profile) < rule.points]
    return Completion(sum(rule.earned(profile) for rule in rules), tuple(sorted(deficits, key=lambda deficit: -deficit.points)))


def given(field: str) -> Amount:
    """1 when the field is answered; zero is an answer."""
    return lambda profile: int(getattr(profile, field) not in (None, "", ()))


def both(low: str, high: str) -> Amount:
    return lambda profile: given(low)(profile) + given(high)(profile)


def characters(field: str) -> Amount:
    return lambda profile: len(getattr(profile, field).strip())


def number(field: str) -> Amount:
    return lambda profile: len(getattr(profile, field))


PICTURE = Rule("avatar", 10, "Add a picture", given("avatar"))

RULES = {
    "creator": (  # industries are not asked for: who chooses none is open to all
        PICTURE,
        Rule("headline", 5, "Headline: {n} more characters", characters("headline"), 20, "Headline: 1 more character"),
        Rule("bio", 15, "Bio: {n} more characters", characters("bio"), 120, "Bio: 1 more character"),
        Rule("niches", 10, "Niches: choose {n} more", number("niches"), 2),
        Rule("platforms", 10, "Choose the platforms you publish on", number("platforms")),
        Rule("campaign_types", 5, "Choose the kinds of collaboration you do", number("campaign_types")),
        Rule("audience_size", 10, "Add your audience size", given("audience_size")),
        Rule("engagement_rate", 10, "Add your engagement rate", given("engagement_rate")),
        Rule("rate", 10, "Add your rate per collaboration", given("rate")),
        Rule("city", 5, "Add your city", given("city")),
        Rule("languages", 5, "Choose the languages you work in", number("languages")),
        Rule("links", 5, "Add a link to your work", number("links")),
    ),
    "brand": (
        PICTURE,
        Rule("headline", 5, "Headline: {n} more characters", characters("headline"), 20, "Headline: 1 more character"),
        Rule("bio", 15, "Bio: {n} more characters", characters("bio"), 120, "Bio: 1 more character"),
        Rule("industry", 10, "Choose your industry", given("industry")),
        Rule("budget_min", 15, "Add both ends of your budget range", both("budget_min", "budget_max"), 2, "Add the other end of your budget range"),
        Rule("niches", 10, "Niches: choose {n} more to look for", number("niches"), 2),
        Rule("campaign_types", 10, "Choose the campaigns you run", number("campaign_types")),
        Rule("audience_min", 5, "Add the audience range you look for", both("audience_min", "audience_max"), 2, "Add the other end of the audience range"),
        Rule("platforms", 5, "Choose the platforms you want to be on", number("platforms")),
        Rule("city", 5, "Add your city", given("city")),
        Rule("company_size", 5, "Add your company size", given("company_size")),
        Rule("website", 5, "Add your website", given("website")),
    ),
}

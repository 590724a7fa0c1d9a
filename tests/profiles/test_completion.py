"""How complete a profile is, and what exactly is missing."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprints.profiles import choices
from blueprints.profiles.completion import RULES, of
from blueprints.profiles.models import FIELDS

NUMBERS = ("audience_size", "engagement_rate", "rate", "budget_min", "budget_max", "audience_min", "audience_max")
SETS = {"niches": choices.NICHES, "platforms": choices.PLATFORMS, "languages": choices.LANGUAGES, "campaign_types": choices.CAMPAIGN_TYPES}


def nothing(role: str) -> dict[str, object]:
    said: dict[str, object] = {"role": role, "name": "Ana", "avatar": None, "city": None, "industry": None, "company_size": None}
    return said | dict.fromkeys(("headline", "bio", "website"), "") | dict.fromkeys(SETS, frozenset()) | {"links": ()} | dict.fromkeys(NUMBERS)


def everything(role: str) -> dict[str, object]:
    said: dict[str, object] = {"role": role, "name": "Ana", "avatar": "0" * 32, "city": "Berlin", "industry": "fashion", "company_size": "1-10"}
    return (said | {"headline": "h" * 20, "bio": "b" * 120, "website": "https://example.org", "links": ("https://example.org",)}
            | {name: frozenset(list(offered)[:2]) for name, offered in SETS.items()} | dict.fromkeys(NUMBERS, 1))


@st.composite
def profiles(draw):
    role = draw(st.sampled_from(sorted(RULES)))
    full, empty = everything(role), nothing(role)
    said = {name: draw(st.sampled_from([empty[name], full[name]])) for name in full}
    said["bio"], said["headline"] = draw(st.text(max_size=150)), draw(st.text(max_size=30))
    said["niches"] = frozenset(draw(st.lists(st.sampled_from(sorted(choices.NICHES)), max_size=4)))
    return said


@pytest.mark.parametrize("role", RULES)
def test_rules_give_a_hundred_points_and_name_real_fields(role):
    assert sum(rule.points for rule in RULES[role]) == 100
    assert {rule.field for rule in RULES[role]} <= {*FIELDS[role], "avatar"}


@pytest.mark.parametrize("role", RULES)
def test_nothing_is_0_and_everything_is_100(role):
    assert of(SimpleNamespace(**nothing(role))).percent == 0
    complete = of(SimpleNamespace(**everything(role)))
    assert (complete.percent, complete.deficits) == (100, ())


@given(profiles())
def test_what_is_there_and_what_is_missing_make_100(said):
    completion = of(SimpleNamespace(**said))

    assert completion.percent + sum(deficit.points for deficit in completion.deficits) == 100
    assert all(deficit.points > 0 and deficit.url == f"/profile#field-{deficit.field}" for deficit in completion.deficits)


@given(profiles(), st.sampled_from(sorted({rule.field for rules in RULES.values() for rule in rules})))
def test_answering_a_field_never_takes_points_away(said, field):
    better = said | {field: everything(said["role"])[field]}
    if field in ("bio", "headline") and len(said[field].strip()) > len(better[field]):
        return
    if field == "niches" and len(said[field]) > len(better[field]):
        return
    assert of(SimpleNamespace(**better)).percent >= of(SimpleNamespace(**said)).percent


@given(profiles())
def test_a_deficit_met_gives_exactly_what_it_promised(said):
    for deficit in of(SimpleNamespace(**said)).deficits:
        if deficit.field in ("budget_min", "audience_min"):  # asks for both ends
            met = said | {name: 1 for name in (deficit.field, deficit.field.replace("min", "max"))}
        else:
            met = said | {deficit.field: everything(said["role"])[deficit.field]}
        assert of(SimpleNamespace(**met)).percent == of(SimpleNamespace(**said)).percent + deficit.points


def test_a_bio_of_86_characters_lacks_34_and_says_what_they_bring():
    profile = SimpleNamespace(**everything("creator") | {"bio": "b" * 86})
    (deficit,) = of(profile).deficits

    assert (deficit.text, deficit.points, deficit.url) == ("Bio: 34 more characters", 5, "/profile#field-bio")
    assert of(profile).percent == 95


def test_a_creator_who_names_no_industry_and_no_remote_work_is_complete_all_the_same():
    profile = SimpleNamespace(**everything("creator") | {"industries": frozenset(), "works_remotely": False})

    assert of(profile).percent == 100


def test_both_roles_are_asked_for_their_kinds_of_collaboration():
    for role, points in (("creator", 5), ("brand", 10)):
        (deficit,) = of(SimpleNamespace(**everything(role) | {"campaign_types": frozenset()})).deficits
        assert (deficit.field, deficit.points) == ("campaign_types", points)


def test_one_character_is_not_characters():
    assert of(SimpleNamespace(**everything("brand") | {"bio": "b" * 119})).deficits[0].text == "Bio: 1 more character"


def test_the_editor_links_each_deficit_to_its_field(bo, as_user):
    page = as_user(bo).get("/profile").text

    assert bo.profile.completion.deficits
    for deficit in bo.profile.completion.deficits:
        assert f'href="{deficit.url}"' in page
        assert f'id="field-{deficit.field}"' in page


def test_a_save_moves_the_percentage_at_once(bo, as_user):
    before = bo.profile.completion.percent
    answer = as_user(bo).patch("/profile", data={"website": "example.org", "base": 1}, headers={"Accept": "application/json"})

    assert answer.json["completion"] == before + 5

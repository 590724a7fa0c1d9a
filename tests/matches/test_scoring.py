"""How a score comes about: cases worked out by hand, and what holds for any two people."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from blueprints.matches.models import Match
from blueprints.matches.scoring import (
    ENOUGH_FACTORS,
    FACTORS,
    TIERS,
    UNKNOWN_TIER,
    WEIGHTS,
    distance_km,
    score,
    tier_of,
    usual_engagement,
)
from blueprints.profiles.choices import NICHES, PLATFORMS
from blueprints.profiles.models import MAX_AUDIENCE, MAX_EUROS, Profile

Test = Callable[..., None]

BERLIN, HAMBURG, SYDNEY = (52.52, 13.41, "Berlin"), (53.55, 9.99, "Hamburg"), (-33.87, 151.21, "Sydney")


@dataclass(frozen=True)
class Side:
    """What scoring reads of a profile; a new one has answered nothing."""

    niches: frozenset[str] = frozenset()
    platforms: frozenset[str] = frozenset()
    audience_size: int | None = None
    engagement_rate: float | None = None
    rate: int | None = None
    budget_min: int | None = None
    budget_max: int | None = None
    audience_min: int | None = None
    audience_max: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    place: str | None = None

    def at(self, city: tuple[float, float, str]) -> "Side":
        return replace(self, latitude=city[0], longitude=city[1], place=city[2])


def for_any(*strategies: st.SearchStrategy) -> Callable[[Test], Test]:
    """Sixty examples each; without a deadline, for a busy machine is not a slow function."""
    return lambda test: settings(deadline=None, max_examples=60)(given(*strategies)(test))


def words(*slugs: str) -> frozenset[str]:
    return frozenset(slugs)


def judged(name: str, creator: Side, brand: Side) -> tuple[float | None, float | None]:
    """The values of one factor: for the creator, for the brand."""
    judgement = next(factor for factor in FACTORS if factor.name == name).judge(creator, brand)
    assert judgement is not None, "nothing to judge"
    return judgement.for_creator, judgement.for_brand


# What anybody may have answered.

NUMBERS = st.integers(1, MAX_EUROS)
AUDIENCES = st.integers(0, MAX_AUDIENCE)
PERCENTS = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
TOPICS = st.frozensets(st.sampled_from(sorted(NICHES)), max_size=6)
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.sampled_from(["Berlin", "Lagos", "Suva"]))


def maybe(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.none() | strategy


def ordered(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int | None, int | None]]:
    """Both ends of a range, one or none."""
    return st.tuples(maybe(numbers), maybe(numbers)).map(lambda ends: (ends[1], ends[0]) if None not in ends and ends[0] > ends[1] else ends)


@st.composite
def sides(draw: st.DrawFn, role: str) -> Side:
    side = Side(draw(TOPICS), draw(st.frozensets(st.sampled_from(sorted(PLATFORMS)), max_size=4)))
    if city := draw(maybe(PLACES)):
        side = side.at(city)
    if role == "creator":
        return replace(side, audience_size=draw(maybe(AUDIENCES)), engagement_rate=draw(maybe(PERCENTS)), rate=draw(maybe(NUMBERS)))
    (low, high), (fewest, most) = draw(ordered(NUMBERS)), draw(ordered(AUDIENCES))
    return replace(side, budget_min=low, budget_max=high, audience_min=fewest, audience_max=most)


CREATORS, BRANDS = sides("creator"), sides("brand")

# Cases worked out by hand.

ANA = Side(words("food", "travel"), words("instagram", "youtube"), audience_size=48_000, engagement_rate=4.2, rate=900)
BO = Side(words("food", "sustainability"), words("instagram"), budget_min=500, budget_max=2_000, audience_min=10_000, audience_max=200_000)


def test_the_weights_are_those_of_the_design_and_make_a_hundred() -> None:
    assert WEIGHTS == {"niche": 25, "budget": 20, "platforms": 15, "engagement": 15, "audience": 15, "location": 10}
    assert sum(WEIGHTS.values()) == 100


def test_a_usual_pair() -> None:
    """One topic of two in common (√½ both ways), one of her two platforms is his only one (√½, 1), 900 lies in the lower half of 500 to 2,000
    (1, 1), 4.2 % is 1.15 times the 3.64 % usual at 48,000 (0.58), the audience is inside the band (1), no cities: 90 points count."""
    found = score(ANA, BO)

    niche, usual = sqrt(1 / 2), 5.0 - 2.0 * 0.681241  # log10(4.8) of the way from 5 % at 10,000 to 3 % at 100,000
    engagement = 0.5 + 0.5 * (4.2 / usual - 1)
    assert found.for_creator == round(100 * (25 * niche + 20 + 15 * niche) / 60) == 80
    assert found.for_brand == round(100 * (25 * niche + 20 + 15 + 15 * engagement + 15) / 90) == 85
    assert found.overall == round(100 * (25 * niche + 20 + 15 * (niche + 1) / 2 + 15 * engagement + 15) / 90) == 82
    assert "location" not in found.judgements


def test_two_who_want_exactly_each_other_are_a_perfect_match() -> None:
    """The same topics and platforms, a rate the budget reaches 1.3 times, twice the usual engagement, the same city: nothing is left to wish."""
    creator = replace(ANA, engagement_rate=2 * usual_engagement(48_000), platforms=words("instagram"), niches=BO.niches).at(BERLIN)

    found = score(creator, BO.at(BERLIN))

    assert (found.overall, found.for_creator, found.for_brand) == (100, 100, 100)


def test_two_who_share_nothing_score_nothing() -> None:
    """No topic, no platform, a rate of twice the budget, half the usual engagement, a tenth of the audience, the other side of the world."""
    creator = Side(words("gaming"), words("twitch"), audience_size=1_000, engagement_rate=4.0, rate=4_000).at(SYDNEY)

    found = score(creator, BO.at(BERLIN))

    assert set(found.judgements) == set(WEIGHTS), "all six count"
    assert (found.overall, found.for_creator, found.for_brand) == (0, 0, 0)


def test_a_rate_above_the_budget_is_worth_less_to_both_the_further_it_is() -> None:
    """At the very budget the creator has (1 − 0.5) / 0.8 and the brand 0.7; at four thirds of it 0.3125 and half of 0.7; at twice nothing is left."""
    assert judged("budget", Side(rate=2_000), BO) == pytest.approx((0.625, 0.7))
    assert judged("budget", Side(rate=2_667), BO) == pytest.approx((0.3125, 0.35), abs=0.001)
    assert judged("budget", Side(rate=4_000), BO) == pytest.approx((0, 0))


def test_engagement_is_judged_against_what_is_usual_at_that_size() -> None:
    """3 % is usual at 100,000 followers (0.5), half of it is nothing, half as much again is halfway to the full value, and it concerns the brand alone."""
    for percent, value in ((1.5, 0), (3.0, 0.5), (4.5, 0.75), (6.0, 1), (30.0, 1)):
        assert judged("engagement", Side(audience_size=100_000, engagement_rate=percent), BO) == (None, pytest.approx(value))


def test_an_audience_of_a_tenth_or_ten_times_what_is_asked_for_is_nothing() -> None:
    """The scale is logarithmic: the root of ten away is half a fit."""
    for size, value in ((10_000, 1), (200_000, 1), (3_162, 0.5), (632_456, 0.5), (1_000, 0), (2_000_000, 0), (0, 0)):
        assert judged("audience", Side(audience_size=size), BO) == (None, pytest.approx(value, abs=0.001))


def test_four_hundred_kilometres_are_half_a_fit() -> None:
    """Berlin and Hamburg are 255 km apart: 1 / (1 + 255 / 400)."""
    assert distance_km(Side().at(BERLIN), Side().at(HAMBURG)) == pytest.approx(255, abs=1)
    assert judged("location", Side().at(BERLIN), Side().at(HAMBURG)) == pytest.approx((0.61, 0.61), abs=0.01)


def test_an_open_end_of_a_range_asks_for_nothing_there() -> None:
    assert judged("audience", Side(audience_size=900_000_000), Side(audience_min=1_000)) == (None, 1)
    assert judged("audience", Side(audience_size=0), Side(audience_max=1_000)) == (None, 1)
    assert judged("budget", Side(rate=1_000), Side(budget_max=2_000)) == (1, 1)


@pytest.mark.parametrize(
    ("overall", "slug"),
    [(100, "perfect"), (90, "perfect"), (89, "excellent"), (75, "excellent"), (74, "good"), (60, "good"), (59, "fair"), (0, "fair"), (None, "unknown")],
)
def test_the_tiers_begin_at_60_75_and_90(overall: int | None, slug: str) -> None:
    assert tier_of(overall)[0] == slug


# What holds for any two.


@for_any(CREATORS, BRANDS)
def test_a_score_is_a_whole_number_from_0_to_100_or_there_is_none(creator: Side, brand: Side) -> None:
    found = score(creator, brand)

    for value in (found.overall, found.for_creator, found.for_brand):
        assert value is None or (isinstance(value, int) and 0 <= value <= 100)
    for judgement in found.judgements.values():
        assert all(value is None or 0 <= value <= 1 for value in (judgement.for_creator, judgement.for_brand))
        assert 0 <= judgement.value <= 1


@for_any(CREATORS, BRANDS)
def test_with_fewer_than_three_answered_factors_no_number_is_shown(creator: Side, brand: Side) -> None:
    found = score(creator, brand)

    assert (found.overall is not None) == (len(found.judgements) >= ENOUGH_FACTORS == 3)
    if found.overall is None:
        assert (found.for_creator, found.for_brand) == (None, None)
        assert tier_of(found.overall) == UNKNOWN_TIER


@for_any(CREATORS, BRANDS, st.sampled_from(["niches", "platforms", "rate", "engagement_rate", "audience_size", "latitude"]))
def test_an_unanswered_question_counts_neither_for_nor_against(creator: Side, brand: Side, field: str) -> None:
    """The score is the weighted mean of what was answered: without an answer the rest decides, as if the question did not exist."""
    nothing: dict[str, Any] = {field: frozenset() if field in ("niches", "platforms") else None}
    silent = replace(creator, **nothing)
    whole, found = score(creator, brand), score(silent, brand)
    of_size = {"engagement"} if field == "audience_size" else set()  # what is usual depends on it

    assert set(found.judgements) <= set(whole.judgements)
    assert all(found.judgements[name] == whole.judgements[name] for name in set(found.judgements) - of_size)
    if found.overall is not None:
        weight = sum(WEIGHTS[name] for name in found.judgements)
        mean = sum(WEIGHTS[name] * judgement.value for name, judgement in found.judgements.items()) / weight
        assert found.overall == round(100 * mean)


@for_any(CREATORS, BRANDS)
def test_the_score_lies_between_what_speaks_most_for_it_and_most_against_it(creator: Side, brand: Side) -> None:
    found = score(creator, brand)
    assume(found.overall is not None)

    values = [100 * judgement.value for judgement in found.judgements.values()]
    assert round(min(values)) <= (found.overall or 0) <= round(max(values))


@for_any(CREATORS, BRANDS, NUMBERS, NUMBERS)
def test_a_cheaper_rate_never_fits_a_budget_worse(creator: Side, brand: Side, one: int, other: int) -> None:
    assume(brand.budget_max is not None)
    cheap, dear = replace(creator, rate=min(one, other)), replace(creator, rate=max(one, other))

    for cheaper, dearer in zip(judged("budget", cheap, brand), judged("budget", dear, brand), strict=True):
        assert (cheaper or 0) >= (dearer or 0) - 1e-9
    assert (score(cheap, brand).overall or 0) >= (score(dear, brand).overall or 0)


@for_any(CREATORS, BRANDS, st.floats(0, 180), st.floats(0, 180))
def test_living_closer_never_fits_worse(creator: Side, brand: Side, one: float, other: float) -> None:
    """Both on the equator, so that degrees are distance."""
    at = brand.at((0, 0, "Quito"))
    near, far = creator.at((0, min(one, other), "Nairobi")), creator.at((0, max(one, other), "Nairobi"))

    assert (judged("location", near, at)[0] or 0) >= (judged("location", far, at)[0] or 0) - 1e-9
    assert (score(near, at).overall or 0) >= (score(far, at).overall or 0)


@for_any(PLACES, PLACES)
def test_the_way_there_is_as_long_as_the_way_back(here: tuple[float, float, str], there: tuple[float, float, str]) -> None:
    way = distance_km(Side().at(here), Side().at(there))

    assert way == pytest.approx(distance_km(Side().at(there), Side().at(here)))
    assert way is not None and 0 <= way <= 20_020, "nothing on Earth is further away"


@for_any(CREATORS, BRANDS, st.sampled_from(sorted(NICHES)))
def test_one_more_shared_topic_never_fits_worse(creator: Side, brand: Side, topic: str) -> None:
    assume(creator.niches and brand.niches)
    assume(topic in brand.niches or topic not in creator.niches)  # else the brand's own list changes, which is another question
    sharing, wanting = replace(creator, niches=creator.niches | {topic}), replace(brand, niches=brand.niches | {topic})

    for more, fewer in zip(judged("niche", sharing, wanting), judged("niche", creator, brand), strict=True):
        assert (more or 0) >= (fewer or 0) - 1e-9
    assert (score(sharing, wanting).overall or 0) >= (score(creator, brand).overall or 0)


@for_any(CREATORS, BRANDS, PERCENTS, PERCENTS)
def test_more_engagement_never_fits_worse(creator: Side, brand: Side, one: float, other: float) -> None:
    less, more = replace(creator, engagement_rate=min(one, other)), replace(creator, engagement_rate=max(one, other))

    assert (score(more, brand).overall or 0) >= (score(less, brand).overall or 0)


@for_any(AUDIENCES, AUDIENCES)
def test_the_usual_engagement_falls_as_audiences_grow(one: int, other: int) -> None:
    assert 1.2 <= usual_engagement(max(one, other)) <= usual_engagement(min(one, other)) <= 8.0


def test_the_usual_engagement_of_an_unknown_audience_is_that_of_a_middling_one() -> None:
    assert usual_engagement(None) == pytest.approx(usual_engagement(100_000))


@for_any(CREATORS, BRANDS)
def test_the_words_hold_no_machine_language(creator: Side, brand: Side) -> None:
    for name in score(creator, brand).judgements:
        said = next(factor for factor in FACTORS if factor.name == name).words(creator, brand)

        assert said == said.strip() and said
        assert not re.search(r"\b(None|nan|inf|frozenset)\b|[{}]|  ", said), said
        assert not said.endswith((":", " and", ","))


def as_profile(side: Side, role: str) -> Profile:
    fields = ("niches", "platforms", *(("audience_size", "engagement_rate", "rate") if role == "creator" else ("budget_min", "budget_max", "audience_min", "audience_max")))
    return Profile(id=1 if role == "creator" else 2, role=role, name=role, **{name: getattr(side, name) for name in fields})


@for_any(CREATORS, BRANDS)
def test_whoever_looks_the_score_is_the_same_and_the_two_sides_change_places(creator: Side, brand: Side) -> None:
    one, other = as_profile(creator, "creator"), as_profile(brand, "brand")
    hers, his = Match(one, other), Match(other, one)

    assert (hers.score, hers.tier, hers.reasons, hers.difference) == (his.score, his.tier, his.reasons, his.difference)
    assert (hers.for_viewer, hers.for_them) == (his.for_them, his.for_viewer)
    assert [(factor.for_viewer, factor.for_them) for factor in hers.factors] == [(factor.for_them, factor.for_viewer) for factor in his.factors]


@for_any(CREATORS, BRANDS)
def test_reasons_speak_for_a_match_and_the_difference_against_it(creator: Side, brand: Side) -> None:
    match = Match(as_profile(creator, "creator"), as_profile(brand, "brand"))
    value = {factor.words: factor.value for factor in match.factors}

    assert len(match.reasons) <= 3
    assert all((value[words] or 0) >= 0.6 for words in match.reasons)
    assert match.difference is None or (value[match.difference] or 0) < 0.5
    assert match.difference not in match.reasons


def test_what_the_viewer_could_add_is_told_to_the_one_who_has_not_answered() -> None:
    creator, brand = as_profile(replace(ANA, rate=None), "creator"), as_profile(BO, "brand")

    assert "Budget" in Match(creator, brand).missing
    assert "Budget" not in Match(brand, creator).missing
    for viewer, them, sentence in ((creator, brand, "You have not answered this yet"), (brand, creator, "They have not answered this yet")):
        assert next(factor.words for factor in Match(viewer, them).factors if factor.name == "budget") == sentence


def test_the_lowest_tier_takes_everyone_with_a_score() -> None:
    assert min(least for least, _, _ in TIERS) == 0

"""How a score comes about: cases worked out by hand, and what holds for any two people."""

from dataclasses import fields, replace
from math import inf, isnan, nan, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

from blueprints.matches.index import FACTS, MANY, Table
from blueprints.matches.scoring import (
    CRITERIA_OF,
    ENOUGH_FACTORS,
    MIDDLE,
    MINDED,
    TIERS,
    UNKNOWN_TIER,
    WEIGHTS,
    Facts,
    Score,
    failed_musts,
    km_between,
    score,
    spread,
    tier_of,
    usual_engagement,
    usual_rate,
)
from blueprints.profiles.choices import NICHE_FAMILIES, NICHES
from tests.matches.people import AUDIENCES, BERLIN, BRANDS, CREATORS, NUMBERS, PERCENTS, PLACES, Place, Side, for_any, some

HAMBURG, SYDNEY = (53.55, 9.99), (-33.87, 151.21)
HAIR = 1e-9  # what rounding may do


def words(*slugs: str) -> frozenset[str]:
    return frozenset(slugs)


def scored(creator: Side, brand: Side) -> Score:
    return score(creator.facts, brand.facts)


def judged(name: str, creator: Side, brand: Side) -> tuple[float, float]:
    """The values of one factor: for the creator, for the brand."""
    judgement = scored(creator, brand).judgements[name]
    return judgement.for_creator, judgement.for_brand


def same(one: float, other: float) -> bool:
    return one == pytest.approx(other, abs=HAIR, nan_ok=True)


# Cases worked out by hand.

ANA = Side(words("food", "travel"), platforms=words("instagram", "youtube"), audience_size=48_000, engagement_rate=4.2, rate=900)
BO = Side(words("food", "sustainability"), industry="food-drink", platforms=words("instagram"), budget_min=500, budget_max=2_000, audience_min=10_000, audience_max=200_000)


def test_the_weights_are_those_of_the_design_and_make_a_hundred() -> None:
    assert WEIGHTS == {"niche": 25, "budget": 20, "platforms": 15, "engagement": 15, "audience": 15, "location": 10}
    assert sum(WEIGHTS.values()) == 100


def test_a_usual_pair() -> None:
    """Ana shares one of her two topics (√½); of his two he shares one and the other is related to her food (√(1.5/2)). One of her two platforms
    is his only one (√½ and 1). 900 lies in the lower half of 500 to 2,000 (1 and 1). 4.2 % is 1.1546 times the 3.6375 % usual at 48,000: 0.5773
    for him. The audience is inside the band: 1 for him. Without cities 10 of the weights are unanswered on both sides.

    For her: (25·0.70711 + 20 + 15·0.70711 + 0.5·10) / 70 = 53.284 / 70 = 0.76120, spread to 0.66413 / (0.66413 + 1.1·0.11669) = 83.80.
    For him: (25·0.86603 + 20 + 15 + 15·0.57732 + 15 + 0.5·10) / 100 = 0.85310, spread to 0.78796 / (0.78796 + 1.1·0.05630) = 92.71.
    Together √(83.80 · 92.71) = 88.14."""
    found = scored(ANA, BO)

    assert found.judgements["niche"].for_creator == pytest.approx(0.70711, abs=1e-5)
    assert found.judgements["niche"].for_brand == pytest.approx(0.86603, abs=1e-5)
    assert found.judgements["engagement"].for_brand == pytest.approx(0.57732, abs=1e-5)
    assert found.answered == 5
    assert found.for_creator == pytest.approx(83.80, abs=0.01)
    assert found.for_brand == pytest.approx(92.71, abs=0.01)
    assert found.overall == pytest.approx(88.14, abs=0.01)


def test_two_who_want_exactly_each_other_are_a_perfect_match() -> None:
    """The same topics, platforms and kinds of work, a wanted industry, a rate in the lower half of the budget which reaches 1.3 times,
    7.3 % where 3.64 % is usual, inside the band, the same city: every factor is 1 on both sides, and spread(1) = 1."""
    creator = replace(ANA, engagement_rate=7.3, platforms=BO.platforms, niches=BO.niches, industries=words("food-drink"), campaign_types=words("ugc")).at(BERLIN)

    found = scored(creator, replace(BO, campaign_types=words("ugc")).at(BERLIN))

    assert found.answered == 6
    assert (found.overall, found.for_creator, found.for_brand) == pytest.approx((100, 100, 100))


def test_two_who_share_nothing_score_nothing() -> None:
    """No topic, no platform, a rate of twice the budget, half the usual 8 %, a tenth of the audience: 0 each. Berlin and Sydney are 16,090 km
    apart: 1 / (1 + 40.2) = 0.024 of a weight of 10 is all there is, a hundredth of a point."""
    creator = Side(words("gaming"), platforms=words("twitch"), audience_size=1_000, engagement_rate=4.0, rate=4_000).at(SYDNEY)

    found = scored(creator, BO.at(BERLIN))

    assert found.answered == 6, "all six count"
    assert [round(value) for value in (found.overall, found.for_creator, found.for_brand)] == [0, 0, 0]
    assert 0 < found.overall < 0.02


def test_little_evidence_makes_no_full_score() -> None:
    """Three factors, all perfect. For her 60 of 70 are answered: (60 + 0.5·10) / 70 = 0.92857, spread to 0.89480 / (0.89480 + 1.1·0.01909) = 97.71.
    For him 60 of 100: (60 + 0.5·40) / 100 = 0.8, spread to 0.71554 / (0.71554 + 1.1·0.08944) = 87.91. Together 92.68."""
    creator = Side(words("food"), platforms=words("blog"), rate=500)
    brand = Side(words("food"), platforms=words("blog"), budget_max=1_000)

    found = scored(creator, brand)

    assert found.answered == 3
    assert (found.for_creator, found.for_brand, found.overall) == pytest.approx((97.71, 87.91, 92.68), abs=0.01)


def test_middling_answers_make_less_than_half() -> None:
    """Every factor 0.5 makes 0.5, and spread(0.5) = 1 / (1 + 1.1) = 0.476: a score above 60 has to be earned."""
    assert spread(0.5) == pytest.approx(0.47619, abs=1e-5)
    assert (spread(0), spread(1)) == (0, 1)


@pytest.mark.parametrize(
    ("creators", "brands", "for_creator", "for_brand"),
    [
        ("food", "food", 1, 1),
        ("food", "home", sqrt(0.5), sqrt(0.5)),  # both stand under "table"
        ("food", "gaming", 0, 0),
        ("food travel", "food", sqrt(1 / 2), 1),  # half of what she talks about, all that he looks for
        ("food home", "food", sqrt(1.5 / 2), 1),  # her home is related to his food
        ("food travel", "home outdoors", sqrt(0.5), sqrt(0.5)),  # each of theirs has a relative over there
    ],
)
def test_topics_count_as_the_same_as_related_or_not_at_all(creators: str, brands: str, for_creator: float, for_brand: float) -> None:
    """The root of the share of one's own topics that the other has, where a related one counts half."""
    found = judged("niche", Side(words(*creators.split())), Side(words(*brands.split())))

    assert found == pytest.approx((for_creator, for_brand))


def test_topics_count_three_times_industry_and_kind_of_work_once() -> None:
    """The same topic (1), an industry she does not look for (0), one of her two kinds of work (√½): (3·1 + 0 + √½) / 5 = 0.74142 for her.
    He has no stake in the industry: (3·1 + 1) / 4 = 1."""
    creator = Side(words("food"), industries=words("beauty"), campaign_types=words("ugc", "event"))
    brand = Side(words("food"), industry="fashion", campaign_types=words("ugc"))

    assert judged("niche", creator, brand) == pytest.approx((0.74142, 1), abs=1e-5)


def test_a_rate_above_the_budget_is_worth_less_to_both_the_further_it_is() -> None:
    """Of 500 to 2,000, in the middle (1,250): he 1, she (1.6 − 0.5) / 0.8, more than 1. At its end: she (1 − 0.5) / 0.8 = 0.625, he 0.7.
    At four thirds of it: 0.3125 and half of 0.7. At twice nothing is left."""
    assert judged("budget", Side(rate=1_250), BO) == pytest.approx((1, 1))
    assert judged("budget", Side(rate=2_000), BO) == pytest.approx((0.625, 0.7))
    assert judged("budget", Side(rate=2_667), BO) == pytest.approx((0.3125, 0.35), abs=0.001)
    assert judged("budget", Side(rate=4_000), BO) == pytest.approx((0, 0))


def test_a_market_rate_stands_in_for_a_missing_one_and_pulls_half_as_far() -> None:
    """At 100,000 followers 1,100 euros are usual. A budget up to 2,200 reaches that twice: 1 for both, half as firm 0.75.
    A budget up to 550 reaches half: 0 for both, half as firm 0.25. With a rate of her own the same are 1 and 0, and without an audience there is nothing."""
    silent, plain = Side(audience_size=100_000), Side(audience_size=100_000, rate=1_100)

    for budget, usual, own in ((2_200, 0.75, 1), (550, 0.25, 0)):
        assert judged("budget", silent, Side(budget_max=budget)) == pytest.approx((usual, usual))
        assert judged("budget", plain, Side(budget_max=budget)) == pytest.approx((own, own))
    assert all(map(isnan, judged("budget", Side(), Side(budget_max=2_000))))


def test_engagement_is_judged_against_what_is_usual_at_that_size() -> None:
    """3 % is usual at 100,000 followers (0.5), half of it is nothing, half as much again is halfway to the full value, and it concerns the brand alone."""
    for percent, value in ((1.5, 0), (3.0, 0.5), (4.5, 0.75), (6.0, 1), (30.0, 1)):
        for_creator, for_brand = judged("engagement", Side(audience_size=100_000, engagement_rate=percent), BO)
        assert isnan(for_creator)
        assert for_brand == pytest.approx(value)


def test_an_audience_of_a_tenth_or_ten_times_what_is_asked_for_is_nothing() -> None:
    """The scale is logarithmic: the root of ten away is half a fit. It concerns the brand alone."""
    for size, value in ((10_000, 1), (200_000, 1), (3_162, 0.5), (632_456, 0.5), (1_000, 0), (2_000_000, 0), (0, 0)):
        for_creator, for_brand = judged("audience", Side(audience_size=size), BO)
        assert isnan(for_creator)
        assert for_brand == pytest.approx(value, abs=0.001)


def test_four_hundred_kilometres_are_half_a_fit_and_remote_work_makes_it_four_fifths() -> None:
    """Berlin and Hamburg are 255 km apart: 1 / (1 + 255 / 400) = 0.61. When both work remotely, distance costs no more than a fifth; in the same
    city it costs nothing all the same."""
    berlin, hamburg = Side().at(BERLIN), Side().at(HAMBURG)
    at_home, anywhere = replace(berlin, works_remotely=True), replace(hamburg, works_remotely=True)

    assert km_between(berlin.facts, hamburg.facts) == pytest.approx(255, abs=1)
    assert judged("location", berlin, hamburg) == pytest.approx((0.61, 0.61), abs=0.005)
    assert judged("location", at_home, hamburg) == judged("location", berlin, hamburg), "it takes two"
    assert judged("location", at_home, anywhere) == pytest.approx((0.8, 0.8))
    assert judged("location", at_home, anywhere.at(None)) == pytest.approx((0.8, 0.8))
    assert judged("location", at_home, anywhere.at(BERLIN)) == pytest.approx((1, 1))


def test_what_a_side_does_not_mind_is_out_of_its_own_sum_only() -> None:
    """Bo minds neither platforms nor location: (25·0.86603 + 20 + 15·0.57732 + 15) / 75 = 65.310 / 75 = 0.87081 and nothing is unanswered,
    spread to 0.81262 / (0.81262 + 1.1·0.04643) = 94.09. For Ana nothing changes: 83.80."""
    found = scored(ANA, replace(BO, dont_minds=words("platforms", "location")))

    assert (found.for_creator, found.for_brand) == pytest.approx((83.80, 94.09), abs=0.01)


def test_whoever_minds_nothing_leaves_the_score_to_the_other() -> None:
    easy = replace(ANA, dont_minds=frozenset(CRITERIA_OF["creator"]))

    found = scored(easy, BO)

    assert isnan(found.for_creator)
    assert found.overall == found.for_brand == pytest.approx(92.71, abs=0.01)


def test_an_open_end_of_a_range_asks_for_nothing_there() -> None:
    assert judged("audience", Side(audience_size=900_000_000), Side(audience_min=1_000))[1] == 1
    assert judged("audience", Side(audience_size=0), Side(audience_max=1_000))[1] == 1
    assert judged("budget", Side(rate=1_000), Side(budget_max=2_000)) == (1, 1)


@pytest.mark.parametrize(
    ("overall", "slug"),
    [(100, "perfect"), (90, "perfect"), (89, "excellent"), (75, "excellent"), (74, "good"), (60, "good"), (59, "fair"), (0, "fair"), (None, "unknown")],
)
def test_the_tiers_begin_at_60_75_and_90(overall: int | None, slug: str) -> None:
    assert tier_of(overall)[0] == slug


def test_the_lowest_tier_takes_everyone_with_a_score() -> None:
    assert min(least for least, _, _ in TIERS) == 0
    assert tier_of(None) == UNKNOWN_TIER


# What holds for any two.


@for_any(CREATORS, BRANDS)
def test_a_score_lies_from_0_to_100_or_there_is_none(creator: Side, brand: Side) -> None:
    found = scored(creator, brand)

    for value in (found.overall, found.for_creator, found.for_brand):
        assert isnan(value) or 0 <= value <= 100
    for judgement in found.judgements.values():
        assert all(isnan(value) or 0 <= value <= 1 for value in (judgement.for_creator, judgement.for_brand))
    assert found.judgements.keys() == WEIGHTS.keys()


@for_any(CREATORS, BRANDS)
def test_with_fewer_than_three_answered_factors_there_is_no_number(creator: Side, brand: Side) -> None:
    found = scored(creator, brand)
    answered = [name for name, judgement in found.judgements.items() if not (isnan(judgement.for_creator) and isnan(judgement.for_brand))]

    assert found.answered == len(answered)
    assert ENOUGH_FACTORS == 3
    if len(answered) < 3:
        assert isnan(found.overall) and isnan(found.for_creator) and isnan(found.for_brand)
    elif creator.dont_minds == brand.dont_minds == frozenset():
        assert not isnan(found.overall)


@for_any(CREATORS, BRANDS)
def test_the_overall_lies_between_the_two_sides_nearer_to_the_lower(creator: Side, brand: Side) -> None:
    found = scored(creator, brand)
    assume(not isnan(found.for_creator) and not isnan(found.for_brand))
    low, high = sorted((found.for_creator, found.for_brand))

    assert low - HAIR <= found.overall <= (low + high) / 2 + HAIR


@for_any(CREATORS, BRANDS, st.sampled_from(sorted(NICHES)))
def test_one_more_shared_topic_never_fits_worse(creator: Side, brand: Side, topic: str) -> None:
    assume(creator.niches and brand.niches)

    never_worse((creator, brand), (replace(creator, niches=creator.niches | {topic}), replace(brand, niches=brand.niches | {topic})), "niche")


@for_any(CREATORS, BRANDS, st.data())
def test_the_same_topic_fits_better_than_a_related_one_and_that_better_than_a_strange_one(creator: Side, brand: Side, data: st.DataObject) -> None:
    """One topic each, all else alike."""
    topic = data.draw(st.sampled_from(sorted(NICHES)))
    related = frozenset(other for family in NICHE_FAMILIES.values() if topic in family for other in family) - {topic}
    strange = NICHES.keys() - related - {topic}
    assume(related)
    creator, brand = (replace(side, dont_minds=frozenset()) for side in (replace(creator, niches=words(topic)), brand))
    told = [replace(brand, niches=words(other)) for other in (topic, data.draw(st.sampled_from(sorted(related))), data.draw(st.sampled_from(sorted(strange))))]

    first, second, third = (judged("niche", creator, other) for other in told)
    assert first[0] > second[0] > third[0] and first[1] > second[1] > third[1]
    best, middle, worst = (scored(creator, other).overall for other in told)
    assert (isnan(best) and isnan(worst)) or best > middle > worst or worst == middle == 0


@for_any(some(NICHES), some(NICHES))
def test_topics_are_judged_alike_from_both_sides(one: frozenset[str], other: frozenset[str]) -> None:
    """Whoever has them: exchanged sets exchange the values, and the same sets are as near as can be for both."""
    there, back = judged("niche", Side(one), Side(other)), judged("niche", Side(other), Side(one))

    assert same(there[0], back[1]) and same(there[1], back[0])
    if one:
        assert judged("niche", Side(one), Side(one)) == (1, 1)


@for_any(CREATORS, BRANDS, NUMBERS, NUMBERS)
def test_a_cheaper_rate_never_fits_a_budget_worse(creator: Side, brand: Side, one: int, other: int) -> None:
    assume(brand.budget_max is not None)

    never_worse((replace(creator, rate=max(one, other)), brand), (replace(creator, rate=min(one, other)), brand), "budget")


@for_any(CREATORS, BRANDS, NUMBERS, NUMBERS)
def test_a_larger_budget_never_fits_a_rate_worse(creator: Side, brand: Side, one: int, other: int) -> None:
    assume(creator.rate is not None)
    brand = replace(brand, budget_min=None)

    never_worse((creator, replace(brand, budget_max=min(one, other))), (creator, replace(brand, budget_max=max(one, other))), "budget")


@for_any(CREATORS, BRANDS, st.floats(0, 180), st.floats(0, 180))
def test_living_closer_never_fits_worse(creator: Side, brand: Side, one: float, other: float) -> None:
    """Both on the equator, so that degrees are distance."""
    brand = brand.at((0, 0))

    never_worse((creator.at((0, max(one, other))), brand), (creator.at((0, min(one, other))), brand), "location")


@for_any(PLACES, PLACES)
def test_the_way_there_is_as_long_as_the_way_back(here: Place, there: Place) -> None:
    one, other = Side().at(here).facts, Side().at(there).facts

    assert same(km_between(one, other), km_between(other, one))
    assert 0 <= km_between(one, other) <= 20_020, "nothing on Earth is further away"


@for_any(CREATORS, BRANDS, PERCENTS, PERCENTS)
def test_more_engagement_never_fits_worse(creator: Side, brand: Side, one: float, other: float) -> None:
    assume(creator.audience_size is not None)

    never_worse((replace(creator, engagement_rate=min(one, other)), brand), (replace(creator, engagement_rate=max(one, other)), brand), "engagement")


@for_any(CREATORS, BRANDS, AUDIENCES, AUDIENCES)
def test_an_audience_nearer_to_the_band_never_fits_worse(creator: Side, brand: Side, one: int, other: int) -> None:
    """With a rate of one's own and no engagement given, since what is usual of both depends on the audience."""
    assume((brand.audience_min, brand.audience_max) != (None, None))
    near, far = sorted((one, other), key=lambda size: outside(size, brand))
    plain = replace(creator, engagement_rate=None, rate=creator.rate or 100)

    never_worse((replace(plain, audience_size=far), brand), (replace(plain, audience_size=near), brand), "audience")


def outside(size: int, brand: Side) -> float:
    """How many times too small or too large."""
    size, low, high = max(size, 1), max(brand.audience_min or 1, 1), max(inf if brand.audience_max is None else brand.audience_max, 1)
    return max(low / size, size / high, 1)


def never_worse(before: tuple[Side, Side], after: tuple[Side, Side], factor: str) -> None:
    """Not for either side in that factor, and not overall."""
    first, second = scored(*before), scored(*after)
    for was, now in zip(judged(factor, *before), judged(factor, *after), strict=True):
        assert (isnan(was) and isnan(now)) or now >= was - HAIR
    assert (isnan(first.overall) and isnan(second.overall)) or second.overall >= first.overall - HAIR


UNANSWERED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # of the creator, of the brand
    "niche": ({"niches": frozenset(), "industries": frozenset(), "campaign_types": frozenset()}, {}),
    "budget": ({}, {"budget_min": None, "budget_max": None}),
    "platforms": ({"platforms": frozenset()}, {}),
    "engagement": ({"engagement_rate": None}, {}),
    "audience": ({}, {"audience_min": None, "audience_max": None}),
    "location": ({"place": None}, {}),
}
WORST: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "niche": (
        {"niches": words("food"), "industries": words("beauty"), "campaign_types": words("ugc")},
        {"niches": words("gaming"), "industry": "gaming", "campaign_types": words("event")},
    ),
    "budget": ({"rate": 1_000}, {"budget_min": None, "budget_max": 400}),
    "platforms": ({"platforms": words("twitch")}, {"platforms": words("blog")}),
    "engagement": ({"audience_size": 1_000, "engagement_rate": 0.0}, {}),
    "audience": ({"audience_size": 1_000}, {"audience_min": 1_000_000, "audience_max": None}),
    "location": ({"place": (0, 0)}, {"place": (0, 180)}),
}


BEST: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "niche": ({"niches": words("food"), "industries": words("beauty"), "campaign_types": words("ugc")}, {"niches": words("food"), "industry": "beauty", "campaign_types": words("ugc")}),
    "budget": ({"rate": 500}, {"budget_max": 1_000}),
    "platforms": ({"platforms": words("twitch")}, {"platforms": words("twitch")}),
    "engagement": ({"audience_size": 1_000, "engagement_rate": 20.0}, {}),
    "audience": ({}, {"audience_min": 1_000}),
    "location": ({"place": BERLIN}, {"place": BERLIN}),
}


@pytest.mark.parametrize("factor", WEIGHTS)
@for_any(CREATORS, BRANDS)
def test_an_unanswered_question_never_hurts_more_than_a_bad_answer(factor: str, creator: Side, brand: Side) -> None:
    bad = replace(creator, **WORST[factor][0]), replace(brand, **WORST[factor][1])
    silent = replace(bad[0], **UNANSWERED[factor][0]), replace(bad[1], **UNANSWERED[factor][1])
    least = {"location": 0.8 if creator.works_remotely and brand.works_remotely else 0.02}
    values = [value for value in judged(factor, *bad) if not isnan(value)]
    assert all(value <= least.get(factor, 0) + 1e-3 for value in values), "the answer is bad"
    assert values or creator.dont_minds & brand.dont_minds, "it was given"

    worst, found = scored(*bad), scored(*silent)

    assume(not isnan(found.overall))
    assert found.overall >= worst.overall - HAIR


@pytest.mark.parametrize("role", MINDED)
@for_any(CREATORS, BRANDS)
def test_a_side_is_nearer_to_the_middle_than_with_everything_answered_alike(role: str, creator: Side, brand: Side) -> None:
    """As if what was not answered had been worth as much as what was: that would be the fit without any doubt."""
    side, found = creator if role == "creator" else brand, scored(creator, brand)
    fit = found.for_creator if role == "creator" else found.for_brand
    assume(not isnan(fit))
    values = {name: getattr(found.judgements[name], f"for_{role}") for name, parts in MINDED[role].items() if side.facts.dont_minds & parts != parts}
    known = {name: value for name, value in values.items() if not isnan(value)}
    sure = 100 * spread(sum(WEIGHTS[name] * value for name, value in known.items()) / sum(WEIGHTS[name] for name in known))

    middle = 100 * spread(MIDDLE)
    assert min(middle, sure) - HAIR <= fit <= max(middle, sure) + HAIR
    if len(known) < len(values) and abs(sure - middle) > 1e-6:
        assert abs(fit - middle) < abs(sure - middle)


@pytest.mark.parametrize("is_good", [True, False])
def test_every_further_answer_of_the_same_worth_makes_the_score_surer(is_good: bool) -> None:
    creator, brand, steps = Side(), Side(), []
    for hers, his in (BEST if is_good else WORST).values():
        creator, brand = replace(creator, **hers), replace(brand, **his)
        steps.append(scored(creator, brand).overall)

    assert all(map(isnan, steps[:2])), "too little"
    assert len(steps[2:]) == 4
    assert steps[2:] == sorted(steps[2:], reverse=not is_good)
    assert len({round(step, 6) for step in steps[2:]}) == 4


@pytest.mark.parametrize(("role", "factor"), [(role, factor) for role, factors in MINDED.items() for factor in factors])
@for_any(CREATORS, BRANDS, CREATORS, BRANDS)
def test_what_a_side_does_not_mind_changes_nothing_for_it(role: str, factor: str, creator: Side, brand: Side, others: Side, other: Side) -> None:
    easy = words("niche", "campaign", "industry") if factor == "niche" else words(factor)
    fields_of = {
        "niche": ["niches", "campaign_types", "industries", "industry"], "budget": ["rate", "budget_min", "budget_max"], "platforms": ["platforms"],
        "engagement": ["engagement_rate"], "audience": ["audience_min", "audience_max"], "location": ["place", "works_remotely"],
    }[factor]  # fmt: skip
    creator, brand = (
        replace(side, dont_minds=side.dont_minds | (easy & set(CRITERIA_OF[name])) if name == role else side.dont_minds, musts=frozenset())
        for name, side in (("creator", creator), ("brand", brand))
    )
    varied = replace(creator, **{name: getattr(others, name) for name in fields_of}), replace(brand, **{name: getattr(other, name) for name in fields_of})

    def fit(creator: Side, brand: Side) -> float:
        found = scored(creator, brand)
        return found.for_creator if role == "creator" else found.for_brand

    one, two = fit(creator, brand), fit(*varied)
    assume(scored(creator, brand).answered >= ENOUGH_FACTORS and scored(*varied).answered >= ENOUGH_FACTORS)
    assert same(one, two)


@pytest.mark.parametrize(("role", "part", "field"), [("creator", "industry", "industry"), ("creator", "niche", "niches"), ("brand", "campaign", "campaign_types")])
@for_any(CREATORS, BRANDS, CREATORS, BRANDS)
def test_a_part_of_the_first_factor_that_a_side_does_not_mind_changes_nothing_for_it(
    role: str, part: str, field: str, creator: Side, brand: Side, others: Side, other: Side
) -> None:
    """While the other side keeps its word, the one who does not mind may find any answer there."""
    if role == "creator":
        creator = replace(creator, dont_minds=creator.dont_minds | {part})
        varied = creator, replace(brand, **{field: getattr(other, field)})
    else:
        brand = replace(brand, dont_minds=brand.dont_minds | {part})
        varied = replace(creator, **{field: getattr(others, field)}), brand
    side = 0 if role == "creator" else 1

    assert same(judged("niche", creator, brand)[side], judged("niche", *varied)[side])


@for_any(AUDIENCES, AUDIENCES)
def test_the_usual_engagement_falls_and_the_usual_rate_grows_with_the_audience(one: int, other: int) -> None:
    small, large = min(one, other), max(one, other)

    assert 1.2 <= usual_engagement(large) <= usual_engagement(small) <= 8.0
    assert 40 <= (usual_rate(small) or 0) <= (usual_rate(large) or 0) <= 40_000
    assert usual_rate(None) is None


# The same formula for one pair and for everyone.


@for_any(CREATORS, BRANDS, st.lists(CREATORS, min_size=1, max_size=6), st.lists(BRANDS, min_size=1, max_size=6))
def test_one_against_everyone_is_judged_as_each_pair_by_itself(creator: Side, brand: Side, creators: list[Side], brands: list[Side]) -> None:
    agree([(creator, each) for each in brands], creator.facts, table_of(brands).facts())
    agree([(each, brand) for each in creators], table_of(creators).facts(), brand.facts)


@for_any(BRANDS, st.lists(CREATORS, min_size=1, max_size=6))
def test_one_who_changed_is_judged_alike_against_all_who_look(brand: Side, creators: list[Side]) -> None:
    """Both out of the index: rows against one row."""
    agree([(each, brand) for each in creators], table_of(creators).facts(), table_of([brand]).facts(0))


def table_of(sides: list[Side]) -> Table:
    table = Table()
    nothing = {"version": 1, "created": 0.0, "seen": 0.0, "followers": nan, "engagement_percent": nan, "has_avatar": False}
    for id, side in enumerate(sides, 1):
        table.put(id, side.facts, nothing)
    return table


def agree(pairs: list[tuple[Side, Side]], creators: Facts, brands: Facts) -> None:
    with np.errstate(all="ignore"):
        many, musts = score(creators, brands, MANY), failed_musts(creators, brands, MANY)

    def at(values: Any, number: int) -> Any:
        return np.broadcast_to(values, len(pairs))[number]

    for number, (creator, brand) in enumerate(pairs):
        one, asked = scored(creator, brand), failed_musts(creator.facts, brand.facts)
        for value in ("overall", "for_creator", "for_brand"):
            assert same(getattr(one, value), float(at(getattr(many, value), number))), value
        assert one.answered == at(many.answered, number)
        for name, judgement in one.judgements.items():
            assert same(judgement.for_creator, float(at(many.judgements[name].for_creator, number))), name
            assert same(judgement.for_brand, float(at(many.judgements[name].for_brand, number))), name
        assert {must for must, failed in asked.items() if failed} == {must for must, failed in musts.items() if at(failed, number)}


def test_the_index_keeps_all_that_scoring_reads() -> None:
    assert set(FACTS) == {field.name for field in fields(Facts)} <= Table().columns.keys()

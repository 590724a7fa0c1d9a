"""Why a match has its score: two or three reasons and one difference in plain words, in agreement with the profiles and with the numbers."""

import re
from dataclasses import replace
from math import isnan, sqrt
from typing import Any

import pytest

from blueprints.matches.models import Match
from blueprints.matches.reasons import FACTORS, mean
from blueprints.matches.scoring import MIDDLE, MINDED, WEIGHTS, spread, usual_engagement
from blueprints.profiles.models import City, Profile
from tests.matches.people import BRANDS, CREATORS, Side, for_any, some

A_REASON, A_WEAK_REASON = 0.6, 0.4

BERLIN = City(id=1, label="Berlin, Germany", name="Berlin", latitude=52.52, longitude=13.41)
HAMBURG = City(id=2, label="Hamburg, Germany", name="Hamburg", latitude=53.55, longitude=9.99)
SYDNEY = City(id=3, label="Sydney, Australia", name="Sydney", latitude=-33.87, longitude=151.21)


def creator(**fields: Any) -> Profile:
    return Profile(id=1, role="creator", name="Ana", **frozen(fields))


def brand(**fields: Any) -> Profile:
    return Profile(id=2, role="brand", name="Bo", **frozen(fields))


def frozen(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: frozenset(value) if isinstance(value, set) else value for name, value in fields.items()}


def said(factor: str, one: Profile, other: Profile) -> tuple[str, str, str]:
    """The words of a factor: the whole, what speaks for the match, what against."""
    judged = next(each for each in Match(one, other).factors if each.name == factor)
    assert judged.value is not None, "nothing was judged"
    return judged.words, judged.good, judged.bad


GOOD: list[tuple[str, Profile, Profile, str]] = [
    ("niche", creator(niches={"food", "travel"}), brand(niches={"food", "travel", "art"}), "Both about food and travel"),
    ("niche", creator(niches={"diy"}), brand(niches={"diy"}), "Both about DIY"),
    ("niche", creator(niches={"food"}), brand(niches={"home"}), "Related topics: food and home"),
    ("niche", creator(niches={"art"}, industries={"fashion"}), brand(niches={"art"}, industry="fashion"), "Both about art; fashion is wanted"),
    ("niche", creator(campaign_types={"series", "ugc"}), brand(campaign_types={"series"}), "A kind of collaboration in common: series"),
    ("niche", creator(campaign_types={"series", "ugc"}), brand(campaign_types={"series", "ugc"}), "2 kinds of collaboration in common"),
    ("budget", creator(rate=900), brand(budget_min=500, budget_max=2_000), "€900 fits the budget of €500 to €2,000"),
    ("budget", creator(rate=900), brand(budget_max=900), "€900 fits the budget of up to €900"),
    ("budget", creator(audience_size=100_000), brand(budget_max=1_500), "No rate given; the usual €1,100 for 100k followers fits the budget of up to €1,500"),
    ("platforms", creator(platforms={"tiktok", "x"}), brand(platforms={"x", "tiktok"}), "Both on TikTok and X"),
    ("engagement", creator(audience_size=100_000, engagement_rate=3.0), brand(), "3 % engagement, usual for 100k followers"),
    ("engagement", creator(audience_size=100_000, engagement_rate=4.25), brand(), "4.25 % engagement, high for 100k followers"),
    ("audience", creator(audience_size=12_400), brand(audience_min=10_000), "12.4k followers, within what is asked for"),
    ("location", creator(city=BERLIN), brand(city=BERLIN), "Both in Berlin"),
    ("location", creator(city=BERLIN), brand(city=HAMBURG), "Berlin and Hamburg: within 500 km"),
    ("location", creator(works_remotely=True), brand(works_remotely=True, city=HAMBURG), "Both work remotely"),
]  # fmt: skip
BAD: list[tuple[str, Profile, Profile, str]] = [
    ("niche", creator(niches={"food"}), brand(niches={"gaming", "tech"}), "Different topics: food, not gaming and tech"),
    ("niche", creator(industries={"beauty"}), brand(industry="software"), "Software is not among the wanted industries"),
    ("niche", creator(campaign_types={"series"}), brand(campaign_types={"ugc"}), "No kind of collaboration in common"),
    ("budget", creator(rate=901), brand(budget_max=900), "€901 is above the budget of up to €900"),
    ("budget", creator(audience_size=100_000), brand(budget_max=500), "No rate given; the usual €1,100 for 100k followers is above the budget of up to €500"),
    ("platforms", creator(platforms={"tiktok"}), brand(platforms={"x"}), "No platform in common"),
    ("engagement", creator(audience_size=100_000, engagement_rate=2.0), brand(), "2 % engagement, low for 100k followers"),
    ("audience", creator(audience_size=9_999), brand(audience_min=20_000, audience_max=50_000), "10k followers, fewer than the 20k asked for"),
    ("audience", creator(audience_size=75_000), brand(audience_max=50_000), "75k followers, more than the 50k asked for"),
    ("location", creator(city=BERLIN), brand(city=SYDNEY), "Berlin and Sydney: more than 2,500 km away"),
]


@pytest.mark.parametrize(("factor", "one", "other", "words"), GOOD)
def test_what_speaks_for_a_match_is_said_plainly(factor: str, one: Profile, other: Profile, words: str) -> None:
    whole, good, _ = said(factor, one, other)

    assert whole == good == words


@pytest.mark.parametrize(("factor", "one", "other", "words"), BAD)
def test_what_speaks_against_it_is_no_reason(factor: str, one: Profile, other: Profile, words: str) -> None:
    assert said(factor, one, other) == (words, "", words)


def test_what_is_partly_so_is_said_both_ways() -> None:
    one, other = creator(niches={"food"}, industries={"beauty"}, platforms={"x", "blog"}), brand(niches={"food"}, industry="software", platforms={"x"})
    remote = creator(city=BERLIN, works_remotely=True), brand(city=SYDNEY, works_remotely=True)

    assert said("niche", one, other) == (
        "Both about food; software is not among the wanted industries", "Both about food", "Software is not among the wanted industries",
    )  # fmt: skip
    assert said("platforms", one, other) == ("Both on X", "Both on X", "Only X in common")
    assert said("location", *remote) == ("Berlin and Sydney: more than 2,500 km away; both work remotely", "Both work remotely", "")


def test_a_card_reads_like_this() -> None:
    """By hand, as value · weight: topics 25 · mean(√½, 1) = 21.3, budget 20 · 1, audience 15 · 1, then platforms 15 · mean(√½, 1) = 12.8. Left over
    with an objection are the engagement, (1 − 0.17) · 15 = 12.5 lost, and the platforms, 2.2 lost."""
    ana = creator(niches={"food", "travel"}, platforms={"instagram", "youtube"}, audience_size=100_000, engagement_rate=2.0, rate=900)
    bo = brand(niches={"food"}, platforms={"instagram"}, budget_min=500, budget_max=2_000, audience_min=50_000)

    match = Match(bo, ana)

    assert match.reasons == ["Both about food", "€900 fits the budget of €500 to €2,000", "100k followers, within what is asked for"]
    assert match.difference == "2 % engagement, low for 100k followers"


def test_where_little_speaks_for_it_two_weaker_reasons_are_given() -> None:
    """Topics √½ on both sides, the budget's very end 0.66, distance 0.61: all from 0.6 on, so three reasons. Without rate and place one of them is
    left, and usual engagement (0.5) joins it."""
    ana = creator(niches={"food", "travel"}, rate=2_000, city=BERLIN, audience_size=100_000, engagement_rate=3.0, platforms={"x"})
    bo = brand(niches={"food", "tech"}, budget_min=500, budget_max=2_000, city=HAMBURG, platforms={"blog"})

    assert Match(ana, bo).reasons == ["Both about food", "€2,000 fits the budget of €500 to €2,000", "Berlin and Hamburg: within 500 km"]
    assert Match(ana, bo).difference == "No platform in common"

    ana.rate = ana.city = None
    bo.budget_min = bo.budget_max = None
    assert Match(ana, bo).reasons == ["Both about food", "3 % engagement, usual for 100k followers"]


# What holds for any two.


def pair(one: Side, other: Side) -> Match:
    return Match(one.profile("creator"), other.profile("brand"))


@for_any(CREATORS, BRANDS)
def test_there_are_two_or_three_reasons_where_as_many_are_to_be_had(one: Side, other: Side) -> None:
    match = pair(one, other)
    good = [factor for factor in match.factors if factor.good]
    strong, weak = ([factor for factor in good if (factor.value or 0) >= least] for least in (A_REASON, A_WEAK_REASON))

    assert len(match.reasons) == (min(3, len(strong)) if len(strong) > 1 else min(2, len(weak)))
    chosen = [factor for words in match.reasons for factor in good if factor.good == words]
    assert len(chosen) == len(match.reasons) == len(set(match.reasons))
    worth = [(factor.value or 0) * factor.weight for factor in chosen]
    assert worth == sorted(worth, reverse=True), "the strongest first"
    pool = strong if len(strong) > 1 else weak
    assert all((factor.value or 0) * factor.weight <= worth[-1] + 1e-9 for factor in pool if factor not in chosen)


@for_any(CREATORS, BRANDS)
def test_the_difference_is_what_costs_most_of_the_rest_and_never_a_factor_that_is_a_reason(one: Side, other: Side) -> None:
    match = pair(one, other)
    rest = [factor for factor in match.factors if factor.bad and factor.good not in match.reasons]
    lost = {factor.bad: (1 - (factor.value or 0)) * factor.weight for factor in rest}

    if match.difference is None:
        assert not rest
    else:
        assert lost[match.difference] == max(lost.values())
        assert match.difference not in match.reasons


@for_any(CREATORS, BRANDS)
def test_a_reason_is_no_objection_and_the_difference_no_praise(one: Side, other: Side) -> None:
    match = pair(one, other)

    for words in match.reasons:
        assert not re.search(r"above the budget|fewer than|more than the|^No (?!rate given)|no kind|[Dd]ifferent topics|low for|not among|Only ", words), words
    assert not re.search(r"^Both|fits the budget|within what|high for|is wanted$", match.difference or ""), match.difference


@for_any(CREATORS, BRANDS)
def test_what_a_card_says_stands_in_the_breakdown_too(one: Side, other: Side) -> None:
    for factor in pair(one, other).factors:
        parts = [part for words in (factor.good, factor.bad) if not words.startswith("Only ") for part in words.lower().split("; ") if part]

        assert all(part in factor.words.lower() for part in parts)
        assert factor.value is None or parts


@for_any(CREATORS, BRANDS)
def test_the_words_agree_with_the_profiles(one: Side, other: Side) -> None:
    match = pair(one, other)
    hers, his = match.viewer, match.profile
    words = {factor.name: factor.words for factor in match.factors if factor.value is not None}

    if "budget" in words:
        assert ("fits the budget" in words["budget"]) == ((hers.rate or match.pair.creator_facts.rate) <= (his.budget_max or 0))
        assert ("No rate given; the usual" in words["budget"]) == (hers.rate is None)
        assert f"€{his.budget_max:,}" in words["budget"] and (not hers.rate or f"€{hers.rate:,}" in words["budget"])
    if "platforms" in words:
        assert words["platforms"].startswith("Both on") == bool(hers.platforms & his.platforms)
    if "engagement" in words:
        times = (hers.engagement_rate or 0) / usual_engagement(hers.audience_size or 0)
        assert ("low" if times < 0.8 else "usual" if times < 1.3 else "high") in words["engagement"]
        assert words["engagement"].startswith(f"{hers.engagement_rate:g} %")
    if "audience" in words:
        size, low, high = hers.audience_size or 0, his.audience_min or 0, his.audience_max
        assert ("fewer" if size < low else "more" if high is not None and size > high else "within") in words["audience"]
    if "location" in words and hers.city and his.city:
        assert words["location"].startswith("Both in") == (hers.city.id == his.city.id)
        assert ("both work remotely" in words["location"]) <= (hers.works_remotely and his.works_remotely)
    if "niche" in words:
        assert ("oth about" in words["niche"]) == bool(hers.niches & his.niches)
        assert ("is wanted" in words["niche"]) == (his.industry in hers.industries)
        assert ("n common" in words["niche"] and "o kind" not in words["niche"]) == bool(hers.campaign_types & his.campaign_types)


@for_any(CREATORS, BRANDS)
def test_the_words_hold_no_machine_language(one: Side, other: Side) -> None:
    for factor in pair(one, other).factors:
        for words in (factor.words, factor.good, factor.bad):
            assert words == words.strip()
            assert not re.search(r"\b(None|nan|inf|frozenset|set\()\b|[{}]|  |ss\b(?<!fitness)(?<!wellness)(?<!business)", words), words
            assert not words.endswith((":", ";", " and", ","))
            assert words == "" or not words[0].islower()
        assert factor.words


@for_any(CREATORS, BRANDS, some(MINDED["creator"]), some(MINDED["brand"]))
def test_the_words_say_nothing_of_what_either_asks_for(one: Side, other: Side, hers: frozenset[str], his: frozenset[str]) -> None:
    """Musts, what is not minded and the distance are for oneself alone. What is judged says the same whatever they are."""
    quiet = pair(*(replace(side, musts=frozenset(), dont_minds=frozenset(), max_km=None) for side in (one, other)))
    picky = pair(replace(one, musts=hers, dont_minds=frozenset(MINDED["creator"]) - hers, max_km=77), replace(other, musts=his, dont_minds=frozenset(MINDED["brand"]) - his, max_km=77))

    for plain, factor in zip(quiet.factors, picky.factors, strict=True):
        assert (factor.words, factor.good, factor.bad) == (plain.words, plain.good, plain.bad) or (factor.name == "niche" and factor.value is None)
        assert not re.search(r"\b77 km|\bmust|mind|insist|require", f"{factor.words} {picky.difference}")


@for_any(CREATORS, BRANDS)
def test_distances_are_told_in_steps_only(one: Side, other: Side) -> None:
    for factor in pair(one, other).factors:
        if factor.name == "location":
            assert {int(number.replace(",", "")) for number in re.findall(r"([\d,]+) km", factor.words)} <= {50, 100, 250, 500, 1_000, 2_500}


@for_any(CREATORS, BRANDS)
def test_both_read_the_same_reasons_and_each_their_own_side(one: Side, other: Side) -> None:
    hers = pair(one, other)
    his = Match(hers.profile, hers.viewer)

    assert (hers.score, hers.tier, hers.reasons, hers.difference) == (his.score, his.tier, his.reasons, his.difference)
    assert (hers.for_viewer, hers.for_them) == (his.for_them, his.for_viewer)
    assert [(factor.value, factor.for_viewer, factor.for_them) for factor in hers.factors] == [(factor.value, factor.for_them, factor.for_viewer) for factor in his.factors]


@for_any(CREATORS, BRANDS)
def test_the_breakdown_shows_the_values_the_score_was_made_of(one: Side, other: Side) -> None:
    match = pair(one, other)

    assert [factor.name for factor in match.factors] == list(WEIGHTS)
    assert [factor.weight for factor in match.factors] == list(WEIGHTS.values())
    for factor in match.factors:
        judgement = match.result.judgements[factor.name]
        for shown, value in ((factor.for_viewer, judgement.for_creator), (factor.for_them, judgement.for_brand)):
            assert (shown is None) == isnan(value) and (shown is None or shown == value)
        assert factor.value == mean(judgement.for_creator, judgement.for_brand)
    assert match.answered == sum(factor.value is not None for factor in match.factors)
    assert (match.score is None) == isnan(match.result.overall)
    assert match.score is None or match.score == round(match.result.overall)


@for_any(CREATORS, BRANDS)
def test_whoever_adds_up_the_breakdown_gets_the_score(one: Side, other: Side) -> None:
    """Where nobody has something they do not mind: weights and values as shown, the unanswered as neither good nor bad."""
    match = pair(replace(one, dont_minds=frozenset()), replace(other, dont_minds=frozenset()))
    if match.score is None:
        return

    def fit(role: str, shown: dict[str, float | None]) -> float:
        known = {name: value for name, value in shown.items() if value is not None}
        values = {name: known.get(name, MIDDLE) for name in MINDED[role]}
        return 100 * spread(sum(WEIGHTS[name] * value for name, value in values.items()) / sum(WEIGHTS[name] for name in values))

    hers = fit("creator", {factor.name: factor.for_viewer for factor in match.factors})
    his = fit("brand", {factor.name: factor.for_them for factor in match.factors})

    assert (match.for_viewer, match.for_them) == (pytest.approx(hers, abs=0.51), pytest.approx(his, abs=0.51))
    assert match.score == pytest.approx(sqrt(hers * his), abs=0.51)


# What is not answered.

YOU, THEY, NEITHER = "You have not answered this yet", "They have not answered this yet", "Nothing to compare here"
GAPS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [  # the factor, the creator, the brand, what she reads, what he reads
    ("niche", {}, {"niches": {"food"}}, YOU, THEY),
    ("niche", {"niches": {"food"}}, {}, THEY, YOU),
    ("budget", {}, {"budget_max": 900}, YOU, THEY),
    ("budget", {"rate": 900}, {"budget_min": 100}, THEY, YOU),
    ("budget", {"audience_size": 9_000}, {}, THEY, YOU),  # what is usual stands in for her rate
    ("platforms", {"platforms": {"x"}}, {}, THEY, YOU),
    ("engagement", {}, {}, YOU, THEY),
    ("engagement", {"engagement_rate": 5.0}, {}, YOU, THEY),  # of how many followers, she has not said
    ("engagement", {"audience_size": 5_000}, {}, YOU, THEY),
    ("audience", {"audience_size": 5_000}, {}, THEY, YOU),
    ("audience", {}, {"audience_max": 5_000}, YOU, THEY),
    ("audience", {}, {"audience_min": 5_000}, YOU, THEY),
    ("location", {"city": BERLIN}, {}, THEY, YOU),
    ("location", {"city": BERLIN}, {"works_remotely": True}, THEY, YOU),
    ("location", {"works_remotely": True}, {"city": BERLIN}, YOU, THEY),
    ("niche", {"niches": {"food"}, "dont_minds": {"niche"}}, {"niches": {"food"}, "dont_minds": {"niche"}}, NEITHER, NEITHER),
]


@pytest.mark.parametrize(("factor", "hers", "his", "she_reads", "he_reads"), GAPS)
def test_whoever_has_not_answered_is_told_so_and_what_to_add(factor: str, hers: dict[str, Any], his: dict[str, Any], she_reads: str, he_reads: str) -> None:
    one, other = creator(**hers), brand(**his)
    label = next(each.label for each in FACTORS if each.name == factor)

    for viewer, them, words in ((one, other, she_reads), (other, one, he_reads)):
        match = Match(viewer, them)
        judged = next(each for each in match.factors if each.name == factor)
        assert (judged.value, judged.words) == (None, words)
        assert (label in match.missing) == (words == YOU)


@for_any(CREATORS, BRANDS)
def test_nobody_is_asked_for_what_they_have_said(one: Side, other: Side) -> None:
    """Whatever is missing on one's own side, answering it would let the factor be judged, as far as the other side has answered."""
    match = pair(replace(one, dont_minds=frozenset()), replace(other, dont_minds=frozenset()))
    facts = one.facts
    has = {
        "Topics and work": facts.niches, "Budget": not isnan(facts.rate), "Platforms": facts.platforms, "Engagement": not isnan(facts.engagement),
        "Audience": not isnan(facts.audience), "Location": not isnan(facts.x),
    }  # fmt: skip

    assert all(not has[label] for label in match.missing)
    assert len(match.missing) == len(set(match.missing))

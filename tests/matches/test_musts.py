"""What members insist on: it keeps others out of their deck and them out of the others', is never relaxed, and its cost is said."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.deck import Deck, rank, standing
from blueprints.matches.filters import NO_FILTERS
from blueprints.matches.models import facts_of
from blueprints.matches.reasons import Pair, musts_of
from blueprints.matches.scoring import CRITERIA, CRITERIA_OF, failed_musts
from blueprints.profiles.models import DISTANCES_KM, OTHER_ROLE, PREFERENCE_FIELDS, City, Profile
from tests.conftest import People
from tests.matches.reference import Town, deck_of, unmet

Login = Callable[[Account], FlaskClient]

BERLIN, HAMBURG, SYDNEY = 2950159, 2911298, 2147714
GEO = {
    "Berlin": City(id=BERLIN, label="Berlin, Germany", name="Berlin", latitude=52.52, longitude=13.41),
    "Hamburg": City(id=HAMBURG, label="Hamburg, Germany", name="Hamburg", latitude=53.55, longitude=9.99),
    "99 km north": City(id=-1, label="Nearby, Germany", name="Nearby", latitude=53.41, longitude=13.41),  # a degree is 111.2 km
    "101 km north": City(id=-2, label="Farther, Germany", name="Farther", latitude=53.43, longitude=13.41),
}


def met(name: str, asker: Profile, other: Profile) -> bool:
    """By the code under test: whether ``other`` gives what ``asker`` insists on."""
    asker.musts = frozenset({name})
    creator, brand = (asker, other) if asker.role == "creator" else (other, asker)
    return not any(failed_musts(facts_of(creator), facts_of(brand)).values())


def creator(city: str | None = None, **fields: Any) -> Profile:
    return profile("creator", city, **fields)


def brand(city: str | None = None, **fields: Any) -> Profile:
    return profile("brand", city, **fields)


def profile(role: str, city: str | None = None, **fields: Any) -> Profile:
    return Profile(role=role, city=GEO[city] if city else None, **{name: frozenset(value) if isinstance(value, set) else value for name, value in fields.items()})


MET: list[tuple[str, Profile, Profile]] = [  # the criterion, who insists, and the other
    ("niche", creator(niches={"food", "film"}), brand(niches={"food", "art"})),
    ("industry", creator(industries={"beauty", "gaming"}), brand(industry="gaming")),
    ("campaign", brand(campaign_types={"ugc", "event"}), creator(campaign_types={"event"})),
    ("budget", creator(rate=900), brand(budget_max=900)),
    ("budget", creator(rate=900), brand(budget_min=1_000, budget_max=2_000)),
    ("budget", brand(budget_min=500, budget_max=900), creator(rate=100)),
    ("platforms", brand(platforms={"blog", "x"}), creator(platforms={"x"})),
    ("language", creator(languages={"de", "en"}), brand(languages={"en"})),
    ("engagement", brand(), creator(audience_size=100_000, engagement_rate=2.41)),  # 3 % is usual, and four fifths of it enough
    ("audience", brand(audience_min=10_000, audience_max=50_000), creator(audience_size=10_000)),
    ("audience", brand(audience_max=50_000), creator(audience_size=0)),
    ("audience", brand(audience_min=10_000), creator(audience_size=900_000_000)),
    ("location", brand("Berlin", max_km=500), creator("Hamburg")),
    ("location", creator("Berlin"), brand("Berlin")),
    ("location", creator("Berlin"), brand("99 km north")),  # a hundred where nothing is chosen
    ("location", creator("Berlin", works_remotely=True), brand(works_remotely=True)),
    ("location", creator(works_remotely=True), brand("Hamburg", works_remotely=True)),
]
NOT_MET: list[tuple[str, Profile, Profile]] = [
    ("niche", creator(niches={"food"}), brand(niches={"home"})),  # related is not the same
    ("industry", creator(industries={"beauty"}), brand(industry="gaming")),
    ("campaign", brand(campaign_types={"ugc"}), creator(campaign_types={"event"})),
    ("budget", creator(rate=901), brand(budget_max=900)),
    ("budget", brand(budget_max=900), creator(rate=901)),
    ("platforms", brand(platforms={"blog"}), creator(platforms={"x"})),
    ("language", creator(languages={"de"}), brand(languages={"en"})),
    ("engagement", brand(), creator(audience_size=100_000, engagement_rate=2.39)),
    ("audience", brand(audience_min=10_000, audience_max=50_000), creator(audience_size=9_999)),
    ("audience", brand(audience_min=10_000, audience_max=50_000), creator(audience_size=50_001)),
    ("location", brand("Berlin"), creator("101 km north")),
    ("location", brand("Berlin", max_km=250), creator("Hamburg")),  # 255 km
    ("location", creator("Berlin", works_remotely=True, max_km=50), brand("Hamburg")),  # it takes two to work remotely
    ("location", creator(works_remotely=True), brand("Hamburg")),
]
UNANSWERED: list[tuple[str, Profile, Profile]] = [  # by the other
    ("niche", creator(niches={"food"}), brand()),
    ("industry", creator(industries={"beauty"}), brand()),
    ("campaign", brand(campaign_types={"ugc"}), creator()),
    ("budget", creator(rate=900), brand(budget_min=5_000)),
    ("budget", brand(budget_max=900), creator(audience_size=1_000)),  # what is usual at that audience is not what they ask
    ("platforms", brand(platforms={"blog"}), creator()),
    ("language", creator(languages={"de"}), brand()),
    ("engagement", brand(), creator(audience_size=100_000)),
    ("engagement", brand(), creator(engagement_rate=9.0)),  # of what, nobody knows
    ("audience", brand(audience_min=10_000), creator()),
    ("location", creator("Berlin", max_km=1_000), brand()),
    ("location", creator(works_remotely=True), brand()),
]
NOTHING_TO_COMPARE: list[tuple[str, Profile, Profile]] = [  # the one who insists has not answered
    ("niche", creator(), brand(niches={"food"})),
    ("industry", creator(), brand(industry="gaming")),
    ("campaign", brand(), creator(campaign_types={"event"})),
    ("budget", creator(audience_size=1_000_000), brand(budget_max=1)),
    ("budget", brand(budget_min=5), creator(rate=900)),
    ("platforms", brand(), creator(platforms={"x"})),
    ("language", creator(), brand(languages={"en"})),
    ("audience", brand(), creator(audience_size=5)),
    ("location", creator(), brand("Hamburg")),
]


@pytest.mark.parametrize(("name", "asker", "other"), MET)
def test_what_is_there_meets_a_must(name: str, asker: Profile, other: Profile) -> None:
    assert met(name, asker, other)


@pytest.mark.parametrize(("name", "asker", "other"), NOT_MET)
def test_what_is_otherwise_does_not(name: str, asker: Profile, other: Profile) -> None:
    assert not met(name, asker, other)


@pytest.mark.parametrize(("name", "asker", "other"), UNANSWERED)
def test_what_is_not_answered_does_not(name: str, asker: Profile, other: Profile) -> None:
    assert not met(name, asker, other)


@pytest.mark.parametrize(("name", "asker", "other"), NOTHING_TO_COMPARE)
def test_without_an_answer_of_ones_own_a_must_asks_nothing_and_says_what_it_waits_for(name: str, asker: Profile, other: Profile) -> None:
    assert met(name, asker, other)

    (must,) = musts_of(pair_of(asker, other), asker.role)
    assert must.is_met is None
    assert must.lacks in {*Profile.__mapper__.attrs.keys()}


def test_every_criterion_is_among_these_cases() -> None:
    for cases in (MET, NOT_MET, UNANSWERED):
        assert {name for name, _, _ in cases} == set(CRITERIA)
    assert {name for name, _, _ in NOTHING_TO_COMPARE} == set(CRITERIA) - {"engagement"}, "which is compared with what is usual"


@pytest.mark.parametrize("role", OTHER_ROLE)
def test_what_a_role_cannot_ask_asks_nothing(role: str) -> None:
    """Though it may stand in the database."""
    for name in set(CRITERIA) - set(CRITERIA_OF[role]):
        assert met(name, profile(role), profile(OTHER_ROLE[role]))


# Any musts against the reference.


def insisting(me: Profile, musts: frozenset[str], max_km: int | None) -> Any:
    """The same member, with other musts."""
    said = {name: getattr(me, name) for name in [*Profile.__mapper__.column_attrs.keys(), "city"]}
    return SimpleNamespace(**said | {"musts": musts, "max_km": max_km})


def pair_of(me: Any, them: Any) -> Pair:
    creator, brand = (me, them) if me.role == "creator" else (them, me)
    return Pair(creator, brand, facts_of(creator), facts_of(brand))


@pytest.mark.parametrize("role", OTHER_ROLE)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_musts_keep_out_whom_the_reference_keeps_out_in_both_directions(role: str, town: Town, data: st.DataObject) -> None:
    me = insisting(
        data.draw(st.sampled_from(town.of(role))),
        data.draw(st.frozensets(st.sampled_from(CRITERIA_OF[role]), min_size=1, max_size=3)),
        data.draw(st.none() | st.sampled_from(DISTANCES_KM)),
    )
    others = town.others(me)

    mine = rank(facts_of(me), role, town.tables[OTHER_ROLE[role]], NO_FILTERS, [], None, town.now.timestamp(), 0, 10_000).ids

    assert mine == deck_of(me, others, NO_FILTERS, town.now)
    for them in others:
        pair = pair_of(me, them)
        failed = {must for must, is_failed in failed_musts(pair.creator_facts, pair.brand_facts).items() if is_failed}
        assert failed == {(role, name) for name in me.musts if unmet(name, me, them)} | {(them.role, name) for name in them.musts if unmet(name, them, me)}


@pytest.mark.parametrize("role", OTHER_ROLE)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_each_must_is_told_as_met_unmet_or_waiting_for_an_answer(role: str, town: Town, data: st.DataObject) -> None:
    me = insisting(data.draw(st.sampled_from(town.of(role))), frozenset(CRITERIA_OF[role]), data.draw(st.none() | st.sampled_from(DISTANCES_KM)))
    them = data.draw(st.sampled_from(town.others(me)))

    told = musts_of(pair_of(me, them), role)

    assert len(told) == len(CRITERIA_OF[role])
    for name, must in zip(CRITERIA_OF[role], told, strict=True):
        assert (must.is_met is None) == (must.lacks is not None)
        assert (must.is_met is False) == unmet(name, me, them)


# In the decks of both.


def cards(client: FlaskClient) -> list[int]:
    return [int(id) for id in re.findall(r'<article id="match-(\d+)"', client.get("/matches").text)]


def insist(account: Account, *musts: str, **changes: Any) -> None:
    assert account.profile.revise({"musts": frozenset(musts), **changes}, base=account.profile.version) is None
    db.session.commit()


@pytest.mark.parametrize("who", ["ana", "bo"])
def test_a_must_of_one_keeps_both_out_of_each_others_decks(who: str, cast: People, as_user: Login) -> None:
    """They have English in common, and then no longer. Cy, who says nothing, is in Bo's deck until Bo insists."""
    ana, bo, cy = (account.profile.id for account in (cast.ana, cast.bo, cast.cy))
    insist(getattr(cast, who), "language")
    assert cards(as_user(cast.ana)) == [bo]
    assert cards(as_user(cast.bo)) == ([ana, cy] if who == "ana" else [ana])

    insist(getattr(cast, who), "language", languages=frozenset({"fi"}))

    assert cards(as_user(cast.ana)) == []
    assert cards(as_user(cast.bo)) == ([cy] if who == "ana" else [])


def test_a_must_is_never_relaxed_and_its_cost_is_said(cast: People, make_account: Callable[..., Account]) -> None:
    """Four brands: one near, one far, one who speaks another language far away, and Bo, who says nothing of a place. Ana insists on near and on Spanish."""
    make_account("brand", name="Near", city_id=BERLIN, languages={"en"})
    make_account("brand", name="Far", city_id=SYDNEY, languages={"es"})
    make_account("brand", name="Elsewhere", city_id=SYDNEY, languages={"fi"})
    insist(cast.ana, "location", "language", languages=frozenset({"es"}), city=db.session.get_one(City, BERLIN), max_km=50)

    deck = Deck.of(cast.ana)

    assert (deck.total, deck.matches, deck.others) == (0, [], 4)
    assert {(cost.words, cost.more) for cost in deck.costs} == {("a place within 50 km, or both remote", 1), ("a language in common", 1)}
    assert all(cost.names == () and not cost.is_theirs for cost in deck.costs)


def test_what_the_others_insist_on_is_one_condition_that_is_not_named(cast: People, make_account: Callable[..., Account], as_user: Login) -> None:
    picky = make_account("brand", name="Picky", niches={"gaming"}, platforms={"twitch"}, musts={"niche", "platforms"}).profile.id
    client = as_user(cast.ana)
    assert cards(client) == [cast.bo.profile.id]

    deck, stands = Deck.of(cast.ana), standing(cast.ana, NO_FILTERS, picky)

    assert [(cost.words, cost.more, cost.is_theirs) for cost in deck.costs] == [("what they ask for themselves", 1, True)]
    assert (stands.failed, stands.place) == (["theirs"], None)
    for page in (client.get("/matches").text, client.get(f"/matches/{picky}/why").text):
        assert "topic in common" not in page and "platform in common" not in page.replace("No platform in common", "")


def test_what_one_asks_is_shown_to_nobody_else(cast: People, as_user: Login) -> None:
    """Neither on the card and the profile, nor by what changes there when it is asked."""
    him, paths = as_user(cast.bo), [f"/matches/{cast.ana.profile.id}/card", f"/matches/{cast.ana.profile.id}/breakdown", f"/profiles/{cast.ana.profile.id}"]
    before = [seen(him.get(path).text) for path in paths]

    insist(cast.ana, "platforms", "niche", "language", max_km=250)

    assert cast.ana.profile.musts, "she does insist"
    assert [seen(him.get(path).text) for path in paths] == before
    assert set(PREFERENCE_FIELDS) == {"musts", "dont_minds", "max_km"}


def seen(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())

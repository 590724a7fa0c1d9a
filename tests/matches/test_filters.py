"""Narrowing a deck: by the index as by a slow reference, as it stands in an address, and whatever somebody may write there."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from werkzeug.datastructures import MultiDict

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.deck import rank, ranked
from blueprints.matches.filters import BOUNDS, CHOICES, NO_FILTERS, SORTS, Filters
from blueprints.matches.index import Table
from blueprints.matches.models import facts_of
from blueprints.profiles.models import DISTANCES_KM, MAX_AUDIENCE, OTHER_ROLE, City, Profile
from tests.conftest import People
from tests.matches.reference import Town, deck_of, place_of, some_filters

Login = Callable[[Account], FlaskClient]

EVERYBODY = 10_000
BERLIN, HAMBURG = 2950159, 2911298
SENSELESS = "makes no sense here"


def read(query: str) -> tuple[Filters, list[str]]:
    return Filters.read(MultiDict(parse_qsl(query)))


def kept(town: Town, me: Profile, filters: Filters) -> list[int]:
    """By the index."""
    table = town.tables[OTHER_ROLE[me.role]]
    return rank(facts_of(me), me.role, table, filters, [], None, town.now.timestamp(), 0, EVERYBODY).ids


# Who is kept.


@pytest.mark.parametrize("role", OTHER_ROLE)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_filters_keep_whom_the_reference_keeps(role: str, town: Town, data: st.DataObject) -> None:
    me = data.draw(st.sampled_from(town.of(role)))
    filters = data.draw(some_filters(town, OTHER_ROLE[role]))

    assert set(kept(town, me, filters)) == set(deck_of(me, town.others(me), filters, town.now))


ONE_EACH: dict[str, dict[str, Any]] = {
    "niche": {"niche": frozenset({"food", "travel"})},
    "industry": {"industry": frozenset({"food-drink", "beauty"})},
    "campaign": {"campaign": frozenset({"ugc", "event"})},
    "platform": {"platform": frozenset({"tiktok", "blog"})},
    "language": {"language": frozenset({"de", "es"})},
    "own distance": {"within": 1_000},
    "distance": {"within": 1_000, "near": "Berlin, Germany"},
    "audience": {"audience_min": 20_000, "audience_max": 100_000},
    "pay": {"pay_min": 200, "pay_max": 1_000},
    "engagement": {"engagement": 4.5},
    "score": {"score": 60},
    "avatar": {"avatar": True},
    "active": {"active": True},
}


@pytest.mark.parametrize("role", OTHER_ROLE)
@pytest.mark.parametrize("one", ONE_EACH)
def test_each_filter_alone_keeps_some_and_leaves_out_some(one: str, role: str, town: Town) -> None:
    me = next(each for each in town.of(role) if each.city and not each.musts)
    berlin = place_of(next(each.city for each in town.profiles if each.city and each.city.name == "Berlin"))
    filters = Filters(**ONE_EACH[one] | ({"near": berlin} if "near" in ONE_EACH[one] else {}))
    everyone, few = kept(town, me, NO_FILTERS), kept(town, me, filters)

    assert set(few) == set(deck_of(me, town.others(me), filters, town.now))
    if (one, role) == ("engagement", "creator"):
        assert few == [], "brands have none"
    else:
        assert 0 < len(few) < len(everyone)


def test_what_comes_out_of_either_database_is_kept_alike(app: Flask) -> None:
    town = Town.seeded(app, 60, number=5)
    with_card: set[int] = set()

    @settings(deadline=None, max_examples=40, database=None)
    @given(data=st.data())
    def alike(data: st.DataObject) -> None:
        me = data.draw(st.sampled_from(town.profiles))
        filters = data.draw(some_filters(town, OTHER_ROLE[me.role]))
        found = ranked(me.account, filters, 1, 100)
        assert found.ids == deck_of(me, town.others(me), filters, town.now)
        with_card.update(found.ids)

    alike()
    assert len(with_card) > 30


@settings(deadline=None, max_examples=60)
@given(st.integers(1, MAX_AUDIENCE - 1) | st.integers(1, 500))
def test_ends_of_ranges_that_just_meet_overlap(size: int) -> None:
    asks_from, asks_to, has = (Profile(role="brand", audience_min=size), Profile(role="brand", audience_max=size), Profile(role="creator", audience_size=size))

    assert passes(asks_from, Filters(audience_max=size)) and passes(asks_to, Filters(audience_min=size))
    assert passes(has, Filters(audience_min=size, audience_max=size))
    assert not passes(asks_to, Filters(audience_min=size + 1)) and not passes(has, Filters(audience_min=size + 1))
    if size > 1:
        assert not passes(asks_from, Filters(audience_max=size - 1)) and not passes(has, Filters(audience_max=size - 1))


def passes(profile: Profile, filters: Filters) -> bool:
    table = Table()
    followers = float("nan") if profile.audience_size is None else profile.audience_size
    others = {"version": 1, "created": 0.0, "seen": 0.0, "followers": followers, "engagement_percent": float("nan"), "has_avatar": False}
    table.put(1, facts_of(profile), others)
    me = facts_of(Profile(role=OTHER_ROLE[profile.role]))
    return rank(me, OTHER_ROLE[profile.role], table, filters, [], None, 0.0, 0, 1).ids == [1]


# In the address.


@st.composite
def any_filters(draw: st.DrawFn) -> Filters:
    """Whatever can be chosen, but for a place, which a database has to know."""
    asked: dict[str, Any] = {name: draw(st.frozensets(st.sampled_from(sorted(offered)), max_size=3)) for name, (_, offered) in CHOICES.items()}
    asked |= {name: draw(st.none() | st.integers(0, most)) for name, most in BOUNDS.items()}
    for low, high in (("audience_min", "audience_max"), ("pay_min", "pay_max")):
        if asked[low] is not None and asked[high] is not None and asked[low] > asked[high]:
            asked[low], asked[high] = asked[high], asked[low]
    percent = draw(st.none() | st.integers(0, 10_000))
    asked |= {"engagement": None if percent is None else percent / 100, "score": draw(st.none() | st.integers(0, 100))}
    asked |= {"within": draw(st.none() | st.sampled_from(DISTANCES_KM)), "sort": draw(st.sampled_from(sorted(SORTS)))}
    asked |= {"avatar": draw(st.booleans()), "active": draw(st.booleans())}
    return Filters(**asked)


@settings(deadline=None, max_examples=100)
@given(any_filters())
def test_an_address_brings_back_what_it_was_made_from(filters: Filters) -> None:
    assert read(filters.query) == (filters, [])
    assert read(urlencode(filters.args, doseq=True)) == (filters, [])


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=120) | st.text(alphabet="ab é\u0958\ufb2c", min_size=60, max_size=120))
def test_words_to_search_for_come_back_as_they_were_understood(typed: str) -> None:
    """Also where their normal form is longer than what was typed."""
    first, notes = read(urlencode({"q": typed}))
    assume(first.q)

    assert notes == []
    assert len(first.q) <= 100
    assert read(first.query) == (first, [])


def test_a_place_comes_back_by_its_whole_name(app: Flask) -> None:
    berlin = place_of(db.session.get_one(City, BERLIN))
    filters = Filters(near=berlin, within=50)

    assert read(filters.query) == (filters, [])
    assert read("near=berlin&within=50") == (filters, []), "as somebody would type it"


def test_the_same_filters_always_read_the_same() -> None:
    one, _ = read("platform=tiktok&niche=travel&niche=food&sort=newest")
    other, _ = read("niche=food&sort=newest&niche=travel&platform=tiktok&platform=tiktok")

    assert one.query == other.query == "niche=food&niche=travel&platform=tiktok&sort=newest"
    assert NO_FILTERS.query == ""


def test_what_somebody_types_by_hand_is_understood() -> None:
    filters, notes = read("audience_min=12,000&pay_max=1 500&engagement=3,5 %&score= 60 ")

    assert (filters.audience_min, filters.pay_max, filters.engagement, filters.score, notes) == (12_000, 1_500, 3.5, 60, [])


def test_a_filter_that_is_on_can_be_taken_off_by_itself() -> None:
    filters, _ = read("niche=food&within=50&audience_min=10&audience_max=20&pay_min=5&engagement=2&score=50&avatar=1&active=1&q=coffee")
    words = dict(filters.said)

    assert list(words.values()) == [
        "“coffee”", "Food", "Within 50 km", "Audience 10 to 20", "Pay from €5", "Engagement from 2 %", "Score from 50", "Has a picture", "Active lately",
    ]  # fmt: skip
    for names in words:
        assert dict(filters.without(*names).said) == {other: said for other, said in words.items() if other != names}
    assert filters.without(*(name for names in words for name in names)) == NO_FILTERS


@pytest.mark.parametrize("query", ["score=0", "engagement=0", "near=Berlin, Germany", "sort=newest"])
def test_what_leaves_nobody_out_is_no_filter(query: str, app: Flask) -> None:
    filters, notes = read(query)

    assert (filters.said, notes) == ([], [])
    assert not filters.is_narrow


# What makes no sense there.

NUMBERS = ["-1", "1.5", "1e3", "0x10", "٣", "²", "abc", "NaN", "inf", "9" * 11, "9" * 5_000, "\x00", "1;DROP TABLE profiles", "' OR 1=1 --", "<script>"]
NO_CHOICES = ["cooking", "FOOD", "food,travel", "\x00", "\u202e", "9" * 5_000, "%", "<script>", "1"]
NASTY: dict[str, list[str]] = {
    **dict.fromkeys(CHOICES, NO_CHOICES),
    **dict.fromkeys(BOUNDS, NUMBERS),
    "score": [*NUMBERS, "101"],
    "engagement": [each for each in NUMBERS if each != "1.5"] + ["100.01", "1.234", "1..2", "%%"],
    "within": [*NUMBERS, "51", "050"],
    "near": ["Nowhere at all", "\x00", "\u202e", "%", "9" * 5_000, "<script>"],
    "sort": ["best", "FIT", "\x00", "1", "9" * 5_000, "<script>"],
    "avatar": ["yes", "2", "-1", "\x00", "true"],
    "active": ["yes", "2", "-1", "\x00", "true"],
    "q": ["\x00", "a\x07b", "\u202egpj.exe", "\ue000", "a" + "\u0301" * 9],
}


def test_no_filter_is_forgotten_here() -> None:
    assert NASTY.keys() == Filters.__dataclass_fields__.keys()


@pytest.mark.parametrize("name", [name for name in NASTY if name != "near"])
def test_a_value_that_makes_no_sense_is_left_out_with_a_note(name: str) -> None:
    for value in NASTY[name]:
        filters, notes = read(urlencode({name: value, "platform" if name != "platform" else "language": "blog" if name != "platform" else "de"}))

        assert len(notes) == 1 and SENSELESS in notes[0], value
        assert filters == (Filters(platform=frozenset({"blog"})) if name != "platform" else Filters(language=frozenset({"de"}))), "the right one still applies"


@pytest.mark.parametrize(("low", "high", "said"), [("audience_min", "audience_max", "Audience"), ("pay_min", "pay_max", "Pay")])
def test_a_range_upside_down_is_left_out_with_a_note(low: str, high: str, said: str) -> None:
    filters, notes = read(f"{low}=100&{high}=10&niche=food")

    assert notes == [f"{said} from was above {said.lower()} up to: both are left out."]
    assert filters == Filters(niche=frozenset({"food"}))
    assert read(f"{low}=10&{high}=10")[1] == [], "a single number is a range too"


def test_one_wrong_choice_among_right_ones_takes_only_itself_away() -> None:
    filters, notes = read("niche=food&niche=cooking&niche=travel&niche=")

    assert filters == Filters(niche=frozenset({"food", "travel"}))
    assert len(notes) == 1


def test_words_without_any_letter_are_left_out_with_a_note() -> None:
    filters, notes = read(urlencode({"q": "!!! …"}))

    assert filters == NO_FILTERS
    assert len(notes) == 1 and SENSELESS in notes[0]


@pytest.fixture
def client(cast: People, make_account: Callable[..., Account], as_user: Login) -> FlaskClient:
    """Ana, who sees two brands, of which one looks for food."""
    make_account("brand", name="Pixel Forge", niches={"gaming"})
    return as_user(cast.ana)


def cards(page: str) -> list[int]:
    return [int(id) for id in re.findall(r'<article id="match-(\d+)"', page)]


def test_no_value_breaks_the_page_and_the_right_filters_still_apply(cast: People, client: FlaskClient) -> None:
    assert len(cards(client.get("/matches").text)) == 2

    for name, values in NASTY.items():
        right = {"niche": "food"} if name != "niche" else {"industry": "food-drink"}
        for value in values:
            answer = client.get("/matches", query_string={**right, name: value})

            assert answer.status_code == 200, (name, value)
            assert SENSELESS in answer.text, (name, value)
            assert cards(answer.text) == [cast.bo.profile.id], (name, value)


@pytest.mark.parametrize("path", ["/matches/deck", "/matches/more", "/matches/news", "/matches/{}/why"])
def test_the_parts_of_the_page_take_any_value_too(path: str, cast: People, client: FlaskClient) -> None:
    for name, values in NASTY.items():
        answer = client.get(path.format(cast.bo.profile.id), query_string={name: values})

        assert answer.status_code == 200, name


def test_a_note_is_shown_as_text(client: FlaskClient) -> None:
    page = client.get("/matches?score=abc").text

    assert str(escape(read("score=abc")[1][0])) in page


def test_a_distance_without_a_place_is_left_out_with_a_note(cast: People, client: FlaskClient) -> None:
    assert cast.ana.profile.city is None
    page = client.get("/matches?within=50").text

    assert len(cards(page)) == 2
    assert "without one nobody is near or far" in page
    assert cards(client.get("/matches?within=50&near=Berlin").text) == [], "nobody said where they are"


def test_nearest_first_goes_by_the_place_that_is_asked_for(cast: People, make_account: Callable[..., Account], as_user: Login) -> None:
    cast.ana.profile.city_id, cast.bo.profile.city_id = HAMBURG, HAMBURG
    there = make_account("brand", name="Spree Tea", city_id=BERLIN)
    client = as_user(cast.ana)

    assert cards(client.get("/matches?sort=distance").text) == [cast.bo.profile.id, there.profile.id]
    assert cards(client.get("/matches?sort=distance&near=Berlin").text) == [there.profile.id, cast.bo.profile.id]

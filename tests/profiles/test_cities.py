"""Cities are found by typing."""

import pytest
from sqlalchemy import func, select

from blueprints.extensions import db
from blueprints.profiles import cities
from blueprints.profiles.models import City, CityName


@pytest.fixture(autouse=True)
def _in_app(app):
    return app


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("Ber", "Berlin, Germany"),
        ("münch", "Munich, Germany"),
        ("MUNICH", "Munich, Germany"),
        ("sao p", "São Paulo, Brazil"),
        ("lodz", "Łódź, Poland"),
        ("saint-den", "Saint-Denis, Reunion"),
        ("portland", "Portland, Oregon, United States"),
        ("portland, m", "Portland, Maine, United States"),
        ("paris, tex", "Paris, Texas, United States"),
        ("new york", "New York City, New York, United States"),
    ],
)
def test_the_city_people_mean_comes_first(typed, first):
    assert cities.find(typed)[0].label == first


@pytest.mark.parametrize("typed", ["", "   ", ",", "%", "_", "\x00", "zzzzzz", "Berlin, Zanzibar", "☕"])
def test_what_names_no_city_finds_none(typed):
    assert cities.find(typed) == []
    assert cities.resolve(typed) is None


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("Berlin, Germany", "Berlin, Germany"),
        ("berlin", "Berlin, Germany"),
        ("  berlin,  germany ", "Berlin, Germany"),
        ("München", "Munich, Germany"),
        ("Springfield", "Springfield, Missouri, United States"),
        ("Springfield, Illinois, United States", "Springfield, Illinois, United States"),
    ],
)
def test_a_name_stands_for_the_largest_city_of_that_name(typed, label):
    found = cities.resolve(typed)
    assert found is not None and found.label == label


def test_half_a_name_is_no_city():
    assert cities.resolve("Berl") is None


def test_no_two_cities_are_called_the_same():
    count, labels = db.session.execute(select(func.count(City.id), func.count(City.label.distinct()))).one()
    assert count == labels > 30_000


def test_importing_again_changes_nothing():
    before = db.session.scalar(select(func.count()).select_from(CityName))
    cities.import_cities()
    assert db.session.scalar(select(func.count()).select_from(CityName)) == before


def test_members_get_suggestions_as_options(ana, as_user):
    page = as_user(ana).get("/cities?q=Ber").text
    assert page.lstrip().startswith("{#") is False
    assert '<option value="Berlin, Germany">' in page
    assert page.count("<option") == 8


def test_a_suggestion_carries_what_was_typed_where_its_name_does_not(ana, as_user):
    assert '<option value="Munich, Germany">münch: Munich</option>' in as_user(ana).get("/cities", query_string={"city": "münch"}).text


def test_suggestions_cannot_carry_markup(ana, as_user):
    assert "<script>" not in as_user(ana).get("/cities", query_string={"q": "berlin<script>"}).text


def test_nobody_else_searches_cities(stranger):
    assert stranger.get("/cities?q=Ber").status_code in (302, 401)

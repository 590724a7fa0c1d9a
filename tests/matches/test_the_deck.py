"""The deck: a member's matches, best first, 24 a page, and what it says when there would be others now."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.deck import PAGE_SIZE, ranked
from blueprints.matches.filters import NO_FILTERS
from blueprints.profiles.models import Profile
from tests.conftest import People

Login = Callable[[Account], FlaskClient]
Crowd = Callable[..., list[int]]

FITS_ANA = {"niches": {"food", "travel"}, "platforms": {"instagram", "youtube"}, "budget_min": 500, "budget_max": 5_000}
NOT_PAGES = ["-1", "0", "abc", "", "1.5", "1e3", "²", "9" * 5_000, "\x00"]


@pytest.fixture
def crowd(app: Flask) -> Crowd:
    """``crowd(30, "brand", …)``: so many new members of a role, who cannot log in; their profile ids in the order in which they came."""
    numbers = iter(range(1_000_000))

    def gather(many: int, role: str, **fields: Any) -> list[int]:
        accounts = [Account(email=f"crowd{next(numbers)}@example.com", role=role) for _ in range(many)]
        for number, account in enumerate(accounts):
            account.profile = Profile(role=role, **{"name": f"{role.title()} {number}", **fields})
        db.session.add_all(accounts)
        for account in accounts:
            account.profile.announce_new()
        db.session.commit()
        return [account.profile.id for account in accounts]

    return gather


@pytest.fixture
def queries(app: Flask) -> list[str]:
    """What the database is asked from now on."""
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: asked.append(statement))
    return asked


def cards(page: str) -> list[int]:
    """The profile ids of the cards, from top to bottom."""
    return [int(id) for id in re.findall(r'<article id="match-(\d+)"', page)]


def test_the_best_match_comes_first(cast: People, as_user: Login, crowd: Crowd) -> None:
    silent, = crowd(1, "brand")
    best, = crowd(1, "brand", **FITS_ANA)
    worst, = crowd(1, "brand", niches={"gaming"}, platforms={"twitch"}, budget_max=100)

    page = as_user(cast.ana).get("/matches").text

    assert cards(page) == [best, cast.bo.profile.id, worst, silent], "those of whom too little is known come last"
    assert "4 brands, best fit first" in page


def test_equals_stand_in_a_lasting_order_the_newest_first(cast: People, as_user: Login, crowd: Crowd) -> None:
    alike = crowd(5, "brand", **FITS_ANA)

    assert [id for id in cards(as_user(cast.ana).get("/matches").text) if id in alike] == alike[::-1]


def test_a_better_profile_moves_up(cast: People, as_user: Login, crowd: Crowd) -> None:
    rival, = crowd(1, "brand", **FITS_ANA)
    assert cards(as_user(cast.ana).get("/matches").text) == [rival, cast.bo.profile.id]

    as_user(cast.bo).patch("/profile", data={"niches": ["food", "travel"], "platforms": ["instagram", "youtube"], "budget_max": "9000", "base": 1})
    db.session.get_one(Profile, rival).revise({"niches": frozenset({"gaming"})}, base=1)
    db.session.commit()

    assert cards(as_user(cast.ana).get("/matches").text) == [cast.bo.profile.id, rival]


def test_only_the_other_role_is_in_it(cast: People, as_user: Login) -> None:
    assert cards(as_user(cast.ana).get("/matches").text) == [cast.bo.profile.id]
    assert set(cards(as_user(cast.bo).get("/matches").text)) == {cast.ana.profile.id, cast.cy.profile.id}


def test_a_deactivated_member_is_in_nobodys_deck(cast: People, as_user: Login) -> None:
    assert cast.ana.profile.id in cards(as_user(cast.bo).get("/matches").text)
    cast.ana.deactivate()
    db.session.commit()

    for path in ("/matches", "/matches/more"):
        assert cards(as_user(cast.bo).get(path).text) == [cast.cy.profile.id]


def test_nobody_sees_a_deck(stranger: FlaskClient, cast: People) -> None:
    for path in ("/matches", "/matches/more", "/matches/news"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (302, "/login")
        assert "Nordlys" not in answer.text


def test_an_admin_has_no_deck(cast: People, as_user: Login) -> None:
    client = as_user(cast.cy)
    assert client.get("/matches").status_code == 200
    cast.cy.take_role("admin")
    db.session.commit()

    assert client.get("/matches").status_code == 404


def test_the_pages_hold_everyone_once(cast: People, as_user: Login, crowd: Crowd) -> None:
    everyone = {cast.bo.profile.id, *crowd(2 * PAGE_SIZE + 5, "brand", **FITS_ANA)}
    client = as_user(cast.ana)

    pages = [cards(client.get(f"/matches?page={page}").text) for page in (1, 2, 3)]

    assert [len(page) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 6] == [24, 24, 6]
    assert {id for page in pages for id in page} == everyone
    assert [id for page in pages for id in page] == ranked(cast.ana, NO_FILTERS, 1, 3).ids


def test_a_page_that_is_just_full_is_the_last(cast: People, as_user: Login, crowd: Crowd) -> None:
    crowd(PAGE_SIZE - 1, "brand")
    page = as_user(cast.ana).get("/matches").text

    assert len(cards(page)) == PAGE_SIZE
    assert "Show more matches" not in page


def test_without_javascript_the_next_page_is_a_link_and_there_is_a_way_back(cast: People, as_user: Login, crowd: Crowd) -> None:
    crowd(PAGE_SIZE, "brand")
    client = as_user(cast.ana)

    first, second = client.get("/matches").text, client.get("/matches?page=2").text

    assert '<a class="button" href="/matches?page=2"' in first
    assert "Previous page" not in first
    assert 'href="/matches?page=3"' not in second, "there is no third"
    assert re.search(r'href="/matches\?page=1">Previous page<', second)
    assert "· page 2" in second and "· page" not in first


def test_with_htmx_the_next_page_is_the_same_cards_as_a_fragment(cast: People, as_user: Login, crowd: Crowd) -> None:
    crowd(2 * PAGE_SIZE, "brand")
    client = as_user(cast.ana)

    fragment = client.get(more(client.get("/matches").text, page=2), headers={"HX-Request": "true"}).text

    assert cards(fragment) == cards(client.get("/matches?page=2").text)
    assert len(cards(fragment)) == PAGE_SIZE
    assert "<html" not in fragment
    last = client.get(more(fragment, page=3), headers={"HX-Request": "true"}).text
    assert cards(last) == cards(client.get("/matches?page=3").text) != []
    assert 'id="deck-next"' not in last


def more(html: str, page: int) -> str:
    """Where the cards of that page come from."""
    found = re.search(r'hx-get="(/matches/more\?[^"]*)"', html)
    assert found
    address = unescape(found[1])
    assert f"page={page}&" in address
    return address


@pytest.mark.parametrize("path", ["/matches", "/matches/more", "/matches/news"])
def test_what_is_no_page_number_is_the_first_page(path: str, cast: People, as_user: Login, crowd: Crowd) -> None:
    crowd(PAGE_SIZE, "brand")
    client = as_user(cast.ana)
    first = client.get(path).text
    assert client.get(f"{path}?page=2").text != first

    for asked in NOT_PAGES:
        answer = client.get(path, query_string={"page": asked})
        assert answer.status_code == 200, asked
        assert answer.text == first, asked


def test_a_page_beyond_the_last_leads_back(cast: People, as_user: Login) -> None:
    for page in ("2", "999999999", "1" + "0" * 30):
        answer = as_user(cast.ana).get(f"/matches?page={page}")

        assert answer.status_code == 200
        assert cards(answer.text) == []
        assert "You have seen them all" in answer.text


def test_an_empty_deck_says_who_will_be_here(bo: Account, as_user: Login, cast: People) -> None:
    for other in (cast.ana, cast.cy):
        other.deactivate()
    db.session.commit()

    page = as_user(bo).get("/matches").text

    assert "Nobody here yet" in page
    assert "As soon as a creator joins" in page


def test_a_deck_page_takes_no_more_queries_for_many_than_for_few(app: Flask, cast: People, as_user: Login, crowd: Crowd, queries: list[str]) -> None:
    client = as_user(cast.ana)

    def asked() -> list[str]:
        app.extensions["matches"].index.freshen()  # as the background does in a server
        db.session.rollback()
        db.session.expunge_all()
        queries.clear()
        assert client.get("/matches").status_code == 200
        return [statement for statement in queries if statement.startswith("SELECT")]

    few = asked()
    crowd(3 * PAGE_SIZE, "brand", **FITS_ANA, city_id=2950159)
    many = asked()

    assert 0 < len(many) <= 5, many
    assert len(many) == len(few)


# What a deck says when a visit now would show other cards.


def news(client: FlaskClient, shown: object, page: int = 1) -> str:
    answer = client.get("/matches/news", query_string={"shown": shown, "page": page})
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", "", answer.text).split())


def test_nothing_new_says_nothing(cast: People, as_user: Login, crowd: Crowd) -> None:
    crowd(3, "brand")
    shown = "-".join(map(str, ranked(cast.ana, NO_FILTERS, 1, 3).ids))

    assert news(as_user(cast.ana), shown) == ""


def test_somebody_new_is_announced_and_moves_nothing(cast: People, as_user: Login, crowd: Crowd) -> None:
    shown = "-".join(map(str, ranked(cast.ana, NO_FILTERS, 1, 3).ids))
    crowd(1, "brand")
    assert news(as_user(cast.ana), shown) == "1 new match · show"

    crowd(1, "brand")

    assert news(as_user(cast.ana), shown) == "2 new matches · show"


def test_another_order_is_announced(cast: People, as_user: Login, crowd: Crowd) -> None:
    crowd(2, "brand", **FITS_ANA)
    shown = "-".join(map(str, ranked(cast.ana, NO_FILTERS, 1, 3).ids[::-1]))

    assert news(as_user(cast.ana), shown) == "The order has changed · show"


def test_the_pill_leads_to_the_page_it_speaks_of(cast: People, as_user: Login, crowd: Crowd) -> None:
    crowd(PAGE_SIZE, "brand")

    fragment = as_user(cast.ana).get("/matches/news?shown=1-2&page=2").text

    assert re.search(r'<a class="pill" href="/matches\?page=2"', fragment)


def test_the_news_hears_the_deck_and_ones_own_profile_and_keeps_what_is_shown(cast: People, as_user: Login) -> None:
    page = as_user(cast.ana).get("/matches").text

    shown = re.search(r'<div id="deck-news"[^>]*data-live="deck@(\d+) profile:(\d+)@(\d+)"[^>]*hx-get="/matches/news\?page=1&amp;pages=1&amp;shown=(\d+)"', page)

    assert shown is not None
    assert [int(number) for number in shown.groups()][1:] == [cast.ana.profile.id, cast.ana.profile.version, cast.bo.profile.id]


@pytest.mark.parametrize("garbage", ["", "-", "--", "x", "1.5", "-1", "²", "9" * 50, "٣", "<script>", "\x00", "-".join("9" * 500)])
def test_garbage_instead_of_what_is_shown_counts_as_nothing_shown(garbage: str, cast: People, as_user: Login) -> None:
    assert news(as_user(cast.ana), garbage) == "1 new match · show"

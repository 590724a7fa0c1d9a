"""Presence on cards: part of what a card is made of, at no query more, and live by itself."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import event

from blueprints.extensions import db
from blueprints.matches.models import Match
from tests.conftest import Login, People
from tests.presence.conftest import Worker


@pytest.fixture
def queries(app: Flask) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("SELECT"):
            said.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield said
    event.remove(db.engine, "before_cursor_execute", note)


def card_of(cast: People) -> str:
    return f"/matches/{cast.ana.profile.id}/card"


def test_a_card_says_whether_they_are_here_and_that_is_live_by_itself(cast: People, worker: Worker, as_user: Login) -> None:
    worker.opens(cast.ana)
    worker.after(1)
    card = as_user(cast.bo).get(card_of(cast)).text

    found = re.search(r'<p class="presence presence--online" id="presence-1"[^>]*data-live="(.*?)" hx-get="(.*?)"', card)
    assert found and found.groups() == ("presence:1@1", "/presence/1")
    card_itself = re.search(r'<article [^>]*data-live="(.*?)"', card)
    assert card_itself and "presence" not in card_itself[1], "who comes or goes does not make the whole card anew"
    assert "Online" in as_user(cast.bo).get("/matches").text


@pytest.mark.parametrize("setting", ["connections", "nobody"])
@pytest.mark.parametrize("whose", ["ana", "bo"])
def test_a_card_says_nothing_where_one_of_the_two_shows_nothing(whose: str, setting: str, cast: People, as_user: Login) -> None:
    getattr(cast, whose).profile.presence_to = setting
    db.session.commit()

    assert "presence" not in as_user(cast.bo).get(card_of(cast)).text


def test_a_browser_never_takes_an_old_presence_for_the_present_one(cast: People, worker: Worker, as_user: Login) -> None:
    first = as_user(cast.bo).get(card_of(cast))
    again = {"If-None-Match": first.headers["ETag"]}
    assert as_user(cast.bo).get(card_of(cast), headers=again).status_code == 304

    worker.opens(cast.ana)
    worker.after(1)
    assert "Online" in as_user(cast.bo).get(card_of(cast), headers=again).text


def test_a_card_that_does_not_show_it_does_not_change_with_it(cast: People, worker: Worker, as_user: Login) -> None:
    """Not even by its ETag shall anybody know."""
    cast.ana.profile.presence_to = "nobody"
    db.session.commit()
    again = {"If-None-Match": as_user(cast.bo).get(card_of(cast)).headers["ETag"]}
    worker.opens(cast.ana)
    worker.after(1)

    assert as_user(cast.bo).get(card_of(cast), headers=again).status_code == 304


@pytest.mark.parametrize("presence_to", ["all", "connections", "nobody"])
@pytest.mark.parametrize("connected", [False, True])
def test_what_is_known_of_a_card_without_making_it_is_what_it_is_made_of(
    connected: bool, presence_to: str, cast: People, connect: Callable[..., object]
) -> None:
    cast.ana.profile.presence_to = presence_to
    db.session.commit()
    if connected:
        connect(cast.bo, cast.ana)
    match = Match.between(cast.bo, cast.ana.profile.id)

    assert match and match.stands == Match.shown(cast.bo, cast.ana.profile.id)
    assert ("presence@" in match.stands) == (presence_to == "all" or (presence_to == "connections" and connected))


def test_a_deck_with_everybodys_presence_takes_no_query_more(cast: People, worker: Worker, make_account: Callable[..., object], as_user: Login, queries: list[str]) -> None:
    for number in range(6):
        make_account("creator", name=f"Creator {number}", niches={"food"})
    client = as_user(cast.bo)
    client.get("/matches")
    queries.clear()
    page = client.get("/matches").text

    assert page.count('id="presence-') == 8
    assert len(queries) <= 6, queries  # with the one that says who asks

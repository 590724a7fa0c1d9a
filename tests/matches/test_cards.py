"""A match card: what it shows, the same on the page as by its own address, and never to a stranger."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.models import Match
from tests.conftest import People

Login = Callable[[Account], FlaskClient]

BERLIN, HAMBURG = 2950159, 2911298
GONE = "This profile is no longer available"
PARTS = ["card", "breakdown"]


def card_of(account: Account, page: str) -> str:
    found = re.search(rf'<article id="match-{account.profile.id}".*?</article>', page, re.DOTALL)
    assert found, "no such card on the page"
    return found[0]


def seen(html: str) -> str:
    """The words on it."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def url(account: Account, part: str = "card") -> str:
    return f"/matches/{account.profile.id}/{part}"


def test_a_card_shows_who_how_well_and_why(cast: People, as_user: Login) -> None:
    cast.ana.profile.city_id, cast.bo.profile.city_id = BERLIN, HAMBURG
    db.session.commit()

    words = seen(as_user(cast.bo).get(url(cast.ana)).text)

    assert "Ana Ruiz" in words
    assert "I film street food and the people who cook it" in words
    assert "Berlin, Germany, within 500 km" in words
    assert "Both about food" in words
    assert "48k" in words and "4.2 %" in words and "€900" in words
    match = Match.between(cast.bo, cast.ana.profile.id)
    assert match and match.score and match.reasons and f"{match.score} {match.tier_label}" in words
    assert all(reason in words for reason in match.reasons)
    assert cast.ana.email not in words


def test_the_same_card_stands_on_the_page_and_at_its_own_address(cast: People, as_user: Login) -> None:
    client = as_user(cast.bo)

    assert card_of(cast.ana, client.get("/matches").text) == client.get(url(cast.ana)).text.strip()
    assert card_of(cast.ana, client.get("/matches/more").text) == client.get(url(cast.ana)).text.strip()


def test_the_same_breakdown_stands_on_the_profile_page_and_at_its_own_address(cast: People, as_user: Login) -> None:
    client = as_user(cast.bo)

    assert client.get(url(cast.ana, "breakdown")).text.strip() in client.get(f"/profiles/{cast.ana.profile.id}").text


def test_both_see_the_same_score_each_from_their_side(cast: People, as_user: Login) -> None:
    def ring(viewer: Account, them: Account) -> tuple[str, ...]:
        found = re.search(r"(\d+) of 100\.\s+They fit you (\d+) of 100\.\s+You fit them (\d+) of 100", as_user(viewer).get(url(them)).text)
        assert found
        return found.groups()

    score, they_fit, i_fit = ring(cast.ana, cast.bo)

    assert they_fit != i_fit, "else changing places would not show"
    assert ring(cast.bo, cast.ana) == (score, i_fit, they_fit)


def test_a_saved_headline_is_on_the_other_persons_card(cast: People, as_user: Login) -> None:
    assert "Harbours at dawn" not in as_user(cast.bo).get(url(cast.ana)).text
    as_user(cast.ana).patch("/profile", data={"headline": "Harbours at dawn", "base": 1})

    assert "Harbours at dawn" in as_user(cast.bo).get(url(cast.ana)).text


@pytest.mark.parametrize("part", PARTS)
def test_an_unchanged_fragment_is_not_sent_again(part: str, cast: People, as_user: Login) -> None:
    client = as_user(cast.bo)
    first = client.get(url(cast.ana, part))
    assert (first.status_code, first.headers["Cache-Control"]) == (200, "private, no-cache")

    again = client.get(url(cast.ana, part), headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert client.get(url(cast.ana, part), headers={"If-None-Match": 'W/"something else"'}).status_code == 200


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("whose", ["ana", "bo"])
def test_a_change_of_either_profile_makes_another_fragment(whose: str, part: str, cast: People, as_user: Login) -> None:
    client = as_user(cast.bo)
    held = client.get(url(cast.ana, part)).headers["ETag"]

    as_user(getattr(cast, whose)).patch("/profile", data={"niches": ["food", "film"], "base": 1})
    answer = client.get(url(cast.ana, part), headers={"If-None-Match": held})

    assert answer.status_code == 200
    assert answer.headers["ETag"] != held


def test_two_viewers_never_share_a_fragment(cast: People, as_user: Login, make_account: Callable[..., Account]) -> None:
    other = make_account("brand", name="Fjord Tea")
    assert other.profile.version == cast.bo.profile.version
    held = as_user(cast.bo).get(url(cast.ana)).headers["ETag"]

    answer = as_user(other).get(url(cast.ana), headers={"If-None-Match": held})

    assert answer.status_code == 200
    assert answer.headers["ETag"] != held
    assert "Cookie" in answer.headers["Vary"]


def test_a_stranger_is_told_what_everyone_is_told_of_a_profile_that_never_was(cast: People, as_user: Login) -> None:
    client = as_user(cast.cy)
    assert as_user(cast.bo).get(url(cast.ana)).status_code == 200

    hidden, never = client.get(url(cast.ana)), client.get("/matches/999999/card")

    assert (hidden.status_code, never.status_code) == (404, 404)
    assert hidden.text.replace(f"match-{cast.ana.profile.id}", "match-999999") == never.text
    assert GONE in hidden.text
    assert f'<article id="match-{cast.ana.profile.id}"' in hidden.text, "it takes the place of the card"
    assert "Ana" not in hidden.text


def test_the_card_of_someone_who_left_says_so_even_to_a_browser_that_holds_it(cast: People, as_user: Login) -> None:
    client = as_user(cast.bo)
    held = client.get(url(cast.ana)).headers["ETag"]
    cast.ana.deactivate()
    db.session.commit()

    for headers in ({}, {"If-None-Match": held}):
        answer = client.get(url(cast.ana), headers=headers)
        assert answer.status_code == 404
        assert GONE in answer.text
    assert client.get(url(cast.ana, "breakdown")).status_code == 404


def test_there_is_no_card_of_oneself(cast: People, as_user: Login) -> None:
    assert as_user(cast.ana).get(url(cast.ana)).status_code == 404


def test_a_strangers_breakdown_is_not_there_either(cast: People, as_user: Login) -> None:
    assert as_user(cast.bo).get(url(cast.ana, "breakdown")).status_code == 200
    assert as_user(cast.cy).get(url(cast.ana, "breakdown")).status_code == 404


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("id", ["0", "-1", "9" * 18, str(2**63 - 1), str(2**63), "9" * 50, "abc", "1.5", "٣", "1%00"])
def test_what_no_database_could_hold_is_simply_not_found(id: str, part: str, cast: People, as_user: Login) -> None:
    assert as_user(cast.ana).get(f"/matches/{id}/{part}").status_code == 404


def test_nobody_is_sent_to_the_login_page_by_a_page_and_told_by_htmx(cast: People, stranger: FlaskClient) -> None:
    followed = stranger.get(url(cast.ana))
    swapped = stranger.get(url(cast.ana), headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/matches"})

    assert (followed.status_code, followed.location.partition("?")[0]) == (302, "/login")
    assert (swapped.status_code, swapped.data, "HX-Redirect" in swapped.headers) == (401, b"", False), "the page stays, and asks for the password"


def test_a_profile_with_nothing_filled_in_still_makes_a_card(cast: People, as_user: Login, make_account: Callable[..., Account]) -> None:
    silent = make_account("brand", name="Quiet")
    for viewer, them in ((cast.cy, silent), (silent, cast.cy), (cast.ana, silent)):
        words = seen(as_user(viewer).get(url(them)).text)

        assert them.profile.name in words
        assert "Not enough to tell yet" in words
        assert "None given yet" in words, "of facts"
        assert words.count("None") == 1
        assert as_user(viewer).get(url(them, "breakdown")).status_code == 200


def test_a_thin_match_says_what_the_viewer_can_add(cast: People, as_user: Login) -> None:
    cast.bo.profile.city_id = HAMBURG
    db.session.commit()

    assert "add to your profile : topics" in seen(as_user(cast.cy).get(url(cast.bo)).text)
    assert "add to your profile" not in seen(as_user(cast.bo).get(url(cast.cy)).text), "he has said all he can"


def test_eighty_letters_without_a_break_make_a_card(cast: People, as_user: Login) -> None:
    name = "W" * 80
    assert as_user(cast.ana).patch("/profile", data={"name": name, "headline": "w" * 120, "base": 1}).status_code == 200

    assert name in card_of(cast.ana, as_user(cast.bo).get("/matches").text)


def test_what_a_profile_says_is_shown_as_it_was_typed_and_is_never_markup(cast: People, as_user: Login) -> None:
    evil = '"><img src=x onerror=alert(1)>'
    answer = as_user(cast.ana).patch("/profile", data={"name": evil, "headline": evil, "bio": evil, "base": 1})
    assert answer.status_code == 200

    page = as_user(cast.bo).get("/matches").text

    assert "<img src=x" not in page
    assert card_of(cast.ana, page).count("&lt;img src=x onerror=alert(1)&gt;") >= 3


def test_a_card_hears_their_profile_and_my_half_of_the_match(cast: People, as_user: Login) -> None:
    """My half moves on with my own profile, and with what I do with this card."""
    them, client = cast.ana.profile, as_user(cast.bo)

    def live() -> str:
        found = re.search(rf'data-live="([^"]*)" hx-get="{url(cast.ana)}"', client.get(url(cast.ana)).text)
        assert found
        return found[1]

    assert live() == f"profile:{them.id}@1 match:{them.id}@1 request:{them.id}@0"
    client.patch("/profile", data={"headline": "Slow coffee from the north", "base": 1})
    mine = cast.bo.profile.match_version
    assert mine == cast.bo.version > 1
    assert live() == f"profile:{them.id}@1 match:{them.id}@{mine} request:{them.id}@0"

    client.post(url(cast.ana, "save"))

    assert cast.bo.version > mine
    assert live() == f"profile:{them.id}@1 match:{them.id}@{cast.bo.version} request:{them.id}@0"


def test_a_saved_card_says_once_what_changed_since(cast: People, as_user: Login) -> None:
    """Both ends of a range are one change, and what is asked of others is none."""
    as_user(cast.ana).post(url(cast.bo, "save"))
    assert "Changed since" not in as_user(cast.ana).get(url(cast.bo)).text
    cast.bo.profile.revise({"budget_min": 5, "budget_max": 50, "niches": frozenset({"film"}), "musts": frozenset({"niche"})}, base=1)
    db.session.commit()

    assert "Changed since you last looked: budget, topics" in seen(as_user(cast.ana).get(url(cast.bo)).text)

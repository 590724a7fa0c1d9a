"""Asking somebody to work together: what they see, who cannot, how often, and that twice is once."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from blueprints.accounts.models import Account
from blueprints.extensions import db, utc_now
from blueprints.live.announcements import Notice
from blueprints.profiles.blocks import Block
from blueprints.requests.models import A_DAY, UNANSWERED, Request
from tests.conftest import People
from tests.requests.briefs import BRIEF, TYPED
from tests.requests.conftest import Ask

Login = Callable[[Account], FlaskClient]


def seen(html: str) -> str:
    """The words on it."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def between(one: Account, other: Account) -> Request | None:
    db.session.expire_all()
    return Request.between(one, other.profile)


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(Request)) or 0


def test_a_request_is_with_the_one_who_is_asked_brief_and_all(cast: People, as_user: Login) -> None:
    answer = as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)})
    assert (answer.status_code, answer.location) == (303, "/requests")

    for page in ("/requests", f"/profiles/{cast.ana.profile.id}"):
        words = seen(as_user(cast.bo).get(page).text)
        assert "Wants to work with you" in words or "Ana Ruiz wants to work with you" in words
        for said in ("A week of breakfasts with your coffee", "In March", "€800 to €1,200", "Three short films"):
            assert said in words, page
        assert "Accept" in words and "Decline" in words
    assert "Wants to work with you" in seen(as_user(cast.bo).get(f"/matches/{cast.ana.profile.id}/card").text)
    assert cast.bo.waiting_requests == 1


def test_the_one_who_asked_sees_that_it_is_sent(cast: People, as_user: Login, ask: Ask) -> None:
    client = as_user(cast.ana)
    assert "Ask to work together" in seen(client.get(f"/matches/{cast.bo.profile.id}/card").text)
    ask(cast.ana, cast.bo)

    for page in ("/requests", f"/matches/{cast.bo.profile.id}/card"):
        words = seen(client.get(page).text)
        assert "Request sent" in words and "Withdraw" in words
    assert "Your request is sent" in seen(client.get(f"/profiles/{cast.bo.profile.id}").text)
    assert cast.ana.waiting_requests == 0


def test_every_deck_and_list_shows_it_too(cast: People, as_user: Login, ask: Ask) -> None:
    as_user(cast.bo).post(f"/matches/{cast.ana.profile.id}/save")
    ask(cast.ana, cast.bo)

    for page in ("/matches", "/matches/more", "/matches/saved"):
        assert "Wants to work with you" in seen(as_user(cast.bo).get(page).text), page


def test_a_card_that_was_fetched_before_is_another_one_now(cast: People, as_user: Login, ask: Ask) -> None:
    client, card = as_user(cast.bo), f"/matches/{cast.ana.profile.id}/card"
    held = client.get(card).headers["ETag"]
    assert client.get(card, headers={"If-None-Match": held}).status_code == 304
    asked = ask(cast.ana, cast.bo)
    answer = client.get(card, headers={"If-None-Match": held})

    assert answer.status_code == 200
    assert f"request:{cast.ana.profile.id}@{asked.version}" in answer.text
    assert client.get(card, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_both_hear_of_it_and_nobody_else(cast: People, rung: list[Notice], ask: Ask) -> None:
    ask(cast.ana, cast.bo)

    ana, bo = cast.ana, cast.bo
    heard = {notice.topic: notice.said for notice in rung}
    assert {topic for topic in heard if not topic.startswith("notifications")} == {f"request:{bo.profile.id}/{ana.id}", f"request:{ana.profile.id}/{bo.id}", f"requests/{ana.id}", f"requests/{bo.id}", f"me/{bo.id}"}
    assert heard[f"request:{bo.profile.id}/{ana.id}"] == {"fields": ["request"], "own": True}
    assert heard[f"request:{ana.profile.id}/{bo.id}"] == {"fields": ["request"]}


@pytest.mark.parametrize("who", ["stranger", "blocked", "blocker", "suspended", "oneself", "nobody"])
def test_to_whom_one_may_not_see_nothing_can_be_sent(who: str, cast: People, as_user: Login) -> None:
    client, to = as_user(cast.ana), cast.bo.profile.id
    if who == "stranger":
        to = cast.cy.profile.id
    elif who == "blocked":
        Block.put(cast.bo, cast.ana)
    elif who == "blocker":
        Block.put(cast.ana, cast.bo)
    elif who == "suspended":
        cast.bo.suspend()
    elif who == "oneself":
        to = cast.ana.profile.id
    else:
        to = 999_999
    db.session.commit()

    assert client.get(f"/requests/new?to={to}").status_code == 404
    assert client.post("/requests", data=TYPED | {"to": str(to)}).status_code == 404
    for part in ("panel", "note"):
        assert client.get(f"/requests/with/{to}/{part}").status_code == 404
    assert count() == 0


@pytest.mark.parametrize("to", ["", "0", "-1", "1.5", "²", "9" * 30, "one", "1\x00"])
def test_an_address_that_names_nobody_is_not_found(to: str, cast: People, as_user: Login) -> None:
    client = as_user(cast.ana)

    assert client.get("/requests/new", query_string={"to": to}).status_code == 404
    assert client.post("/requests", data=TYPED | {"to": to}).status_code == 404


def test_sent_twice_it_is_sent_once(cast: People, as_user: Login) -> None:
    for _ in range(2):
        answer = as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)})
        assert answer.status_code == 303

    assert count() == 1
    assert "Your request is sent to Nordlys Coffee" in as_user(cast.ana).get("/requests").text


def test_another_brief_from_another_tab_is_not_lost(cast: People, as_user: Login, ask: Ask) -> None:
    ask(cast.ana, cast.bo)
    answer = as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id), "what": "Something else altogether"})

    assert answer.status_code == 422
    assert "You have asked them already" in answer.text
    assert "Something else altogether" in answer.text, "it is still in the form"
    assert count() == 1


def test_whoever_asks_the_one_who_asked_says_yes(cast: People, as_user: Login, ask: Ask) -> None:
    ask(cast.ana, cast.bo)
    answer = as_user(cast.bo).post("/requests", data=TYPED | {"to": str(cast.ana.profile.id), "what": "We had you in mind as well"})

    assert answer.status_code == 303
    assert count() == 1
    assert between(cast.bo, cast.ana).is_connected  # type: ignore[union-attr]
    assert "You and Ana Ruiz are connected" in as_user(cast.bo).get("/requests").text
    talk = as_user(cast.ana).get(f"/messages/with/{cast.bo.profile.id}", follow_redirects=True).text
    assert "We had you in mind as well" in talk, "and what they wrote is not lost"


def test_the_form_leads_to_what_there_is_already(cast: People, as_user: Login, ask: Ask) -> None:
    ask(cast.ana, cast.bo)

    for one, other in ((cast.ana, cast.bo), (cast.bo, cast.ana)):
        answer = as_user(one).get(f"/requests/new?to={other.profile.id}")
        assert (answer.status_code, answer.location) == (302, f"/profiles/{other.profile.id}#request")


def test_after_sending_one_is_back_where_one_was(cast: People, as_user: Login) -> None:
    client, to = as_user(cast.ana), cast.bo.profile.id
    form = client.get(f"/requests/new?to={to}", headers={"Referer": "http://localhost/matches?page=2"}).text

    assert 'name="next" value="/matches?page=2"' in form
    assert client.post("/requests", data=TYPED | {"to": str(to), "next": "/matches?page=2"}).location == "/matches?page=2"
    assert client.post("/requests", data=TYPED | {"to": str(to), "next": "//evil.example"}).location == "/requests"


# What is typed.


def test_all_but_the_first_may_stay_empty(cast: People, as_user: Login) -> None:
    answer = as_user(cast.ana).post("/requests", data={"to": str(cast.bo.profile.id), "what": "Breakfast"})

    assert answer.status_code == 303
    assert between(cast.ana, cast.bo).brief == {"what": "Breakfast", "timing": "", "budget_min": None, "budget_max": None, "deliverables": ""}  # type: ignore[union-attr]


@pytest.mark.parametrize("field, value, words", [
    ("what", "", "Say in a sentence or two"),
    ("what", " \n\t\u3000 ", "Say in a sentence or two"),
    ("what", "\u3164\u2800", "Say in a sentence or two"),
    ("what", "x" * 10_000, "At most 1,000 characters: 9,000 too many."),
    ("what", "Read gpj.\u202eexe", "change the direction of text"),
    ("what", "a\x00b", "invisible control characters"),
    ("timing", "y" * 121, "At most 120 characters: 1 too many."),
    ("timing", "\u2066soon", "change the direction of text"),
    ("budget_min", "a lot", "Use a whole number"),
    ("budget_min", "-5", "Use a whole number"),
    ("budget_max", "0", "Use a number from 1 to 1,000,000."),
    ("budget_max", "9" * 5_000, "Use a whole number"),
    ("budget_max", "10m", "Use a number from 1 to 1,000,000."),
    ("budget_max", "700", "Not below 800, where the range begins."),
    ("deliverables", "z" * 501, "At most 500 characters: 1 too many."),
])  # fmt: skip
def test_what_cannot_be_read_is_said_beside_its_field_and_nothing_typed_is_lost(field: str, value: str, words: str, cast: People, as_user: Login) -> None:
    answer = as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id), field: value})

    assert answer.status_code == 422
    beside = re.search(rf'id="field-{field}-status"[^>]*>(.*?)</div>', answer.text, re.DOTALL)
    assert beside and words in seen(beside[1])
    for name, typed in (TYPED | {field: value}).items():
        if typed.isprintable():
            assert typed in answer.text, name
    assert count() == 0


def test_what_is_typed_is_shown_as_text_only(cast: People, as_user: Login, ask: Ask) -> None:
    ask(cast.ana, cast.bo, what="<img src=x onerror=alert(1)>", timing="<b>now</b>", deliverables="'\"><script>")

    for page in ("/requests", f"/profiles/{cast.ana.profile.id}"):
        text = as_user(cast.bo).get(page).text
        assert "<img src=x" not in text and "<b>now" not in text and "&lt;img src=x onerror=alert(1)&gt;" in text


# How often.


@pytest.fixture
def brands(make_account: Callable[..., Account]) -> Callable[[int], list[Account]]:
    return lambda number: [make_account("brand", name=f"Brand {index}") for index in range(number)]


def test_the_form_says_how_many_one_may_still_send_before_the_limit_bites(cast: People, as_user: Login, ask: Ask, brands: Callable[[int], list[Account]]) -> None:
    for brand in brands(UNANSWERED - 3):
        ask(cast.ana, brand)
    page = seen(as_user(cast.ana).get(f"/requests/new?to={cast.bo.profile.id}").text)

    assert "7 of 10 unanswered, 7 of 20 sent in the last 24 hours. You can send 3 more for now." in page


def test_while_ten_stay_unanswered_there_is_no_form_to_type_into(cast: People, as_user: Login, ask: Ask, brands: Callable[[int], list[Account]]) -> None:
    asked = [ask(cast.ana, brand) for brand in brands(UNANSWERED)]
    page = as_user(cast.ana).get(f"/requests/new?to={cast.bo.profile.id}").text
    assert "10 of your requests wait for an answer, which is the most." in page
    assert "<textarea" not in page

    refused = as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)})  # typed before the tenth was sent, in another tab
    assert refused.status_code == 422
    assert TYPED["what"] in refused.text and "10 of your requests wait" in refused.text
    assert between(cast.ana, cast.bo) is None

    asked[0].withdraw(cast.ana)
    db.session.commit()
    assert as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)}).status_code == 303


def test_whoever_is_gone_or_late_counts_no_longer_as_unanswered(cast: People, as_user: Login, ask: Ask, brands: Callable[[int], list[Account]]) -> None:
    gone, late, *others = brands(UNANSWERED)
    for brand in (gone, late, *others):
        ask(cast.ana, brand)
    assert Request.allowance(cast.ana).left == 0
    gone.suspend()
    between(cast.ana, late).expires_at = utc_now() - timedelta(seconds=1)  # type: ignore[union-attr]
    db.session.commit()

    assert Request.allowance(cast.ana).unanswered == UNANSWERED - 2


def test_twenty_a_day_are_enough(cast: People, as_user: Login, ask: Ask, brands: Callable[[int], list[Account]]) -> None:
    for brand in brands(A_DAY):
        ask(cast.ana, brand).withdraw(cast.ana)
    db.session.commit()
    assert Request.allowance(cast.ana).unanswered == 0
    page = as_user(cast.ana).get(f"/requests/new?to={cast.bo.profile.id}").text
    assert "You have sent 20 requests in the last 24 hours" in page and "<textarea" not in page
    assert as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)}).status_code == 422

    db.session.execute(Request.__table__.update().values(sent_at=utc_now() - timedelta(days=1, seconds=1)))  # type: ignore[attr-defined]
    db.session.commit()

    assert as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)}).status_code == 303


def test_the_limits_stop_nobody_from_answering(cast: People, as_user: Login, ask: Ask, brands: Callable[[int], list[Account]]) -> None:
    for brand in brands(UNANSWERED):
        ask(cast.ana, brand)
    ask(cast.bo, cast.ana)

    assert as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)}).status_code == 303
    assert between(cast.ana, cast.bo).is_connected  # type: ignore[union-attr]


def test_after_a_no_one_may_ask_again_in_thirty_days(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    asked.answer(cast.bo, accept=False)
    db.session.commit()
    for page in (f"/requests/new?to={cast.bo.profile.id}", f"/profiles/{cast.bo.profile.id}", "/requests", f"/matches/{cast.bo.profile.id}/card"):
        assert "You can ask again from" in as_user(cast.ana).get(page).text, page
    assert as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)}).status_code == 422
    assert as_user(cast.bo).get(f"/requests/new?to={cast.ana.profile.id}").status_code == 200, "the one who said no may ask"

    asked.answered_at = utc_now() - timedelta(days=30, seconds=1)
    db.session.commit()

    assert as_user(cast.ana).post("/requests", data=TYPED | {"to": str(cast.bo.profile.id)}).status_code == 303
    assert count() == 2
    assert between(cast.ana, cast.bo).version > asked.version  # type: ignore[union-attr]


def test_a_request_that_ran_out_gives_way_to_the_next(cast: People, ask: Ask) -> None:
    late = ask(cast.ana, cast.bo)
    late.expires_at = utc_now() - timedelta(seconds=1)
    db.session.commit()
    ask(cast.bo, cast.ana)

    assert (late.state, late.superseded_at is not None) == ("expired", True)
    assert (cast.ana.waiting_requests, cast.bo.waiting_requests) == (1, 0)
    assert BRIEF == between(cast.ana, cast.bo).brief  # type: ignore[union-attr]

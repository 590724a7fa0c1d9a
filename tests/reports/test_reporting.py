"""Reporting somebody: kept with what there was to see, thanked for, and never told to the one it is about."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.announcements import Notice
from blueprints.messages.models import Conversation
from blueprints.profiles.blocks import Block
from blueprints.reports.models import A_DAY, REASONS, Report
from tests.conftest import People
from tests.messages.conftest import connect

Login = Callable[[Account], FlaskClient]
Tell = Callable[..., Any]


@pytest.fixture
def talk(cast: People) -> Conversation:
    """ana and bo are connected, and bo wrote to her thirty times."""
    conversation = connect(cast.ana, cast.bo)
    for number in range(30):
        conversation.write(cast.bo if number % 2 else cast.ana, f"Words {number + 1}.", f"client-{number}")
    db.session.commit()
    return conversation


@pytest.fixture
def report(as_user: Login) -> Tell:
    def send(reporter: Account, them: Account, **said: Any) -> Any:
        return as_user(reporter).post(f"/profiles/{them.profile.id}/report", data={"reason": "abuse", **said})

    return send


def reports() -> list[Report]:
    return list(db.session.scalars(select(Report).order_by(Report.id)))


def test_a_report_keeps_the_profile_as_it_was(cast: People, report: Tell) -> None:
    cast.bo.profile.revise({"headline": "Rude words"}, base=1)
    db.session.commit()
    assert report(cast.ana, cast.bo, words="They insult people.\r\nOften.").location == "/reports/thanks"
    cast.bo.profile.revise({"headline": "Kind words", "name": "Somebody else"}, base=cast.bo.profile.version)
    db.session.commit()

    kept, = reports()
    assert (kept.reason, kept.words, kept.state) == ("abuse", "They insult people.\nOften.", "open")
    assert (kept.reporter_id, kept.reported_id) == (cast.ana.id, cast.bo.id)
    assert (kept.evidence["profile"]["headline"], kept.evidence["profile"]["name"]) == ("Rude words", "Nordlys Coffee")


def test_of_a_message_it_keeps_the_twenty_around_it(cast: People, report: Tell, talk: Conversation) -> None:
    report(cast.ana, cast.bo, message="20")
    last = talk.last_number
    db.session.execute(db.text("UPDATE messages SET text = 'Never said'"))
    db.session.commit()

    kept = reports()[0].evidence["messages"]
    assert [message["number"] for message in kept] == list(range(10, 30)) and last == 30
    assert [message["number"] for message in kept if message["is_reported"]] == [20]
    assert kept[10] == kept[10] | {"text": "Words 20.", "from": "Nordlys Coffee", "is_deleted": False}
    assert reports()[0].evidence["request"]["said"]["What"] == "A film about coffee"


def test_the_page_shows_the_message_and_links_lead_there(cast: People, as_user: Login, talk: Conversation) -> None:
    page = as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}/report?message=20")
    assert page.status_code == 200 and "Words 20." in page.text and 'name="message" value="20"' in page.text

    conversation = as_user(cast.ana).get(f"/messages/{talk.id}").text
    assert f"/profiles/{cast.bo.profile.id}/report?message=30" in conversation
    assert f"/profiles/{cast.bo.profile.id}/report?message=29" not in conversation, "her own"
    assert f'href="/profiles/{cast.bo.profile.id}/report"' in as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}").text


@pytest.mark.parametrize("number", ["19", "0", "-1", "31", "x", "²", "9" * 30, "\x00"])
def test_only_what_they_wrote_to_me_can_be_reported(number: str, cast: People, as_user: Login, report: Tell, talk: Conversation) -> None:
    assert as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}/report", query_string={"message": number}).status_code == 404
    assert report(cast.ana, cast.bo, message=number).status_code == 404
    assert report(cast.cy, cast.bo, message="20").status_code == 404, "it was not written to cy"
    assert reports() == []


def test_the_thank_you_says_what_happens_next(cast: People, as_user: Login) -> None:
    page = as_user(cast.ana).get("/reports/thanks").text
    assert "Thank you for telling us" in page and "they are not told who reported them" in page


def test_the_reported_person_learns_nothing(app: Flask, cast: People, as_user: Login, report: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    def seen() -> str:
        pages = (as_user(cast.bo).get(path).text for path in ("/matches", "/notifications", "/settings", f"/profiles/{cast.ana.profile.id}"))
        return re.sub(r'nonce="[^"]*"|<time.*?</time>', "", "".join(pages))

    as_user(cast.ana)
    before, rung = seen(), list[Notice]()
    monkeypatch.setattr(app.extensions["live"].bus, "publish", rung.append)
    report(cast.ana, cast.bo)

    assert reports() and rung == []
    assert seen() == before


def test_twice_is_the_same_as_once_and_another_reason_is_another_report(cast: People, report: Tell) -> None:
    for _ in range(2):
        assert report(cast.ana, cast.bo).status_code == 303
    assert len(reports()) == 1
    report(cast.ana, cast.bo, reason="spam")
    report(cast.cy, cast.bo)
    assert len(reports()) == 3


def test_so_many_a_day_and_no_more(cast: People, report: Tell, make_account: Any) -> None:
    for _ in range(A_DAY):
        assert report(cast.ana, make_account("brand")).status_code == 303
    answer = report(cast.ana, cast.bo, words="One more", also_block="y")

    assert answer.status_code == 422 and "which is the most" in answer.text and "One more" in answer.text
    assert len(reports()) == A_DAY
    assert not db.session.scalar(select(func.count()).select_from(Block)), "nothing is half done"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"reason": ""}, "Please choose what is wrong."),
        ({"reason": "boring"}, "Please choose one of these."),
        ({"reason": "other"}, "Please say in a few words what is wrong."),
        ({"words": "x" * 2_001}, "Please use at most 2,000 characters: these are 2,001."),
        ({"words": "a\x00b"}, "Please leave out invisible control characters."),
        ({"words": "a\u202eb"}, "Please leave out characters that change the direction of text."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_typed_is_lost(said: dict[str, str], words: str, cast: People, report: Tell) -> None:
    answer = report(cast.ana, cast.bo, **{"words": "Kept words", **said, "also_block": "y"} if "words" not in said and said["reason"] != "other" else said)

    assert answer.status_code == 422 and words in answer.text
    if "Kept" in answer.text:
        assert "checked" in answer.text
    assert reports() == []


def test_blocking_goes_along_if_wanted(cast: People, as_user: Login, report: Tell) -> None:
    assert report(cast.ana, cast.bo, also_block="y").location == "/reports/thanks?blocked=1"

    assert Block.stands(cast.ana.id, cast.bo.id) and len(reports()) == 1
    assert as_user(cast.bo).get(f"/profiles/{cast.ana.profile.id}").status_code == 404
    assert "Settings, Blocked" in as_user(cast.ana).get("/reports/thanks?blocked=1").text


def test_who_may_not_see_somebody_cannot_report_them(cast: People, as_user: Login, report: Tell, stranger: FlaskClient, make_account: Any) -> None:
    admin = make_account("creator")
    admin.take_role("admin")
    db.session.commit()
    Block.put(cast.bo, cast.ana)
    db.session.commit()

    for reporter, them in ((cast.cy, cast.ana), (cast.ana, cast.bo), (cast.ana, cast.ana), (admin, cast.bo)):
        assert report(reporter, them).status_code == 404
        assert as_user(reporter).get(f"/profiles/{them.profile.id}/report").status_code == 404
    assert stranger.get(f"/profiles/{cast.bo.profile.id}/report").location.startswith("/login")
    assert reports() == []


def test_every_reason_fits_the_table(cast: People, report: Tell) -> None:
    for reason in REASONS:
        assert report(cast.ana, cast.bo, reason=reason, words="Because").status_code == 303
    assert len(reports()) == len(REASONS)

"""Two who are connected write to each other: in order, once, and only to each other."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from blueprints.accounts.models import Account
from blueprints.extensions import db, limiter, utc_now
from blueprints.messages.models import CHANGE_WITHIN, TEXT_LENGTH, Conversation, Message, message_sent
from blueprints.profiles.blocks import Block
from blueprints.requests.models import Request
from tests.conftest import People

Login = Callable[[Account], FlaskClient]
HTMX = {"HX-Request": "true"}


def say(client: FlaskClient, talk: Conversation, text: str, client_id: str = "", **more: str) -> int:
    return client.post(f"/messages/{talk.id}", data={"text": text, "client_id": client_id, **more}).status_code


def texts(talk: Conversation) -> list[tuple[int, str]]:
    rows = db.session.execute(select(Message.number, Message.text).where(Message.conversation_id == talk.id).order_by(Message.number))
    return [(number, text) for number, text in rows]


def end(cast: People) -> None:
    request = Request.between(cast.ana, cast.bo.profile)
    assert request and request.is_connected
    request.end(cast.bo)
    db.session.commit()


def age(number: int) -> None:
    """That message was sent more than 15 minutes ago."""
    db.session.scalars(select(Message).filter_by(number=number)).one().sent_at = utc_now() - CHANGE_WITHIN - timedelta(seconds=1)
    db.session.commit()


# It works, and the other sees it.


def test_a_message_is_on_the_other_persons_pages(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    assert say(as_user(ana), talk, "Hello there") == 303

    assert "Hello there" in as_user(bo).get(f"/messages/{talk.id}").text
    assert "Hello there" in as_user(bo).get(f"/messages/{talk.id}/log").text
    assert "1 unread" in as_user(bo).get("/messages/list").text
    assert "1 unread" not in as_user(ana).get("/messages/list").text
    db.session.expire_all()
    assert (bo.unread_messages, ana.unread_messages) == (1, 0)


def test_an_accepted_request_opens_one_conversation_and_a_second_one_goes_on_in_it(talk: Conversation, cast: People, as_user: Login) -> None:
    say(as_user(cast.ana), talk, "Before")
    end(cast)
    again = Request.send(cast.bo, cast.ana.profile, {"what": "Another film"})
    db.session.commit()
    assert say(as_user(cast.ana), talk, "Too early") == 403, "asked is not connected"
    again.answer(cast.ana, accept=True)
    db.session.commit()

    assert say(as_user(cast.ana), talk, "After") == 303
    assert texts(talk) == [(1, "Before"), (2, "After")]
    assert db.session.scalar(select(func.count()).select_from(Conversation)) == 1


def test_the_way_from_a_profile_leads_to_the_conversation(talk: Conversation, ana: Account, bo: Account, cy: Account, as_user: Login) -> None:
    assert as_user(bo).get(f"/messages/with/{ana.profile.id}").location == f"/messages/{talk.id}"
    assert as_user(bo).get(f"/messages/with/{cy.profile.id}").status_code == 404


def test_htmx_gets_the_log_with_the_message(talk: Conversation, ana: Account, as_user: Login) -> None:
    answer = as_user(ana).post(f"/messages/{talk.id}", data={"text": "Hello", "client_id": "12345678", "from": "1"}, headers=HTMX)

    assert answer.status_code == 200
    assert 'id="conversation-log"' in answer.text and "Hello" in answer.text and "composer__text" not in answer.text


def test_the_packages_to_the_right_hear_of_each_message_once(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    heard: list[tuple[str, int, int]] = []
    with message_sent.connected_to(lambda message: heard.append((message.text, message.sender_id, message.receiver_id))):
        for _ in range(2):
            say(as_user(ana), talk, "Hello", "12345678")

    assert heard == [("Hello", ana.id, bo.id)]


def test_submitted_twice_it_is_sent_once(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    for text in ("Hello", "Hello", "Something else by now"):
        assert say(as_user(ana), talk, text, "12345678") == 303
    assert say(as_user(bo), talk, "Mine", "12345678") == 303, "the id is the sender's own"

    assert texts(talk) == [(1, "Hello"), (2, "Mine")]


# Bad input: told beside the field, and all that was typed is there.


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "Write something first"), (" \n\t ", "Write something first"), ("\u3164", "Write something first"), ("a\x00b", "control characters"), ("a\u202eb", "direction of text")],
)
def test_what_cannot_be_a_message_is_refused_with_its_reason(talk: Conversation, ana: Account, as_user: Login, text: str, reason: str) -> None:
    page = as_user(ana).post(f"/messages/{talk.id}", data={"text": text, "client_id": "12345678"})
    fragment = as_user(ana).post(f"/messages/{talk.id}", data={"text": text, "client_id": "12345678"}, headers=HTMX)

    assert (page.status_code, fragment.status_code) == (422, 422)
    assert reason in page.text and reason in fragment.text
    assert 'value="12345678"' in page.text
    assert fragment.text.lstrip().startswith('<div id="composer-status"')
    assert texts(talk) == []


def test_ten_thousand_characters_are_kept_in_the_field_and_refused(talk: Conversation, ana: Account, as_user: Login) -> None:
    long = "word " * 2_000
    answer = as_user(ana).post(f"/messages/{talk.id}", data={"text": long})

    assert answer.status_code == 422
    assert "at most 4,000 characters" in answer.text
    assert long in answer.text
    assert say(as_user(ana), talk, "x" * TEXT_LENGTH) == 303, "4,000 are fine"


def test_a_thousand_a_minute_are_limited_and_nothing_typed_is_lost(app: Flask, talk: Conversation, ana: Account, as_user: Login) -> None:
    app.config.update(RATELIMIT_ENABLED=True, MESSAGE_LIMIT="3/minute")
    client = as_user(ana)
    limiter.init_app(app)
    try:
        statuses = [say(client, talk, f"Number {number}", f"client-{number:04}") for number in range(5)]
        refused = client.post(f"/messages/{talk.id}", data={"text": "My words", "client_id": "client-9999"}, headers=HTMX)
        again = say(client, talk, "Number 0", "client-0000")
    finally:
        limiter.enabled = False

    assert statuses == [303, 303, 303, 429, 429]
    assert refused.status_code == 429 and "you can send the next message in" in refused.text
    assert again == 303, "a retry of what was sent is no further message"
    assert len(texts(talk)) == 3


def test_what_others_wrote_is_shown_as_text_and_only_plain_addresses_are_links(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    say(as_user(ana), talk, '<b onclick="x">hi</b> https://example.com/?a=1&b="2" javascript:alert(1) https://me@evil.example')
    page = as_user(bo).get(f"/messages/{talk.id}").text

    assert "<b onclick" not in page and "&lt;b onclick" in page
    assert '<a href="https://example.com/?a=1&amp;b=" rel="nofollow noopener ugc" hx-boost="false">' in page
    assert 'href="javascript' not in page and 'href="https://me@' not in page


# Changing.


def test_fresh_words_can_be_changed_and_it_shows(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    say(as_user(ana), talk, "Helo")
    assert "Helo</textarea>" in as_user(ana).get(f"/messages/{talk.id}?edit=1").text
    answer = as_user(ana).post(f"/messages/{talk.id}/1/edit", data={"text": "Hello"}, headers=HTMX)

    assert answer.status_code == 200 and "Hello" in answer.text
    assert 'hx-swap-oob="outerHTML"' in answer.text, "with an empty composer"
    page = as_user(bo).get(f"/messages/{talk.id}").text
    assert "Hello" in page and "Helo" not in page and "edited" in page


def test_bad_words_for_it_keep_what_was_typed(talk: Conversation, ana: Account, as_user: Login) -> None:
    say(as_user(ana), talk, "Hello")
    answer = as_user(ana).post(f"/messages/{talk.id}/1/edit", data={"text": "x" * 4_001})

    assert answer.status_code == 422
    assert "x" * 4_001 in answer.text and f'action="/messages/{talk.id}/1/edit"' in answer.text
    assert texts(talk) == [(1, "Hello")]


def test_a_deleted_message_leaves_only_the_fact(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    say(as_user(ana), talk, "A secret")
    for _ in range(2):
        assert as_user(ana).post(f"/messages/{talk.id}/1/delete").status_code == 303

    page = as_user(bo).get(f"/messages/{talk.id}").text
    assert "A secret" not in page and "Message deleted" in page
    assert "A secret" not in as_user(bo).get("/messages").text
    assert texts(talk) == [(1, "")]
    db.session.expire_all()
    assert bo.unread_messages == 0, "there is nothing to read"


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_after_15_minutes_a_message_stays(talk: Conversation, ana: Account, as_user: Login, action: str) -> None:
    say(as_user(ana), talk, "Hello")
    assert f"/1/{action}" in as_user(ana).get(f"/messages/{talk.id}").text or action == "edit"
    age(1)

    assert f"/1/{action}" not in as_user(ana).get(f"/messages/{talk.id}").text
    answer = as_user(ana).post(f"/messages/{talk.id}/1/{action}", data={"text": "Other"}, headers=HTMX)
    assert answer.status_code == 422 and "15 minutes" in answer.text
    assert texts(talk) == [(1, "Hello")]


@pytest.mark.parametrize("action", ["edit", "delete"])
def test_nobody_changes_the_words_of_another(talk: Conversation, ana: Account, bo: Account, as_user: Login, action: str) -> None:
    say(as_user(ana), talk, "Hello")

    assert as_user(bo).post(f"/messages/{talk.id}/1/{action}", data={"text": "Other"}).status_code == 422
    assert as_user(bo).post(f"/messages/{talk.id}/2/{action}", data={"text": "Other"}).status_code == 404
    assert texts(talk) == [(1, "Hello")]


# Who may not.


@pytest.mark.parametrize("path", ["", "/1/edit", "/1/delete", "/read", "/typing"])
def test_a_stranger_can_do_nothing_in_it(talk: Conversation, cast: People, make_account: Callable[..., Account], as_user: Login, path: str) -> None:
    say(as_user(cast.ana), talk, "Hello")
    for outsider in (cast.cy, make_account("brand")):
        answer = as_user(outsider).post(f"/messages/{talk.id}{path}", data={"text": "Other", "number": "1"})
        assert answer.status_code == 404
        assert "Hello" not in answer.text
    assert texts(talk) == [(1, "Hello")]


@pytest.mark.parametrize("who_blocks", ["ana", "bo"])
def test_a_block_takes_the_conversation_from_both(talk: Conversation, cast: People, as_user: Login, who_blocks: str) -> None:
    say(as_user(cast.ana), talk, "Hello")
    blocker, other = (cast.ana, cast.bo) if who_blocks == "ana" else (cast.bo, cast.ana)
    Block.put(blocker, other)
    db.session.commit()

    for one in (blocker, other):
        client = as_user(one)
        for path in ("", "/log", "/earlier", "/page", "/head", "/composer"):
            answer = client.get(f"/messages/{talk.id}{path}")
            assert answer.status_code == 404 and "Hello" not in answer.text
        assert say(client, talk, "More") == 404
        for path in ("/1/edit", "/1/delete", "/read", "/typing"):
            assert client.post(f"/messages/{talk.id}{path}", data={"text": "Other", "number": "1"}).status_code == 404
        assert "Hello" not in client.get("/messages").text
        assert client.get(f"/messages/with/{(other if one is blocker else blocker).profile.id}").status_code == 404
    db.session.expire_all()
    assert cast.bo.unread_messages == 0
    assert texts(talk) == [(1, "Hello")]


def test_with_a_suspended_person_it_is_gone_until_they_return(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    say(as_user(ana), talk, "Hello")
    client = as_user(bo)
    ana.suspend()
    db.session.commit()
    assert client.get(f"/messages/{talk.id}").status_code == 404
    assert say(client, talk, "More") == 404
    assert "Hello" not in client.get("/messages").text
    db.session.expire_all()
    assert bo.unread_messages == 0

    ana.restore()
    db.session.commit()
    assert "Hello" in client.get(f"/messages/{talk.id}").text
    db.session.expire_all()
    assert bo.unread_messages == 1


def test_after_the_end_both_can_read_and_nobody_can_write(talk: Conversation, cast: People, as_user: Login) -> None:
    say(as_user(cast.ana), talk, "Hello")
    end(cast)

    for one in (cast.ana, cast.bo):
        page = as_user(one).get(f"/messages/{talk.id}")
        assert "Hello" in page.text and "You are no longer connected" in page.text and "data-closed" in page.text
        answer = as_user(one).post(f"/messages/{talk.id}", data={"text": "More"})
        assert answer.status_code == 403
        assert "You are no longer connected" in answer.text and "More" in answer.text
    assert as_user(cast.ana).post(f"/messages/{talk.id}/1/edit", data={"text": "Other"}).status_code == 403
    assert as_user(cast.ana).post(f"/messages/{talk.id}/1/delete").status_code == 303, "one's own words can still be taken back"


def test_an_admin_has_no_conversations(app: Flask, talk: Conversation, make_account: Callable[..., Account], as_user: Login) -> None:
    admin = make_account("brand")
    admin.take_role("admin")
    db.session.commit()

    assert as_user(admin).get("/messages").status_code == 404
    assert as_user(admin).get(f"/messages/{talk.id}").status_code == 404

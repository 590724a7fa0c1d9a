"""How far each has received and read, and long conversations page by page."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select
from sqlalchemy.engine import Engine

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db, utc_now
from blueprints.messages.models import AT_END, MOST, WINDOW, Conversation, Message, Participant, Thread
from blueprints.profiles.blocks import Block
from tests.messages.test_writing import say

Login = Callable[[Account], FlaskClient]


def fill(talk: Conversation, number: int, sender: Account) -> None:
    """So many messages, at once."""
    first = talk.last_number + 1
    rows = [
        {"conversation_id": talk.id, "number": first + index, "sender_id": sender.id, "text": f"This is number {first + index}.", "client_id": f"{first + index}",
         "sent_at": utc_now()}
        for index in range(number)
    ]  # fmt: skip
    db.session.execute(insert(Message), rows)
    talk.last_number += number
    talk.version += 1
    db.session.commit()


def numbers(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'data-number="(\d+)"', html)]


def mark(client: FlaskClient, talk: Conversation) -> list[str]:
    return re.findall(r"message__mark--(\w+)", client.get(f"/messages/{talk.id}").text)


def read(talk: Conversation, account: Account) -> tuple[int, int]:
    db.session.expire_all()
    mine = db.session.get_one(Participant, {"conversation_id": talk.id, "account_id": account.id})
    return mine.read_number, mine.delivered_number


def test_sent_then_delivered_then_read(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    sender, reader = as_user(ana), as_user(bo)
    say(sender, talk, "Hello")
    assert mark(sender, talk) == ["sent"]
    reader.post("/messages/delivered")
    assert mark(sender, talk) == ["delivered"]
    reader.post(f"/messages/{talk.id}/read", data={"number": "1"})
    assert mark(sender, talk) == ["read"]
    assert mark(reader, talk) == [], "only what one wrote oneself is marked"
    db.session.expire_all()
    assert bo.unread_messages == 0


def test_answering_is_reading(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    say(as_user(ana), talk, "Hello")
    say(as_user(bo), talk, "Hello, too")

    assert read(talk, bo) == (2, 2)
    assert bo.unread_messages == 0 and ana.unread_messages == 1


@pytest.mark.parametrize("number", ["0", "-1", "999", "9" * 40, "x", "", "\x00", "²"])
def test_absurd_numbers_read_no_more_than_there_is(talk: Conversation, ana: Account, bo: Account, as_user: Login, number: str) -> None:
    say(as_user(ana), talk, "Hello")
    as_user(bo).post(f"/messages/{talk.id}/read", data={"number": number})
    assert read(talk, bo)[0] in (0, 1)
    as_user(bo).post(f"/messages/{talk.id}/read", data={"number": "1"})
    as_user(bo).post(f"/messages/{talk.id}/read", data={"number": "0"})
    assert read(talk, bo) == (1, 1), "never less than before"


def test_reading_twice_announces_nothing_new(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    say(as_user(ana), talk, "Hello")
    as_user(bo).post(f"/messages/{talk.id}/read", data={"number": "1"})
    db.session.refresh(talk)
    before = talk.version
    as_user(bo).post(f"/messages/{talk.id}/read", data={"number": "1"})
    as_user(bo).post("/messages/delivered")
    db.session.refresh(talk)
    assert talk.version == before


@pytest.mark.parametrize("who_hides", ["ana", "bo"])
def test_who_does_not_show_reading_does_not_see_it_either(talk: Conversation, ana: Account, bo: Account, as_user: Login, who_hides: str) -> None:
    (ana if who_hides == "ana" else bo).profile.shows_reading = False
    db.session.commit()
    for sender, reader in ((ana, bo), (bo, ana)):
        say(as_user(sender), talk, "Hello")
        as_user(reader).post(f"/messages/{talk.id}/read", data={"number": "99"})
        assert mark(as_user(sender), talk) == ["delivered"]


@pytest.mark.parametrize("who_hides", ["ana", "bo"])
def test_no_notice_says_that_somebody_read_who_does_not_show_it(talk: Conversation, ana: Account, bo: Account, who_hides: str) -> None:
    (ana if who_hides == "ana" else bo).profile.shows_reading = False
    talk.write(ana, "Hello", "client-1")
    Participant.have_arrived(bo)
    db.session.commit()
    version, listed = talk.version, OwnVersion.of(bo, "conversations")

    talk.mark_read(bo, 1)
    db.session.commit()

    assert talk.version == version
    assert bo.unread_messages == 0 and OwnVersion.of(bo, "conversations") > listed, "their own pages know"


def test_the_first_page_of_ten_thousand_is_short_and_takes_four_queries(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    fill(talk, 10_000, ana)
    client, path = as_user(bo), f"/messages/{talk.id}"
    db.session.remove()  # so that the page loads what it needs itself
    queries: list[str] = []
    event.listen(Engine, "before_cursor_execute", listener := lambda *args: queries.append(args[2]))
    page = client.get(path)
    event.remove(Engine, "before_cursor_execute", listener)

    assert numbers(page.text) == list(range(10_001 - WINDOW, 10_001))
    assert len([query for query in queries if query.startswith("SELECT")]) <= 4, queries


def test_earlier_pages_join_without_gap_or_repetition(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    fill(talk, 100, ana)
    client = as_user(bo)
    seen = numbers(client.get(f"/messages/{talk.id}").text)
    assert seen[0] == 61
    while seen[0] > 1:
        page = client.get(f"/messages/{talk.id}/earlier?before={seen[0]}").text
        assert (f"before={numbers(page)[0]}" in page) == (numbers(page)[0] > 1), "with the way further up as long as there is more"
        seen = numbers(page) + seen

    assert seen == list(range(1, 101))
    assert "You have been connected since today" in page


def test_without_javascript_one_pages_by_links(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    fill(talk, 100, ana)
    client = as_user(bo)
    middle = client.get(f"/messages/{talk.id}?before=61").text
    assert numbers(middle) == list(range(21, 61))
    assert f'href="/messages/{talk.id}?before=21"' in middle
    assert f'href="/messages/{talk.id}"' in middle and "Later messages" in middle
    first = client.get(f"/messages/{talk.id}?before=21").text
    assert numbers(first) == list(range(1, 21))
    assert f'href="/messages/{talk.id}?before=61"' in first


def test_the_live_window_grows_and_starts_anew_when_it_is_too_long(talk: Conversation, ana: Account, bo: Account, as_user: Login) -> None:
    fill(talk, 50, ana)
    client = as_user(bo)
    assert numbers(client.get(f"/messages/{talk.id}/log?from=11").text) == list(range(11, 51))
    fill(talk, MOST - 40, ana)
    grown = client.get(f"/messages/{talk.id}/log?from=11").text
    assert len(numbers(grown)) == MOST and 'hx-swap-oob="innerHTML"' not in grown
    fill(talk, 1, ana)
    last = MOST + 11
    for first, at_its_end in ((last - AT_END + 1, last - AT_END + 1), (last - AT_END, last - WINDOW + 1)):
        assert numbers(client.get(f"/messages/{talk.id}/log?from={first}&end=1").text) == list(range(at_its_end, last + 1)), "at its end fewer are enough"
    anew = client.get(f"/messages/{talk.id}/log?from=11").text
    assert len(numbers(anew)) == WINDOW
    assert 'hx-swap-oob="innerHTML"' in anew and f"before={MOST + 11 - WINDOW + 1}" in anew, "what stood above it no longer joins"


@pytest.mark.parametrize("before", ["0", "1", "2", "99999999999999", "-5", "x", "²"])
def test_absurd_places_show_a_page_all_the_same(talk: Conversation, ana: Account, as_user: Login, before: str) -> None:
    fill(talk, 3, ana)
    for path in ("", "/earlier", "/page"):
        assert as_user(ana).get(f"/messages/{talk.id}{path}", query_string={"before": before}).status_code == 200


def test_a_thread_knows_what_its_viewer_may_do(talk: Conversation, ana: Account) -> None:
    thread = Thread.of(ana, talk.id)
    assert thread and thread.is_open and thread.shows_typing and thread.shows_reading and not thread.closed_because
    assert db.session.scalars(select(Participant).order_by(Participant.account_id)).all() == [thread.mine, thread.theirs]


def test_what_was_unread_is_counted_again_for_whom_a_block_ends_and_the_lists_follow(talk: Conversation, ana: Account, bo: Account) -> None:
    talk.write(ana, "Hello", "client-1")
    Block.put(ana, bo)
    Block.put(bo, ana)
    db.session.commit()
    shown = [(one, name, OwnVersion.of(one, name)) for one in (ana, bo) for name in ("conversations", "requests")]
    assert bo.unread_messages == 0

    Block.lift(ana, bo)
    db.session.commit()
    assert bo.unread_messages == 0 and all(OwnVersion.of(one, name) == version for one, name, version in shown), "bo still blocks her"

    Block.lift(bo, ana)
    db.session.commit()
    assert (ana.unread_messages, bo.unread_messages) == (0, 1)
    assert all(OwnVersion.of(one, name) > version for one, name, version in shown)

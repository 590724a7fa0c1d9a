"""What open pages hear, on a real server: the two at once, nobody else, and nothing any more after a block."""

import re
from pathlib import Path

import pytest

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Conversation
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import Profile
from tests.conftest import PASSWORD, Cast, app_on
from tests.messages.conftest import connect
from tests.servers import Server
from tests.visitor import Listener, Visitor

ANA, BO, CY = "creator1@example.com", "brand2@example.com", "creator3@example.com"


def account(profile_id: int) -> Account:
    return db.session.get_one(Profile, profile_id).account


@pytest.fixture
def talk(instance: Path, live_cast: Cast) -> int:
    """The conversation of ana and bo, before the server starts."""
    with app_on(instance) as app, app.app_context():
        return connect(account(live_cast.ana), account(live_cast.bo)).id


@pytest.fixture
def people(talk: int, server: Server) -> tuple[Visitor, Visitor, Visitor]:
    ana, bo, cy = (Visitor(server.url).log_in(email, PASSWORD) for email in (ANA, BO, CY))
    return ana, bo, cy


def ear(person: Visitor, talk: int) -> Listener:
    return person.listen(f"conversation:{talk}@9", f"edits:{talk}@9", f"typing:{talk}@0", "conversations@9", "me@999")


def names(ear: Listener) -> set[str]:
    return {event.name for event in ear.heard() if not event.data.get("gone")}


def say(person: Visitor, talk: int, text: str, client_id: str) -> None:
    assert person.post(f"/messages/{talk}", {"text": text, "client_id": client_id}).status == 200


def test_both_hear_of_a_message_and_nobody_else(talk: int, people: tuple[Visitor, ...]) -> None:
    ana, bo, cy = people
    ears = [person.listen(f"conversation:{talk}@1", "conversations@0") for person in (ana, bo, cy)]
    for one in ears[:2]:
        one.next("conversations", within=20)  # that they were connected
    ears[2].next(f"conversation:{talk}", within=20)
    say(ana, talk, "Hello", "12345678")

    for one in ears[:2]:
        told: set[str] = set()
        while not {f"conversation:{talk}", "conversations"} <= told:
            told.add(one.next(within=20).name)
    assert names(ears[2]) == set(), "cy was told that it is not there, and heard nothing more"
    assert "Hello" in bo.get(f"/messages/{talk}/log").text


def test_older_pages_hear_only_of_edits(talk: int, people: tuple[Visitor, ...]) -> None:
    ana, bo, _ = people
    old = bo.listen(f"edits:{talk}@1")
    say(ana, talk, "Hello", "12345678")
    assert names(old) == set()
    ana.post(f"/messages/{talk}/1/edit", {"text": "Hello again"})
    assert old.next(f"edits:{talk}", within=20).data["v"] > 1


def test_typing_is_heard_by_the_other_only_and_is_of_the_moment(talk: int, people: tuple[Visitor, ...]) -> None:
    ana, bo, cy = people
    ears = [person.listen(f"typing:{talk}@0") for person in (ana, bo, cy)]
    for _ in range(2):
        assert ana.post(f"/messages/{talk}/typing", **{"HX-Request": "true"}).status == 204
        assert ears[1].next(f"typing:{talk}", within=20).data == {"v": 0}, "each time anew"
    assert cy.post(f"/messages/{talk}/typing").status == 404
    assert names(ears[0]) == set() == names(ears[2])
    assert bo.listen(f"typing:{talk}@0").heard() == [], "who comes later hears nothing of it"


@pytest.mark.parametrize("who", ["ana", "bo"])
def test_who_does_not_show_typing_does_not_see_it_either(instance: Path, live_cast: Cast, talk: int, people: tuple[Visitor, ...], who: str) -> None:
    ana, bo, _ = people
    with app_on(instance) as app, app.app_context():
        db.session.get_one(Profile, getattr(live_cast, who)).shows_typing = False
        db.session.commit()
    ears = [person.listen(f"typing:{talk}@0") for person in (ana, bo)]
    for person in (ana, bo):
        assert person.post(f"/messages/{talk}/typing", **{"HX-Request": "true"}).status == 204
    assert [one.heard() for one in ears] == [[], []]


def test_reading_reaches_the_writer_and_the_readers_other_tabs(talk: int, people: tuple[Visitor, ...]) -> None:
    ana, bo, _ = people
    say(ana, talk, "Hello", "12345678")
    log = ana.get(f"/messages/{talk}/log").text
    writer = ana.listen(f"conversation:{talk}@{version(log, f'conversation:{talk}')}")
    page = bo.get("/messages").text
    assert 'data-unread-messages="1"' in page
    reader = bo.listen(f"me@{version(page, 'me')}", f"conversations@{version(page, 'conversations')}")
    bo.post(f"/messages/{talk}/read", {"number": "1"})

    writer.next(f"conversation:{talk}", within=20)
    told: set[str] = set()
    while not {"me", "conversations"} <= told:
        told.add(reader.next(within=20).name)
    assert "message__mark--read" in ana.get(f"/messages/{talk}/log").text
    assert 'data-unread-messages="0"' in bo.get("/messages").text


def version(page: str, subject: str) -> str:
    found = re.search(rf'data-live="[^"]*\b{subject}@(\d+)', page)
    assert found
    return found[1]


def test_a_block_silences_open_streams_at_once(instance: Path, live_cast: Cast, talk: int, people: tuple[Visitor, ...]) -> None:
    ana, bo, _ = people
    ears = [ear(person, talk) for person in (ana, bo)]
    with app_on(instance) as app, app.app_context():
        Block.put(account(live_cast.ana), account(live_cast.bo))
        db.session.commit()

    for one in ears:
        told: set[str] = set()
        while not {f"conversation:{talk}", f"edits:{talk}", f"typing:{talk}"} <= told:
            event = one.next(within=20)
            told |= {event.name} if event.data.get("gone") else set()
    for person in (ana, bo):
        assert person.post(f"/messages/{talk}", {"text": "More"}).status == 404
        assert person.post(f"/messages/{talk}/typing").status == 404
        assert person.get(f"/messages/{talk}").status == 404


def test_the_suspended_are_gone_from_the_others_open_page(instance: Path, live_cast: Cast, talk: int, people: tuple[Visitor, ...]) -> None:
    _, bo, _ = people
    listening = ear(bo, talk)
    with app_on(instance) as app, app.app_context():
        account(live_cast.ana).suspend()
        db.session.commit()
    told: set[str] = set()
    while not {f"conversation:{talk}", f"typing:{talk}"} <= told:
        event = listening.next(within=20)
        told |= {event.name} if event.data.get("gone") else set()


def test_two_workers_tell_each_other(make_server: object, redis_url: str, talk: int) -> None:
    server = make_server(WEB_CONCURRENCY="2", REDIS_URL=redis_url)  # type: ignore[operator]
    ana, bo = (Visitor(server.url).log_in(email, PASSWORD) for email in (ANA, BO))
    ears = [bo.listen(f"typing:{talk}@0", f"conversation:{talk}@99") for _ in range(4)]  # on both workers, most likely
    assert ana.post(f"/messages/{talk}/typing", **{"HX-Request": "true"}).status == 204
    for one in ears:
        one.next(f"typing:{talk}", within=20)


def test_conversations_are_found_in_the_database_of_the_server(instance: Path, talk: int) -> None:
    with app_on(instance) as app, app.app_context():
        assert db.session.get_one(Conversation, talk).last_number == 0

"""Blocking: it cuts both ways and at once, on pages and on streams; the blocked person finds what they would find if the other had left."""

import re
from collections.abc import Callable, Collection
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live import announcements
from blueprints.live import routes as live_routes
from blueprints.live.hub import Stream
from blueprints.live.subjects import Subject, current_versions
from blueprints.matches.deck import ranked
from blueprints.matches.filters import NO_FILTERS, Filters
from blueprints.matches.models import Mark
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import OTHER_ROLE, Profile
from tests.conftest import PASSWORD, Cast, People
from tests.servers import Server
from tests.visitor import Visitor

Login = Callable[[Account], FlaskClient]

ADDRESSES = ["/profiles/{}", "/profiles/{}/portrait", "/profiles/{}/block", "/matches/{}/card", "/matches/{}/breakdown", "/matches/{}/why"]
WRITES = ["/matches/{}/save", "/matches/{}/hide", "/matches/{}/unhide", "/profiles/{}/block"]


@pytest.fixture
def block(as_user: Login) -> Callable[[Account, Account], Any]:
    return lambda one, other: as_user(one).post(f"/profiles/{other.profile.id}/block")


@pytest.fixture
def heard(app: Flask) -> Callable[[Account], tuple[Stream, Callable[[], set[str]]]]:
    """``heard(bo)``: an open stream of theirs that watches everything of the cast, and what it has heard since it was last asked."""
    for role in OTHER_ROLE:
        DeckVersion.moved_on(role)  # the first time everyone is told
    db.session.commit()
    app.extensions["matches"].open_decks.tell()

    def listen(account: Account) -> tuple[Stream, Callable[[], set[str]]]:
        hub = app.extensions["live"].hub
        stream = hub.open(account.id, session_id=account.id)
        subjects = [Subject(kind, profile.id) for kind in ("profile", "match") for profile in db.session.scalars(select(Profile))]
        live_routes._subscribe(hub, stream, account, dict.fromkeys([*subjects, Subject("me"), Subject("deck")], 0))

        def waiting() -> set[str]:
            matching = app.extensions["matches"]
            matching.index.freshen()
            matching.open_decks.tell()
            told, stream.pending = stream.pending, {}
            return {f"{name} gone" if b'"gone":true' in data else name for name, data in told.items()}

        waiting()
        return stream, waiting

    return listen


def words(page: str, them: Account) -> str:
    """An answer without the number that was asked for, and what differs from one page of a member to the next."""
    return re.sub(rf'nonce="[^"]*"|me@\d+|(?<=[a-z]-){them.profile.id}\b', "", page)


def asked(client: FlaskClient, *shown: str) -> Any:
    """What ``/live/watch`` says to a page that shows these."""
    return client.post("/live/watch", data={"subjects": " ".join(shown)}).json


def test_before_it_happens_it_says_what_will(cast: People, as_user: Login) -> None:
    page = as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}/block")

    assert page.status_code == 200
    assert "Block Nordlys Coffee?" in page.text and "They are not told" in page.text
    assert db.session.scalar(select(func.count()).select_from(Block)) == 0, "looking does nothing"
    assert f'href="/profiles/{cast.bo.profile.id}/block"' in as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}").text


@pytest.mark.parametrize("address", ADDRESSES)
def test_neither_finds_the_other_and_everyone_else_does(address: str, cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    assert as_user(cast.bo).get(address.format(cast.ana.profile.id)).status_code == 200
    assert block(cast.ana, cast.bo).status_code == 303

    answer = as_user(cast.bo).get(address.format(cast.ana.profile.id))
    assert answer.status_code == 404 and "Ana Ruiz" not in answer.text
    answer = as_user(cast.ana).get(address.format(cast.bo.profile.id))
    assert answer.status_code == (303 if address.endswith("block") else 404) and "Nordlys" not in answer.text
    assert as_user(cast.cy).get(address.format(cast.bo.profile.id)).status_code == 200, "cy keeps bo"
    assert as_user(cast.bo).get(address.format(cast.cy.profile.id)).status_code == 200, "and bo keeps cy"


@pytest.mark.parametrize("address", ADDRESSES)
def test_to_the_blocked_person_it_reads_as_if_the_other_had_left(address: str, cast: People, as_user: Login, make_account: Any, block: Callable[..., Any]) -> None:
    leaver = make_account("creator", name="Dot Leaves")
    leaver.deactivate()
    db.session.commit()
    block(cast.ana, cast.bo)
    client = as_user(cast.bo)

    blocked, gone = (client.get(address.format(account.profile.id)) for account in (cast.ana, leaver))

    assert blocked.status_code == gone.status_code == 404
    assert words(blocked.text, cast.ana) == words(gone.text, leaver)


@pytest.mark.parametrize("address", WRITES)
def test_neither_can_do_anything_with_the_other(address: str, cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    block(cast.ana, cast.bo)

    assert as_user(cast.bo).post(address.format(cast.ana.profile.id)).status_code == 404
    if not address.endswith("block"):
        assert as_user(cast.ana).post(address.format(cast.bo.profile.id)).status_code == 404
    assert db.session.scalar(select(func.count()).select_from(Mark)) == 0


def test_a_deck_a_search_and_every_count_leave_the_other_out(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    brand, creator = as_user(cast.bo), as_user(cast.ana)
    assert "2 creators" in brand.get("/matches").text and "1 brand" in creator.get("/matches").text
    block(cast.ana, cast.bo)
    assert "You blocked Nordlys Coffee" in creator.get("/settings").text, "it is said once"

    for path in ("/matches", "/matches/deck", "/matches/more"):
        assert "Ana Ruiz" not in brand.get(path).text and "Nordlys" not in creator.get(path).text, path
        assert "Cy Okafor" in brand.get(path).text
    assert "1 creator," in brand.get("/matches").text
    assert "Nobody here yet" in creator.get("/matches").text
    assert "Nobody" in brand.get("/matches?q=street").text
    assert ranked(cast.bo, Filters(q="street"), 1, 1).costs["q",] == 1, "without the words there would be cy, and not ana"
    assert ranked(cast.ana, NO_FILTERS, 1, 1).others == 0


def test_saved_hidden_and_compared_cards_go_too(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    brand, id = as_user(cast.bo), cast.ana.profile.id
    brand.post(f"/matches/{id}/save")
    as_user(cast.ana).post(f"/matches/{cast.bo.profile.id}/hide")
    assert "Ana Ruiz" in brand.get("/matches/saved").text and "Nordlys" in as_user(cast.ana).get("/matches/hidden").text
    block(cast.ana, cast.bo)
    assert "You blocked Nordlys Coffee" in as_user(cast.ana).get("/settings").text, "it is said once"

    for path in ("/matches/saved", f"/matches/compare?id={id}&id={cast.cy.profile.id}", f"/matches/compared?id={id}&id={cast.cy.profile.id}"):
        assert "Ana Ruiz" not in brand.get(path).text, path
    assert "Nothing saved yet" in brand.get("/matches/saved").text
    assert "Nordlys" not in as_user(cast.ana).get("/matches/hidden").text


def test_a_deck_takes_no_more_queries_for_it(app: Flask, cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    block(cast.ana, cast.bo)
    client = as_user(cast.bo)
    client.get("/matches")
    queries: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: queries.append(statement))

    client.get("/matches")

    assert len(queries) <= 5, queries


def test_open_streams_of_both_are_cut_off_at_once_and_nobody_elses(cast: People, block: Callable[..., Any], heard: Any) -> None:
    (brand, of_bo), (_, of_ana), (_, of_cy) = (heard(account) for account in (cast.bo, cast.ana, cast.cy))
    ana, bo = cast.ana.profile, cast.bo.profile
    assert f"profile:{ana.id}" in brand.topics

    block(cast.ana, cast.bo)

    assert of_bo() == {f"profile:{ana.id} gone", f"match:{ana.id} gone", "deck"}
    assert of_ana() >= {f"profile:{bo.id} gone", f"match:{bo.id} gone", "deck"}
    assert of_cy() == set()
    ana.revise({"bio": "Nothing for bo."}, base=ana.version)
    db.session.commit()
    assert f"profile:{ana.id}" not in of_bo()


def test_a_page_that_asks_what_is_new_is_told_that_it_is_gone(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    id = cast.ana.profile.id
    shown = (f"profile:{id}@1", f"match:{id}@1", f"profile:{cast.cy.profile.id}@1")
    assert asked(as_user(cast.bo), *shown)["gone"] == []
    block(cast.ana, cast.bo)

    assert asked(as_user(cast.bo), *shown)["gone"] == [f"profile:{id}", f"match:{id}"]


def test_a_stream_that_subscribes_while_the_block_is_saved_hears_nothing_of_them(
    app: Flask, cast: People, heard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The versions were read, and allowed, before the block; the stream is subscribed after it."""
    stream, _ = heard(cast.bo)
    reads = 0

    def read_then_blocked(viewer: Account, subjects: Collection[Subject]) -> dict[Subject, int]:
        nonlocal reads
        reads += 1
        versions = current_versions(viewer, subjects)
        if reads == 1:
            Block.put(cast.ana, cast.bo)
            db.session.commit()
        return versions

    monkeypatch.setattr(live_routes, "current_versions", read_then_blocked)
    theirs = Subject("profile", cast.ana.profile.id)
    _, gone = live_routes._subscribe(app.extensions["live"].hub, stream, cast.bo, {theirs: 1})

    assert (reads, gone) == (2, [theirs])
    assert not any(topic.startswith(f"profile:{cast.ana.profile.id}") for topic in stream.topics)


def test_nothing_is_said_to_the_blocked_persons_own_pages(app: Flask, cast: People, block: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[announcements.Notice] = []
    monkeypatch.setattr(app.extensions["live"].bus, "publish", rung.append)
    block(cast.ana, cast.bo)

    of_bo = [notice.topic.partition("/")[0] for notice in rung if re.search(rf"[/.]{cast.bo.id}\b", notice.topic)]
    assert of_bo == ["cut"]


def test_twice_is_the_same_as_once(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    assert [block(cast.ana, cast.bo).location for _ in range(2)] == ["/matches", "/settings/blocked"]
    assert db.session.scalar(select(func.count()).select_from(Block)) == 1
    assert [as_user(cast.ana).post(f"/profiles/{cast.bo.profile.id}/unblock").location for _ in range(2)] == ["/settings/blocked"] * 2


def test_who_may_not_see_somebody_cannot_block_them(cast: People, as_user: Login, make_account: Any) -> None:
    admin = make_account("creator")
    admin.take_role("admin")
    db.session.commit()

    for account, other in ((cast.cy, cast.ana), (cast.ana, cast.ana), (admin, cast.ana)):
        for method, do in (("GET", "block"), ("POST", "block"), ("POST", "unblock")):
            assert as_user(account).open(f"/profiles/{other.profile.id}/{do}", method=method).status_code == 404, (account.role, do)
    assert db.session.scalar(select(func.count()).select_from(Block)) == 0


def test_nobody_is_sent_to_log_in(cast: People, stranger: FlaskClient) -> None:
    for method, path in (("GET", "/profiles/1/block"), ("POST", "/profiles/1/block"), ("POST", "/profiles/1/unblock"), ("GET", "/settings/blocked")):
        assert stranger.open(path, method=method).location.partition("?")[0] == "/login"


def test_the_list_names_whom_i_blocked_and_not_who_blocked_me(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    block(cast.ana, cast.bo)

    assert "Nordlys Coffee" in as_user(cast.ana).get("/settings/blocked").text
    assert "Nobody is blocked" in as_user(cast.bo).get("/settings/blocked").text
    assert 'href="/settings/blocked"' in as_user(cast.ana).get("/settings").text


def test_the_list_says_nothing_new_of_them(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    block(cast.ana, cast.bo)
    cast.bo.profile.revise({"name": "Nordlys Tea"}, base=cast.bo.profile.version)
    db.session.commit()

    page = as_user(cast.ana).get("/settings/blocked").text
    assert "Nordlys Coffee" in page and "Nordlys Tea" not in page


def test_the_open_list_hears_of_a_block(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    page = as_user(cast.ana).get("/settings/blocked").text
    assert 'data-live="blocked@0"' in page
    block(cast.ana, cast.bo)

    assert asked(as_user(cast.ana), "blocked@0")["stale"] == {"blocked": 1}
    assert "Nordlys Coffee" in as_user(cast.ana).get("/settings/blocked/list").text


def test_unblocking_brings_both_back_at_once(cast: People, as_user: Login, block: Callable[..., Any], heard: Any) -> None:
    block(cast.ana, cast.bo)
    (_, of_bo), (_, of_cy) = heard(cast.bo), heard(cast.cy)
    assert as_user(cast.bo).get("/matches").text.count("<article") == 1
    of_bo(), of_cy()

    answer = as_user(cast.ana).post(f"/profiles/{cast.bo.profile.id}/unblock")

    assert (answer.status_code, answer.location) == (303, "/settings/blocked")
    assert of_bo() == {"deck"} and of_cy() == set()
    assert "Ana Ruiz" in as_user(cast.bo).get("/matches").text and "Nordlys" in as_user(cast.ana).get("/matches").text
    assert as_user(cast.bo).get(f"/profiles/{cast.ana.profile.id}").status_code == 200


def test_where_both_blocked_each_other_both_must_unblock(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    block(cast.ana, cast.bo)
    Block.put(cast.bo, cast.ana)
    db.session.commit()
    as_user(cast.ana).post(f"/profiles/{cast.bo.profile.id}/unblock")

    assert as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}").status_code == 404
    as_user(cast.bo).post(f"/profiles/{cast.ana.profile.id}/unblock")
    assert as_user(cast.ana).get(f"/profiles/{cast.bo.profile.id}").status_code == 200


def test_nobody_can_lift_a_block_of_somebody_else(cast: People, as_user: Login, block: Callable[..., Any]) -> None:
    block(cast.ana, cast.bo)

    assert as_user(cast.bo).post(f"/profiles/{cast.ana.profile.id}/unblock").status_code == 404
    assert as_user(cast.bo).get(f"/profiles/{cast.ana.profile.id}").status_code == 404


def test_a_block_says_whether_it_stands_to_those_who_are_about_to_send(cast: People) -> None:
    assert not Block.stands(cast.ana.id, cast.bo.id)
    Block.put(cast.ana, cast.bo)

    assert Block.stands(cast.ana.id, cast.bo.id) and Block.stands(cast.bo.id, cast.ana.id)
    assert not Block.stands(cast.cy.id, cast.bo.id)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_worker_tells_anything_after_a_block(workers: str, make_server: Callable[..., Server], redis_url: str, live_cast: Cast) -> None:
    """Streams and watch calls land on any of them."""
    server = make_server(WEB_CONCURRENCY=workers, REDIS_URL=redis_url)
    ana, bo, cy = (Visitor(server.url).log_in(email, PASSWORD) for email in ("creator1@example.com", "brand2@example.com", "creator3@example.com"))
    shown = f"profile:{live_cast.ana}@1"
    ears = [bo.listen(shown) for _ in range(6)]
    others = cy.listen(f"profile:{live_cast.bo}@1")

    assert ana.post(f"/profiles/{live_cast.bo}/block").status == 200

    for ear in ears:
        assert ear.next(f"profile:{live_cast.ana}", within=15).data == {"gone": True}
    for _ in range(6):
        assert bo.watch(ears[0].id, shown).json["gone"] == [f"profile:{live_cast.ana}"]
        late = bo.listen(shown)
        assert late.next(f"profile:{live_cast.ana}", within=15).data == {"gone": True}
        late.close()
    assert ana.patch("/profile", {"headline": "Nothing for bo", "base": 1}).status == 200
    assert bo.patch("/profile", {"headline": "For cy", "base": 1}).status == 200
    assert others.next(f"profile:{live_cast.bo}", within=15).data["v"] == 2, "cy hears, so the bells have rung"
    for ear in ears[1:]:
        assert [event for event in ear.heard(within=0.2) if event.name == f"profile:{live_cast.ana}"] == []

"""Who sees whether somebody is here: each setting both ways, strangers, blocked people, and pages that are open."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.live.announcements import Announcement
from blueprints.live.hub import Stream
from blueprints.live.subjects import parse, topic_of
from blueprints.presence.privacy import privacy_changed
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request
from tests.conftest import Login, People
from tests.presence.conftest import Worker, hears_of

Sees = Callable[[Account, Account], str | None]
Connect = Callable[[Account, Account], Request]


@pytest.fixture(autouse=True)
def online(cast: People, worker: Worker) -> None:
    for account in (cast.ana, cast.bo, cast.cy):
        worker.opens(account)
    worker.after(1)


@pytest.fixture
def choose(as_user: Login) -> Callable[..., None]:
    """By the form, as people do."""

    def send(account: Account, presence_to: str, **more: Any) -> None:
        answer = as_user(account).post("/settings/privacy", data={"presence_to": presence_to, "shows_reading": "y", "shows_typing": "y", **more})
        assert answer.status_code == 303, answer.text
        db.session.expire_all()

    return send


@pytest.fixture
def open_page(app: Flask) -> Iterator[Callable[[Account, Account], Stream]]:
    """A stream of the first that shows the presence of the second."""
    hub = app.extensions["live"].hub
    opened: list[Stream] = []

    def open(viewer: Account, them: Account) -> Stream:
        stream = hub.open(viewer.id, session_id=viewer.id)
        shown = parse([f"presence:{them.profile.id}@0"])
        assert hears_of(viewer, them), "they may see it at first"
        hub.watch(stream, {topic_of(subject, viewer) for subject in shown})
        stream.pending.clear()
        opened.append(stream)
        return stream

    yield open
    for stream in opened:
        hub.leave(stream)


def heard(stream: Stream, subject: str) -> dict[str, Any] | None:
    frame = stream.pending.get(subject)
    return json.loads(frame.decode().split("data: ")[1]) if frame else None


def test_both_show_it_to_all_and_both_see_it(cast: People, sees: Sees) -> None:
    assert sees(cast.bo, cast.ana) == "Online"
    assert sees(cast.ana, cast.bo) == "Online"


def test_a_stranger_finds_nothing(cast: People, as_user: Login) -> None:
    for them in (cast.ana, cast.cy):  # somebody of the same role, and oneself
        answer = as_user(cast.cy).get(f"/presence/{them.profile.id}")
        assert answer.status_code == 404
        assert "Online" not in answer.text
        assert not hears_of(cast.cy, them)
    missing = as_user(cast.cy).get("/presence/999")
    assert missing.status_code == 404
    assert missing.text.replace("999", "1") == as_user(cast.cy).get("/presence/1").text, "as if she did not exist"
    assert "presence-" not in as_user(cast.cy).get(f"/profiles/{cast.cy.profile.id}").text


def test_a_blocked_person_finds_nothing_and_neither_does_who_blocked(cast: People, as_user: Login) -> None:
    Block.put(cast.ana, cast.bo)
    db.session.commit()

    for viewer, them in ((cast.bo, cast.ana), (cast.ana, cast.bo)):
        for path in (f"/presence/{them.profile.id}", f"/presence/{them.profile.id}?page=1"):
            assert as_user(viewer).get(path).status_code == 404
        assert not hears_of(viewer, them)


@pytest.mark.parametrize("ana_shows_to, bo_shows_to, seen_by_strangers, seen_by_connections", [
    ("all", "all", True, True),
    ("all", "connections", False, True),
    ("connections", "all", False, True),
    ("connections", "connections", False, True),
    ("all", "nobody", False, False),
    ("nobody", "all", False, False),
    ("connections", "nobody", False, False),
    ("nobody", "nobody", False, False),
])  # fmt: skip
def test_what_one_does_not_show_one_does_not_see(
    ana_shows_to: str, bo_shows_to: str, seen_by_strangers: bool, seen_by_connections: bool, cast: People, sees: Sees, connect: Connect, choose: Callable[..., None]
) -> None:
    choose(cast.ana, ana_shows_to)
    choose(cast.bo, bo_shows_to)
    assert [sees(cast.bo, cast.ana), sees(cast.ana, cast.bo)] == ["Online" if seen_by_strangers else None] * 2
    request = connect(cast.bo, cast.ana)
    assert [sees(cast.bo, cast.ana), sees(cast.ana, cast.bo)] == ["Online" if seen_by_connections else None] * 2

    request.end(cast.ana)
    db.session.commit()
    assert [sees(cast.bo, cast.ana), sees(cast.ana, cast.bo)] == ["Online" if seen_by_strangers else None] * 2


def test_hiding_it_is_live_on_the_pages_of_the_others(cast: People, worker: Worker, open_page: Callable[..., Stream], choose: Callable[..., None]) -> None:
    page = open_page(cast.bo, cast.ana)
    choose(cast.ana, "nobody")
    subject = f"presence:{cast.ana.profile.id}"
    assert heard(page, subject) == {"gone": True}

    page.pending.clear()
    worker.keeper.hub.stop()
    worker.after(20)
    assert heard(page, subject) is None, "nor when she leaves"


def test_hiding_it_ends_at_once_what_ones_own_pages_hear_of_others(cast: People, open_page: Callable[..., Stream], choose: Callable[..., None]) -> None:
    page = open_page(cast.ana, cast.bo)
    choose(cast.ana, "nobody")

    assert page.closed, "it comes back and asks what it may hear now"
    assert not hears_of(cast.ana, cast.bo)


def announced(topic: str) -> list[Announcement]:
    return list(db.session.scalars(select(Announcement).where(Announcement.topic == topic).order_by(Announcement.id)))


def test_showing_it_again_is_live_on_the_cards_of_the_others_and_on_ones_own(cast: People, choose: Callable[..., None]) -> None:
    choose(cast.ana, "nobody")
    db.session.expire_all()
    before = cast.ana.profile.version, cast.ana.profile.match_version
    choose(cast.ana, "connections")

    assert cast.ana.profile.version > before[0]
    assert announced(f"profile:{cast.ana.profile.id}")[-1].version == cast.ana.profile.version
    assert announced(f"match:*/{cast.ana.id}")[-1].version == cast.ana.profile.match_version > before[1]


def test_hiding_it_is_no_news_of_the_profile(cast: People, choose: Callable[..., None]) -> None:
    """The others' cards are not marked as updated."""
    version = cast.ana.profile.version
    choose(cast.ana, "nobody")

    assert cast.ana.profile.version == version
    assert announced(f"profile:{cast.ana.profile.id}") == []


def test_the_setting_is_nobodys_business_and_marks_no_saved_card_as_changed(cast: People, as_user: Login, choose: Callable[..., None]) -> None:
    as_user(cast.bo).post(f"/matches/{cast.ana.profile.id}/save")
    choose(cast.ana, "nobody")
    choose(cast.ana, "all")

    card = as_user(cast.bo).get(f"/matches/{cast.ana.profile.id}/card").text
    assert "since you last looked" not in card and "presence to" not in card
    assert "presence_to" not in "".join(one.data for one in db.session.scalars(select(Announcement)))


def test_when_a_connection_ends_who_shows_it_to_connections_only_is_gone_at_once(
    cast: People, connect: Connect, open_page: Callable[..., Stream], choose: Callable[..., None]
) -> None:
    choose(cast.ana, "connections")
    request = connect(cast.bo, cast.ana)
    pages = {them.profile.id: open_page(viewer, them) for viewer, them in ((cast.bo, cast.ana), (cast.ana, cast.bo))}
    request.end(cast.bo)
    db.session.commit()

    for id, page in pages.items():
        assert heard(page, f"presence:{id}") == {"gone": True}
        assert not any(topic.startswith("presence:") for topic in page.topics)


def test_on_a_page_the_place_stays_and_hears_of_settings_and_connection(cast: People, as_user: Login, connect: Connect, choose: Callable[..., None]) -> None:
    choose(cast.bo, "connections")
    profile_id = cast.ana.profile.id
    empty = as_user(cast.bo).get(f"/presence/{profile_id}?page=1").text
    assert "Online" not in empty and f"presence:{profile_id}@" not in empty and " hidden " in empty
    assert f'data-live="request:{profile_id}@0 privacy@1"' in empty
    assert f'data-live="request:{profile_id}@0 privacy@1"' in as_user(cast.bo).get(f"/profiles/{profile_id}").text

    connect(cast.bo, cast.ana)
    there = as_user(cast.bo).get(f"/presence/{profile_id}?page=1").text
    assert "Online" in there and f"presence:{profile_id}@" in there and "privacy@1" in there


def test_a_profile_page_that_did_not_change_is_not_sent_again_and_one_whose_presence_did_is(cast: People, worker: Worker, as_user: Login) -> None:
    path = f"/profiles/{cast.ana.profile.id}/portrait"
    first = as_user(cast.bo).get(path)
    assert "Online" in first.text
    again = {"If-None-Match": first.headers["ETag"]}
    assert as_user(cast.bo).get(path, headers=again).status_code == 304

    worker.keeper.hub.stop()
    worker.after(20)
    assert "Active" in as_user(cast.bo).get(path, headers=again).text


# The form.


def test_the_settings_say_that_they_go_both_ways_and_keep_what_was_chosen(cast: People, as_user: Login) -> None:
    heard: list[Any] = []

    def hear(profile: Profile, fields: frozenset[str]) -> None:
        heard.append((profile.id, fields))

    privacy_changed.connect(hear)
    client = as_user(cast.ana)
    assert 'href="/settings/privacy"' in client.get("/settings").text
    page = client.get("/settings/privacy").text
    assert "These go both ways" in page and page.count("If you switch this off, you do not see it") == 2

    assert client.post("/settings/privacy", data={"presence_to": "connections", "shows_typing": "y"}).status_code == 303

    db.session.expire_all()
    profile = cast.ana.profile
    assert (profile.presence_to, profile.shows_reading, profile.shows_typing) == ("connections", False, True)
    assert heard == [(profile.id, frozenset({"presence_to", "shows_reading"}))]
    page = client.get("/settings/privacy").text
    assert "Your privacy settings are saved." in page
    assert page.count(" checked") == 2 and 'checked class="check__box" id="presence_to-1"' in page


def test_what_is_sent_twice_is_settled_once(cast: People, choose: Callable[..., None]) -> None:
    choose(cast.ana, "nobody")
    version = cast.ana.profile.match_version, cast.ana.version, cast.ana.profile.presence_version
    choose(cast.ana, "nobody")

    assert (cast.ana.profile.match_version, cast.ana.version, cast.ana.profile.presence_version) == version


@pytest.mark.parametrize("nonsense", ["", "everyone", "\x00", "9" * 5_000])
def test_nonsense_is_refused_beside_the_field_and_changes_nothing(nonsense: str, cast: People, as_user: Login) -> None:
    answer = as_user(cast.ana).post("/settings/privacy", data={"presence_to": nonsense})

    assert answer.status_code == 422
    assert "Nothing was saved yet" in answer.text and 'class="field__error"' in answer.text
    db.session.expire_all()
    assert cast.ana.profile.presence_to == "all" and cast.ana.profile.shows_reading

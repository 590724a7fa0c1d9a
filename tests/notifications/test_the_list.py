"""The list of what one is told: live on the open page, read on all of one's devices at once, and nobody else's."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db, utc_now
from blueprints.live.subjects import NO_ID, Subject, current_versions
from blueprints.notifications.models import Notification
from blueprints.profiles.blocks import Block
from tests.conftest import PASSWORD, People
from tests.notifications.conftest import rows, unread
from tests.notifications.test_being_told import ask, connect, save, write

Login = Callable[[Account], FlaskClient]


def latest(client: FlaskClient) -> list[dict[str, str]]:
    return json.loads(client.get("/notifications/latest").text)


def version(account: Account) -> int:
    return current_versions(account, [Subject("notifications")])[Subject("notifications", NO_ID)]


def items(client: FlaskClient, path: str = "/notifications") -> list[str]:
    """Each in the list as it reads, "New" before what is unread."""
    page = client.get(path)
    assert page.status_code == 200
    found = re.findall(r'<li class="notification.*?<div class="notification__words">\s*<p>(.*?)</p>', page.text, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", "", words).split()) for words in found]


def test_it_says_what_happened_with_the_way_there_and_marks_the_unread_by_a_word(cast: People, as_user: Login) -> None:
    ask(cast.ana, cast.bo)
    page = as_user(cast.bo).get("/notifications").text

    assert items(as_user(cast.bo)) == ["New Ana Ruiz asks to work with you"]
    assert f'href="/profiles/{cast.ana.profile.id}"' in page
    assert "<h2 class=\"notifications__day\">Today</h2>" in page
    assert items(as_user(cast.ana)) == items(as_user(cast.cy)) == []
    assert "Nothing has happened yet" in as_user(cast.cy).get("/notifications").text


def test_a_page_knows_by_its_version_that_it_is_behind(cast: People, as_user: Login) -> None:
    before = version(cast.bo)
    shown = as_user(cast.bo).get("/notifications").text
    assert f'data-live="notifications@{before}"' in shown
    ask(cast.ana, cast.bo)

    assert version(cast.bo) == before + 1
    fragment = as_user(cast.bo).get("/notifications/list").text
    assert f'data-live="notifications@{before + 1} profile:{cast.ana.profile.id}@{cast.ana.profile.version}"' in fragment
    assert version(cast.cy) == 0


def test_a_new_name_and_face_of_them_moves_the_list(cast: People, as_user: Login) -> None:
    ask(cast.ana, cast.bo)
    cast.ana.profile.revise({"name": "Ana R."}, base=1)
    db.session.commit()

    fragment = as_user(cast.bo).get("/notifications/list").text
    assert "Ana R." in fragment and f"profile:{cast.ana.profile.id}@2" in fragment


def test_one_is_read_on_all_devices(cast: People, as_user: Login, app: Flask) -> None:
    ask(cast.ana, cast.bo).answer(cast.bo, accept=True)
    db.session.commit()
    phone, laptop = as_user(cast.ana), app.test_client()
    laptop.post("/login", data={"email": cast.ana.email, "password": PASSWORD})
    assert items(phone) == items(laptop) == ["New Nordlys Coffee accepted your request"]
    before, me = version(cast.ana), cast.ana.version

    answer = phone.post(f"/notifications/{rows(cast.ana)[0].id}/read")

    assert answer.status_code == 303
    assert items(laptop) == ["Nordlys Coffee accepted your request"]
    db.session.expire_all()
    assert version(cast.ana) > before and cast.ana.version > me, "the list and the badge of both hear of it"
    assert unread(cast.ana) == (0, 0)


def test_htmx_gets_the_list_as_it_is_then(cast: People, as_user: Login) -> None:
    ask(cast.ana, cast.bo)
    answer = as_user(cast.bo).post(f"/notifications/{rows(cast.bo)[0].id}/read", headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert answer.text.count('id="notifications"') == 1 and "<html" not in answer.text
    assert "notification__new" not in answer.text


def test_all_are_read_at_once_and_twice_is_the_same(cast: People, make_account: Callable[..., Account], as_user: Login) -> None:
    for _ in range(3):
        ask(make_account("creator"), cast.bo)
    Notification.tell(cast.bo, "warning")
    db.session.commit()
    assert unread(cast.bo) == (1, 4)

    for _ in range(2):
        assert as_user(cast.bo).post("/notifications/read").status_code == 303
        assert unread(cast.bo) == (0, 0)
    after = version(cast.bo)
    as_user(cast.bo).post("/notifications/read")
    assert version(cast.bo) == after, "nothing moved"


def test_a_stranger_reads_nobody_elses(cast: People, as_user: Login, stranger: FlaskClient) -> None:
    ask(cast.ana, cast.bo)
    url = f"/notifications/{rows(cast.bo)[0].id}/read"

    assert as_user(cast.cy).post(url).status_code == as_user(cast.ana).post(url).status_code == 404
    assert stranger.post(url).status_code in (302, 401)
    assert unread(cast.bo) == (0, 1)


def test_about_a_blocked_person_nothing_is_shown_counted_or_found(cast: People, as_user: Login) -> None:
    ask(cast.ana, cast.bo)
    Notification.tell(cast.bo, "answer", cast.ana.profile, state="accepted")
    db.session.commit()
    mine = rows(cast.bo)[0].id
    Block.put(cast.ana, cast.bo)
    Notification.tell(cast.bo, "answer", cast.ana.profile, state="accepted")  # a message on its way, say
    db.session.commit()

    assert items(as_user(cast.bo)) == []
    assert unread(cast.bo) == (0, 0)
    assert as_user(cast.bo).post(f"/notifications/{mine}/read").status_code == 404
    assert latest(as_user(cast.bo)) == []


def test_days_pages_and_the_unread_first_in_each(cast: People, make_account: Callable[..., Account], as_user: Login) -> None:
    for number in range(33):
        ask(make_account("creator", name=f"Creator {number}"), cast.bo)
    found = rows(cast.bo)
    for age, row in enumerate(reversed(found)):
        row.updated_at = utc_now().replace(hour=12) - timedelta(days=age // 2)
        row.read_at = utc_now() if age % 2 == 0 else None
    db.session.commit()

    page = as_user(cast.bo).get("/notifications").text
    assert page.index(">Today<") < page.index(">Yesterday<")
    first = items(as_user(cast.bo))
    assert len(first) == 30 and first[0].startswith("New") and not first[1].startswith("New")
    assert len(items(as_user(cast.bo), "/notifications?page=2")) == 3
    assert "Nothing on this page" in as_user(cast.bo).get("/notifications?page=9").text


def test_a_page_of_many_asks_the_database_seldom(cast: People, make_account: Callable[..., Account], as_user: Login) -> None:
    for _ in range(30):
        ask(make_account("creator"), cast.bo)
    client, asked = as_user(cast.bo), []
    db.session.expire_all()

    def count(*args: object) -> None:
        asked.append(args[2])

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        client.get("/notifications/list")
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    assert len([statement for statement in asked if str(statement).lstrip().upper().startswith("SELECT")]) <= 5, asked


def test_what_was_read_long_ago_is_forgotten_but_not_what_is_told_only_once(cast: People) -> None:
    for kind in ("answer", "warning"):
        Notification.tell(cast.bo, kind, cast.ana.profile if kind == "answer" else None)
    Notification.tell_once(cast.bo, "match", cast.ana.profile)
    Notification.read(cast.bo, Notification.kind != "warning")
    for row in rows(cast.bo):
        row.read_at = row.read_at and utc_now() - timedelta(days=91)
    db.session.commit()

    assert Notification.prune() == 1
    assert [row.kind for row in rows(cast.bo)] == ["warning", "match"]


# What a browser may show while no tab is in front.


def test_the_latest_holds_no_word_that_somebody_wrote_and_is_kept_nowhere(cast: People, as_user: Login) -> None:
    talk = connect(cast.ana, cast.bo)
    write(talk, cast.bo, "A secret word")
    answer = as_user(cast.ana).get("/notifications/latest")

    assert answer.headers["Cache-Control"] == "private, no-store"
    found = json.loads(answer.text)
    assert [one["words"] for one in found] == ["Nordlys Coffee wrote to you", "Nordlys Coffee accepted your request"]
    assert found[0]["url"] == f"/messages/{talk.id}"
    assert "secret" not in answer.text
    assert latest(as_user(cast.cy)) == []


def test_the_latest_are_of_the_last_moments_and_unread(cast: People, as_user: Login) -> None:
    ask(cast.ana, cast.bo)
    assert len(latest(as_user(cast.bo))) == 1
    rows(cast.bo)[0].updated_at = utc_now() - timedelta(minutes=10)
    db.session.commit()
    assert latest(as_user(cast.bo)) == []


# Settings.


def sent(client: FlaskClient, **boxes: list[str]) -> int:
    return client.post("/settings/notifications", data=boxes).status_code


def test_what_is_switched_off_in_duet_is_neither_listed_nor_counted(cast: People, as_user: Login) -> None:
    ask(cast.ana, cast.bo).answer(cast.bo, accept=True)
    db.session.commit()
    client = as_user(cast.ana)
    assert unread(cast.ana) == (1, 1)

    assert sent(client, answer=["browser", "email"], request=["in_app"]) == 303
    assert unread(cast.ana) == (0, 0)
    assert items(client) == []
    assert len(latest(client)) == 1, "the browser may still show it"

    assert sent(client, answer=["in_app"]) == 303
    assert items(client) == ["New Nordlys Coffee accepted your request"]
    assert latest(client) == []


def test_what_is_off_by_every_way_is_not_kept(cast: People, as_user: Login) -> None:
    assert sent(as_user(cast.bo), message=["in_app"]) == 303
    ask(cast.ana, cast.bo)

    assert rows(cast.bo) == []
    assert cast.bo.waiting_requests == 1, "the request itself is there"


def test_each_way_stands_for_itself_and_only_what_differs_is_kept(cast: People, as_user: Login) -> None:
    client = as_user(cast.ana)
    page = client.get("/settings/notifications").text
    usual = re.findall(r'<input(?=[^>]*\bchecked)[^>]*name="(\w+)"[^>]*value="(\w+)"|<input checked[^>]*name="(\w+)"[^>]*value="(\w+)"', page)
    assert ("warning" not in page.split("<table")[1]) and len(usual) > 8

    boxes: dict[str, list[str]] = {}
    for kind, channel, other_kind, other_channel in usual:
        boxes.setdefault(kind or other_kind, []).append(channel or other_channel)
    boxes["match"] = ["browser"]
    assert sent(client, **boxes) == 303

    kept = db.session.execute(db.text("SELECT kind FROM notification_settings")).scalars().all()
    assert kept == ["match"]
    again = client.get("/settings/notifications").text
    assert re.search(r'<input(?=[^>]*checked)(?=[^>]*name="match")(?=[^>]*value="browser")', again)
    assert not re.search(r'<input(?=[^>]*checked)(?=[^>]*name="match")(?=[^>]*value="email")', again)


def test_a_way_that_does_not_exist_is_said_beside_its_kind(cast: People, as_user: Login) -> None:
    client = as_user(cast.ana)
    answer = client.post("/settings/notifications", data={"answer": ["in_app", "by pigeon"]})

    assert answer.status_code == 422
    assert "field__error" in answer.text and "Nothing was saved yet" in answer.text
    assert db.session.execute(db.text("SELECT count(*) FROM notification_settings")).scalar() == 0


def test_a_strangers_settings_are_their_own(cast: People, as_user: Login) -> None:
    sent(as_user(cast.ana), answer=["in_app"])
    save(cast.bo, cast.ana.profile)

    assert db.session.execute(db.text("SELECT count(*) FROM notification_settings WHERE account_id <> :ana"), {"ana": cast.ana.id}).scalar() == 0


@pytest.mark.parametrize("path", ["/notifications", "/notifications/latest", "/notifications/list", "/settings/notifications"])
def test_nobody_and_admins_have_none(path: str, cast: People, make_account: Callable[..., Account], as_user: Login, stranger: FlaskClient) -> None:
    cast.cy.take_role("admin")
    db.session.commit()

    assert as_user(cast.cy).get(path).status_code == 404
    assert stranger.get(path).status_code in (302, 401)


def test_what_is_kept_is_small(cast: People) -> None:
    talk = connect(cast.ana, cast.bo)
    write(talk, cast.ana, "x" * 3_000)

    assert all(len(json.dumps(row.data)) < 100 for row in rows(cast.bo))
    assert OwnVersion.of(cast.bo, "notifications") > 0

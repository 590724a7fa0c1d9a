"""Several at the same moment, each in a browser of their own: the database decides, on both."""

import threading
from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import Message
from blueprints.profiles.blocks import Block
from blueprints.requests.models import UNANSWERED, Request
from tests.conftest import People
from tests.requests.briefs import TYPED
from tests.requests.conftest import Ask
from tests.requests.test_asking import between, count

Login = Callable[[Account], FlaskClient]
Press = Callable[[], int]

TIMES = 4
DONE, TOO_LATE, NOT_THERE = 303, 410, 404
HTMX = {"HX-Request": "true"}


def at_once(app: Flask, *presses: Press) -> list[int]:
    """What each is answered, pressed in a thread of its own as soon as all are there; whatever breaks on the way breaks the test."""
    ready = threading.Barrier(len(presses))
    said: dict[int, int | Exception] = {}

    def run(index: int, press: Press) -> None:
        try:
            ready.wait(20)
            said[index] = press()
        except Exception as error:  # noqa: BLE001  the test looks at it
            said[index] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(presses)]
    db.session.rollback()  # nothing of this test holds a lock meanwhile
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    answers = [said[index] for index in range(len(presses))]
    db.session.expire_all()
    assert all(isinstance(answer, int) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, int)]


def asking(app: Flask, as_user: Login, sender: Account, to: Account, **typed: str) -> Press:
    cookie, data = cookie_of(as_user(sender)), TYPED | {"to": str(to.profile.id)} | typed
    return lambda: tab(app, cookie).post("/requests", data=data).status_code


def doing(app: Flask, as_user: Login, who: Account, asked: Request, what: str) -> Press:
    cookie, path = cookie_of(as_user(who)), f"/requests/{asked.id}/{what}"
    return lambda: tab(app, cookie).post(path, headers=HTMX).status_code


def blocking(app: Flask, as_user: Login, who: Account, whom: Account) -> Press:
    cookie, path = cookie_of(as_user(who)), f"/profiles/{whom.profile.id}/block"
    return lambda: tab(app, cookie).post(path).status_code


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("duet")
    assert cookie
    return cookie.value


def tab(app: Flask, cookie: str) -> FlaskClient:
    """One more tab of the same browser: clients may not be shared by threads."""
    client = app.test_client()
    client.set_cookie("duet", cookie)
    return client


def test_two_who_ask_each_other_at_the_same_moment_are_connected_and_nobodys_words_are_lost(app: Flask, cast: People, as_user: Login) -> None:
    for turn in range(TIMES):
        words = {cast.ana.id: f"Ana's idea, {turn}", cast.bo.id: f"Bo's idea, {turn}"}
        said = at_once(
            app,
            asking(app, as_user, cast.ana, cast.bo, what=words[cast.ana.id]),
            asking(app, as_user, cast.bo, cast.ana, what=words[cast.bo.id]),
        )

        assert said == [DONE, DONE]
        latest = db.session.scalars(select(Request).where(Request.superseded_at.is_(None))).one()
        assert latest.is_connected
        written = db.session.scalars(select(Message).order_by(Message.number.desc())).first()
        assert written
        assert {latest.what, written.text} == set(words.values())
        assert written.sender_id == latest.receiver_id
        assert cast.ana.waiting_requests == cast.bo.waiting_requests == 0
        latest.end(cast.ana)
        db.session.commit()


def test_a_button_pressed_in_many_tabs_sends_one_request(app: Flask, cast: People, as_user: Login) -> None:
    assert at_once(app, *[asking(app, as_user, cast.ana, cast.bo)] * TIMES) == [DONE] * TIMES

    assert count() == 1
    assert cast.bo.waiting_requests == 1


def test_accepted_while_it_is_withdrawn_it_is_one_of_both(app: Flask, cast: People, as_user: Login, ask: Ask) -> None:
    for _ in range(TIMES):
        asked = ask(cast.ana, cast.bo)
        before = asked.version
        said = at_once(app, doing(app, as_user, cast.bo, asked, "accept"), doing(app, as_user, cast.ana, asked, "withdraw"))

        assert said == ([DONE, TOO_LATE] if asked.state == "accepted" else [TOO_LATE, DONE]), asked.state
        assert asked.version == before + 1
        assert cast.bo.waiting_requests == 0
        if asked.is_connected:
            asked.end(cast.ana)
            db.session.commit()


def test_yes_and_no_from_two_tabs_of_the_same_person_is_what_came_first(app: Flask, cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    said = at_once(app, doing(app, as_user, cast.bo, asked, "accept"), doing(app, as_user, cast.bo, asked, "decline"))

    assert said == ([DONE, TOO_LATE] if asked.state == "accepted" else [TOO_LATE, DONE]), asked.state


def test_many_tabs_at_the_limit_send_no_more_than_it_allows(app: Flask, cast: People, as_user: Login, ask: Ask, make_account: Callable[..., Account]) -> None:
    brands = [make_account("brand", name=f"Brand {number}") for number in range(UNANSWERED + TIMES - 2)]
    for brand in brands[: UNANSWERED - 2]:
        ask(cast.ana, brand)
    said = at_once(app, *[asking(app, as_user, cast.ana, brand) for brand in brands[UNANSWERED - 2 :]])

    assert sorted(said) == [DONE, DONE] + [422] * (TIMES - 2)
    assert count() == UNANSWERED
    assert Request.allowance(cast.ana).left == 0


def test_accepted_while_one_blocks_the_other_nobody_is_connected(app: Flask, cast: People, as_user: Login, ask: Ask) -> None:
    for _ in range(TIMES):
        asked = ask(cast.ana, cast.bo)
        said = at_once(app, doing(app, as_user, cast.bo, asked, "accept"), blocking(app, as_user, cast.ana, cast.bo))

        assert said[0] in (DONE, TOO_LATE, NOT_THERE) and said[1] in (302, DONE)
        assert asked.state in ("ended", "withdrawn")
        for one, other in ((cast.ana, cast.bo), (cast.bo, cast.ana)):
            assert not list(db.session.scalars(Request.connections_of(one.id)))
            assert one.waiting_requests == one.unread_messages == 0
            assert as_user(one).get(f"/profiles/{other.profile.id}").status_code == 404
        Block.lift(cast.ana, cast.bo)
        db.session.commit()


def test_asked_while_one_blocks_the_other_nothing_waits(app: Flask, cast: People, as_user: Login) -> None:
    for _ in range(TIMES):
        said = at_once(app, asking(app, as_user, cast.ana, cast.bo), blocking(app, as_user, cast.bo, cast.ana))

        assert said[0] in (DONE, NOT_THERE, 422) and said[1] in (302, DONE)
        latest = between(cast.ana, cast.bo)
        assert latest is None or not latest.is_pending
        assert cast.bo.waiting_requests == 0
        Block.lift(cast.bo, cast.ana)
        db.session.commit()

"""What happens to requests without anybody pressing a button on them."""

from collections.abc import Callable
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db, utc_now
from blueprints.live.announcements import Notice
from blueprints.notifications.models import Notification
from blueprints.profiles.blocks import Block
from blueprints.requests.changes import expire_overdue
from blueprints.requests.models import EXPIRES_AFTER, Request, RequestError
from tests.conftest import People
from tests.requests.conftest import Ask
from tests.requests.test_asking import seen

Login = Callable[[Account], FlaskClient]


def run_out(asked: Request) -> None:
    asked.expires_at = utc_now() - timedelta(seconds=1)
    db.session.commit()


def test_a_request_may_be_answered_for_fourteen_days(cast: People, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)

    assert asked.expires_at - asked.sent_at == EXPIRES_AFTER == timedelta(days=14)
    assert expire_overdue() == 0
    db.session.refresh(asked)
    assert asked.state == "pending"


def test_what_ran_out_is_over_for_both_and_waits_no_more(cast: People, as_user: Login, ask: Ask, rung: list[Notice]) -> None:
    asked = ask(cast.ana, cast.bo)
    run_out(asked)
    rung.clear()
    assert expire_overdue() == 1
    db.session.expire_all()

    assert (asked.state, asked.version) == ("expired", 2)
    assert cast.bo.waiting_requests == 0
    assert "No answer in time" in seen(as_user(cast.ana).get("/requests").text)
    assert "You did not answer in time" in seen(as_user(cast.bo).get("/requests").text)
    for one, other in ((cast.ana, cast.bo), (cast.bo, cast.ana)):
        assert "Ask to work together" in seen(as_user(one).get(f"/matches/{other.profile.id}/card").text)
        assert as_user(one).get(f"/requests/new?to={other.profile.id}").status_code == 200, "either may ask at once"
    heard = {notice.topic: notice.data for notice in rung}
    for one, other in ((cast.ana, cast.bo), (cast.bo, cast.ana)):
        assert heard[f"request:{other.profile.id}/{one.id}"] == '{"fields":["request"]}', "it was nobody's own doing"
        assert f"requests/{one.id}" in heard
    assert f"me/{cast.bo.id}" in heard, "for the number in the navigation"


def test_before_anybody_has_noticed_it_is_over_on_every_page_all_the_same(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    run_out(asked)

    assert asked.state == "pending"
    assert "Nothing waits for you" in seen(as_user(cast.bo).get("/requests").text)
    assert "No answer in time" in seen(as_user(cast.ana).get("/requests").text)
    assert "Ask to work together" in seen(as_user(cast.bo).get(f"/matches/{cast.ana.profile.id}/card").text)
    answer = as_user(cast.bo).post(f"/requests/{asked.id}/accept", headers={"HX-Request": "true"})
    assert answer.status_code == 410 and "run out" in answer.text


def test_expired_twice_it_is_expired_once(cast: People, ask: Ask, rung: list[Notice]) -> None:
    asked = ask(cast.ana, cast.bo)
    run_out(asked)
    expire_overdue()
    rung.clear()

    assert expire_overdue() == 0
    asked.expire()  # another worker that had found it before
    db.session.commit()
    assert (asked.state, asked.version, rung) == ("expired", 2, [])


def test_what_is_answered_or_replaced_does_not_expire(cast: People, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    asked.answer(cast.bo, accept=True)
    run_out(asked)
    other = ask(cast.cy, cast.bo)
    run_out(other)
    ask(cast.cy, cast.bo)

    assert expire_overdue() == 0
    assert asked.is_connected


def test_who_is_asked_is_told_no_more_of_what_ran_out(cast: People, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    told = select(Notification.kind).where(Notification.account_id == cast.bo.id)
    assert db.session.scalars(told).all() == ["request"]
    run_out(asked)
    expire_overdue()

    assert db.session.scalars(told).all() == []


# Blocks.


def test_a_block_ends_what_waits_and_says_so_to_nobody(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    Block.put(cast.bo, cast.ana)
    db.session.commit()

    assert asked.state == "expired", "as time would have left it"
    for one in (cast.ana, cast.bo):
        page = seen(as_user(one).get("/requests").text)
        assert "No requests yet" in page
        assert (one.waiting_requests, one.unread_notifications) == (0, 0)
        assert as_user(one).get(f"/requests/{asked.id}").status_code == 404
        for act in ("accept", "withdraw", "end"):
            assert as_user(one).post(f"/requests/{asked.id}/{act}").status_code == 404
    assert Request.allowance(cast.ana).unanswered == 0


def test_a_block_ends_a_connection_and_taking_it_back_does_not_bring_it_back(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    asked.answer(cast.bo, accept=True)
    db.session.commit()
    told = cast.ana.unread_notifications
    Block.put(cast.bo, cast.ana)
    db.session.commit()

    assert asked.state == "ended"
    assert cast.ana.unread_notifications <= told, "no word of it"
    Block.lift(cast.bo, cast.ana)
    db.session.commit()
    assert "No longer connected" in seen(as_user(cast.ana).get("/requests").text)
    assert as_user(cast.ana).get(f"/requests/new?to={cast.bo.profile.id}").status_code == 200


def test_what_the_blocked_person_hears_are_no_announcements_of_the_other(cast: People, ask: Ask, rung: list[Notice]) -> None:
    ask(cast.ana, cast.bo)
    rung.clear()
    Block.put(cast.bo, cast.ana)
    db.session.commit()

    theirs = [notice for notice in rung if notice.topic.endswith(f"/{cast.ana.id}")]
    assert f"requests/{cast.ana.id}" in {notice.topic for notice in theirs}, "the list follows"
    for notice in theirs:
        assert "block" not in f"{notice.topic} {notice.data}"


# Leaving.


def test_who_leaves_is_gone_from_lists_and_counts_and_back_when_they_return(cast: People, as_user: Login, ask: Ask, rung: list[Notice]) -> None:
    ask(cast.ana, cast.bo)
    rung.clear()
    cast.ana.suspend()
    db.session.commit()

    assert cast.bo.waiting_requests == 0
    assert "Ana Ruiz" not in as_user(cast.bo).get("/requests").text
    assert {f"requests/{cast.bo.id}", f"me/{cast.bo.id}"} <= {notice.topic for notice in rung}
    cast.ana.restore()
    db.session.commit()
    assert cast.bo.waiting_requests == 1
    assert "Ana Ruiz" in as_user(cast.bo).get("/requests").text


def test_nobody_answers_somebody_who_is_gone(cast: People, as_user: Login, ask: Ask) -> None:
    asked = ask(cast.ana, cast.bo)
    cast.ana.deactivate()
    db.session.commit()

    assert as_user(cast.bo).post(f"/requests/{asked.id}/accept").status_code == 404
    assert asked.state == "pending"
    try:
        Request.send(cast.bo, cast.ana.profile, {"what": "Hello"})
    except RequestError as error:
        assert "no longer available" in str(error)
    else:
        raise AssertionError("sent to somebody who is gone")

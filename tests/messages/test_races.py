"""Several at the same moment: the database decides, on both."""

import threading
from collections.abc import Callable

from flask import Flask
from sqlalchemy import select

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.messages.models import ClosedError, Conversation, Message, Participant
from blueprints.notifications.models import Notification
from blueprints.profiles.blocks import Block
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request

EACH = 15


def at_once(app: Flask, *works: Callable[[], None]) -> list[Exception]:
    """Each in a thread and a session of its own, as soon as all are there; what they raised."""
    ready = threading.Barrier(len(works))
    failed: list[Exception] = []

    def run(work: Callable[[], None]) -> None:
        with app.app_context():
            try:
                ready.wait(20)
                work()
            except Exception as error:  # noqa: BLE001  the test looks at it
                failed.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    db.session.rollback()  # nothing of this test holds a lock meanwhile
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return failed


def writing(talk_id: int, account_id: int, client_ids: list[str]) -> Callable[[], None]:
    def work() -> None:
        for client_id in client_ids:
            sender = db.session.get_one(Account, account_id)
            talk = Conversation.held(sender, talk_id)
            assert talk
            talk.write(sender, f"From {account_id}: {client_id}", client_id)
            db.session.commit()

    return work


def test_two_who_write_at_once_get_one_order_without_gaps(app: Flask, talk: Conversation, ana: Account, bo: Account) -> None:
    ids = [f"client-{number:03}" for number in range(EACH)]
    talk_id, both = talk.id, (ana.id, bo.id)
    assert at_once(app, *(writing(talk_id, account_id, ids) for account_id in both)) == []

    messages = db.session.scalars(select(Message).order_by(Message.number)).all()
    assert [message.number for message in messages] == list(range(1, 2 * EACH + 1))
    for account_id in both:
        assert [message.client_id for message in messages if message.sender_id == account_id] == ids, "each in the order in which they wrote"
    assert [message.sent_at for message in messages] == sorted(message.sent_at for message in messages)
    db.session.expire_all()
    assert db.session.get_one(Conversation, talk_id).last_number == 2 * EACH
    last = messages[-1].sender_id
    unread = {one.id: one.unread_messages for one in (ana, bo)}
    assert unread[last] == 0, "who wrote last has read all"
    assert unread[({*both} - {last}).pop()] > 0


def test_the_same_message_from_four_tabs_is_one(app: Flask, talk: Conversation, ana: Account) -> None:
    work = writing(talk.id, ana.id, ["one-and-the-same"])
    assert at_once(app, work, work, work, work) == []

    assert [message.number for message in db.session.scalars(select(Message))] == [1]


def test_the_same_message_is_one_even_where_nobody_held_the_conversation(app: Flask, talk: Conversation, ana: Account) -> None:
    talk_id, ana_id = talk.id, ana.id

    def work() -> None:
        found = db.session.get_one(Conversation, talk_id)
        found.write(db.session.get_one(Account, ana_id), "Hello", "one-and-the-same")
        db.session.commit()

    assert at_once(app, work, work, work) == []
    assert [message.number for message in db.session.scalars(select(Message))] == [1]
    db.session.expire_all()
    assert talk.last_number == 1, "and no number is lost"


def test_reading_and_writing_at_once_leave_the_right_count(app: Flask, talk: Conversation, ana: Account, bo: Account) -> None:
    talk_id, bo_id = talk.id, bo.id

    def read() -> None:
        for number in range(1, EACH + 1):
            reader = db.session.get_one(Account, bo_id)
            found = Conversation.held(reader, talk_id)
            assert found
            found.mark_read(reader, number)
            Participant.have_arrived(reader)
            db.session.commit()

    assert at_once(app, writing(talk_id, ana.id, [f"client-{number:03}" for number in range(EACH)]), read) == []
    db.session.expire_all()
    mine = db.session.get_one(Participant, {"conversation_id": talk_id, "account_id": bo_id})
    assert bo.unread_messages == EACH - mine.read_number


def test_two_strangers_to_each_other_who_write_to_one_are_both_counted(app: Flask, talk: Conversation, ana: Account, bo: Account, cy: Account) -> None:
    from tests.messages.conftest import connect

    other = connect(cy, bo).id
    ids = [f"client-{number:03}" for number in range(EACH)]
    assert at_once(app, writing(talk.id, ana.id, ids), writing(other, cy.id, ids)) == []
    db.session.expire_all()
    assert bo.unread_messages == 2 * EACH


def test_nothing_arrives_after_the_connection_ended(app: Flask, talk: Conversation, ana: Account, bo: Account) -> None:
    talk_id, ana_id, bo_id = talk.id, ana.id, bo.id
    counted: list[int] = []

    def end() -> None:
        blocker, other = db.session.get_one(Account, bo_id), db.session.get_one(Account, ana_id)
        request = Request.between(blocker, other.profile)
        assert request
        request.end(blocker)
        Block.put(blocker, other)
        db.session.commit()
        counted.append(db.session.get_one(Conversation, talk_id).last_number)

    def write() -> None:
        for number in range(EACH):
            sender = db.session.get_one(Account, ana_id)
            found = Conversation.held(sender, talk_id)
            try:
                if found:
                    found.write(sender, "Hello", f"client-{number:03}")
                db.session.commit()
            except ClosedError:
                db.session.rollback()

    assert at_once(app, write, end) == []
    db.session.expire_all()
    assert len(db.session.scalars(select(Message)).all()) == counted[0]


def coming_and_going(account_id: int) -> Callable[[], None]:
    def work() -> None:
        for number in range(EACH):
            account = db.session.get_one(Account, account_id)
            if number % 2:
                account.restore()
            else:
                account.suspend()
            db.session.commit()

    return work


def test_nobody_waits_in_a_circle_while_one_of_them_is_suspended_and_restored(app: Flask, talk: Conversation, ana: Account, bo: Account) -> None:
    talk_id, ana_id, bo_id = talk.id, ana.id, bo.id

    def write() -> None:
        for number in range(2 * EACH):
            sender = db.session.get_one(Account, ana_id)
            if found := Conversation.held(sender, talk_id):
                found.write(sender, "Hello", f"client-{number:03}")
            db.session.commit()

    def edit() -> None:
        for number in range(EACH):
            profile = Profile.to_revise(db.session.get_one(Account, bo_id))
            assert profile
            profile.revise({"niches": {"food"} if number % 2 else {"travel"}, "headline": f"Headline {number}"}, base=profile.version)
            db.session.commit()

    assert at_once(app, write, edit, coming_and_going(bo_id)) == []
    db.session.expire_all()
    assert not bo.is_here
    bo.restore()
    assert bo.unread_messages == talk.last_number


def test_nobody_waits_in_a_circle_who_reads_what_they_are_told_while_somebody_writes(app: Flask, talk: Conversation, ana: Account, bo: Account) -> None:
    talk_id, ana_id, bo_id = talk.id, ana.id, bo.id

    def read() -> None:
        for _ in range(EACH):
            reader, them = db.session.get_one(Account, bo_id), db.session.get_one(Account, ana_id).profile
            Notification.tell(reader, "change", them, fields=["rate"])
            db.session.commit()
            Notification.read(reader)
            db.session.commit()

    assert at_once(app, writing(talk_id, ana_id, [f"client-{number:03}" for number in range(EACH)]), read) == []
    db.session.expire_all()
    assert (bo.unread_messages, bo.unread_notifications) == (EACH, 0)

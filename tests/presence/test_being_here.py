"""Online, away, offline: what streams say of a member, and how it survives workers."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from blueprints.accounts.models import Account
from blueprints.extensions import db, utc_now
from blueprints.live.announcements import Announcement
from blueprints.presence.keeper import REFRESH_SECONDS
from blueprints.presence.models import FRESH, Presence
from tests.conftest import Login, People
from tests.presence.conftest import Worker, presence_of, shown_to


def told(account: Account) -> list[int]:
    """The versions at which this presence was announced."""
    return list(db.session.scalars(select(Announcement.version).where(Announcement.topic == f"presence:{account.profile.id}").order_by(Announcement.id)))


def worker_dies(worker: Worker, seconds_ago: float = 61) -> None:
    """Its rows stay as they were refreshed last."""
    old = update(Presence).where(Presence.worker == worker.keeper.worker).values(alive_at=utc_now() - timedelta(seconds=seconds_ago))
    db.session.execute(old)
    db.session.commit()


def test_a_member_with_a_page_open_is_online_and_the_others_see_it(cast: People, worker: Worker, as_user: Login) -> None:
    assert shown_to(as_user(cast.bo), cast.ana) == "Offline"

    worker.opens(cast.ana)
    worker.after(1)

    assert shown_to(as_user(cast.bo), cast.ana) == "Online"
    assert "Online" in as_user(cast.bo).get(f"/profiles/{cast.ana.profile.id}").text
    assert told(cast.ana) == [1]


def test_all_tabs_hidden_is_away_and_one_in_front_is_online(cast: People, worker: Worker, as_user: Login) -> None:
    phone, laptop = worker.opens(cast.ana), worker.opens(cast.ana)
    worker.after(1)
    phone.hidden = True
    worker.after(10)
    assert presence_of(cast.ana) == "online", "the laptop is in front"

    laptop.hidden = True
    worker.after(4)
    assert presence_of(cast.ana) == "online"
    worker.after(2)
    assert presence_of(cast.ana) == "away"
    assert shown_to(as_user(cast.bo), cast.ana) == "Away"

    phone.hidden = False
    worker.after(1)
    assert presence_of(cast.ana) == "online"
    assert told(cast.ana) == [1, 2, 3]


def test_a_reload_does_not_flicker(cast: People, worker: Worker) -> None:
    stream = worker.opens(cast.ana)
    worker.after(1)
    worker.keeper.hub.leave(stream)
    worker.after(14)
    stream = worker.opens(cast.ana)
    worker.after(30)

    assert presence_of(cast.ana) == "online"
    assert told(cast.ana) == [1]


def test_who_leaves_is_offline_after_the_grace_and_was_active_until_then(cast: People, worker: Worker, as_user: Login) -> None:
    stream = worker.opens(cast.ana)
    worker.after(1)
    worker.keeper.hub.leave(stream)
    worker.after(17)

    assert presence_of(cast.ana) == "offline"
    assert cast.ana.profile.presence_since and cast.ana.last_seen_at
    assert utc_now() - cast.ana.profile.presence_since < timedelta(minutes=1)
    assert utc_now() - cast.ana.last_seen_at < timedelta(minutes=1)
    assert db.session.scalar(select(func.count()).select_from(Presence)) == 0
    cast.ana.profile.presence_since = utc_now() - timedelta(hours=2)
    db.session.commit()
    assert shown_to(as_user(cast.bo), cast.ana) == "Active 2 hours ago"


def test_nothing_is_written_or_said_while_nothing_changes(cast: People, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.opens(cast.ana)
    worker.after(1)
    monkeypatch.setattr(Presence, "note", lambda *_: pytest.fail("nothing changed"))
    worker.after(2 * REFRESH_SECONDS)

    assert told(cast.ana) == [1]


def test_a_row_is_kept_fresh_while_its_worker_lives(cast: People, worker: Worker) -> None:
    worker.opens(cast.ana)
    worker.after(1)
    worker_dies(worker, seconds_ago=50)
    worker.after(REFRESH_SECONDS)

    row = db.session.scalars(select(Presence)).one()
    assert utc_now() - row.alive_at < timedelta(seconds=30)


def test_members_of_a_killed_worker_become_offline_by_any_other(cast: People, make_worker: Callable[[], Worker]) -> None:
    killed, other = make_worker(), make_worker()
    killed.opens(cast.ana)
    killed.after(1)
    other.after(REFRESH_SECONDS)
    assert presence_of(cast.ana) == "online", "it may only be slow"

    worker_dies(killed, seconds_ago=600)
    other.after(REFRESH_SECONDS)

    assert presence_of(cast.ana) == "offline"
    assert told(cast.ana) == [1, 2]
    assert cast.ana.profile.presence_since
    assert utc_now() - cast.ana.profile.presence_since > FRESH, "since its worker was last heard of, not since somebody noticed"
    assert db.session.scalar(select(func.count()).select_from(Presence)) == 0


def test_a_restart_does_not_flicker_members_who_come_back(cast: People, make_worker: Callable[[], Worker]) -> None:
    before = make_worker()
    before.opens(cast.ana)
    before.after(1)
    after = make_worker()
    after.after(2)
    assert presence_of(cast.ana) == "online"
    after.opens(cast.ana)
    after.after(1)
    worker_dies(before)
    after.after(2 * REFRESH_SECONDS)

    assert presence_of(cast.ana) == "online"
    assert told(cast.ana) == [1]
    assert db.session.scalars(select(Presence.worker)).all() == [after.keeper.worker]


def test_with_a_page_on_each_of_two_workers_the_last_one_to_leave_counts(cast: People, make_worker: Callable[[], Worker]) -> None:
    one, two = make_worker(), make_worker()
    here, there = one.opens(cast.ana), two.opens(cast.ana, hidden=True)
    one.after(1)
    two.after(1)
    assert presence_of(cast.ana) == "online"
    one.keeper.hub.leave(here)
    one.after(20)
    assert presence_of(cast.ana) == "away"
    two.keeper.hub.leave(there)
    two.after(20)

    assert presence_of(cast.ana) == "offline"


def test_rows_that_others_swept_meanwhile_are_written_again(cast: People, make_worker: Callable[[], Worker]) -> None:
    """A worker that stood still for a minute: its members are still there."""
    slow, other = make_worker(), make_worker()
    slow.opens(cast.ana)
    slow.after(1)
    worker_dies(slow)
    other.after(REFRESH_SECONDS)
    assert presence_of(cast.ana) == "offline"

    slow.after(REFRESH_SECONDS + 1)

    assert presence_of(cast.ana) == "online"


def test_what_could_not_be_written_is_written_later(cast: People, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr(Presence, "note", fail)
        worker.opens(cast.ana)
        with pytest.raises(RuntimeError):
            worker.after(1)
    worker.after(1)

    assert presence_of(cast.ana) == "online"


def test_many_who_come_at_once_are_all_here(app: Flask, worker: Worker) -> None:
    many = [Account(email=f"many{number}@example.com", role="admin") for number in range(450)]
    db.session.add_all(many)
    db.session.commit()
    for account in many:
        worker.opens(account)
    worker.after(1)

    assert db.session.scalar(select(func.count()).select_from(Presence)) == 450


@pytest.mark.parametrize("leave", [Account.suspend, Account.deactivate])
def test_who_is_suspended_or_deactivated_is_offline_at_once_and_nobodys_to_see(
    leave: Callable[[Account], None], cast: People, worker: Worker, as_user: Login
) -> None:
    worker.opens(cast.ana)
    worker.after(1)
    leave(cast.ana)
    db.session.commit()

    assert presence_of(cast.ana) == "offline"
    assert shown_to(as_user(cast.bo), cast.ana) is None
    worker.after(REFRESH_SECONDS)
    assert presence_of(cast.ana) == "offline", "the stream that is just ending counts no more"


def test_who_is_restored_and_comes_back_at_once_is_online(cast: People, worker: Worker) -> None:
    stream = worker.opens(cast.ana)
    worker.after(1)
    cast.ana.suspend()
    db.session.commit()
    worker.keeper.hub.leave(stream)
    worker.after(1)
    cast.ana.restore()
    db.session.commit()
    worker.opens(cast.ana)
    worker.after(REFRESH_SECONDS + 1)

    assert presence_of(cast.ana) == "online"


def test_an_admin_is_here_for_nobody(cast: People, worker: Worker, as_user: Login) -> None:
    admin = Account(email="admin@example.com", role="admin", password_hash=cast.ana.password_hash)
    db.session.add(admin)
    db.session.commit()
    worker.opens(admin)
    worker.opens(cast.ana)
    worker.after(1)

    assert as_user(admin).get(f"/presence/{cast.ana.profile.id}").status_code == 404
    assert 'id="presence-' not in as_user(admin).get(f"/profiles/{cast.ana.profile.id}").text
    assert as_user(admin).get("/settings/privacy").status_code == 404
    assert "/settings/privacy" not in as_user(admin).get("/settings").text


def test_a_member_without_javascript_is_offline_with_when_they_came_by(cast: People, worker: Worker, as_user: Login) -> None:
    cast.ana.last_seen_at = utc_now()
    cast.cy.last_seen_at = utc_now() - timedelta(days=2)
    db.session.commit()
    worker.after(1)

    assert presence_of(cast.ana) == "offline"
    assert (shown_to(as_user(cast.bo), cast.ana) or "").startswith("Active ")
    assert cast.ana.profile.presence_since == cast.ana.last_seen_at
    assert shown_to(as_user(cast.bo), cast.cy) == "Offline", "nobody has looked since presence is noted"


def test_coming_and_going_is_no_change_of_the_profile(cast: People, worker: Worker) -> None:
    version = cast.ana.profile.version
    worker.opens(cast.ana)
    worker.after(1)

    assert presence_of(cast.ana) == "online"
    assert cast.ana.profile.version == version
    cast.ana.profile.revise({"headline": "Harbours at dawn"}, base=version)
    db.session.commit()
    assert presence_of(cast.ana) == "online", "and an edit leaves it as it is"

"""The sweep: what the bell lost, and what other processes wrote, is rung all the same, once."""

import time

import gevent
import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from blueprints.extensions import db
from blueprints.live import EVERYTHING, announce, announce_again, cut
from blueprints.live import sweep as module
from blueprints.live.announcements import Announcement
from blueprints.live.hub import Hub
from blueprints.live.sweep import KEEP_SECONDS, WINDOW_SECONDS, Sweep, keep_sweeping


@pytest.fixture
def hub() -> Hub:
    """Of another worker: nothing that is announced here rings there."""
    return Hub()


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sweep(hub: Hub, clock: Clock) -> Sweep:
    return Sweep(hub, clock)


def say(*topics: str, version: int = 2) -> None:
    for topic in topics:
        announce(topic, version, fields=["bio"])
    db.session.commit()


def journal() -> list[str]:
    db.session.rollback()  # as it is now
    return list(db.session.scalars(select(Announcement.topic)))


def heard(hub: Hub) -> list[str]:
    said: list[str] = []
    hub.listeners.append(lambda notice: said.append(f"{notice.topic}@{notice.version} {notice.said.get('fields')}"))
    return said


def wait_until_heard(hub: Hub, topic: str, version: int) -> None:
    with gevent.Timeout(20):
        while hub.heard(topic) < version:
            gevent.sleep(0.01)


def test_what_was_announced_and_not_heard_is_rung_once(app: Flask, hub: Hub, sweep: Sweep) -> None:
    said = heard(hub)
    say("profile:1", "deck/brand")

    assert sweep.look() == 2
    assert sorted(said) == ["deck/brand@2 ['bio']", "profile:1@2 ['bio']"]
    assert sweep.look() == 0


def test_of_several_versions_none_is_rung_after_a_newer_one(app: Flask, hub: Hub, sweep: Sweep) -> None:
    said = heard(hub)
    for version in (4, 2, 3):
        announce("profile:1", version, fields=[])
    db.session.commit()
    sweep.look()

    assert [word.partition(" ")[0] for word in said] == ["profile:1@2", "profile:1@3", "profile:1@4"]


def test_it_looks_back_as_far_as_a_transaction_may_take(app: Flask, hub: Hub, sweep: Sweep, clock: Clock) -> None:
    """Numbers are not given in the order of commits: a lower one may come to light later."""
    say("profile:1", "profile:2", "profile:3")
    late = db.session.scalars(select(Announcement).where(Announcement.topic == "profile:1")).one()
    row = {"id": late.id, "topic": late.topic, "version": 2, "data": "{}"}
    db.session.delete(late)
    db.session.commit()

    assert sweep.look() == 2
    clock.now = WINDOW_SECONDS - 1
    assert sweep.look() == 0
    db.session.add(Announcement(**row))
    db.session.commit()
    assert sweep.look() == 1
    for clock.now in (WINDOW_SECONDS, 2 * WINDOW_SECONDS):
        assert sweep.look() == 0
    assert sweep.floor == db.session.scalar(select(func.max(Announcement.id)))


def test_after_a_gap_it_looks_back_to_the_last_time_it_could(app: Flask, hub: Hub, sweep: Sweep, clock: Clock) -> None:
    sweep.look()
    clock.now = 5 * WINDOW_SECONDS
    say("profile:1")
    clock.now = 10 * WINDOW_SECONDS

    assert sweep.look() == 1


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_clock_that_was_set_or_another_machines_hides_nothing(app: Flask, hub: Hub, sweep: Sweep, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    now = time.time()
    sweep.look()
    announce_again("end-account/7")
    db.session.commit()
    assert sweep.look() == 1
    monkeypatch.setattr(time, "time", lambda: now + hours * 3600)
    monkeypatch.setattr(time, "time_ns", lambda: int((now + hours * 3600) * 1e9))

    say("profile:1")
    announce_again("end-account/7")
    cut(7, ["profile:3"])
    db.session.commit()
    monkeypatch.undo()
    announce_again("end-account/7")
    db.session.commit()

    said = heard(hub)
    assert sweep.look() == 4
    assert len([word for word in said if word.startswith("end-account/7@")]) == 2
    assert len(hub.cuts(7)) == 1
    sweep.prune()
    assert len(journal()) == 5, "nothing is forgotten because a clock says that it is old"


def test_a_journal_that_became_shorter_is_read_anew_and_everything_looked_at(app: Flask, hub: Hub, sweep: Sweep) -> None:
    say(*(f"profile:{number}" for number in range(1, 9)))
    sweep.look()
    db.session.execute(delete(Announcement).where(Announcement.topic != "profile:1"))
    db.session.commit()
    sweep.look()
    assert hub.heard(EVERYTHING) > 0

    say("profile:9")
    assert sweep.look() == 1


def test_nothing_that_was_rolled_back_is_found(app: Flask, hub: Hub, sweep: Sweep) -> None:
    announce("profile:1", 2)
    db.session.flush()
    db.session.rollback()

    assert sweep.look() == 0


def test_the_journal_is_kept_for_minutes_only_and_its_last_row_for_ever(app: Flask, sweep: Sweep, clock: Clock) -> None:
    say("profile:1")
    sweep.prune()
    clock.now = KEEP_SECONDS / 2
    say("profile:2")
    sweep.prune()
    assert journal() == ["profile:1", "profile:2"]
    db.session.rollback()

    clock.now = KEEP_SECONDS
    sweep.prune()
    assert journal() == ["profile:2"]
    db.session.rollback()
    clock.now = 3 * KEEP_SECONDS
    sweep.prune()
    assert journal() == ["profile:2"]


def test_it_goes_on_by_itself(app: Flask, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    sweeping = gevent.spawn(keep_sweeping, app, hub)
    for version in (2, 3):
        say("profile:1", version=version)
        wait_until_heard(hub, "profile:1", version)
    sweeping.kill()


def test_after_so_long_a_gap_that_the_journal_forgot_everything_is_looked_at_again(app: Flask, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.2)
    sweeping = gevent.spawn(keep_sweeping, app, hub)
    for version in (2, 3):
        say("profile:1", version=version)
        wait_until_heard(hub, "profile:1", version)
    assert hub.heard(EVERYTHING) == -1
    monkeypatch.setattr(module, "KEEP_SECONDS", WINDOW_SECONDS + 0.1)  # less than lies between two rounds

    wait_until_heard(hub, EVERYTHING, 1)
    sweeping.kill()

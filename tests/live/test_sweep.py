"""The sweep: what the bell lost, and what other processes wrote, is rung all the same, once."""

import time

import gevent
import pytest
from flask import Flask
from sqlalchemy import select, update

from blueprints.extensions import db
from blueprints.live import EVERYTHING, announce
from blueprints.live import sweep as module
from blueprints.live.announcements import Announcement
from blueprints.live.hub import Hub
from blueprints.live.sweep import KEEP_SECONDS, WINDOW_SECONDS, keep_sweeping, prune, sweep


@pytest.fixture
def hub() -> Hub:
    """Of another worker: nothing that is announced here rings there."""
    return Hub()


def say(*topics: str, version: int = 2, seconds_ago: float = 0) -> None:
    for topic in topics:
        announce(topic, version, fields=["bio"])
    db.session.flush()
    db.session.execute(update(Announcement).where(Announcement.topic.in_(topics)).values(announced_at=time.time() - seconds_ago))
    db.session.commit()


def heard(hub: Hub) -> list[str]:
    said: list[str] = []
    hub.listeners.append(lambda notice: said.append(f"{notice.topic}@{notice.version} {notice.said['fields']}"))
    return said


def test_what_was_announced_and_not_heard_is_rung_once(app: Flask, hub: Hub) -> None:
    said = heard(hub)
    say("profile:1", "deck/brand")

    assert sweep(hub) == 2
    assert sorted(said) == ["deck/brand@2 ['bio']", "profile:1@2 ['bio']"]
    assert sweep(hub) == 0


def test_of_several_versions_none_is_rung_after_a_newer_one(app: Flask, hub: Hub) -> None:
    said = heard(hub)
    for version in (4, 2, 3):
        announce("profile:1", version, fields=[])
    db.session.commit()
    sweep(hub)

    assert [word.partition(" ")[0] for word in said] == ["profile:1@2", "profile:1@3", "profile:1@4"]


def test_it_looks_back_as_far_as_a_transaction_may_take(app: Flask, hub: Hub) -> None:
    say("profile:1", seconds_ago=WINDOW_SECONDS - 2)
    say("profile:2", seconds_ago=WINDOW_SECONDS + 2)

    assert sweep(hub) == 1
    assert hub.heard("profile:1") == 2 and hub.heard("profile:2") == -1


def test_after_a_gap_it_looks_back_to_the_last_time_it_could(app: Flask, hub: Hub) -> None:
    say("profile:1", seconds_ago=100)

    assert sweep(hub) == 0
    assert sweep(hub, since=time.time() - 120) == 1


def test_nothing_that_was_rolled_back_is_found(app: Flask, hub: Hub) -> None:
    announce("profile:1", 2)
    db.session.flush()
    db.session.rollback()

    assert sweep(hub) == 0


def test_the_journal_is_kept_for_minutes_only(app: Flask) -> None:
    say("profile:1", seconds_ago=KEEP_SECONDS - 5)
    say("profile:2", seconds_ago=KEEP_SECONDS + 5)

    prune()

    assert db.session.scalars(select(Announcement.topic)).all() == ["profile:1"]


def test_it_goes_on_by_itself(app: Flask, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    sweeping = gevent.spawn(keep_sweeping, app, hub)
    gevent.sleep(0.05)
    for version in (2, 3):
        say("profile:1", version=version)
        gevent.sleep(0.1)
        assert hub.heard("profile:1") == version
    sweeping.kill()


def test_after_so_long_a_gap_that_the_journal_forgot_everything_is_looked_at_again(app: Flask, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.2)
    sweeping = gevent.spawn(keep_sweeping, app, hub)
    gevent.sleep(0.5)
    assert hub.heard(EVERYTHING) == -1
    monkeypatch.setattr(module, "KEEP_SECONDS", WINDOW_SECONDS + 0.1)  # less than lies between two rounds

    gevent.sleep(0.5)
    sweeping.kill()

    assert hub.heard(EVERYTHING) > 0

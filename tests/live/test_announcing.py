"""A notice rings when what it tells of is saved, and not before."""

import pytest
from flask import Flask

from blueprints.extensions import db
from blueprints.live import announce
from blueprints.live.announcements import Notice


def test_a_savepoint_rings_nothing_and_the_commit_does(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[Notice] = []
    monkeypatch.setattr(app.extensions["live"].bus, "publish", rung.append)

    announce("profile:1", 5)
    with db.session.begin_nested():
        announce("profile:2", 7)
    assert rung == []

    db.session.commit()
    assert [(notice.topic, notice.version) for notice in rung] == [("profile:1", 5), ("profile:2", 7)]


def test_what_rolls_back_after_a_savepoint_rings_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[Notice] = []
    monkeypatch.setattr(app.extensions["live"].bus, "publish", rung.append)

    announce("profile:1", 5)
    with db.session.begin_nested():
        pass
    db.session.rollback()
    db.session.commit()

    assert rung == []

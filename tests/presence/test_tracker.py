"""When somebody counts as here, away or gone: the deciding part, without a clock."""

import pytest

from blueprints.presence.tracker import Tracker

ANA, BO = 7, 8
FRONT, HIDDEN = True, False


@pytest.fixture
def tracker() -> Tracker:
    """ana has a tab in front."""
    tracker = Tracker(grace_seconds=15, away_seconds=5)
    assert tracker.step({ANA: FRONT}, 100) == {ANA: True}
    return tracker


def test_who_comes_is_here_at_once_and_is_said_once(tracker: Tracker) -> None:
    assert tracker.step({ANA: FRONT, BO: FRONT}, 101) == {BO: True}
    assert tracker.step({ANA: FRONT, BO: FRONT}, 102) == {}


def test_a_reload_changes_nothing(tracker: Tracker) -> None:
    assert [tracker.step({}, now) for now in range(101, 115)] == [{}] * 14
    assert tracker.step({ANA: FRONT}, 115) == {}
    assert tracker.step({}, 116) == {}, "and the grace begins anew"
    assert tracker.step({}, 130) == {}
    assert tracker.step({}, 131) == {ANA: None}


def test_who_stays_away_longer_than_the_grace_is_gone_once(tracker: Tracker) -> None:
    tracker.step({}, 101)
    assert tracker.step({}, 115.9) == {}
    assert tracker.step({}, 116) == {ANA: None}
    assert tracker.step({}, 117) == {}
    assert tracker.said == {}


def test_tabs_that_are_hidden_for_a_moment_change_nothing(tracker: Tracker) -> None:
    assert tracker.step({ANA: HIDDEN}, 101) == {}
    assert tracker.step({ANA: HIDDEN}, 105.9) == {}
    assert tracker.step({ANA: FRONT}, 105.95) == {}
    assert tracker.step({ANA: HIDDEN}, 106) == {}, "the five seconds begin anew"
    assert tracker.step({ANA: HIDDEN}, 111) == {ANA: False}
    assert tracker.step({ANA: HIDDEN}, 112) == {}


def test_back_in_front_is_at_once(tracker: Tracker) -> None:
    tracker.step({ANA: HIDDEN}, 101)
    tracker.step({ANA: HIDDEN}, 106)

    assert tracker.step({ANA: FRONT}, 106.1) == {ANA: True}


def test_who_comes_with_all_tabs_hidden_is_away_from_the_start() -> None:
    assert Tracker().step({ANA: HIDDEN}, 100) == {ANA: False}


def test_what_was_hidden_before_the_stream_ended_does_not_count_for_the_grace(tracker: Tracker) -> None:
    tracker.step({ANA: HIDDEN}, 101)
    assert tracker.step({}, 104) == {}
    assert tracker.step({}, 118.9) == {}
    assert tracker.step({}, 119) == {ANA: None}


def test_who_comes_back_hidden_within_the_grace_is_away_five_seconds_later(tracker: Tracker) -> None:
    tracker.step({}, 101)
    assert tracker.step({ANA: HIDDEN}, 114) == {}
    assert tracker.step({ANA: HIDDEN}, 119) == {ANA: False}


def test_what_is_in_doubt_is_said_again_when_they_are_seen_again(tracker: Tracker) -> None:
    tracker.doubt(ANA)
    tracker.doubt(BO)
    assert tracker.step({}, 101) == {}
    assert tracker.step({ANA: FRONT}, 102) == {ANA: True}
    assert tracker.step({ANA: FRONT}, 103) == {}


def test_who_is_in_doubt_and_does_not_come_back_is_gone_like_anybody(tracker: Tracker) -> None:
    tracker.doubt(ANA)
    tracker.step({}, 101)
    assert tracker.step({}, 116) == {ANA: None}
    assert tracker.step({ANA: FRONT}, 117) == {ANA: True}
    assert tracker.step({ANA: FRONT}, 118) == {}

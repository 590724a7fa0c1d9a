"""The hub: who listens to what, and what waits for a slow reader."""

import json
from collections.abc import Iterator

import pytest

from blueprints.live.announcements import EVERYTHING, OF_THE_MOMENT, Notice, announce, frame
from blueprints.live.hub import SPREAD_EACH_MS, SPREAD_LEAST_MS, STREAMS_PER_ACCOUNT, Hub, Stream
from blueprints.live.subjects import Subject, parse


def read(stream: Stream) -> dict[str, dict]:
    """What waits for the stream, by subject."""
    waiting, stream.pending = stream.pending, {}
    return {name: json.loads(data.decode().split("data: ")[1]) for name, data in waiting.items()}


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def stream(hub: Hub) -> Stream:
    opened = hub.open(account_id=7, session_id=1)
    assert list(read(opened)) == ["stream"]
    return opened


def test_a_notice_reaches_the_streams_that_watch_its_subject_and_no_other(hub: Hub, stream: Stream) -> None:
    other = hub.open(account_id=8, session_id=2)
    read(other)
    hub.watch(stream, {"profile:42"})
    hub.watch(other, {"profile:43"})

    hub.ring(Notice("profile:42", 18, '{"fields":["bio"]}'))

    assert read(stream) == {"profile:42": {"v": 18, "fields": ["bio"]}}
    assert read(other) == {}


def test_the_same_notice_rung_twice_is_heard_once(hub: Hub, stream: Stream) -> None:
    hub.watch(stream, {"profile:42"})
    assert hub.ring(Notice("profile:42", 18))
    read(stream)

    assert not hub.ring(Notice("profile:42", 18))
    assert not hub.ring(Notice("profile:42", 17))
    assert read(stream) == {}


def test_what_waits_for_a_slow_reader_is_the_newest_of_each_subject(hub: Hub, stream: Stream) -> None:
    hub.watch(stream, {"profile:1", "profile:2"})
    for version in range(1, 1001):
        hub.ring(Notice("profile:1", version))
    hub.ring(Notice("profile:2", 5))

    assert read(stream) == {"profile:1": {"v": 1000}, "profile:2": {"v": 5}}


def test_a_frame_is_encoded_once_and_shared(hub: Hub) -> None:
    streams = [hub.open(account, account) for account in range(3)]
    for one in streams:
        hub.watch(one, {"profile:1"})
    hub.ring(Notice("profile:1", 2))

    assert len({id(one.pending["profile:1"]) for one in streams}) == 1


def test_a_members_own_topics_are_heard_under_their_plain_name(hub: Hub, stream: Stream) -> None:
    other = hub.open(account_id=8, session_id=2)
    read(other)
    hub.watch(stream, {"me/7"})
    hub.watch(other, {"me/8"})

    hub.ring(Notice("me/7", 3))

    assert read(stream) == {"me": {"v": 3}}
    assert read(other) == {}


def test_every_match_of_a_viewer_moves_on_with_the_viewers_own_profile(hub: Hub, stream: Stream) -> None:
    hub.watch(stream, {"match:42/7", "match:43/7", "profile:42"})

    hub.ring(Notice("match:*/7", 9))

    assert read(stream) == {"match:42": {"v": 9}, "match:43": {"v": 9}}


def test_watching_again_replaces_what_was_watched(hub: Hub, stream: Stream) -> None:
    hub.watch(stream, {"profile:1"})
    hub.watch(stream, {"profile:2"})
    hub.ring(Notice("profile:1", 2))

    assert read(stream) == {}


def test_the_eleventh_stream_of_a_member_closes_the_oldest(hub: Hub) -> None:
    streams = [hub.open(account_id=7, session_id=1) for _ in range(STREAMS_PER_ACCOUNT + 1)]

    assert streams[0].closed and read(streams[0]) == {"end": {"why": "full"}}
    assert not any(stream.closed for stream in streams[1:])
    assert len(hub.streams) == STREAMS_PER_ACCOUNT


def test_ending_a_session_closes_its_streams_and_leaves_the_members_others(hub: Hub, stream: Stream) -> None:
    elsewhere = hub.open(account_id=7, session_id=2)
    hub.watch(stream, {"profile:1"})

    hub.ring(Notice("end-session/1", 1))
    hub.ring(Notice("profile:1", 2))

    assert read(stream) == {"end": {"why": "session"}}
    assert not elsewhere.closed


def test_a_stopping_worker_says_so_and_spreads_who_comes_back(hub: Hub, stream: Stream) -> None:
    hub.stop()

    assert stream.closed
    assert read(stream)["end"]["why"] == "restart"
    assert not hub.streams


def test_the_more_streams_there_are_the_longer_they_take_to_come_back(hub: Hub, stream: Stream) -> None:
    assert hub.spread == SPREAD_LEAST_MS
    for number in range(599):
        hub.open(account_id=number, session_id=number)
    hub.refresh_spread()
    assert hub.spread == 600 * SPREAD_EACH_MS

    for _ in range(2):
        hub._beat(stream)
    assert read(stream) == {"beat": {}}, "said once"
    hub.say_trouble(True)
    assert read(stream) == {"beat": {"trouble": True}}
    hub.say_trouble(False)
    assert read(stream) == {"beat": {}}
    hub.stop()
    assert read(stream) == {"end": {"why": "restart", "within": 600 * SPREAD_EACH_MS}}


def test_beats_are_few_bytes_and_shared(hub: Hub, stream: Stream) -> None:
    other = hub.open(account_id=8, session_id=2)
    for each in (stream, other):
        hub._beat(each)
    assert stream.pending["beat"] is other.pending["beat"]
    assert len(stream.pending["beat"]) < 40


def test_another_worker_may_set_what_a_stream_watches_but_not_for_someone_else(hub: Hub, stream: Stream) -> None:
    hub.ring(watch_from_elsewhere(stream, 8, 1, {"profile:1": 3}))
    assert stream.topics == set()

    hub.ring(watch_from_elsewhere(stream, 7, 1, {"profile:1": 3}))
    assert stream.topics == {"profile:1"}


def watch_from_elsewhere(stream: Stream, account: int, number: int, topics: dict[str, int], cuts: tuple[str, ...] = ()) -> Notice:
    said = {"stream": stream.id, "account": account, "number": number, "topics": topics, "cuts": cuts, "hidden": False}
    return Notice(f"watch/{stream.id}", 0, json.dumps(said))


def test_who_is_cut_off_from_a_subject_hears_that_it_is_gone_and_then_nothing(hub: Hub, stream: Stream) -> None:
    other = hub.open(8, 1)
    hub.watch(stream, {"profile:1", "match:1/7", "profile:2"})
    hub.watch(other, {"profile:1"})
    read(stream)
    read(other)

    hub.ring(Notice("cut/7.a", 1, json.dumps({"subjects": ["profile:1", "match:1"]})))
    assert read(stream) == {"profile:1": {"gone": True}, "match:1": {"gone": True}}
    hub.ring(Notice("profile:1", 9))
    hub.ring(Notice("profile:2", 9))

    assert read(stream) == {"profile:2": {"v": 9}} and read(other) == {"profile:1": {"v": 9}}


def test_what_another_worker_allowed_before_a_cut_has_to_be_asked_anew(hub: Hub, stream: Stream) -> None:
    for name in "ba":  # the order in which they come says nothing: two machines made them
        hub.ring(Notice(f"cut/7.{name}", 1, json.dumps({"subjects": ["profile:1"]})))
    hub.ring(watch_from_elsewhere(stream, 7, 1, {"profile:2": 3}, cuts=("cut/7.a", "cut/7.b", "cut/7.of-long-ago")))
    assert not stream.closed and stream.topics == {"profile:2"}

    hub.ring(watch_from_elsewhere(stream, 7, 2, {"profile:1": 3}, cuts=("cut/7.b",)))
    assert stream.closed and stream.topics == set()


def test_a_notice_of_the_moment_is_heard_each_time_and_not_remembered(hub: Hub, stream: Stream) -> None:
    hub.watch(stream, {"typing:7/7"})
    for _ in range(2):
        assert hub.ring(Notice("typing:7/7", OF_THE_MOMENT))
        assert read(stream)["typing:7"] == {"v": 0}

    assert hub.heard("typing:7/7") == -1


def test_of_two_watch_calls_that_overtook_each_other_the_later_counts(hub: Hub, stream: Stream) -> None:
    hub.ring(watch_from_elsewhere(stream, 7, 2, {"profile:2": 1}))
    hub.ring(watch_from_elsewhere(stream, 7, 1, {"profile:1": 1}))

    assert stream.topics == {"profile:2"}


def test_what_rang_here_while_another_worker_read_the_database_is_told(hub: Hub, stream: Stream) -> None:
    hub.ring(Notice("profile:1", 4))
    hub.ring(watch_from_elsewhere(stream, 7, 1, {"profile:1": 3}))

    assert read(stream) == {"profile:1": {"v": 4}}


def test_a_stream_that_was_closed_meanwhile_is_not_subscribed_again(hub: Hub, stream: Stream) -> None:
    hub.close(stream, "session")
    hub.watch(stream, {"profile:1"})

    assert stream.topics == set() and not hub._by_topic


def test_what_rang_for_every_match_counts_as_heard_for_each(hub: Hub) -> None:
    hub.ring(Notice("match:*/7", 9))

    assert hub.heard("match:42/7") == 9
    assert hub.heard("match:42/8") == -1


def test_a_stream_sends_its_id_first_and_ends_after_the_reason(hub: Hub) -> None:
    stream = hub.open(account_id=7, session_id=1)
    frames: Iterator[bytes] = stream.frames()
    assert next(frames).startswith(b"event: stream\ndata: {\"id\":")
    hub.close(stream, "session")
    assert list(frames) == [frame("end", {"why": "session"})]


def test_leaving_forgets_everything_about_a_stream(hub: Hub, stream: Stream) -> None:
    hub.watch(stream, {"profile:1"})
    hub.leave(stream)

    assert not hub.streams and not hub._by_topic and not hub._by_account and not any(hub._wheel)


def test_subjects_that_are_no_subjects_are_left_out(app: object) -> None:
    shown = parse(["profile:42@17", "me@3", "profile:-1", "nonsense:1", "profile:42@", "profile:" + "9" * 50, "deck", "", "profile:0"])
    assert shown == {Subject("profile", 42): 17, Subject("me"): 3, Subject("deck"): -1}


def test_of_a_subject_named_twice_the_older_version_counts(app: object) -> None:
    assert parse(["profile:1@5", "profile:1@3"]) == {Subject("profile", 1): 3}


def test_nothing_is_rung_for_what_rolled_back(app) -> None:  # type: ignore[no-untyped-def]
    from blueprints.extensions import db

    rung: list[Notice] = []
    app.extensions["live"].bus._ring = rung.append
    announce("profile:1", 2)
    db.session.rollback()
    announce("profile:1", 3)
    db.session.commit()

    assert [(notice.topic, notice.version) for notice in rung] == [("profile:1", 3)]


def test_a_profile_notice_is_under_200_bytes() -> None:
    notice = Notice("profile:99999999", 123456, json.dumps({"fields": ["audience_size", "bio", "city", "headline", "name"], "completion": 100}))
    assert len(notice.frame) < 200


def test_who_may_not_see_a_subject_any_more_is_told_once_and_hears_nothing_after(hub: Hub, stream: Stream) -> None:
    hub.watch(stream, {"profile:42", "me/7"})
    hub.ring(Notice("profile:42", 18, '{"gone":true}'))
    assert read(stream) == {"profile:42": {"gone": True}}

    hub.ring(Notice("profile:42", 19))
    hub.ring(Notice("me/7", 2))
    assert read(stream) == {"me": {"v": 2}}


def test_a_stream_opened_while_its_session_ended_is_closed_at_once(hub: Hub) -> None:
    hub.ring(Notice("end-session/5", 1))
    assert hub.open(account_id=7, session_id=5).closed


def test_what_listens_in_the_worker_hears_every_notice_once_watched_or_not(hub: Hub) -> None:
    heard: list[str] = []
    hub.listeners.append(lambda notice: heard.append(f"{notice.topic}@{notice.version}"))

    for topic, version in (("profile:1", 2), ("profile:1", 2), ("profile:1", 1), ("deck/brand", 9), ("match:*/7", 3), ("end-session/5", 1)):
        hub.ring(Notice(topic, version))

    assert heard == ["profile:1@2", "deck/brand@9", "match:*/7@3", "end-session/5@1"]


def test_everything_is_for_those_who_remember_and_for_no_stream(hub: Hub, stream: Stream) -> None:
    heard: list[Notice] = []
    hub.listeners.append(heard.append)
    hub.watch(stream, {"profile:1", "match:1/7", "deck/brand.7", "me/7"})

    hub.ring(Notice(EVERYTHING, 1))

    assert [notice.topic for notice in heard] == [EVERYTHING]
    assert read(stream) == {}


def test_whose_streams_are_here_and_what_they_watch_is_known(hub: Hub, stream: Stream) -> None:
    second = hub.open(account_id=7, session_id=2)
    hub.open(account_id=8, session_id=3)
    hub.watch(stream, {"deck/brand.7"})
    hub.watch(second, {"deck/brand.7"})
    assert sorted(hub.accounts) == [7, 8]
    assert hub.is_watched("deck/brand.7") and not hub.is_watched("deck/brand.8")

    hub.leave(stream)
    assert 7 in hub.accounts and hub.is_watched("deck/brand.7"), "in another of their browsers"
    hub.close(second, "full")
    assert hub.accounts == [8] and not hub.is_watched("deck/brand.7")


def test_asking_what_is_watched_leaves_no_trace(hub: Hub) -> None:
    assert not hub.is_watched("profile:1")
    assert not hub._by_topic


def test_a_deck_is_rung_for_those_it_concerns(hub: Hub, stream: Stream) -> None:
    other = hub.open(account_id=8, session_id=2)
    read(other)
    hub.watch(stream, {"deck/brand.7"})
    hub.watch(other, {"deck/brand.8"})

    hub.ring(Notice("deck/brand", 5, '{"profile":3}'))
    assert read(stream) == read(other) == {}, "nobody yet: that is found out first"
    hub.ring(Notice("deck/brand.7", 5))

    assert read(stream) == {"deck": {"v": 5}}
    assert read(other) == {}


def test_a_member_is_in_front_while_one_of_their_browsers_is(hub: Hub, stream: Stream) -> None:
    elsewhere = hub.open(account_id=7, session_id=2)
    hub.open(account_id=8, session_id=3)
    assert hub.fronts == {7: True, 8: True}

    stream.hidden = True
    assert hub.fronts == {7: True, 8: True}
    elsewhere.hidden = True
    assert hub.fronts == {7: False, 8: True}
    hub.leave(stream)
    hub.leave(elsewhere)
    assert hub.fronts == {8: True}

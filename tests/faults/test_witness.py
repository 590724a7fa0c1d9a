"""The checks of the fault suite can fail: each is shown a history that is right, and the same with one thing wrong."""

from dataclasses import replace
from typing import Any

import pytest

from tests.faults import witness
from tests.faults.device import Device, Tab, fragments_of, without
from tests.faults.people import Deed, Member
from tests.faults.witness import Asked, Kept, Row

ANA = Member(1, 11, "creator", "ana@example.com")
BO = Member(2, 12, "brand", "bo@example.com")
CY = Member(3, 13, "creator", "cy@example.com")
ALL = [ANA, BO, CY]


def edit(value: str, base: int, version: int, **more: Any) -> Deed:
    return Deed(ANA, "ana on device 1", "edit", values={"bio": value}, bases={"bio": base}, saved=frozenset({"bio"}), status=200, version=version, **more)


EDITS = [edit("say-1-1", 1, 2), edit("say-1-2", 2, 3)]
ROWS = [Row(11, 2, "bio", "", "say-1-1", 0), Row(11, 3, "bio", "say-1-1", "say-1-2", 1)]
NOW = {(11, "bio"): "say-1-2"}


def test_edits_that_were_applied_once_and_in_order_are_right() -> None:
    assert witness.wrong_edits(EDITS, ROWS, NOW) == []


@pytest.mark.parametrize(
    ("deeds", "rows", "now"),
    [
        pytest.param(EDITS, ROWS[:1], {(11, "bio"): "say-1-1"}, id="one is lost"),
        pytest.param(EDITS, [*ROWS, Row(11, 4, "bio", "say-1-2", "say-1-1", 2)], {(11, "bio"): "say-1-1"}, id="one is applied twice"),
        pytest.param([EDITS[0], edit("say-1-2", 1, 3)], ROWS, NOW, id="one is written over another that it did not know"),
        pytest.param([EDITS[0], replace(EDITS[1], saved=frozenset(), conflict=frozenset({"bio"}), status=409)], ROWS, NOW, id="a conflict is applied all the same"),
        pytest.param(EDITS, ROWS, {(11, "bio"): "say-1-1"}, id="the last one does not stand"),
        pytest.param(EDITS, [ROWS[0], replace(ROWS[1], before="something else")], NOW, id="something changed beside the history"),
    ],
)
def test_a_lost_or_doubled_edit_is_found(deeds: list[Deed], rows: list[Row], now: dict[tuple[int, str], str]) -> None:
    assert len(witness.wrong_edits(deeds, rows, now)) >= 1


def links(value: set[str], before: set[str], base: int, version: int) -> Deed:
    said: dict[str, Any] = {"values": {"links": frozenset(value)}, "before": {"links": frozenset(before)}, "bases": {"links": base}}
    return Deed(ANA, "ana on device 1", "edit", saved=frozenset({"links"}), status=200, version=version, **said)


def test_a_link_that_comes_back_by_itself_or_never_comes_is_found() -> None:
    put, taken = links({"a"}, set(), 1, 2), links(set(), {"a"}, 2, 3)
    rows = [Row(11, 2, "links", [], ["a"], 0), Row(11, 3, "links", ["a"], [], 1)]

    assert witness.wrong_edits([put, taken], rows, {(11, "links"): []}) == []
    assert witness.wrong_edits([put, taken], [*rows, Row(11, 4, "links", [], ["a"], 2)], {(11, "links"): ["a"]}) != []
    assert witness.wrong_edits([put, links({"b"}, set(), 1, 3)], rows[:1], {(11, "links"): ["a"]}) != []


def test_messages_that_are_lost_doubled_or_out_of_order_are_found() -> None:
    first, second = (Deed(ANA, "ana on device 1", "message", BO, id, {"text": id}, sent=at, status=200) for at, id in enumerate(("one", "two")))
    kept = [Kept(1, 1, "one", "one", 0), Kept(1, 2, "two", "two", 0)]

    assert witness.wrong_messages([first, second], kept) == []
    assert witness.wrong_messages([first, second], kept[:1]) != []
    assert witness.wrong_messages([first, second], [*kept, Kept(1, 3, "two", "two", 0)]) != []
    assert witness.wrong_messages([first, second], [replace(kept[0], number=2), replace(kept[1], number=1)]) != []
    assert witness.wrong_messages([first, replace(second, status=403)], kept) != []
    assert witness.wrong_messages([first], kept) != []
    assert witness.wrong_numbers(kept[1:]) != []


def test_an_answer_that_is_lost_doubled_or_made_up_is_found() -> None:
    ask, accept = Deed(BO, "bo", "ask", ANA, status=303), Deed(ANA, "ana", "accept", BO, values={"request": 5}, status=200)
    accepted, again = Asked(5, 2, 1, "accepted", 2), Asked(6, 2, 1, "pending", 3)
    declined = Deed(ANA, "ana", "decline", BO, values={"request": 5}, status=410)

    assert witness.wrong_requests([ask, accept, declined], [accepted]) == []
    assert witness.wrong_requests([ask, accept, declined], [again, replace(accepted, state="declined")]) != []
    assert witness.wrong_requests([ask, accept], [replace(accepted, state="pending", version=1)]) != []
    assert witness.wrong_requests([ask, accept], [accepted, again]) == []
    assert len(witness.wrong_requests([ask, accept], [replace(accepted, version=3), again])) == 2
    assert len(witness.wrong_requests([ask], [accepted])) == len(witness.wrong_requests([ask, accept], [replace(accepted, state="ended", version=3)])) == 1


def test_who_hears_or_reads_what_they_may_not_see_is_found() -> None:
    block, lift = Deed(BO, "bo", "block", ANA, sent=10, answered=11, status=303), Deed(BO, "bo", "unblock", ANA, sent=30, answered=31, status=303)
    apart = witness.parted([block, lift], until=99)
    beats = [float(second) for second in range(99)]

    def heard(at: float, subject: str, **data: Any) -> list[str]:
        return witness.wrongly_heard(ANA, [(at, subject, data)], ALL, {(1, 2): 7}, apart, beats, grace=4)

    def read(at: float, word: str) -> list[str]:
        return witness.wrongly_read(ANA, [(at, at + 0.1, [word])], ALL, apart)

    for right in (heard(5, "profile:12", v=3), heard(12, "profile:12", v=3), heard(40, "profile:12", v=3), heard(20, "profile:12", gone=True),
                  heard(20, "me", v=3), heard(20, "profile:11", v=3), heard(5, "conversation:7", v=2), read(5, "say-2-1"), read(20, "say-1-1"), read(5, "word-2-1-4")):  # fmt: skip
        assert right == []
    for wrong in (heard(20, "profile:12", v=3), heard(20, "presence:12", v=3), heard(5, "profile:13", v=3), heard(5, "conversation:8", v=2),
                  heard(20, "conversation:7", v=2), read(20, "say-2-1"), read(20, "word-2-1-4"), read(5, "say-3-1"), read(5, "word-2-3-4")):  # fmt: skip
        assert len(wrong) == 1
    beats = [12.0, 19.0]  # a slow server: what it says at 20 may be of before
    assert heard(20, "profile:12", v=3) == []


def test_a_mark_that_was_forgotten_is_found_where_nothing_else_was_said_meanwhile() -> None:
    save, unsave = Deed(ANA, "a", "save", BO, sent=1, tries=1, answered=2, status=200), Deed(ANA, "b", "unsave", BO, sent=3, tries=1, answered=4, status=200)

    assert witness.last_words([save, unsave], "save", "unsave") == {(1, 2): "unsave"}
    assert witness.last_words([save, replace(unsave, sent=1.5)], "save", "unsave") == {}
    assert witness.last_words([replace(save, tries=2), unsave], "save", "unsave") == {}


def test_the_time_to_converge_is_that_of_the_last_page() -> None:
    quick, slow = {"profile:11": [(0.0, 1), (2.0, 2)]}, {"profile:11": [(0.0, 1), (5.0, 2)]}

    assert witness.times_to_converge([1.5, 9.0], {11: [(1.0, 2)]}, [quick, slow]) == [3.5, 0.0]
    assert witness.times_to_converge([1.5], {11: [(1.0, 3)]}, [quick]) == [float("inf")]
    assert sorted(witness.times_to_arrive({11: [(1.0, 2)]}, [quick, slow])) == [1.0, 4.0]


CARD = '<article id="card" data-live="profile:12@3" hx-get="/card"><p>{}</p><p id="dot" data-live="presence:12@1" hx-get="/dot">here</p></article>'


def test_a_page_that_shows_something_else_is_told_from_one_that_does_not() -> None:
    card, dot = fragments_of(f"<main>{CARD.format('Bo')}</main>")

    assert (card.versions, dot.within) == ({"profile:12": 3}, "card")
    assert card.text == next(fragments_of(CARD.format("Bo"))).text != next(fragments_of(CARD.format("Somebody"))).text
    assert without("a [dot] b", {"dot"}) != without("a [dot] b", set()) == "a b"


def test_a_swap_takes_the_elements_inside_along() -> None:
    tab = Tab(Device(0, "ana", ANA.email, None))  # type: ignore[arg-type]
    tab.fragments = {fragment.id: fragment for fragment in fragments_of(CARD.format("Bo"))}

    tab._swap("card", list(fragments_of('<article id="card" data-live="profile:12@4" hx-get="/card"><p>Bo</p></article>')))

    assert tab.shown == {"profile:12": 4}

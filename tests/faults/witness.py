"""What must hold afterwards, whatever went wrong: each check returns what does not, in words. Nothing here asks a server."""

import itertools
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.faults.people import ANSWERS, TEXTS, Deed, Member

LISTS = ("niches", "links")
BECOMES = {"accept": ("accepted", "ended"), "decline": ("declined",), "withdraw": ("withdrawn",)}
OF_A_PROFILE = ("profile", "match", "request", "presence")
OF_TWO = ("conversation", "edits", "typing")
OF_ONESELF = ("me", "deck", "requests", "conversations", "notifications", "blocked", "privacy", "activity", "reports")


@dataclass(frozen=True)
class Row:
    """One field of one save, as the history has it."""

    profile: int
    version: int
    field: str
    before: Any
    after: Any
    at: float  # seconds since 1970


@dataclass(frozen=True)
class Kept:
    """One message in the database."""

    conversation: int
    number: int
    client_id: str
    text: str
    at: float


@dataclass(frozen=True)
class Asked:
    """One request in the database."""

    id: int
    sender: int
    receiver: int
    state: str
    version: int


# Edits.


def wrong_edits(deeds: Iterable[Deed], rows: Iterable[Row], current: Mapping[tuple[int, str], Any]) -> list[str]:
    """Each acknowledged edit was applied exactly once, none silently over another, and the last one of each field stands."""
    edits = [deed for deed in deeds if deed.kind == "edit"]
    history: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.version):
        history[row.profile, row.field].append(row)
    wrong = []
    for (profile, name), field_rows in history.items():
        for one, other in itertools.pairwise(field_rows):
            if one.after != other.before:
                wrong.append(f"profile {profile}: {name} jumps from {one.after!r} to {other.before!r} at version {other.version}")
        if field_rows[-1].after != current[profile, name]:
            wrong.append(f"profile {profile}: {name} is {current[profile, name]!r}, but was last saved as {field_rows[-1].after!r}")
    for deed in edits:
        for name, value in deed.values.items():
            field_rows = history[deed.by.profile, name]
            judge = _wrong_text if name in TEXTS else _wrong_list
            wrong += [f"{deed.device}: {name} {sorted(value) if name in LISTS else value!r}: {words}" for words in judge(deed, name, value, field_rows)]
    return wrong + _appearing_twice(edits, history)


def _wrong_text(deed: Deed, name: str, value: str, rows: Sequence[Row]) -> list[str]:
    mine = [n for n, row in enumerate(rows) if row.after == value]
    expected = 1 if name in deed.saved else 0
    if len(mine) != expected:
        return [f"acknowledged as {'saved' if expected else 'not saved'}, and applied {len(mine)} times"]
    return [
        f"written over {rows[n - 1].after!r} of version {rows[n - 1].version}, which it did not know: it was based on {deed.bases[name]}"
        for n in mine if n and rows[n - 1].version > deed.bases[name]
    ]  # fmt: skip


def _wrong_list(deed: Deed, name: str, value: Collection[str], rows: Sequence[Row]) -> list[str]:
    """What was put in or taken out was in, or out, at some version between the one it was based on and the one that acknowledged it."""
    if name not in deed.saved:
        return []
    base = rows[0].before if rows else sorted(value)
    states = [base] + [row.after for row in rows]
    versions = [0] + [row.version for row in rows]
    between = states[max(0, bisect_right(versions, deed.bases[name]) - 1):bisect_right(versions, deed.version)]
    put, taken = set(value) - deed.before[name], deed.before[name] - set(value)
    if any(put <= set(state) and not taken & set(state) for state in between):
        return []
    return [f"acknowledged at version {deed.version}, but +{sorted(put)} −{sorted(taken)} never was so since version {deed.bases[name]}: {between}"]


def _appearing_twice(edits: Sequence[Deed], history: Mapping[tuple[int, str], Sequence[Row]]) -> list[str]:
    """Nothing comes into a list, or goes, more often than somebody asked for it."""
    asked: Counter[tuple[int, str, str, str]] = Counter()
    for deed in edits:
        for name in deed.before:
            asked.update((deed.by.profile, name, "put in", item) for item in set(deed.values[name]) - deed.before[name])
            asked.update((deed.by.profile, name, "taken out", item) for item in deed.before[name] - set(deed.values[name]))
    happened: Counter[tuple[int, str, str, str]] = Counter()
    for (profile, name), rows in history.items():
        if name in LISTS:
            for row in rows:
                happened.update((profile, name, "put in", item) for item in set(row.after) - set(row.before))
                happened.update((profile, name, "taken out", item) for item in set(row.before) - set(row.after))
    return [f"profile {key[0]}: {key[3]!r} was {key[2]} {times} times, and asked for {asked[key]} times" for key, times in happened.items() if times > asked[key]]


# Messages.


def wrong_messages(deeds: Iterable[Deed], kept: Iterable[Kept]) -> list[str]:
    """Each acknowledged message is there once, with its words, in the order in which its device sent them, and none is there that nobody wrote."""
    wrong = []
    by_id: dict[str, list[Kept]] = defaultdict(list)
    for message in kept:
        by_id[message.client_id].append(message)
    last: dict[tuple[str, int], int] = {}
    for deed in sorted((deed for deed in deeds if deed.kind == "message"), key=lambda deed: deed.sent):
        there = by_id.pop(deed.operation, [])
        if len(there) != (1 if deed.is_done else 0):
            wrong.append(f"{deed.device}: {deed.values['text']!r} was answered with {deed.status} and is there {len(there)} times")
        for message in there:
            if message.text != deed.values["text"]:
                wrong.append(f"{deed.device}: {deed.values['text']!r} is kept as {message.text!r}")
            if message.number <= last.get((deed.device, message.conversation), 0):
                wrong.append(f"{deed.device}: {message.text!r} comes before one that was sent before it")
            last[deed.device, message.conversation] = message.number
    return wrong + [f"nobody wrote {message.text!r}" for left in by_id.values() for message in left]


def wrong_numbers(kept: Iterable[Kept]) -> list[str]:
    numbers: dict[int, list[int]] = defaultdict(list)
    for message in kept:
        numbers[message.conversation].append(message.number)
    return [f"conversation {id} has the numbers {sorted(found)}" for id, found in numbers.items() if sorted(found) != list(range(1, len(found) + 1))]


# Requests.


def wrong_requests(deeds: Collection[Deed], asked: Iterable[Asked]) -> list[str]:
    """Each acknowledged answer became of its request what it says, nothing became of one that nobody wanted, and nothing twice."""
    wrong = []
    by_id = {request.id: request for request in asked}
    for deed in deeds:
        if deed.kind in ANSWERS and deed.status == 200 and by_id[deed.values["request"]].state not in BECOMES[deed.kind]:
            wrong.append(f"{deed.device}: {deed.kind} of request {deed.values['request']} was acknowledged, and it is {by_id[deed.values['request']].state}")
    tried = {(deed.by.id, deed.kind, deed.values.get("request")) for deed in deeds if deed.kind in (*ANSWERS, "end")}
    fallen_out = {(deed.by.id, deed.other.id) for deed in deeds if deed.kind == "block" and deed.other}
    asking = {(deed.by.id, deed.other.id) for deed in deeds if deed.kind == "ask" and deed.other}
    versions: dict[tuple[int, int], int] = {}
    for request in sorted(by_id.values(), key=lambda request: request.id):
        sender, receiver = request.sender, request.receiver
        is_wanted = {
            "pending": True,
            "accepted": (receiver, "accept", request.id) in tried or (receiver, sender) in asking,
            "declined": (receiver, "decline", request.id) in tried,
            "withdrawn": (sender, "withdraw", request.id) in tried or (sender, receiver) in fallen_out,
            "expired": (receiver, sender) in fallen_out,
            "ended": any((one, "end", request.id) in tried for one in (sender, receiver)) or bool({(sender, receiver), (receiver, sender)} & fallen_out),
        }
        if not is_wanted[request.state]:
            wrong.append(f"request {request.id} is {request.state}, which nobody wanted")
        both = (min(sender, receiver), max(sender, receiver))
        expected = versions.get(both, 0) + 1 + {"pending": 0, "ended": 2}.get(request.state, 1)
        if request.version != expected:
            wrong.append(f"request {request.id} is {request.state} at version {request.version}, and should be at {expected}: something was done twice, or not counted")
        versions[both] = request.version
    return wrong


# Marks and blocks: the last word counts, where nobody else said something at the same moment.


def last_words(deeds: Iterable[Deed], *kinds: str) -> dict[tuple[int, int], str]:
    """By member and other: the kind of the last deed among these that was done, where no other one overlaps it, nor may still have been under way:
    of one that was asked for again, nobody knows when the first try arrived."""
    by_pair: dict[tuple[int, int], list[Deed]] = defaultdict(list)
    for deed in deeds:
        if deed.kind in kinds and deed.other:
            by_pair[deed.by.id, deed.other.id].append(deed)
    certain = {}
    for both, said in by_pair.items():
        *others, last = sorted(said, key=lambda deed: deed.answered)
        if last.is_done and all(deed.answered < last.sent and deed.tries == 1 for deed in others):
            certain[both] = last.kind
    return certain


# Who heard what.


@dataclass(frozen=True)
class Parted:
    """Two who certainly did not see each other from ``since`` to ``until``."""

    since: float
    until: float


def parted(deeds: Iterable[Deed], until: float) -> dict[tuple[int, int], list[Parted]]:
    """By two account ids, either way: when a block was certainly in force, from its acknowledgement until somebody began to take it back."""
    blocks: dict[tuple[int, int], list[Parted]] = defaultdict(list)
    deeds = [deed for deed in deeds if deed.kind in ("block", "unblock") and deed.other]
    for block in deeds:
        if block.kind == "block" and block.is_done and block.other:
            lifting = [deed.sent for deed in deeds if deed.kind == "unblock" and deed.by == block.by and deed.other == block.other
                       and (not deed.answered or deed.answered > block.sent or deed.tries > 1)]  # fmt: skip
            span = Parted(block.answered, min(lifting, default=until))
            if span.since < span.until:
                blocks[block.by.id, block.other.id].append(span)
                blocks[block.other.id, block.by.id].append(span)
    return blocks


def wrongly_heard(
    me: Member, told: Iterable[tuple[float, str, Mapping[str, Any]]], members: Sequence[Member], conversations: Mapping[tuple[int, int], int],
    apart: Mapping[tuple[int, int], Sequence[Parted]], beats: Sequence[float], grace: int,
) -> list[str]:  # fmt: skip
    """``told``: each notice with its time. That something is gone may always be said; ``grace``: what was under way may still arrive for so many seconds
    and so many of the server's own ``beats``, which come later where it is slow."""
    apart = {both: [replace(span, since=_settled(span.since, beats, grace)) for span in spans] for both, spans in apart.items()}
    by_profile = {member.profile: member for member in members}
    mine = {id: both for both, id in conversations.items() if me.id in both}
    wrong = []
    for at, subject, data in told:
        kind, _, id = subject.partition(":")
        if kind in OF_ONESELF and not id:
            continue
        if data.get("gone") and kind in (*OF_A_PROFILE, *OF_TWO):
            continue
        if kind in OF_A_PROFILE:
            them = by_profile.get(int(id))
            is_theirs = them is not None and (them == me or (them.role != me.role and not _apart(apart, me.id, them.id, at, at)))
        elif kind in OF_TWO:
            is_theirs = int(id) in mine and not _apart(apart, *mine[int(id)], at, at)
        else:
            is_theirs = False
        if not is_theirs:
            wrong.append(f"{me.email} was told of {subject}: {data}")
    return wrong


def wrongly_read(
    me: Member, read: Iterable[tuple[float, float, Iterable[str]]], members: Sequence[Member], apart: Mapping[tuple[int, int], Sequence[Parted]]
) -> list[str]:
    """``read``: when something was asked for, when it was answered, and whose words were in it. Here nothing can be under way: no grace."""
    by_id = {member.id: member for member in members}
    wrong = []
    for asked, answered, words in read:
        for word in words:
            kind, *numbers = word.split("-")
            who = [int(number) for number in numbers[:-1]]
            if kind == "say":
                them = by_id[who[0]]
                is_mine = them == me or (them.role != me.role and not _apart(apart, me.id, them.id, asked, answered))
            else:
                is_mine = me.id in who and not _apart(apart, who[0], who[1], asked, answered)
            if not is_mine:
                wrong.append(f"{me.email} read {word!r}")
    return wrong


def _apart(apart: Mapping[tuple[int, int], Sequence[Parted]], one: int, other: int, begun: float, ended: float) -> bool:
    return any(span.since < begun and ended < span.until for span in apart.get((one, other), ()))


def _settled(since: float, beats: Sequence[float], grace: int) -> float:
    n = bisect_right(beats, since) + grace - 1
    return max(since + grace, beats[n]) if n < len(beats) else float("inf")


# How long it took.


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))] if ordered else 0.0


def times_to_converge(
    faults: Iterable[float], saved: Mapping[int, Sequence[tuple[float, int]]], pages: Iterable[Mapping[str, Sequence[tuple[float, int | None]]]]
) -> list[float]:
    """After each fault's end, the seconds until every open page showed at least what had been acknowledged by then.

    ``saved``: by profile, when which version was acknowledged. ``pages``: by subject, when the page showed which version, None where it no longer did.
    """
    histories = _histories(pages)
    took = []
    for end in faults:
        truths = {profile: max((version for at, version in known if at <= end), default=0) for profile, known in saved.items()}
        took.append(max((_until(history, end, truths.get(profile, 0)) for profile, history in histories), default=0.0))
    return took


def times_to_arrive(saved: Mapping[int, Sequence[tuple[float, int]]], pages: Iterable[Mapping[str, Sequence[tuple[float, int | None]]]]) -> list[float]:
    """For each acknowledged edit and each page that showed that profile, the seconds until it showed the edit."""
    histories = _histories(pages)
    showing = ((history, at, version) for profile, known in saved.items() for at, version in known for of, history in histories if of == profile)
    return [_until(history, at, version) for history, at, version in showing if _shown(history, at) is not None]


def _histories(pages: Iterable[Mapping[str, Sequence[tuple[float, int | None]]]]) -> list[tuple[int, Sequence[tuple[float, int | None]]]]:
    return [(int(subject.partition(":")[2]), history) for page in pages for subject, history in page.items() if subject.startswith("profile:")]


def _shown(history: Sequence[tuple[float, int | None]], at: float) -> int | None:
    n = bisect_right(history, at, key=lambda entry: entry[0])
    return history[n - 1][1] if n else None


def _until(history: Sequence[tuple[float, int | None]], since: float, version: int) -> float:
    """Seconds until it showed that version, or was no longer there."""
    now = _shown(history, since)
    if now is None or now >= version:
        return 0.0
    return next((at - since for at, shown in history if at > since and (shown is None or shown >= version)), float("inf"))

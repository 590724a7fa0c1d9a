"""Which open decks a change concerns: one pass over those who look, instead of a new deck for each of them."""

import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import gevent
import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from blueprints.accounts.models import Account
from blueprints.live import Notice
from blueprints.live.bus import Bus
from blueprints.live.hub import Hub
from blueprints.matches.deck import UNKNOWN, Window, keys_for
from blueprints.matches.filters import Filters, Place
from blueprints.matches.index import MANY, Index, Table
from blueprints.matches.scoring import Score, failed_musts, score
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.models import OTHER_ROLE

WINDOWS_EACH = 16  # decks with different filters that one member has open
MOST_LOOKING = 50_000
MANY_CHANGES = 50  # from here on everyone is told
RINGS = 100  # between two turns of the others
A_HAIR = 1e-6  # the same numbers in another company may come out so much apart


@dataclass
class Looking:
    """One member's open decks. A window that is None is there, but what it shows is not known for sure; ``has_more``: decks were left out."""

    role: str
    profile_id: int
    windows: OrderedDict[tuple[str, int, int], Window | None] = field(default_factory=OrderedDict)
    has_more: bool = False

    def keep(self, window: Window) -> None:
        key = (window.filters.query, window.page, window.pages)
        self.windows[key] = window
        self.windows.move_to_end(key)
        while len(self.windows) > WINDOWS_EACH:
            self.windows.popitem(last=False)
            self.has_more = True

    def doubt(self) -> None:
        self.windows = OrderedDict.fromkeys(self.windows)

    def shows(self, ids: frozenset[int]) -> bool:
        """Whether one of these is on a page, or may be before it: who leaves from there moves all that follow."""
        if not ids:
            return False
        return self.has_more or any(window is None or window.page > 1 or not ids.isdisjoint(window.ids) for window in self.windows.values())

    def reads_words(self) -> bool:
        """Whether somebody may come or go on a page for what they write of themselves, or for their picture."""
        return self.has_more or any(window is None or window.filters.q or window.filters.avatar for window in self.windows.values())


@dataclass(frozen=True)
class Moved:
    """What changed for the decks of a role up to ``version``: profiles (None: the journal knows which), those in words or picture only, and
    the accounts for whom alone somebody came or went."""

    version: int
    ids: frozenset[int] | None = frozenset()
    by_words: frozenset[int] = frozenset()
    accounts: frozenset[int] = frozenset()


class OpenDecks:
    """What was last answered for each open deck, by this worker or, where there are several, by any. A member of whom nothing is known
    hears of every change."""

    def __init__(self, index: Index, hub: Hub, bus: Bus) -> None:
        self.index, self.hub, self.bus, self.connections = index, hub, bus, bus.connections
        self.looking: OrderedDict[int, Looking] = OrderedDict()  # by account id
        self.told: dict[str, int] = {}  # role that looks → version up to which all who are concerned were told
        self.moved: dict[str, Moved] = {}  # by the role that looks

    def remember(self, viewer: Account, window: Window) -> None:
        """The worker that answers need not be the one that holds the stream: all of them remember."""
        if self.bus.reaches_others:
            said = json.dumps([viewer.id, viewer.role, viewer.profile.id, asdict(window)], default=sorted)
            self.bus.publish(Notice(f"window/{secrets.token_hex(8)}", 0, said))
        else:
            self._keep(viewer.id, viewer.role, viewer.profile.id, window)

    def _keep(self, account: int, role: str, profile_id: int, window: Window) -> None:
        self.looking.setdefault(account, Looking(role, profile_id)).keep(window)
        self.looking.move_to_end(account)
        while len(self.looking) > MOST_LOOKING:
            self.looking.popitem(last=False)

    def hear(self, notice: Notice) -> None:
        """Every notice that rings in this worker; ``tell`` does the work once the index knows the change."""
        kind, _, audience = notice.topic.partition("/")
        if kind == "deck" and audience in OTHER_ROLE and notice.version > self.told.get(audience, 0):
            before, profile = self.moved.get(audience, Moved(self.told.get(audience, 0))), notice.said.get("profile")
            if before.ids is None or not isinstance(profile, int) or notice.version != before.version + 1:  # a bell was lost, or it speaks of all
                self.moved[audience] = Moved(max(before.version, notice.version), None, accounts=before.accounts)
            elif notice.said.get("by_words"):
                self.moved[audience] = replace(before, version=notice.version, by_words=before.by_words | {profile})
            elif account := notice.said.get("for"):
                self.moved[audience] = replace(before, version=notice.version, accounts=before.accounts | {account})
            else:
                self.moved[audience] = replace(before, version=notice.version, ids=before.ids | {profile})
            self.index.news.set()
        elif kind == "window":
            account, role, profile_id, window = json.loads(notice.data)
            self._keep(account, role, profile_id, _window_of(window))
        elif kind.startswith("match:") and (mine := self.looking.get(int(audience))):
            mine.doubt()  # they changed their own profile, or hid someone: other keys, another last place

    def tell(self) -> None:
        """Ring ``deck`` for those whose page may now be another one. The first time these are all who look: a worker that has just started
        does not know which pages were open before."""
        moved, self.moved = self.moved, {}
        if not self.bus.is_up or self.bus.connections != self.connections:
            self.looking.clear()  # what others answered meanwhile did not get here
            self.connections = self.bus.connections
        try:
            self._tell(moved)
        except SQLAlchemyError:  # the next round asks the journal who is still to be told
            for role, change in moved.items():
                if change.version > self.told.get(role, -1):
                    self.moved[role] = Moved(max(change.version, self.moved.get(role, change).version), None)
            raise

    def _tell(self, moved: Mapping[str, Moved]) -> None:
        for role, change in moved.items():
            version, ids = change.version, change.ids
            if role not in self.told:
                ids = None
            elif ids is None:
                version, found = DeckVersion.changed_since(role, self.told[role])
                ids = None if found is None else frozenset(found)
            self.index.catch_up(role, version)
            self.index.freshen()
            self.told[role] = version
            watching = {account for account in self.hub.accounts if self.hub.is_watched(f"deck/{role}.{account}")}
            for account in [account for account, mine in self.looking.items() if mine.role == role and account not in watching]:
                del self.looking[account]  # what changes from here on is not followed for them
            concerned = self._concerned(role, ids, change.by_words, watching) | change.accounts & watching
            for number, account in enumerate(concerned):
                self.hub.ring(Notice(f"deck/{role}.{account}", version))
                if number % RINGS == RINGS - 1:
                    gevent.sleep(0)

    def _concerned(self, role: str, ids: frozenset[int] | None, by_words: frozenset[int], watching: set[int]) -> set[int]:
        if ids is None or len(ids) > MANY_CHANGES:
            return watching
        if not ids and not by_words:  # somebody came or went for one member alone
            return set()
        mine, theirs = self.index.tables[role], self.index.tables[OTHER_ROLE[role]]
        concerned, others = set[int](), Others([], [], [], [])
        for account in watching:
            looking = self.looking.get(account)
            if looking is None or looking.shows(ids) or (by_words and looking.reads_words()) or (row := _row_of(mine, looking.profile_id)) < 0:
                concerned.add(account)
            else:
                others.add(account, row, [window for window in looking.windows.values() if window])
        for row in theirs.rows(list(ids)):
            concerned.update(_entered(role, mine, theirs, int(row), others))
            gevent.sleep(0)
        return concerned


def _row_of(table: Table, id: int) -> int:
    return int(table.row_of[id]) if id < len(table.row_of) else -1


@dataclass
class Others:
    """Those who show none of the changed profiles: for each their row, their windows, and the fit without which nobody comes onto any of them."""

    accounts: list[int]
    rows: list[int]
    windows: list[list[Window]]
    least: list[float]

    def add(self, account: int, row: int, windows: list[Window]) -> None:
        self.accounts.append(account)
        self.rows.append(row)
        self.windows.append(windows)
        self.least.append(min(map(_least_fit, windows), default=np.inf))


def _least_fit(window: Window) -> float:
    """Whom searched words name comes first, whatever the fit; another order has another key."""
    return window.last_key - A_HAIR if window.is_full and window.filters.sort == "fit" and not window.filters.q else -np.inf


def _entered(role: str, mine: Table, theirs: Table, row: int, others: Others) -> list[int]:
    """On whose page that profile may stand now."""
    me, them = mine.facts(np.array(others.rows, np.int64)), theirs.facts(row)
    creator, brand = (me, them) if role == "creator" else (them, me)
    with np.errstate(all="ignore"):
        scored = score(creator, brand, MANY)
        fails = np.logical_or.reduce([np.broadcast_to(failed, len(others.rows)) for failed in failed_musts(creator, brand, MANY).values()])
    may = ~fails & (np.nan_to_num(scored.overall, nan=UNKNOWN) >= others.least)
    return [
        others.accounts[number]
        for number in np.flatnonzero(may)
        if any(_may_enter(window, scored.overall[number : number + 1], mine, theirs, others.rows[number], row) for window in others.windows[number])
    ]


def _may_enter(window: Window, fit: np.ndarray, mine: Table, theirs: Table, my_row: int, row: int) -> bool:
    if np.nan_to_num(fit[0], nan=UNKNOWN) < _least_fit(window):
        return False
    filters, me, scored = window.filters, mine.facts(my_row), Score(fit, fit, fit, fit, {})  # filters and orders read no more than the whole
    if window.is_full and filters.sort != "fit" and keys_for(filters, me, scored, theirs, [row])[0] < window.last_key - A_HAIR:
        return False
    return all(bool(test[0]) for test in filters.passes(me, scored, theirs, [row], time.time()).values())


def _window_of(said: dict[str, Any]) -> Window:
    """As another worker wrote it."""
    filters: dict[str, Any] = {
        name: frozenset(value) if isinstance(value, list) else Place(**value) if isinstance(value, dict) else value
        for name, value in said["filters"].items()
    }  # fmt: skip
    return Window(Filters(**filters), said["page"], said["pages"], tuple(said["ids"]), said["last_key"])

"""Which open decks a change concerns: one pass over those who look, instead of a new deck for each of them."""

import time
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from blueprints.accounts.models import Account
from blueprints.live import Notice
from blueprints.live.hub import Hub
from blueprints.matches.deck import UNKNOWN, Window
from blueprints.matches.index import MANY, Index, Table
from blueprints.matches.scoring import Score, failed_musts, score
from blueprints.profiles.models import OTHER_ROLE

WINDOWS_EACH = 8  # decks with different filters that one member has open
MOST_WINDOWS = 50_000
MANY_CHANGES = 50  # from here on everyone is told

Windows = OrderedDict[tuple[str, int], Window]


class OpenDecks:
    """What this worker last answered for each open deck. A deck it does not know, since another worker answered, hears of every change."""

    def __init__(self, index: Index, hub: Hub) -> None:
        self.index, self.hub = index, hub
        self.looking: OrderedDict[int, tuple[int, Windows]] = OrderedDict()  # account id → profile id, windows
        self.moved: dict[str, tuple[int, set[int] | None]] = {}  # role that looks → version, profiles that changed (None: many)

    def remember(self, viewer: Account, window: Window) -> None:
        _, windows = self.looking.setdefault(viewer.id, (viewer.profile.id, OrderedDict()))
        windows[window.filters.query, window.page] = window
        windows.move_to_end((window.filters.query, window.page))
        self.looking.move_to_end(viewer.id)
        while len(windows) > WINDOWS_EACH:
            windows.popitem(last=False)
        while len(self.looking) > MOST_WINDOWS:
            self.looking.popitem(last=False)

    def hear(self, notice: Notice) -> None:
        """Every notice that rings in this worker; ``tell`` does the work once the index knows the change."""
        kind, _, role = notice.topic.partition("/")
        if kind == "deck" and role in OTHER_ROLE:
            version, ids = self.moved.get(role, (0, set()))
            profile = notice.said.get("profile")
            changed = None if ids is None or not isinstance(profile, int) or len(ids) >= MANY_CHANGES else ids | {profile}
            self.moved[role] = max(version, notice.version), changed
            self.index.news.set()

    def tell(self) -> None:
        """Ring ``deck`` for those whose page may now be another one."""
        moved, self.moved = self.moved, {}
        for role, (version, ids) in moved.items():
            watching = [account for account in self.hub.accounts if self.hub.is_watched(f"deck/{role}.{account}")]
            for account in watching if ids is None else self._concerned(role, ids, watching):
                self.hub.ring(Notice(f"deck/{role}.{account}", version))

    def _concerned(self, role: str, ids: set[int], watching: list[int]) -> set[int]:
        mine, theirs = self.index.tables[role], self.index.tables[OTHER_ROLE[role]]
        rows = {account: row for account in watching if account in self.looking for row in mine.rows([self.looking[account][0]])}
        concerned = set(watching) - rows.keys()
        for id in ids:
            known = [account for account in rows if account not in concerned]
            concerned.update(account for account in known if any(id in window.ids for window in self._windows(account)))
            known = [account for account in known if account not in concerned]
            for row in theirs.rows([id]):
                concerned.update(self._entered(role, mine, theirs, int(row), known, np.array([rows[account] for account in known], np.int64)))
        return concerned

    def _entered(self, role: str, mine: Table, theirs: Table, row: int, accounts: list[int], rows: np.ndarray) -> list[int]:
        """Of these viewers, none of whom shows that profile: those on whose page it may stand now."""
        me, them = mine.facts(rows), theirs.facts(row)
        creator, brand = (me, them) if role == "creator" else (them, me)
        with np.errstate(all="ignore"):
            scored = score(creator, brand, MANY)
            kept_out = np.logical_or.reduce([np.broadcast_to(failed, len(rows)) for failed in failed_musts(creator, brand, MANY).values()])
        keys = np.nan_to_num(scored.overall, nan=UNKNOWN)
        return [
            account
            for number, account in enumerate(accounts)
            if not kept_out[number]
            and any(
                self._may_enter(window, float(keys[number]), replace(scored, overall=scored.overall[number : number + 1]), mine, theirs, rows[number], row)
                for window in self._windows(account)
            )
        ]

    def _may_enter(self, window: Window, key: float, scored: Score, mine: Table, theirs: Table, my_row: int, row: int) -> bool:
        if window.filters.sort == "fit" and window.is_full and key < window.last_key:
            return False
        passes = window.filters.passes(mine.facts(my_row), scored, theirs, [row], time.time())
        return all(bool(test[0]) for test in passes.values())

    def _windows(self, account: int) -> list[Window]:
        return list(self.looking[account][1].values())

"""When somebody counts as here, away or gone: what one worker says of the members whose streams it holds. Pure: no clock, no database."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GRACE_SECONDS = 15.0
AWAY_SECONDS = 5.0

Changes = dict[int, bool | None]  # account → a tab of theirs is in front; False: all are hidden; None: they hold no stream here any more


@dataclass
class Tracker:
    """A reload, or a glance at another window, changes nothing: who leaves counts as here for ``grace_seconds`` longer, and who hides all tabs
    is away after ``away_seconds``. Who comes, or comes back in front, is here at once."""

    grace_seconds: float = GRACE_SECONDS
    away_seconds: float = AWAY_SECONDS
    said: dict[int, bool] = field(default_factory=dict)
    _waiting: dict[int, tuple[bool | None, float]] = field(default_factory=dict)  # what is seen of whom otherwise than was said, and since when
    _doubted: set[int] = field(default_factory=set)

    def step(self, here: Mapping[int, bool], now: float) -> Changes:
        """``here``: who holds a stream now, and whether a tab of theirs is in front. The answer counts as said."""
        changes: Changes = {}
        for account_id in here.keys() | self.said.keys():
            seen, said = here.get(account_id), self.said.get(account_id)
            if seen == said:
                self._waiting.pop(account_id, None)
            elif self._is_certain(account_id, seen, said, now):
                changes[account_id] = seen
        for account_id in self._doubted & here.keys():
            changes[account_id] = here[account_id]
        self._say(changes)
        return changes

    def doubt(self, account_id: int) -> None:
        """Something happened to what was said of them: it is said again when they are seen again."""
        if account_id in self.said:
            self._doubted.add(account_id)

    def _is_certain(self, account_id: int, seen: bool | None, said: bool | None, now: float) -> bool:
        if seen or said is None:
            return True
        before, since = self._waiting.get(account_id, (True, now))
        if before != seen:
            since = now
        self._waiting[account_id] = (seen, since)
        return now - since >= (self.grace_seconds if seen is None else self.away_seconds)

    def _say(self, changes: Changes) -> None:
        for account_id, seen in changes.items():
            self._waiting.pop(account_id, None)
            self._doubted.discard(account_id)
            if seen is None:
                del self.said[account_id]
            else:
                self.said[account_id] = seen

"""The deck: a viewer's matches, ranked in one pass over the index, narrowed by filters and musts, a page at a time."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gevent
import numpy as np
from flask import current_app
from sqlalchemy import func

from blueprints.accounts.models import Account
from blueprints.extensions import db
from blueprints.matches.filters import NO_FILTERS, SORTS, Filters, km_from
from blueprints.matches.index import MANY, Table, off_the_loop
from blueprints.matches.models import Mark, Match, facts_of
from blueprints.matches.reasons import must_words
from blueprints.matches.scoring import BITS, CRITERIA_OF, USUAL_MAX_KM, Facts, Score, failed_musts, score
from blueprints.matches.versions import DeckVersion
from blueprints.profiles.models import DISTANCES_KM, OTHER_ROLE, Profile
from blueprints.profiles.search import Found, search

PAGE_SIZE = 24
MOST_PAGES = 10  # that one open page shows and hears of: their ids travel in an address
FEW = 12  # from here on down a deck says what each filter and each must costs
EXACT = 6  # decimals: NumPy may come out a hair apart for equals, by where in its array each stands
UNKNOWN = -1.0  # the key of those without a score: they come last
NAMED = 1_000.0  # more than any score


@dataclass(frozen=True)
class Cost:
    """How many more there would be without this filter or must. ``names``: those of the filter in the address, none for a must."""

    words: str
    names: tuple[str, ...]
    more: int
    is_theirs: bool = False


@dataclass(frozen=True)
class Ranking:
    """``ids``: the page's, best first, each with its key in ``keys``. ``others``: all who are there, before filters and musts."""

    ids: list[int]
    keys: list[float]
    total: int
    others: int
    costs: Mapping[Any, int] = field(default_factory=dict)


def pass_over(
    me: Facts, role: str, table: Table, rows: Any, filters: Filters, hidden: Sequence[int], found: Found | None, now: float
) -> tuple[Any, Score, dict[Any, Any]]:
    """The one pass: who of these rows is there, the scores, and for each filter, and each must of mine, who passes it.

    ``role`` is the viewer's; a must of theirs that I do not meet counts as one test for all, ``"theirs"``.
    """
    them = table.facts(rows)
    creator, brand = (me, them) if role == "creator" else (them, me)
    with np.errstate(all="ignore"):
        scored = score(creator, brand, MANY)
        failed = failed_musts(creator, brand, MANY)
        tests: dict[Any, Any] = filters.passes(me, scored, table, rows, now)
    there = table["is_there"][rows] & ~table.among(rows, hidden)
    for name in CRITERIA_OF[role]:
        if me.musts & BITS[name]:
            tests[name] = ~failed[role, name]
    tests["theirs"] = ~np.logical_or.reduce([failed[OTHER_ROLE[role], name] for name in CRITERIA_OF[OTHER_ROLE[role]]])
    if found is not None:
        tests[("q",)] = table.among(rows, found.ids)
    return there, scored, tests


def keys_for(filters: Filters, me: Facts, scored: Score, table: Table, rows: Any, found: Found | None = None) -> Any:
    """What the deck is ordered by, the greatest first. In a search, whom the words name come before those who only speak of them."""
    sort = filters.sort
    with np.errstate(all="ignore"):
        if sort == "newest":
            return table["created"][rows]
        if sort == "audience":
            followers, asked = table["followers"][rows], table["audience_high"][rows]
            return np.nan_to_num(np.where(np.isnan(followers), asked, np.log10(np.maximum(followers, 1))), nan=UNKNOWN, posinf=99)
        if sort == "distance":
            return -np.round(np.nan_to_num(km_from(filters.near, me, table, rows), nan=1e9), EXACT)
    keys = np.round(np.nan_to_num(scored.overall, nan=UNKNOWN), EXACT)
    return keys if found is None else keys + NAMED * table.among(rows, found.named)


def rank(me: Facts, role: str, table: Table, filters: Filters, hidden: Sequence[int], found: Found | None, now: float, first: int, size: int) -> Ranking:
    """The ids from place ``first`` on. Equals stand in a lasting order, the newest first."""
    everyone = slice(0, table.length)
    rows = table.rows(found.ids) if found is not None and len(found.ids) < table.length // 2 else everyone
    ranking = _rank(me, role, table, rows, filters, hidden, found, now, first, size)
    if rows is not everyone and ranking.total <= FEW:  # what the search itself costs only shows among everyone
        return _rank(me, role, table, everyone, filters, hidden, found, now, first, size)
    return ranking


def _rank(
    me: Facts, role: str, table: Table, rows: Any, filters: Filters, hidden: Sequence[int], found: Found | None, now: float, first: int, size: int
) -> Ranking:
    there, scored, tests = pass_over(me, role, table, rows, filters, hidden, found, now)
    keep = np.logical_and.reduce([there, *tests.values()])
    total = int(keep.sum())
    costs = {}
    if total <= FEW:
        for name in tests:
            others = [test for other, test in tests.items() if other != name]
            costs[name] = int(np.logical_and.reduce([there, *others]).sum()) - total
    keys, ids = keys_for(filters, me, scored, table, rows, found), table["id"][rows]
    kept = np.flatnonzero(keep)
    wanted = first + size
    if wanted < len(kept):  # a partition instead of sorting everybody; equals of the last one stay in
        least = np.partition(keys[kept], len(kept) - wanted)[len(kept) - wanted]
        kept = kept[keys[kept] >= least]
    order = np.lexsort((-ids[kept], -keys[kept]))[first:wanted]
    shown = kept[order]
    return Ranking([int(id) for id in ids[shown]], [float(key) for key in keys[shown]], total, int(there.sum()), costs)


@dataclass(frozen=True)
class Standing:
    """Where one profile stands in a deck. ``failed``: the names of the tests that keep it out; ``place`` counts from 1."""

    failed: list[Any]
    place: int | None
    total: int


def stand(me: Facts, role: str, table: Table, filters: Filters, hidden: Sequence[int], found: Found | None, now: float, id: int) -> Standing:
    rows = slice(0, table.length)
    there, scored, tests = pass_over(me, role, table, rows, filters, hidden, found, now)
    keep = np.logical_and.reduce([there, *tests.values()])
    total = int(keep.sum())
    for row in (row for row in table.rows([id]) if row < rows.stop):  # whoever came during the pass stands nowhere yet
        failed = [name for name, test in tests.items() if not test[row]]
        keys, ids = keys_for(filters, me, scored, table, rows, found), table["id"][rows]
        before = keep & ((keys > keys[row]) | ((keys == keys[row]) & (ids > id)))
        return Standing(failed, int(before.sum()) + 1 if keep[row] else None, total)
    return Standing([], None, total)


@dataclass(frozen=True)
class Window:
    """The part of a deck that a page shows: ``pages`` pages from ``page`` on. ``ids`` in order; ``last_key``: what one must reach to be among them."""

    filters: Filters
    page: int
    pages: int
    ids: tuple[int, ...]
    last_key: float

    @classmethod
    def of(cls, filters: Filters, page: int, pages: int, ranking: Ranking) -> "Window":
        return cls(filters, page, pages, tuple(ranking.ids), ranking.keys[-1] if ranking.keys else UNKNOWN)

    @property
    def is_full(self) -> bool:
        return len(self.ids) == self.pages * PAGE_SIZE


@dataclass(frozen=True)
class Deck:
    """Some pages of a viewer's matches. ``notes``: what of the address was left out; ``others``: how many there are without filters and musts."""

    viewer: Account
    filters: Filters
    notes: list[str]
    matches: list[Match]
    window: Window
    total: int
    others: int
    version: int
    costs: list[Cost]

    @property
    def page(self) -> int:
        return self.window.page

    @property
    def last_page(self) -> int:
        return self.page + self.window.pages - 1

    @property
    def is_last(self) -> bool:
        return self.last_page * PAGE_SIZE >= self.total

    @property
    def can_grow(self) -> bool:
        """Whether this page may show another one's cards below its own."""
        return self.window.pages < MOST_PAGES

    sorts = SORTS
    distances = DISTANCES_KM

    @property
    def chips(self) -> list[tuple[str, Filters]]:
        """Each filter that is on in words, and the filters without it."""
        return [(words, self.filters.without(*names)) for names, words in self.filters.said]

    @classmethod
    def of(
        cls, viewer: Account, filters: Filters = NO_FILTERS, page: int = 1, pages: int = 1, notes: Collection[str] = (), shown: Collection[int] = ()
    ) -> "Deck":
        """Three queries: the version first (so that what is shown can only be newer), whom the deck leaves out, and these pages whole but for
        the profiles already ``shown``."""
        version = version_for(viewer)
        ranking = ranked(viewer, filters, page, pages)
        wanted = set(ranking.ids).difference(shown)
        visible = Profile.visible_to(viewer).where(Profile.id.in_(wanted), Profile.role == OTHER_ROLE[viewer.role])
        rows = db.session.execute(Match.joined(visible, viewer))
        by_id = {profile.id: Match(viewer.profile, profile, mark, asked) for profile, mark, asked in rows}
        matches = [by_id[id] for id in ranking.ids if id in by_id]
        window = Window.of(filters, page, pages, ranking)
        return cls(viewer, filters, list(notes), matches, window, ranking.total, ranking.others, version, _costs(filters, viewer.profile, ranking.costs))


def in_turns(matches: Iterable[Match]) -> Iterator[Match]:
    """For a template's loop: between two cards notices and other requests have their turn, for a page of them takes a while."""
    for match in matches:
        yield match
        gevent.sleep(0)


@dataclass(frozen=True)
class News:
    """Whether a visit now would show others than ``shown``."""

    viewer: Account
    window: Window
    shown: list[int]
    version: int

    @property
    def new(self) -> int:
        return len(set(self.window.ids) - set(self.shown))

    @property
    def left(self) -> int:
        return len(set(self.shown) - set(self.window.ids))

    @property
    def has_moved(self) -> bool:
        return list(self.window.ids) != self.shown

    @classmethod
    def of(cls, viewer: Account, filters: Filters, page: int, pages: int, shown: list[int]) -> "News":
        version = version_for(viewer)
        return cls(viewer, Window.of(filters, page, pages, ranked(viewer, filters, page, pages)), shown, version)

    @classmethod
    def none_yet(cls, deck: Deck) -> "News":
        return cls(deck.viewer, deck.window, list(deck.window.ids), deck.version)


@dataclass(frozen=True)
class Kept:
    """One page of the cards a viewer saved, or hid, the latest first."""

    matches: list[Match]
    page: int
    total: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // PAGE_SIZE))


def kept(viewer: Account, since: Any, page: int) -> Kept:
    """``since``: ``Mark.saved_at`` or ``Mark.hidden_at``. Whoever is no longer visible is not among them."""
    visible = Profile.visible_to(viewer).where(Profile.role == OTHER_ROLE[viewer.role])
    marked = Match.joined(visible, viewer).where(since.is_not(None))
    if since is Mark.saved_at:
        marked = marked.where(Mark.hidden_at.is_(None))
    total = db.session.scalar(marked.with_only_columns(func.count())) or 0
    rows = db.session.execute(marked.order_by(since.desc(), Profile.id).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE))
    return Kept([Match(viewer.profile, *row) for row in rows], page, total)


def version_for(viewer: Account) -> int:
    """Of the viewer's decks, with an index that has caught up with it."""
    return current_app.extensions["matches"].index.catch_up(viewer.role, DeckVersion.of(viewer.role))


def ranked(viewer: Account, filters: Filters, page: int, pages: int) -> Ranking:
    arguments = _asked(viewer, filters)
    return off_the_loop(arguments[2].length, rank, *arguments, (page - 1) * PAGE_SIZE, pages * PAGE_SIZE)


def standing(viewer: Account, filters: Filters, profile_id: int) -> Standing:
    arguments = _asked(viewer, filters)
    return off_the_loop(arguments[2].length, stand, *arguments, profile_id)


def _asked(viewer: Account, filters: Filters) -> tuple[Facts, str, Table, Filters, list[int], Found | None, float]:
    """What a pass needs; all that is read of the database is read here."""
    found = search(filters.q) if filters.q else None
    hidden = Mark.left_out_for(viewer)
    table = current_app.extensions["matches"].index.read(OTHER_ROLE[viewer.role])
    return facts_of(viewer.profile), viewer.role, table, filters, hidden, found, time.time()


def _costs(filters: Filters, viewer: Profile, costs: Mapping[Any, int]) -> list[Cost]:
    found = [Cost(words_of(name, filters, viewer), name if isinstance(name, tuple) else (), more, name == "theirs") for name, more in costs.items() if more]
    return sorted(found, key=lambda cost: -cost.more)


def words_of(test: Any, filters: Filters, viewer: Profile) -> str:
    """Of a filter, of a must of the viewer's, or of all that the others ask for."""
    if test == "theirs":
        return "what they ask for themselves"
    return dict(filters.said)[test] if isinstance(test, tuple) else must_words(test, viewer.max_km or USUAL_MAX_KM)

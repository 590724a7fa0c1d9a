"""For whom somebody is a perfect match: one pass over the other side."""

from typing import Any

import numpy as np

from blueprints.live import Notice
from blueprints.matches.index import MANY, Index, Table, off_the_loop
from blueprints.matches.scoring import TIERS, Facts, failed_musts, score
from blueprints.profiles.models import OTHER_ROLE

PERFECT = TIERS[0][0]


def perfect_for(index: Index, role: str, profile_id: int) -> list[int]:
    """The ids of the profiles that it fits perfectly, the best first; nobody whose must it does not meet, or who does not meet one of its own."""
    index.hear(Notice(f"profile:{profile_id}", 0))  # the bell may still be on its way to this worker
    table, others = index.read(role), index.read(OTHER_ROLE[role])
    rows = table.rows([profile_id])
    return off_the_loop(others.length, _perfect, table.facts(int(rows[0])), role, others) if len(rows) else []


def _perfect(them: Facts, role: str, others: Table) -> list[int]:
    everyone = slice(0, others.length)
    us = others.facts(everyone)
    creator, brand = (them, us) if role == "creator" else (us, them)
    with np.errstate(all="ignore"):
        fit: Any = np.nan_to_num(score(creator, brand, MANY).overall, nan=0)
        fails = np.logical_or.reduce([np.broadcast_to(failed, len(fit)) for failed in failed_musts(creator, brand, MANY).values()])
    found = np.flatnonzero(others["is_there"][everyone] & ~fails & (np.rint(fit) >= PERFECT))
    return [int(id) for id in others["id"][everyone][found[np.argsort(-fit[found], kind="stable")]]]

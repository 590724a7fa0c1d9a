"""The page of one's requests: what waits for an answer, who is connected, what is over."""

from dataclasses import dataclass

from sqlalchemy import and_, func, or_

from blueprints.accounts.models import Account, OwnVersion
from blueprints.extensions import db, utc_now
from blueprints.profiles.models import Profile
from blueprints.requests.models import Request

PAGE_SIZE = 24
MOST_WAITING = 100
MOST_EARLIER = 20

Rows = list[tuple[Request, Profile]]


@dataclass(frozen=True)
class Lists:
    """``connections`` is one page of them; ``version`` is that of the subject ``requests``."""

    waiting: Rows
    sent: Rows
    connections: Rows
    earlier: Rows
    page: int
    has_more: bool
    version: int

    @property
    def live(self) -> str:
        return f"requests@{self.version}"

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.sent or self.connections or self.earlier or self.page > 1)

    @classmethod
    def of(cls, viewer: Account, page: int = 1) -> "Lists":
        """Four queries, the version first: what is shown can only be newer."""
        version = OwnVersion.of(viewer, "requests")
        mine, now = Request.with_me(viewer), utc_now()
        in_time = and_(Request.state == "pending", Request.expires_at > now)
        over = or_(Request.state.not_in(("pending", "accepted")), and_(Request.state == "pending", Request.expires_at <= now))
        pending = _rows(mine.where(in_time).order_by(Request.sent_at.desc(), Request.id.desc()).limit(MOST_WAITING))
        connected = mine.where(Request.state == "accepted").order_by(Request.answered_at.desc(), Request.id.desc())
        connections = _rows(connected.limit(PAGE_SIZE + 1).offset((page - 1) * PAGE_SIZE))
        ended_at = func.coalesce(Request.answered_at, Request.expires_at)
        earlier = _rows(mine.where(over).order_by(ended_at.desc(), Request.id.desc()).limit(MOST_EARLIER))
        waiting, sent = ([row for row in pending if row[0].is_from(viewer) == by_me] for by_me in (False, True))
        return cls(waiting, sent, connections[:PAGE_SIZE], earlier, page, len(connections) > PAGE_SIZE, version)


def _rows(query: object) -> Rows:
    return [(found, them) for found, them in db.session.execute(query)]  # type: ignore[call-overload]

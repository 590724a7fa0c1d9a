"""The counters that say when a deck may have changed, and what the journal says of each step."""

import json

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from blueprints.accounts.models import Account
from blueprints.extensions import Model, db, read_aside, upsert
from blueprints.live import announce
from blueprints.live.announcements import Announcement
from blueprints.profiles.models import Profile


class DeckVersion(Model):
    """Grows by one whenever the decks that ``role`` looks at may have changed: someone came, left, or changed what is matched."""

    __tablename__ = "deck_versions"

    role: Mapped[str] = mapped_column(String(10), primary_key=True)
    version: Mapped[int] = mapped_column(default=1)

    @classmethod
    def of(cls, role: str) -> int:
        return db.session.scalar(select(cls.version).where(cls.role == role)) or 0

    @classmethod
    def moved_on(cls, role: str, profile: Profile | None = None, by_words: bool = False, only_for: Account | None = None) -> None:
        """Those of ``role`` whose open deck ``profile`` enters, leaves or moves in hear ``deck``; without one, all of them.
        ``by_words``: only for decks that search for words or ask for a picture. ``only_for``: it is the decks of that one member that changed."""
        counted = upsert(cls).values(role=role, version=1).on_conflict_do_update(index_elements=[cls.role], set_={"version": cls.version + 1})
        version = db.session.scalars(counted.returning(cls.version)).one()  # counted by the database: two at once get two numbers
        said = {"profile": profile.id} | ({"by_words": True} if by_words else {}) | ({"for": only_for.id} if only_for else {}) if profile else {}
        announce(f"deck/{role}", version, **said)

    @classmethod
    def changed_since(cls, role: str, version: int) -> tuple[int, set[int] | None]:
        """Where the decks of ``role`` stand, and the profiles that changed since ``version``, whether or not a bell was heard.
        None: all may have, or the journal has forgotten."""
        steps = select(Announcement.version, Announcement.data).where(Announcement.topic == f"deck/{role}", Announcement.version > version)
        now = read_aside(select(cls.version).where(cls.role == role))
        said = read_aside(steps.order_by(Announcement.version))
        stands, ids = now[0].version if now else 0, [json.loads(step.data).get("profile") for step in said]
        if stands > version and (not said or said[0].version != version + 1 or None in ids):
            return stands, None
        return max([stands, *(step.version for step in said)]), set(ids)

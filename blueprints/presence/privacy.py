"""What a member lets others know of them, and so gets to know of others."""

from collections.abc import Mapping
from typing import Any

from blinker import Signal

from blueprints.extensions import db
from blueprints.live import announce, end_streams
from blueprints.presence.models import Presence
from blueprints.presence.rules import ALL, CONNECTIONS, NOBODY
from blueprints.profiles.models import Profile

REACH = (NOBODY, CONNECTIONS, ALL)  # the wider the later
SETTINGS = ("presence_to", "shows_reading", "shows_typing")

privacy_changed = Signal("Inside the transaction, flushed. Sender: the profile; fields: those of presence_to, shows_reading and shows_typing that changed.")


def choose(profile: Profile, choices: Mapping[str, Any]) -> None:
    """Settle what others get to know from now on, on pages that are open, too. ``profile``: held for changing it, see ``Profile.to_revise``."""
    changed = {name: choices[name] for name in SETTINGS if choices[name] != getattr(profile, name)}
    if not changed:
        return
    is_wider = "presence_to" in changed and REACH.index(changed["presence_to"]) > REACH.index(profile.presence_to)
    for name, value in changed.items():
        setattr(profile, name, value)
    profile.account.moved("privacy")
    if "presence_to" in changed:
        _show_anew(profile, is_wider)
    db.session.flush()
    privacy_changed.send(profile, fields=frozenset(changed))


def _show_anew(profile: Profile, is_wider: bool) -> None:
    """Pages that show this presence look whether they still may; with a wider reach cards look whether they may now. One's own pages ask for everything
    anew, since what they may hear has changed."""
    profile.account.changed()
    profile.match_version = profile.account.version
    if is_wider:
        profile.version += 1
        announce(f"profile:{profile.id}", profile.version, fields=["presence"])
    db.session.flush()
    Presence.look_again(profile)
    announce(f"match:*/{profile.account_id}", profile.match_version)
    end_streams(account_id=profile.account_id)

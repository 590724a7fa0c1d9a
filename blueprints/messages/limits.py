"""How often one may write, so that nobody is flooded."""

from blueprints.accounts.limits import Allowance
from blueprints.accounts.models import Account

DEFAULTS = {
    "MESSAGE_LIMIT": "30/minute; 600/hour",
    "TYPING_LIMIT": "40/minute",  # beyond it nothing is said, and nobody needs to know
}


def message_wait(account: Account) -> int:
    """Seconds to wait before the next message; 0: now, and it is counted."""
    return Allowance("MESSAGE_LIMIT", str(account.id)).take()


def typing_wait(account: Account) -> int:
    return Allowance("TYPING_LIMIT", str(account.id)).take()


def in_words(seconds: int) -> str:
    """When to go on, by the second where it is soon."""
    if seconds <= 60:
        return "in a second" if seconds == 1 else f"in {seconds} seconds"
    return f"in {-(-seconds // 60)} minutes"

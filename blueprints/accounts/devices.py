"""A browser in words that its owner recognises."""

from functools import lru_cache

from ua_parser import parse

FAMILIES = {"Mobile Safari": "Safari", "Chrome Mobile": "Chrome", "Firefox Mobile": "Firefox", "Edge Mobile": "Edge", "Mac OS X": "macOS"}
PHONES = frozenset(("iOS", "Android", "iPadOS", "KaiOS"))


@lru_cache(maxsize=1024)
def device(user_agent: str) -> str:
    """``Firefox on Linux``."""
    found = parse(user_agent)
    browser = _name(found.user_agent.family if found.user_agent else "")
    system = _name(found.os.family if found.os else "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"A browser on {system}" if system else "An unknown browser")


def is_phone(user_agent: str) -> bool:
    return device(user_agent).rpartition(" on ")[2] in PHONES


def _name(family: str) -> str:
    return FAMILIES.get(family, family)

"""Network addresses: as a key to count by, and as little of them as a person needs to know their own."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


def counted(address: str | None) -> str:
    """What one customer of a provider has: an IPv4 address, or a whole /64 of IPv6."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)


def coarse(address: str | None) -> str:
    """Enough to tell home from elsewhere: ``192.0.2.x``."""
    parsed = _parse(address)
    if parsed is None:
        return ""
    if parsed.is_loopback:
        return "this computer"
    if isinstance(parsed, IPv6Address):
        return f"{ip_network((parsed, 48), strict=False).network_address}…"
    return f"{str(parsed).rpartition('.')[0]}.x"


def _parse(address: str | None) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed

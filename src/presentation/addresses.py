"""Whom a rate limit counts for."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

IPV6_PREFIX: Final = 64
"""Bits: one subscriber's network (RFC 6177), within which he can take any address he likes."""


def network_of(address: str | None) -> str:
    """The address, or the /64 of an IPv6 one; «unknown» for what is none, such as a Unix socket's peer."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))

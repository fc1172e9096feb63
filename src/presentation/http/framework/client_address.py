"""Whom a rate limit counts for."""

import re
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

IPV6_PREFIX: Final = 64
"""Bits: one subscriber's network (RFC 6177), within which he can take any address he likes."""

_WITH_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([0-9.]+):\d+")


def network_of(address: str | None) -> str:
    """The address, or the /64 of an IPv6 one; «unknown» for what is none, such as a Unix socket's peer.

    Some proxies append the client's port to the address that they forward.
    """
    with_port = _WITH_PORT.fullmatch(address or "")
    try:
        parsed = ip_address((with_port[1] or with_port[2]) if with_port else (address or ""))
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))

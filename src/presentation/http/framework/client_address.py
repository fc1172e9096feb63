"""The network of a client, for which rate limits count."""

import re
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

IPV6_PREFIX: Final = 64
"""The bits of a subscriber's network (RFC 6177). A subscriber can use any address in it."""

_WITH_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([0-9.]+):\d+")


def network_of(address: str | None) -> str:
    """Return an IPv4 address, the /64 network of an IPv6 address, or `unknown`, for example for a Unix socket.

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

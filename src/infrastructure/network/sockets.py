"""Connections to those who deliver, which keep to the deadline however slowly the other side talks.

A time-out bounds a single wait: whoever sends one byte at a time is waited for once a byte. So here, as in
`infrastructure.redis.client.connection`, every single wait is as long as the deadline still allows.
"""

import re
import socket
import ssl
from ipaddress import AddressValueError, IPv6Address, ip_address
from typing import Any, Final

import idna
from redis.exceptions import RedisError

from infrastructure.network import deadline
from infrastructure.network.resolver import addresses

_HIGHEST_PORT: Final = 65535
_PLACE: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._\-\u0080-\U0010ffff]+))(?::(?P<port>[0-9]{1,5}))?"
)


class _PlainSocket(socket.socket):
    """TCP."""

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        self.settimeout(_rest())
        return super().recv_into(*arguments, **options)

    def sendall(self, *arguments: Any, **options: Any) -> None:
        self.settimeout(_rest())
        super().sendall(*arguments, **options)


class _TlsSocket(ssl.SSLSocket):
    """TLS: it sends in pieces, and its handshake is a conversation of its own."""

    def do_handshake(self, *arguments: Any, **options: Any) -> None:
        self.settimeout(_rest())
        super().do_handshake(*arguments, **options)

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        self.settimeout(_rest())
        return super().recv_into(*arguments, **options)

    def send(self, *arguments: Any, **options: Any) -> int:
        self.settimeout(_rest())
        return super().send(*arguments, **options)


def place(text: str, default_port: int) -> tuple[str, int]:
    """The host and the port of `host`, `host:port` or either with an IPv6 address in brackets.

    An internationalized name becomes A-labels, as resolvers and certificates need it.

    Raises:
        ValueError: it is none of these; the message does not repeat it.
    """
    parts = _PLACE.fullmatch(text)
    port = int(parts["port"] or default_port) if parts else 0
    if parts is None or not 0 < port <= _HIGHEST_PORT:
        raise ValueError("must name one host, as host or host:port")
    if parts["v6"]:
        try:
            IPv6Address(parts["v6"])
        except AddressValueError:
            raise ValueError("must have an IPv6 address in the brackets") from None
    return parts["v6"] or _ascii(parts["name"]), port


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise ValueError("must have a host whose name is valid in IDNA 2008") from None


def is_loopback(host: str) -> bool:
    """Whether what is sent to the host never leaves this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def tls(authorities: str | None = None) -> ssl.SSLContext:
    """Demands a certificate for the host; makes connections that keep to the deadline.

    Args:
        authorities: path of a PEM file with the authorities to trust, None for the system's.

    Raises:
        ValueError: the file can't be used; the message does not repeat its path.
    """
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError:
        raise ValueError("the file of certificate authorities that it names can't be used") from None
    context.sslsocket_class = _TlsSocket
    return context


def opened(host: str, port: int, context: ssl.SSLContext | None) -> socket.socket:
    """A connection; with a context, one that is secured by TLS.

    Raises:
        OSError: it can't be had before the deadline, or the other side could not prove who it is.
    """
    try:
        found = addresses(host)
    except RedisError:
        raise OSError("the name leads nowhere, or not in time") from None
    plain = _reached(found, port)
    # Messages are small, and none is worth waiting for the next.
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except (OSError, ValueError):
        plain.close()
        raise


def _reached(found: list[str], port: int) -> socket.socket:
    failure = OSError("no address")
    for number, address in enumerate(found):
        # An address that leads nowhere must leave time for the others.
        patience = _rest() / (len(found) - number)
        try:
            connected = socket.create_connection((address, port), patience)
        except OSError as error:
            failure = error
        else:
            return _PlainSocket(fileno=connected.detach())
    raise failure


def _rest() -> float:
    rest = deadline.left()
    if not rest:
        raise TimeoutError("the deadline has passed")
    return rest

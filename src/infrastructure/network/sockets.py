"""Connections that keep to the deadline, even if the other side sends one byte at a time.

A time-out bounds one wait, and a slow peer causes many waits. So every wait here is as long as the deadline still
allows. `infrastructure.redis.client.connection` does the same for Redis.
"""

import socket
import ssl
from typing import TYPE_CHECKING

from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.network.errors import DeadlinePassed
from infrastructure.network.resolver import resolve

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class _PlainSocket(socket.socket):
    """A TCP socket that keeps to the deadline."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(_rest())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        self.settimeout(_rest())
        super().sendall(data, flags)


class _TlsSocket(ssl.SSLSocket):
    """A TLS socket that keeps to the deadline. It sends in pieces, and its handshake waits several times."""

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(_rest())
        super().do_handshake(block)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = 0, flags: int = 0) -> int:
        self.settimeout(_rest())
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        self.settimeout(_rest())
        return super().send(data, flags)


def tls_context(authorities: str | None = None) -> ssl.SSLContext:
    """Return a context that requires a valid certificate of the host and makes sockets that keep to the deadline.

    Args:
        authorities: the path of a PEM file with the trusted authorities; None for the system's.

    Raises:
        ValueError: the file is unusable. The message does not repeat its path.
    """
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError:
        raise ValueError("the file of certificate authorities can't be read, or is no PEM file") from None
    context.sslsocket_class = _TlsSocket
    return context


def connect(address: Address, context: ssl.SSLContext | None) -> socket.socket:
    """Return a connection; with a context, a TLS connection.

    Raises:
        NameNotResolved: the name of the host does not resolve.
        ssl.SSLError: the TLS handshake failed.
        TimeoutError: the deadline has passed.
        OSError: no address of the host accepts the connection.
    """
    plain = _connect_any(resolve(address.host), address.port)
    # Messages are small, so none should wait for the next one (Nagle's algorithm).
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=address.host)
    except (OSError, ValueError):
        plain.close()
        raise


def _connect_any(hosts: list[str], port: int) -> socket.socket:
    failure = OSError("no address")
    for number, host in enumerate(hosts):
        # An address that does not answer must leave time for the others.
        timeout = _rest() / (len(hosts) - number)
        try:
            connected = socket.create_connection((host, port), timeout)
        except OSError as error:
            failure = error
        else:
            return _PlainSocket(fileno=connected.detach())
    raise failure


def _rest() -> float:
    rest = deadline.left()
    if not rest:
        raise DeadlinePassed("the deadline has passed")
    return rest

"""Connections that keep to the deadline.

redis-py gives every connection a fixed time-out for each read. That does not bound the sum: a response that arrives
byte by byte, three Sentinels that do not answer, six frozen nodes or a name with many addresses each take a multiple of
it. Here, every wait is as long as the deadline still allows.
"""

import socket
import ssl
from typing import Any, Final

from redis.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError, RedisError
from redis.sentinel import SentinelManagedConnection

from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.network.resolver import resolve
from infrastructure.redis.client.explanations import HandshakeTimeout, name_server
from infrastructure.redis.client.link import Link

OPTIONS: Final[dict[str, Any]] = {
    # RESP 2 needs no handshake. With RESP 3, redis-py subscribes to maintenance notices, and then no longer checks
    # whether a connection still holds the response to a former command.
    "protocol": 2,
    "driver_info": None,
    # The largest number of threads of a worker.
    "max_connections": 256,
}
"""The options of every connection pool."""


class _DeadlineConnection(AbstractConnection):
    """The additions to all kinds of redis-py's connections."""

    _link: Link | None = None

    @property
    def server_name(self) -> str:
        """Return host and port for error texts; empty for a Unix socket."""
        return ""

    @property
    def socket_timeout(self) -> float:
        """Return the time-out in seconds of the next wait."""
        return deadline.socket_timeout()

    @socket_timeout.setter
    def socket_timeout(self, _seconds: float | None) -> None:
        """Ignore the value that redis-py sets, because the deadline decides."""

    socket_connect_timeout = socket_timeout

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect and log in. An error names the server."""
        try:
            super().connect_check_health(check_health, retry_socket_connect)
        except RedisError as error:
            name_server(error, self.server_name)
            raise

    def ensure_connected(self) -> None:
        """Connect, unless the connection is open and the server has sent nothing since the last response."""
        link = self._link
        if link is not None:
            if link.is_quiet:
                return
            self.disconnect()
        self.connect()  # type: ignore[no-untyped-call] # redis-py has no types here

    def exchange(self, packed: bytes, number: int) -> list[Any]:
        """Send packed commands and return their responses; see `Link.exchange`."""
        if self._link is None:
            raise ConnectionError("not connected")
        return self._link.exchange(packed, number)

    def disconnect(self, *arguments: Any, **options: Any) -> None:
        """Close the connection."""
        self._link = None
        super().disconnect(*arguments, **options)  # type: ignore[no-untyped-call] # likewise

    def _connect(self) -> Any:
        self._link = Link(self._open())
        return self._link

    def _open(self) -> socket.socket:
        plain: socket.socket = super()._connect()  # type: ignore[no-untyped-call, safe-super] # never abstract
        return plain


class _HostConnection(_DeadlineConnection):
    """A connection to a host. The deadline covers the resolution of its name, too."""

    host: str
    port: int

    @property
    def server_name(self) -> str:
        return str(Address(self.host, self.port))

    def _open(self) -> socket.socket:
        name, failure = self.host, OSError("no address")
        for address in resolve(name):
            self.host = address
            try:
                return self._secure(super()._open(), name)
            except OSError as error:
                failure = error
            finally:
                self.host = name
        raise failure

    def _secure(self, plain: socket.socket, _name: str) -> socket.socket:
        return plain


class _TlsConnection(_HostConnection):
    """A TLS connection under a shared context.

    redis-py makes a context for every connection. That loads all authorities of the system each time, and trusts them
    in addition to the authority that the URL names.
    """

    def __init__(self, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self._context = context

    def _secure(self, plain: socket.socket, name: str) -> socket.socket:
        try:
            return self._context.wrap_socket(plain, server_hostname=name)
        except TimeoutError:
            plain.close()
            raise HandshakeTimeout from None
        except OSError:
            plain.close()
            raise


class TcpConnection(_HostConnection, Connection):
    """A connection for `redis://`."""


class TlsConnection(_TlsConnection, Connection):
    """A connection for `rediss://`."""


class UnixConnection(_DeadlineConnection, UnixDomainSocketConnection):
    """A connection for `unix://`."""


class MasterConnection(_HostConnection, SentinelManagedConnection):
    """A connection to the server that the Sentinels name as master."""


class MasterTlsConnection(_TlsConnection, SentinelManagedConnection):
    """A TLS connection to the server that the Sentinels name as master."""

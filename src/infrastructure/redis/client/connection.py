"""Connections that keep to the deadline.

redis-py gives every connection a fixed time-out for each read. That bounds nothing: an answer that comes in drips,
three silent Sentinels, six frozen nodes or a name with many addresses each take a multiple of it. Here every single
wait is as long as the deadline still allows, whoever in redis-py does the waiting.
"""

import socket
import ssl
from typing import Any, Final

from redis.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.exceptions import RedisError
from redis.sentinel import SentinelManagedConnection

from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.network.resolver import resolve
from infrastructure.redis.client.explanations import HandshakeTimeout, name_server

OPTIONS: Final[dict[str, Any]] = {
    # RESP 2 needs no handshake. With 3, redis-py asks for notices of maintenance and then no longer looks whether a
    # connection still holds an answer to somebody else's question.
    "protocol": 2,
    "driver_info": None,
    # As many as there can be threads in a worker.
    "max_connections": 256,
}
"""What every connection is made with."""


class _Socket:
    """A socket whose reads and writes end with the deadline."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def recv(self, *arguments: Any) -> bytes:
        self._be_patient()
        return self._inner.recv(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        self._be_patient()
        return self._inner.recv_into(*arguments)

    def sendall(self, *arguments: Any) -> None:
        self._be_patient()
        self._inner.sendall(*arguments)

    def _be_patient(self) -> None:
        # To set a time-out is a system call, for which the thread must let others go first. Mostly it is set already.
        patience = deadline.socket_timeout()
        if patience != self._inner.gettimeout():
            self._inner.settimeout(patience)


class _Punctual(AbstractConnection):
    """What is added to each of redis-py's connections."""

    @property
    def server_name(self) -> str:
        """Host and port for the texts of errors; empty for a Unix socket."""
        return ""

    @property
    def socket_timeout(self) -> float:
        """Seconds, from now on."""
        return deadline.socket_timeout()

    @socket_timeout.setter
    def socket_timeout(self, _seconds: float | None) -> None:
        """redis-py sets it; the deadline decides."""

    socket_connect_timeout = socket_timeout

    def connect_check_health(self, *arguments: Any, **options: Any) -> None:
        """Connect and log in. An error names the server."""
        try:
            super().connect_check_health(*arguments, **options)
        except RedisError as error:
            name_server(error, self.server_name)
            raise

    def _connect(self) -> Any:
        return _Socket(self._reached())

    def _reached(self) -> socket.socket:
        plain: socket.socket = super()._connect()  # type: ignore[no-untyped-call, safe-super] # never abstract
        return plain


class _Named(_Punctual):
    """To a host, whose name is looked up within the deadline too."""

    host: str
    port: int

    @property
    def server_name(self) -> str:
        return str(Address(self.host, self.port))

    def _reached(self) -> socket.socket:
        name, failure = self.host, OSError("no address")
        for address in resolve(name):
            self.host = address
            try:
                return self._secured(super()._reached(), name)
            except OSError as error:
                failure = error
            finally:
                self.host = name
        raise failure

    def _secured(self, plain: socket.socket, _name: str) -> socket.socket:
        return plain


class _Tls(_Named):
    """TLS under a context that is made once.

    redis-py makes one for every connection, which loads all authorities of the system each time, and trusts them
    beside the one that it was told to trust.
    """

    def __init__(self, *, context: ssl.SSLContext, **options: Any) -> None:
        super().__init__(**options)
        self._context = context

    def _secured(self, plain: socket.socket, name: str) -> socket.socket:
        try:
            return self._context.wrap_socket(plain, server_hostname=name)
        except TimeoutError:
            plain.close()
            raise HandshakeTimeout from None
        except OSError:
            plain.close()
            raise


class TcpConnection(_Named, Connection):
    """`redis://`."""


class TlsConnection(_Tls, Connection):
    """`rediss://`."""


class UnixConnection(_Punctual, UnixDomainSocketConnection):
    """`unix://`."""


class MasterConnection(_Named, SentinelManagedConnection):
    """To whichever server the Sentinels name as master."""


class MasterTlsConnection(_Tls, SentinelManagedConnection):
    """The same, with TLS."""

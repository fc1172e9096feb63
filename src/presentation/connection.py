"""A client's connection, of which the event loop reads and a thread answers."""

import errno
import socket
import time
from collections import Counter
from contextlib import suppress
from typing import Any, Final

from gunicorn.workers.gthread import TConn

from presentation.addresses import network_of
from presentation.arrival import Arrival

DELIVERY: Final = 20.0
"""Seconds within which the client must take an answer."""
MOST_DRAINED: Final = 1024 * 1024
"""Bytes that are read and dropped at the end: closing before the client has sent them could destroy the answer."""

_READ: Final = 16 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(TConn):
    """A client's connection, which is counted from here on.

    Args:
        cfg: gunicorn's configuration.
        accepted: the socket.
        client: the client's address.
        server: the address that it has connected to.
        open_: how many connections each network has.
    """

    def __init__(self, cfg: Any, accepted: socket.socket, client: Any, server: Any, open_: Counter[str]) -> None:
        super().__init__(cfg, accepted, client, server)
        self.timeout: float = 0.0
        self.since = 0.0
        """When it began to wait for the client."""
        self.client_socket = Client(accepted)
        self.sock = self.client_socket  # type: ignore[assignment] # it has all of a socket that gunicorn uses
        self.network = network_of(client[0] if isinstance(client, tuple) else None)
        self._open = open_
        open_[self.network] += 1

    def close(self, graceful: bool = False) -> None:  # noqa: ARG002 - gunicorn's signature
        """Close the connection at once."""
        self._open[self.network] -= 1
        if not self._open[self.network]:
            del self._open[self.network]
        self.client_socket.close()


class Client:
    """A client's socket, with what has arrived on it.

    The event loop reads from the socket. A thread reads only what the event loop has read, and never waits for more.

    Args:
        inner: the socket.
        delivery: seconds after which nothing more of an answer is sent.
    """

    def __init__(self, inner: socket.socket, delivery: float = DELIVERY) -> None:
        self.arrival = Arrival()
        self._inner = inner
        self._delivery = delivery
        self._end = 0.0
        self._timeout: float | None = 0.0
        self._drained = 0

    # For the event loop

    def receive(self) -> None:
        """Read what has arrived. Raises BlockingIOError if there is nothing."""
        self._inner.setblocking(False)
        self.arrival.add(self._inner.recv(_READ))

    def invite_body(self) -> None:
        """Send the interim answer that the client waits for. It fits in the buffer of a client that reads answers."""
        self.arrival.awaits_continue = False
        self._inner.setblocking(False)
        self._inner.send(_CONTINUE)

    def next_request(self, read_ahead: bytes) -> None:
        """Begin with another request, of which the parser has read some already."""
        unread = read_ahead + self.arrival.take()
        self.arrival = Arrival(ended=self.arrival.ended)
        if unread:
            self.arrival.add(unread)

    def half_close(self) -> None:
        """Tell the client that nothing more comes."""
        self._inner.setblocking(False)
        self._inner.shutdown(socket.SHUT_WR)

    def drain(self) -> bool:
        """Read and drop what has arrived; tell whether that was enough. Raises BlockingIOError if there is nothing."""
        dropped = len(self._inner.recv(_READ))
        self._drained += dropped
        return not dropped or self._drained > MOST_DRAINED

    # For a thread

    def begin_answer(self) -> None:
        """Start the time in which the client must take the answer."""
        self._end = time.monotonic() + self._delivery

    def recv(self, _size: int) -> bytes:
        """Return what has arrived, whatever its size. Raises ConnectionResetError if that is not enough."""
        taken = self.arrival.take()
        if not taken and not self.arrival.ended:
            raise _too_slow()
        return taken

    def send(self, data: bytes) -> int:
        """Drop gunicorn's interim answer: the body that it asks for is here."""
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Send in the time that is left, or in the timeout that was set if that is shorter."""
        rest = self._end - time.monotonic()
        if rest <= 0:
            raise _too_slow()
        self._inner.settimeout(rest if self._timeout is None else min(self._timeout, rest))
        try:
            self._inner.sendall(data)
        except TimeoutError:
            raise _too_slow() from None

    # For both

    def setblocking(self, blocking: bool) -> None:
        self._timeout = None if blocking else 0.0

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout

    def gettimeout(self) -> float | None:
        return self._timeout

    def fileno(self) -> int:
        return self._inner.fileno()

    def shutdown(self, how: int) -> None:
        self._inner.shutdown(how)

    def close(self) -> None:
        with suppress(OSError):
            self._inner.close()


def _too_slow() -> ConnectionResetError:
    """Return the error by which gunicorn knows a client that is gone."""
    return ConnectionResetError(errno.ECONNRESET, "too slow")

"""A client's connection: the event loop reads requests, and a thread responds."""

import errno
import socket
from collections import Counter, deque
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from gunicorn.workers.gthread import TConn

from presentation.http.framework.client_address import network_of
from presentation.http.server.arrival import Arrival

MOST_DRAINED: Final = 1024 * 1024
"""Bytes that are read and dropped at the end, because closing with unread bytes could destroy the response."""

_READ: Final = 16 * 1024
_PIECES: Final = 64
"""Pieces of a response that one system call sends. Linux allows 1024."""
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(TConn):
    """A client's connection. It counts for its network from its creation until `close`.

    Args:
        cfg: gunicorn's configuration.
        accepted: the socket.
        client: the client's address.
        server: the address that the client connected to.
        open_: the number of open connections of each network.
    """

    def __init__(self, cfg: Any, accepted: socket.socket, client: Any, server: Any, open_: Counter[str]) -> None:
        super().__init__(cfg, accepted, client, server)
        self.timeout: float = 0.0
        self.since = 0.0
        """The monotonic time at which it began to wait for the client."""
        self.client_socket = ClientSocket(accepted)
        self.sock = self.client_socket  # type: ignore[assignment] # it has all parts of a socket that gunicorn uses
        self.network = network_of(client[0] if isinstance(client, tuple) else None)
        self._open = open_
        open_[self.network] += 1

    def close(self, graceful: bool = False) -> None:  # noqa: ARG002 - gunicorn's signature
        """Close the connection at once."""
        self._open[self.network] -= 1
        if not self._open[self.network]:
            del self._open[self.network]
        self.client_socket.close()


class ClientSocket:
    """A client's socket, with the bytes that have arrived and the bytes that are still to be sent.

    Only the event loop waits for the client. A thread reads the bytes that the event loop has received. It sends the
    bytes of the response that the kernel takes at once, and leaves the others to the event loop.

    Args:
        inner: the socket, in non-blocking mode.
    """

    def __init__(self, inner: socket.socket) -> None:
        self.arrival = Arrival()
        self._inner = inner
        self._unsent: deque[memoryview] = deque()
        self._drained = 0

    # For the event loop

    def receive(self) -> None:
        """Receive bytes that have arrived. Raise BlockingIOError if there are none."""
        self.arrival.add(self._inner.recv(_READ))

    def invite_body(self) -> None:
        """Send the interim response that the client waits for."""
        self.arrival.awaits_continue = False
        self.sendall(_CONTINUE)
        self.deliver()

    def next_request(self, read_ahead: bytes) -> None:
        """Begin another request. Its first bytes are those that the parser has read but not used."""
        unread = read_ahead + self.arrival.take()
        self.arrival = Arrival(ended=self.arrival.ended)
        if unread:
            self.arrival.add(unread)

    def half_close(self) -> None:
        """Close the sending side."""
        self._inner.shutdown(socket.SHUT_WR)

    def drain(self) -> bool:
        """Drop bytes that have arrived. Return whether to stop draining. Raise BlockingIOError if there are none."""
        dropped = len(self._inner.recv(_READ))
        self._drained += dropped
        return not dropped or self._drained > MOST_DRAINED

    # For a thread

    def recv(self, _size: int) -> bytes:
        """Return all bytes that have arrived. Raise ConnectionResetError if the parser needs more."""
        taken = self.arrival.take()
        if not taken and not self.arrival.ended:
            # gunicorn then treats the client as gone.
            raise ConnectionResetError(errno.ECONNRESET, "the request did not arrive in time")
        return taken

    def send(self, data: bytes) -> int:
        """Drop gunicorn's interim response (100 Continue), because the body has already arrived."""
        return len(data)

    def sendall(self, data: bytes) -> None:
        """Add bytes to the response, which `deliver` sends: gunicorn passes on the head and the body separately."""
        if data:
            self._unsent.append(memoryview(data))

    # For both

    def deliver(self) -> bool:
        """Send the bytes of the response that the kernel takes at once. Return whether none are left. Raise OSError."""
        while self._unsent:
            try:
                sent = self._inner.sendmsg(islice(self._unsent, _PIECES))
            except BlockingIOError:
                return False
            while sent:
                first = self._unsent.popleft()
                if sent < len(first):
                    self._unsent.appendleft(first[sent:])
                sent -= min(sent, len(first))
        return True

    def setblocking(self, _blocking: bool) -> None:
        """Change nothing: no call of gunicorn may wait."""

    def fileno(self) -> int:
        return self._inner.fileno()

    def shutdown(self, how: int) -> None:
        self._inner.shutdown(how)

    def close(self) -> None:
        with suppress(OSError):
            self._inner.close()

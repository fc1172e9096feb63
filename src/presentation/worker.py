"""gunicorn's threaded worker, fit for what one of this service meets: idle clients, slow ones, and its own end."""

import contextlib
import errno
import socket
import struct
import time
from collections.abc import Iterator
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers.gthread import ThreadWorker

SILENCE: Final = 5
"""Seconds that a client may say nothing in the middle of a request, or take nothing of an answer."""
SLOWEST_REQUEST: Final = 10
"""Seconds after which a request that has not arrived whole is given up."""
FIRST_WORD: Final = 30
"""Seconds that a connection may stand open before its first request."""


class Worker(ThreadWorker):
    """Gives a thread only to a connection that has something to say, and only for so long; leaves nobody unanswered."""

    def enqueue_req(self, conn: Any) -> None:
        """Gunicorn hands a new connection to a thread, which then waits for it to speak: a few idle ones take them all.

        Here it waits beside the others, as gunicorn lets it do later.
        """
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock = Client(conn.sock)
        conn.timeout = time.monotonic() + FIRST_WORD
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Any) -> Any:
        """One request; the clock begins to run with its first byte."""
        conn.sock.begin_request()
        return super().handle(conn)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """At the worker's end: whoever has connected by now is answered, and nobody can connect any more.

        gunicorn leaves the sockets open, and those who connect meanwhile without an answer.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            waiting = self.nr_conns
            self.accept(listener)
            while self.nr_conns > waiting:
                waiting = self.nr_conns
                self.accept(listener)
            listener.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """At the worker's end: connections that have not spoken yet are given as long as those that pause."""
        super()._cap_keepalive(deadline)  # type: ignore[misc] # the stubs are of an older gunicorn
        for conn in self.pending_conns:
            conn.timeout = deadline


class Client:
    """A client's socket that doesn't wait for ever.

    Args:
        inner: the socket.
        slowest: seconds that a request may take to arrive.
        silence: whole seconds that may pass in the middle of one, or of an answer, without a byte.
    """

    def __init__(self, inner: socket.socket, slowest: float = SLOWEST_REQUEST, silence: int = SILENCE) -> None:
        self._inner = inner
        self._slowest = slowest
        self._end = 0.0
        # The kernel's time-outs: Python's own would cost two system calls more for every request.
        patience = struct.pack("@ll", silence, 0)
        with contextlib.suppress(OSError):
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
            inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def begin_request(self) -> None:
        """From now on it must arrive."""
        self._end = time.monotonic() + self._slowest

    def recv(self, *arguments: Any) -> bytes:
        if time.monotonic() > self._end:
            # To gunicorn, a client that is gone.
            raise ConnectionResetError(errno.ECONNRESET, "too slow")
        with _gone_when_silent():
            return self._inner.recv(*arguments)

    def sendall(self, *arguments: Any) -> None:
        with _gone_when_silent():
            self._inner.sendall(*arguments)


@contextlib.contextmanager
def _gone_when_silent() -> Iterator[None]:
    try:
        yield
    except BlockingIOError:
        raise ConnectionResetError(errno.ECONNRESET, "silent") from None

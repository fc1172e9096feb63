"""gunicorn's threaded worker, fit for what one of this service meets: idle clients, slow ones, and its own end."""

import errno
import socket
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import ThreadWorker

from presentation.edge import ALWAYS, REQUEST_ID, UNLESS_SET, new_request_id
from presentation.problems import MEDIA_TYPE, Problems, document

FIRST_WORD: Final = 30.0
"""Seconds that a connection may stand open before its first request."""
ARRIVAL: Final = 5.0
"""Seconds from a request's first byte within which it has to arrive whole. None has more than 16 KiB of body."""
DELIVERY: Final = 20.0
"""Seconds from then within which the client has to take the answer."""


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

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - gunicorn's
        """What can't even be read as a request is answered like every other bad one: gunicorn would repeat it in HTML.

        Neither is it repeated in the logs: what is wrong with it may be a code in the wrong place.
        """
        unreadable = isinstance(exc, ParseException)
        if unreadable:
            self.log.warning("Invalid request from ip=%s: %s", (addr or ("unknown",))[0], type(exc).__name__)
        else:
            self.log.error("Error handling request", exc_info=exc)
        kind = Problems.INVALID_REQUEST if unreadable else Problems.INTERNAL_ERROR
        errors = {"errors": {"request": ["Must be HTTP/1.1 with a head of moderate size."]}} if unreadable else {}
        request_id = new_request_id()
        body = document(kind, None, errors, request_id)
        headers = [
            *ALWAYS,
            *UNLESS_SET,
            (REQUEST_ID, request_id),
            ("Content-Type", MEDIA_TYPE),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        head = f"HTTP/1.1 {kind.value.status} {kind.value.title}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers)
        try:
            client.sendall(f"{head}\r\n".encode("ascii") + body)
        except OSError:
            self.log.debug("gone before it could be told")

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """At the worker's end: whoever has connected by now is answered, and nobody can connect any more.

        gunicorn leaves the sockets open, and those who connect meanwhile without an answer.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            waiting = -1
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
        arrival: seconds that a request may take to arrive.
        delivery: seconds after which nothing more of an answer is sent.
    """

    def __init__(self, inner: socket.socket, arrival: float = ARRIVAL, delivery: float = DELIVERY) -> None:
        self._inner = inner
        self._arrival = arrival
        self._delivery = delivery
        self._begun = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def begin_request(self) -> None:
        """From now on it must arrive."""
        self._begun = time.monotonic()

    def recv(self, *arguments: Any) -> bytes:
        self._wait(self._begun + self._arrival)
        try:
            return self._inner.recv(*arguments)
        except TimeoutError:
            raise _gone() from None

    def sendall(self, *arguments: Any) -> None:
        self._wait(self._begun + self._delivery)
        try:
            self._inner.sendall(*arguments)
        except TimeoutError:
            raise _gone() from None

    def _wait(self, end: float) -> None:
        rest = end - time.monotonic()
        if rest <= 0:
            raise _gone()
        self._inner.settimeout(rest)


def _gone() -> ConnectionResetError:
    """To gunicorn, a client that is too slow is one that is gone."""
    return ConnectionResetError(errno.ECONNRESET, "too slow")

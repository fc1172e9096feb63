"""gunicorn's threaded worker, changed so that no client can make it wait (ADR 19)."""

import errno
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import chain
from selectors import EVENT_READ, EVENT_WRITE
from types import MappingProxyType
from typing import Any, Final

from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from application.request_context import FIELDS
from presentation.http.docs.resources import PAGE_POLICY, problem_page
from presentation.http.framework.middleware import ALWAYS, REQUEST_ID, UNLESS_SET, new_request_id
from presentation.http.framework.path_prefix import PATH_PREFIX
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import MEDIA_TYPE, document
from presentation.http.server.body import BodyReader
from presentation.http.server.connection import Connection
from presentation.http.server.head import is_host, with_one_cookie_field
from presentation.http.server.unreadable import fault_of

FIRST_BYTE: Final = 10.0
"""Seconds that a connection may stay open before its first request."""
ARRIVAL: Final = 5.0
"""Seconds from a request's first byte within which the whole request must arrive."""
DELIVERY: Final = 20.0
"""Seconds that a client has to take an answer."""
FAREWELL: Final = 2.0
"""Seconds that a client has to close its side after the last answer."""
NO_ROOM: Final = 0.5
"""Seconds for which a worker accepts nothing if it has no descriptor left and no connection to close."""
WARN_AGAIN: Final = 10.0
"""Seconds between two warnings that descriptors are missing."""

_UNREADABLE: Final = (
    "The request is not valid HTTP/1.1. Nothing was changed, and no wrong guess was counted. Fix the part that "
    "`errors` names."
)
_PAGE: Final = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": PAGE_POLICY}
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NOT_FATAL: Final = frozenset(
    {
        errno.EAGAIN,
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.EPERM,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
    }
)
"""Errors of accept(2) that concern only a connection that failed before it was accepted."""


class Worker(ThreadWorker):
    """A worker that gives a thread only to a complete request.

    Connections wait in the event loop, in one of five states: for the first byte (`_silent`), for the rest of a request
    (`_arriving`), for the client to take an answer (`_delivering`), for the next request (`keepalived_conns`, which
    gunicorn manages), and for the client to close (`_parting`). No thread waits for a client. If there are too many
    connections, from one address or in total, the worker closes the one that has waited longest.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._silent: dict[Connection, None] = {}
        self._arriving: dict[Connection, None] = {}
        self._delivering: dict[Connection, None] = {}
        self._parting: dict[Connection, None] = {}
        self._open: Counter[str] = Counter()
        self._crowded: set[str] = set()
        self._needs_descriptor = False
        self._accept_after = self._warn_after = 0.0
        self._share: int = self.app.connections_per_address  # type: ignore[attr-defined] # it is our server

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, and wait for its first byte in the event loop."""
        try:
            accepted, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                # The process or the machine has fewer descriptors than `worker_connections` needs.
                self._needs_descriptor = True
            elif error.errno not in _NOT_FATAL:
                raise
            return
        self.nr_conns += 1
        conn = Connection(self.cfg, accepted, address, listener.getsockname(), self._open)
        if self._open[conn.network] > self._share:
            self._crowded.add(conn.network)
        self._wait(conn, self._silent, FIRST_BYTE, partial(self._read, conn))

    def enqueue_req(self, conn: Any) -> None:
        """Read the next request of a connection that was kept open."""
        conn.client_socket.next_request(b"")
        self._read(conn)

    def handle(self, conn: Any) -> Any:
        """Handle one complete request, in a thread. Nothing here waits for the client."""
        if conn.client_socket.arrival.too_large:
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("head"))
            return False
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Check `Host`, join the `Cookie` fields, and let the application handle the errors of a body."""
        hosts = [value for name, value in req.headers if name == "HOST"]
        # gunicorn has already refused a second Host.
        if not (is_host(hosts[0]) if hosts else req.version < (1, 1)):
            raise InvalidHeader("HOST", req=req)
        req.headers = with_one_cookie_field(req.headers)
        req.body.reader = BodyReader(req.body.reader)
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: Future[bool], _client: Any = None) -> None:
        """Deliver the answer. Then keep the connection for the next request, or end it."""
        try:
            delivered = conn.client_socket.deliver()
        except OSError:
            self._drop(conn)
            return
        if not delivered:
            if conn not in self._delivering:
                self._wait(conn, self._delivering, DELIVERY, partial(self.finish_request, conn, fs), EVENT_WRITE)
            return
        self._leave(conn)
        failure = None if fs.cancelled() else fs.exception()
        if failure is not None:
            self.log.error("Error handling request", exc_info=failure)
        if fs.cancelled() or failure is not None or not fs.result():
            self._part(conn)
            return
        conn.client_socket.next_request(conn.parser.unreader.take_buffered())
        if conn.client_socket.arrival or conn.client_socket.arrival.ended:
            self._proceed(conn)
        else:
            conn.since = time.monotonic()
            super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - gunicorn's
        """Answer an unreadable request with a problem document.

        gunicorn's own answer, in HTML, repeats the request. Neither the answer nor the log may do that, because a code
        may stand in the wrong place.
        """
        request_id = new_request_id()
        address = (addr or ("unknown",))[0]
        extra = {FIELDS: {"request_id": request_id, "address": address}}
        if not isinstance(exc, ParseException):
            self.log.error("Error handling request", exc_info=exc, extra=extra)
            self._refuse(client, request_id, Problems.INTERNAL_ERROR)
            return
        self.log.warning("Invalid request from ip=%s: %s", address, type(exc).__name__, extra=extra)
        if not isinstance(exc, LimitRequestLine | LimitRequestHeaders):
            errors = {"request": [fault_of(exc)]}
            self._refuse(client, request_id, Problems.INVALID_REQUEST, _UNREADABLE, {"errors": errors})
        elif client.arrival.wants_page:
            with self.wsgi.app_context():  # type: ignore[attr-defined] # a Flask application
                page = problem_page(Problems.HEAD_TOO_LARGE.value, self.wsgi.config[PATH_PREFIX])  # type: ignore[attr-defined]
            self._send(client, request_id, Problems.HEAD_TOO_LARGE, page.encode(), _PAGE)
        else:
            self._refuse(client, request_id, Problems.HEAD_TOO_LARGE)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """At the worker's end, accept every client that has connected, then close the listening sockets.

        gunicorn leaves these sockets open, so clients that connect in the meantime would get no answer.
        """
        super().set_accept_enabled(enabled and time.monotonic() >= self._accept_after)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            waiting = -1
            while self.nr_conns > waiting:
                waiting = self.nr_conns
                self.accept(listener)
            listener.close()

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Wait for events, at most until the time of the next connection is up."""
        firsts = [next(iter(waiting)).timeout for waiting in self._waiting if waiting]
        if firsts:
            rest = max(0.0, min(firsts) - time.monotonic())
            timeout = rest if timeout is None else min(timeout, rest)
        super().wait_for_and_dispatch_events(timeout)

    def murder_pending(self) -> None:
        """Close the connections whose time is up, and the excess ones.

        This runs between two rounds of the event loop. So no event can follow for a connection that is closed here.
        """
        super().murder_pending()
        for conn in chain(*map(self._expired, (self._silent, self._delivering, self._parting))):
            self._drop(conn)
        for conn in self._expired(self._arriving):
            if conn.client_socket.arrival.has_head:
                self._submit(conn)
            else:
                self._drop(conn)
        for network in self._crowded:
            while self._open[network] > self._share and self._give_way(network):
                pass
        self._crowded.clear()
        while self.nr_conns >= self.worker_connections and self._give_way():
            pass
        if self._needs_descriptor:
            self._needs_descriptor = False
            self._free_descriptor()

    def _cap_keepalive(self, deadline: float) -> None:
        """At the worker's end, give silent connections the same deadline as connections between two requests."""
        super()._cap_keepalive(deadline)  # type: ignore[misc] # the stubs are of an older gunicorn
        for conn in self._silent:
            conn.timeout = min(conn.timeout, deadline)

    @property
    def _waiting(self) -> tuple[dict[Connection, None], ...]:
        """Return the waiting connections by state, the oldest first, without those that gunicorn manages."""
        return self._silent, self._arriving, self._delivering, self._parting

    def _wait(
        self,
        conn: Any,
        waiting: dict[Connection, None],
        seconds: float,
        then: Callable[[Any], None],
        event: int = EVENT_READ,
    ) -> None:
        conn.since = time.monotonic()
        conn.timeout = conn.since + seconds
        waiting[conn] = None
        self.poller.register(conn.sock, event, then)

    def _leave(self, conn: Any) -> None:
        """End the connection's waiting, if it waits."""
        for waiting in self._waiting:
            if conn in waiting:
                del waiting[conn]
                self.poller.unregister(conn.sock)

    def _drop(self, conn: Any) -> None:
        self._leave(conn)
        self.nr_conns -= 1
        conn.close()

    def _give_way(self, network: str | None = None) -> bool:
        """Close the connection that has waited longest, of one network or of all. Return whether there was one."""
        kinds: tuple[Iterable[Any], ...] = (*self._waiting, self.keepalived_conns)
        oldest = [next((conn for conn in kind if network in {None, conn.network}), None) for kind in kinds]
        candidates = [conn for conn in oldest if conn is not None]
        if not candidates:
            return False
        conn = min(candidates, key=lambda candidate: candidate.since)
        if conn in self.keepalived_conns:
            self.keepalived_conns.remove(conn)
            self.poller.unregister(conn.sock)
        self._drop(conn)
        return True

    def _free_descriptor(self) -> None:
        """Close one connection for the next client. If there is none to close, accept nothing for a moment.

        The shortage may pass, for example if another process ends, so it does not lower the limit of connections.
        """
        now = time.monotonic()
        if now >= self._warn_after:
            self._warn_after = now + WARN_AGAIN
            self.log.warning("no more than %s connections can be open", self.nr_conns)
        if not self._give_way():
            self._accept_after = now + NO_ROOM
            super().set_accept_enabled(False)

    def _expired(self, waiting: dict[Connection, None]) -> Iterator[Connection]:
        """Yield the connections whose time is up. The caller must end the waiting of each before the next one."""
        now = time.monotonic()
        while waiting and (conn := next(iter(waiting))).timeout <= now:
            yield conn

    def _read(self, conn: Any, _client: Any = None) -> None:
        """Read the bytes of a request that have arrived."""
        try:
            conn.client_socket.receive()
        except BlockingIOError:
            pass
        except OSError:
            self._drop(conn)
            return
        self._proceed(conn)

    def _proceed(self, conn: Any) -> None:
        """Pass the request to a thread if it is complete, else wait for the rest."""
        arrival = conn.client_socket.arrival
        if arrival.is_complete:
            self._submit(conn)
            return
        if arrival.ended:
            self._drop(conn)
            return
        if arrival and conn not in self._arriving:
            self._leave(conn)
            self._wait(conn, self._arriving, ARRIVAL, partial(self._read, conn))
        elif not arrival and conn not in self._silent:
            self._wait(conn, self._silent, FIRST_BYTE, partial(self._read, conn))
        if arrival.awaits_continue:
            with suppress(OSError):
                conn.client_socket.invite_body()

    def _submit(self, conn: Any) -> None:
        self._leave(conn)
        conn.data_ready = True
        super().enqueue_req(conn)

    def _part(self, conn: Any) -> None:
        """Close the sending side, and let the event loop wait for the client to close its side (RFC 9112, section 9.6).

        Until then, the event loop reads and drops the bytes that the client still sends.
        """
        try:
            conn.client_socket.half_close()
        except OSError:
            self._drop(conn)
            return
        if conn.client_socket.arrival.ended:
            self._drop(conn)
        else:
            self._wait(conn, self._parting, FAREWELL, partial(self._drain, conn))

    def _drain(self, conn: Any, _client: Any) -> None:
        try:
            ended = conn.client_socket.drain()
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self._drop(conn)

    def _refuse(
        self,
        client: Any,
        request_id: str,
        kind: Problems,
        detail: str | None = None,
        members: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Answer with a problem document without the application."""
        body = document(kind, detail, members, request_id, self.wsgi.config[PATH_PREFIX])  # type: ignore[attr-defined] # a Flask application
        self._send(client, request_id, kind, body, {"Content-Type": MEDIA_TYPE})

    def _send(self, client: Any, request_id: str, kind: Problems, body: bytes, headers: Mapping[str, str]) -> None:
        """Send an answer without the application, which is the last one of its connection."""
        headers = {
            **dict(ALWAYS),
            **dict(UNLESS_SET),
            **headers,
            REQUEST_ID: request_id,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        head = f"HTTP/1.1 {kind.value.status} {kind.value.title}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        try:
            client.sendall(f"{head}\r\n".encode("ascii") + body)
        except OSError:
            self.log.debug("the client closed the connection before the answer")

"""gunicorn's threaded worker, changed so that no client can make it wait (ADR 19)."""

import errno
import logging
import signal
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from functools import cached_property, partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker  # type: ignore[attr-defined] # the stubs are older

from presentation.http.server.body import BodyReader
from presentation.http.server.connection import Connection
from presentation.http.server.head import is_host, with_one_cookie_field
from presentation.http.server.master import ENDING
from presentation.http.server.refusals import Refusals
from presentation.http.server.threads import Threads
from presentation.http.server.waiting import Reason, WaitingConnections

NO_ROOM: Final = 0.5
"""Seconds for which a worker accepts nothing if it has no descriptor left and no connection to close."""
WARN_AGAIN: Final = 10.0
"""Seconds between two warnings that descriptors are missing."""

_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""Errors of accept(2) if the process or the machine lacks a resource, such as a descriptor."""
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

_log = logging.getLogger("open_mfa.server")


class Worker(ThreadWorker):
    """A worker that gives a thread only to a complete request.

    Connections wait in the event loop: those between two requests in `keepalived_conns`, which gunicorn manages, and
    all others in `_waiting`. No thread waits for a client. If there are too many connections, from one network or in
    total, the worker closes the one that has waited longest.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._open: Counter[str] = Counter()
        self._crowded: set[str] = set()
        self._needs_descriptor = False
        self._keeping = threading.Lock()
        """Held by the event loop or a thread while it changes `keepalived_conns` and the selector together."""
        self._accept_after = self._warn_after = 0.0
        self._share: int = self.app.connections_per_address  # type: ignore[attr-defined] # it is our server

    @cached_property
    def _waiting(self) -> WaitingConnections:
        return WaitingConnections(self.poller)

    @cached_property
    def _refusals(self) -> Refusals:
        return Refusals(self.wsgi)  # type: ignore[arg-type] # it is a Flask application

    def init_signals(self) -> None:
        """Install the handlers. Signals that have arrived since the master created the process are handled now."""
        super().init_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)

    def get_thread_pool(self) -> Any:
        """Return the threads. gunicorn lets a worker choose them."""
        return Threads(self.cfg.threads)

    # For the event loop and for a thread

    def _keep_open(self, conn: Any) -> bool:
        """Let the event loop wait for the next request. Return False if bytes of it have already arrived.

        The thread that has sent the response calls this if there is nothing else to do, because waking the event loop
        costs as much as a tenth of a verification. Afterwards, the connection belongs to the event loop, which may have
        closed it before this returns.
        """
        conn.client_socket.next_request(conn.parser.unreader.take_buffered())
        if conn.client_socket.arrival or conn.client_socket.arrival.ended:
            return False
        conn.since = time.monotonic()
        conn.set_timeout()
        with self._keeping:
            if not self.alive:
                conn.timeout = min(conn.timeout, conn.since + STOP_KEEPALIVE_LINGER)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_client_socket_readable, conn))
            self.keepalived_conns.append(conn)
        return True

    # For the event loop

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
        self._waiting.add(conn, Reason.FIRST_BYTE, partial(self._read, conn))

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Read the next request of a connection that was kept open, or notice its end."""
        with self._keeping:
            self.poller.unregister(client)
            self.keepalived_conns.remove(conn)
        self._read(conn)

    def _finish(self, conn: Any, keeps: bool, _client: Any = None) -> None:
        """Deliver the rest of the response. Then keep the connection for the next request, or end it."""
        try:
            delivered = conn.client_socket.deliver()
        except OSError:
            self._drop(conn)
            return
        if not delivered:
            self._waiting.add(conn, Reason.DELIVERY, partial(self._finish, conn, keeps))
            return
        self._waiting.remove(conn)
        if not keeps:
            self._part(conn)
        elif not self._keep_open(conn):
            self._proceed(conn)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """At the worker's end, accept every client that has connected, then close the listening sockets.

        gunicorn leaves these sockets open, so clients that connect in the meantime would get no response.
        A worker whose master was killed keeps them open until it has answered its open requests. So no other process
        can listen on the port, and accept the same code, in the meantime.
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

    def murder_keepalived(self, force: bool = False) -> None:
        """Close the connections whose time between two requests is up; with `force`, all of them."""
        with self._keeping:
            super().murder_keepalived(force)  # type: ignore[call-arg] # the stubs are of an older gunicorn

    def murder_pending(self) -> None:
        """Close the connections whose time is up, and the excess ones.

        gunicorn calls this between two rounds of the event loop, at least once a second. So no event can follow for a
        connection that is closed here.
        """
        super().murder_pending()
        for conn in self._waiting.expired(Reason.FIRST_BYTE, Reason.DELIVERY, Reason.CLOSING):
            self._drop(conn)
        for conn in self._waiting.expired(Reason.REQUEST):
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
        with self._keeping:
            super()._cap_keepalive(deadline)  # type: ignore[misc] # the stubs are of an older gunicorn
        self._waiting.limit(Reason.FIRST_BYTE, deadline)

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
        """Pass the request to a thread if it is complete. Otherwise, wait for the rest."""
        arrival = conn.client_socket.arrival
        if arrival.is_complete:
            self._submit(conn)
            return
        if arrival.ended:
            self._drop(conn)
            return
        self._waiting.add(conn, Reason.REQUEST if arrival else Reason.FIRST_BYTE, partial(self._read, conn))
        if arrival.awaits_continue:
            with suppress(OSError):
                conn.client_socket.invite_body()

    def _submit(self, conn: Any) -> None:
        self._waiting.remove(conn)
        conn.data_ready = True
        self.tpool.submit(self._serve, conn)

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
            self._waiting.add(conn, Reason.CLOSING, partial(self._drain, conn))

    def _drain(self, conn: Any, _client: Any) -> None:
        try:
            ended = conn.client_socket.drain()
        except BlockingIOError:
            return
        except OSError:
            ended = True
        if ended:
            self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self._waiting.remove(conn)
        self.nr_conns -= 1
        conn.close()

    def _give_way(self, network: str | None = None) -> bool:
        """Close the connection that has waited longest, of one network or of all. Return whether there was one."""
        with self._keeping:
            conn = self._waiting.longest(network, self.keepalived_conns)
            if conn is None:
                return False
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
            _log.warning("no more than %s connections can be open", self.nr_conns)
        if not self._give_way():
            self._accept_after = now + NO_ROOM
            super().set_accept_enabled(False)

    # For a thread

    def _serve(self, conn: Any) -> None:
        """Respond to a request, and keep the connection open if that needs no other step.

        Every other step is for the event loop.
        """
        try:
            keeps = bool(self.handle(conn))
            if self._is_delivered(conn) and keeps and self._keep_open(conn):
                return
        except BaseException:  # noqa: BLE001 - whatever has failed, the client must not wait, and no caller gets the error
            _log.exception("unexpected failure")
            keeps = False
        self.method_queue.defer(self._finish, conn, keeps)

    def _is_delivered(self, conn: Any) -> bool:
        """Send the response, and return whether the kernel has taken all of it."""
        try:
            return bool(conn.client_socket.deliver())
        except OSError:
            # The event loop will get an error, too, and drop the connection.
            return False

    def handle(self, conn: Any) -> Any:
        """Handle one complete request. Nothing here waits for the client."""
        if conn.client_socket.arrival.too_large:
            self.handle_error(None, conn.sock, conn.client, LimitRequestHeaders("head"))
            return False
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Check `Host` and join the `Cookie` fields, which gunicorn does not do."""
        hosts = [value for name, value in req.headers if name == "HOST"]
        # gunicorn has already refused a second Host.
        if not (is_host(hosts[0]) if hosts else req.version < (1, 1)):
            raise InvalidHeader("HOST", req=req)
        req.headers = with_one_cookie_field(req.headers)
        req.body.reader = BodyReader(req.body.reader)
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:  # noqa: ARG002 - gunicorn's
        """Refuse an unreadable request."""
        self._refusals.refuse(client, (addr or ("unknown",))[0], exc)

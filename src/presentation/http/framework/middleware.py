"""What every request and answer goes through, whatever handles it: one WSGI layer, so that no route can miss it."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

from application.request_context import FIELDS, Call, current_call
from presentation.http.framework.trace_context import TRACEPARENT, read_traceparent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE: Final = "open_mfa.route"
"""Where the route that matched is noted in the WSGI environment, for the metrics."""
REQUEST_ID: Final = "X-Request-ID"
LONGEST_REQUEST_ID: Final = 128
NOTHING_FROM_ANYWHERE: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

ALWAYS: Final = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
UNLESS_SET: Final = [
    ("Content-Security-Policy", NOTHING_FROM_ANYWHERE),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
]
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})

_log = logging.getLogger("open_mfa.http")


class RequestMetrics(Protocol):
    """Where requests are counted."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answered request."""


class Edge:
    """Names the call, starts its deadline, sets the headers that every answer carries, and measures it.

    Args:
        application: the application behind.
        metrics: where requests are counted.
        budget: the time that a request has; entered at its start, left at its end.
        settle: called before an answer is sent, after its lines were logged.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        metrics: RequestMetrics,
        budget: Callable[[], AbstractContextManager[object]],
        settle: Callable[[], None],
    ) -> None:
        self._application = application
        self._metrics = metrics
        self._budget = budget
        self._settle = settle

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serves one request."""
        started = time.perf_counter()
        request_id = _request_id(environ.get("HTTP_X_REQUEST_ID"))
        address = environ.get("REMOTE_ADDR") or "unknown"
        trace = read_traceparent(environ.get("HTTP_TRACEPARENT"))
        call = Call(request_id, address) if trace is None else Call(request_id, address, trace.trace_id, trace.span_id)
        token = current_call.set(call)
        # Neither the method nor the path as they were sent get into logs and metrics: people put codes there, unasked.
        method = environ["REQUEST_METHOD"]
        if method not in _METHODS:
            method = "(other)"

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            names = [name.lower() for name, _ in headers]
            headers += ALWAYS
            headers += [header for header in UNLESS_SET if header[0].lower() not in names]
            headers.append((REQUEST_ID, request_id))
            if trace is not None:
                headers.append((TRACEPARENT, trace.header))
            seconds = time.perf_counter() - started
            route = environ.get(ROUTE, "(none)")
            self._metrics.request(method, route, int(status[:3]), seconds)
            if _log.isEnabledFor(logging.DEBUG):
                fields = {
                    "method": method,
                    "route": route,
                    "status": int(status[:3]),
                    "milliseconds": round(seconds * 1e3, 2),
                }
                _log.debug("answered", extra={FIELDS: fields})
            self._settle()
            return start_response(status, headers, exc_info)

        try:
            with self._budget():
                return self._application(environ, start)
        finally:
            # The thread's next line may be about nobody's request.
            current_call.reset(token)


def _request_id(sent: str | None) -> str:
    """The caller's, if it is 1 to 128 printable ASCII characters; else a new one."""
    if sent and len(sent) <= LONGEST_REQUEST_ID and sent.isascii() and sent.isprintable():
        return sent
    return new_request_id()


def new_request_id() -> str:
    """A request id of our own."""
    return os.urandom(16).hex()

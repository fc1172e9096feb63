"""The WSGI layer that every request and response passes. No route can bypass it."""

import logging
import os
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

from application.request_context import FIELDS, RequestContext, current_request
from presentation.http.framework.trace_context import TRACEPARENT, read_traceparent

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROUTE: Final = "open_mfa.route"
"""The key of the matched route in the WSGI environment. The metrics count requests by route."""
REQUEST_ID: Final = "X-Request-ID"
LONGEST_REQUEST_ID: Final = 128
"""The number of characters of the longest request ID that is accepted from a client."""
STRICT_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

ALWAYS: Final = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
"""The header fields of every response."""
UNLESS_SET: Final = [
    ("Content-Security-Policy", STRICT_POLICY),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
]
"""The header fields of every response that does not set them itself."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"})

_log = logging.getLogger("open_mfa.http")


class RequestMetrics(Protocol):
    """The counters of requests."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request that has its response."""


class RequestMiddleware:
    """Identify the request, limit its time, add the header fields of every response, and count the request.

    Args:
        application: the inner application.
        metrics: the counters of requests.
        time_budget: returns a context manager that limits the time of a request.
        settle: called before each response is sent; it waits until the log lines of the request are written.
    """

    def __init__(
        self,
        application: "WSGIApplication",
        metrics: RequestMetrics,
        time_budget: Callable[[], AbstractContextManager[object]],
        settle: Callable[[], None],
    ) -> None:
        self._application = application
        self._metrics = metrics
        self._time_budget = time_budget
        self._settle = settle

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        started = time.perf_counter()
        request_id = _request_id(environ.get("HTTP_X_REQUEST_ID"))
        address = environ.get("REMOTE_ADDR") or "unknown"
        trace = read_traceparent(environ.get("HTTP_TRACEPARENT"))
        context = (
            RequestContext(request_id, address)
            if trace is None
            else RequestContext(request_id, address, trace.trace_id, trace.span_id)
        )
        token = current_request.set(context)
        # Logs and metrics contain neither an unknown method nor the path, because clients may put codes there.
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
            with self._time_budget():
                return self._application(environ, start)
        finally:
            # The next log line of this thread may belong to no request.
            current_request.reset(token)


def _request_id(sent: str | None) -> str:
    """Return the client's request ID if it is 1 to 128 printable ASCII characters; else a new one."""
    if sent and len(sent) <= LONGEST_REQUEST_ID and sent.isascii() and sent.isprintable():
        return sent
    return new_request_id()


def new_request_id() -> str:
    """Return a new request ID."""
    return os.urandom(16).hex()

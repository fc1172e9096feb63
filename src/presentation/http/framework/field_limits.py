"""Limits for the fields that the application reads.

A head may have 64 KiB, because proxies pass on large cookies and long addresses. A parser of lists and parameters needs
many milliseconds for a field of this size. So a field reaches its parser only if it is no longer than those of real
clients.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LONGEST: Final = 1024
"""Characters of a field that is parsed."""
LONGEST_QUERY: Final = 8 * 1024
"""Characters of the query."""
_IGNORED: Final = (
    # The server has handled it already, and Werkzeug would search it for an Upgrade.
    "HTTP_CONNECTION",
    # Werkzeug would refuse the handshake of a WebSocket, but a proxy may ask the gate about one.
    "HTTP_UPGRADE",
    # Each response with a part of a file would need its own memory while a slow client receives it.
    "HTTP_RANGE",
    "HTTP_IF_RANGE",
)
"""Fields that a server may ignore (RFC 9110, sections 7.8, 13.1.5 and 14.2)."""
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO")
"""Lists to which each proxy appends one value."""
_ABSENT: Final = ""
_LIMITS: Final = {
    "HTTP_ACCEPT": (LONGEST, _ABSENT),
    "HTTP_IF_MATCH": (LONGEST, _ABSENT),
    "HTTP_IF_MODIFIED_SINCE": (LONGEST, _ABSENT),
    "HTTP_IF_NONE_MATCH": (LONGEST, _ABSENT),
    "HTTP_IF_UNMODIFIED_SINCE": (LONGEST, _ABSENT),
    **dict.fromkeys(_FORWARDED, (LONGEST, _ABSENT)),
    # These make the service refuse a query that is a part of the API, or a body. An absent field would not.
    "QUERY_STRING": (LONGEST_QUERY, "too-long"),
    "CONTENT_TYPE": (LONGEST, "application/octet-stream"),
    "HTTP_TRANSFER_ENCODING": (LONGEST, "unknown"),
}
"""The fields with their longest values, and the values that replace longer ones."""


class FieldLimits:
    """A WSGI layer that removes the fields that are longer than the application needs. It must be the outermost.

    Args:
        application: the inner application.
        proxies: the number of trusted proxies. Only their values of the X-Forwarded fields stay.
    """

    def __init__(self, application: "WSGIApplication", proxies: int) -> None:
        self._application = application
        self._proxies = proxies

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        for name in _IGNORED:
            environ.pop(name, None)
        for name in _FORWARDED:
            if name in environ:
                environ[name] = self._values_of_proxies(environ[name])
        for name in _LIMITS.keys() & environ.keys():
            longest, substitute = _LIMITS[name]
            if len(environ[name]) > longest:
                environ[name] = substitute
        return self._application(environ, start_response)

    def _values_of_proxies(self, value: str) -> str:
        """Return the last values, which the trusted proxies have appended.

        The client has sent the other values. An open quotation mark there would hide the last ones from Werkzeug.
        """
        return ",".join(value.rsplit(",", self._proxies)[-self._proxies :]) if self._proxies else ""

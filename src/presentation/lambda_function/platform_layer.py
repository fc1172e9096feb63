"""The WSGI layer between apig-wsgi and the service."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from flask import request

from application.request_context import current_invocation
from presentation.http.framework.problems import invalid

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from presentation.lambda_function.events import HttpEvent

INVOCATION: Final = "aws_request_id"
"""The member of log lines that contains the ID of the invocation. It is also the ID of a request that brings none."""
_EVENT: Final = "apig_wsgi.context"
"""The key of the second argument of apig-wsgi's handler. It is the `HttpEvent` here."""
_SET_COOKIE: Final = "set-cookie"


class PlatformLayer:
    """Replaces all values that apig-wsgi takes from header fields of the client, and completes the response.

    Args:
        application: the service.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        event: HttpEvent = environ[_EVENT]
        environ["REMOTE_ADDR"] = event.address
        environ["wsgi.url_scheme"] = event.scheme
        environ["SERVER_PORT"] = "443" if event.scheme == "https" else "80"
        environ.setdefault("HTTP_X_REQUEST_ID", current_invocation.get()[INVOCATION])
        # The platform has already joined the chunks of the body.
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        for name, value in environ.items():
            if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "QUERY_STRING", "SERVER_NAME"}:
                environ[name] = _octets(value)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, _joined(headers, repeats_cookies=event.repeats_fields), exc_info)

        return self._application(environ, start)


def refuse_invalid_event() -> None:
    """Raise a problem if parts of the event are invalid. Flask calls this before each request."""
    event: HttpEvent = request.environ[_EVENT]
    if event.errors:
        raise invalid(event.errors)


def _octets(text: str) -> str:
    """Return a text as WSGI demands it: each character is one octet of its UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("latin-1")


def _joined(headers: Iterable[tuple[str, str]], *, repeats_cookies: bool) -> list[tuple[str, str]]:
    """Return the header fields, each name once (RFC 9110, section 5.3), except that cookies may repeat.

    If only one cookie is possible, it is the first: the service sets its own cookie before it removes one of a former
    version.
    """
    cookies = [(name, value) for name, value in headers if name.lower() == _SET_COOKIE]
    others: dict[str, str] = {}
    for name, value in headers:
        if name.lower() != _SET_COOKIE:
            others[name] = f"{others[name]}, {value}" if name in others else value
    return [*others.items(), *(cookies if repeats_cookies else cookies[:1])]

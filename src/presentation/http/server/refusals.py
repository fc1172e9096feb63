"""Responses to requests that do not reach the application, because they are unreadable or too large."""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from flask import Flask
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from werkzeug.datastructures import Headers

from application.request_context import FIELDS
from presentation.http.docs.resources import PAGE_POLICY, problem_page
from presentation.http.framework.middleware import ALWAYS, REQUEST_ID, UNLESS_SET, new_request_id
from presentation.http.framework.path_prefix import PATH_PREFIX
from presentation.http.framework.problem_types import Problems
from presentation.http.framework.problems import MEDIA_TYPE, document
from presentation.http.framework.texts import preferred_texts
from presentation.http.server.connection import ClientSocket
from presentation.http.server.unreadable import fault_of

_UNREADABLE: Final = (
    "The request is not valid HTTP/1.1. Nothing was changed, and no wrong code was counted. Fix the part that "
    "`errors` names."
)

_log = logging.getLogger("open_mfa.server")


class Refusals:
    """The responses to unreadable requests, as problem documents or as a page.

    gunicorn's own response, in HTML, repeats the request. Neither the response nor the log may do that, because a code
    may be in the wrong part of the request.

    Args:
        app: the application, whose configuration names the path prefix.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._prefix = app.config[PATH_PREFIX]

    def refuse(self, client: ClientSocket, address: str, error: BaseException) -> None:
        """Log the failure and respond. The response is the last one of its connection.

        Args:
            client: the socket.
            address: the address of the client.
            error: the error of the parser, or an unexpected one.
        """
        request_id = new_request_id()
        fields = {"request_id": request_id, "address": address}
        if not isinstance(error, ParseException):
            _log.error("unexpected failure", exc_info=error, extra={FIELDS: fields})
            _send(client, request_id, Problems.INTERNAL_ERROR, self._document(Problems.INTERNAL_ERROR, request_id))
            return
        _log.warning("unreadable request", extra={FIELDS: fields | {"fault": type(error).__name__}})
        if not isinstance(error, LimitRequestLine | LimitRequestHeaders):
            errors = {"errors": {"request": [fault_of(error)]}}
            body = self._document(Problems.INVALID_REQUEST, request_id, _UNREADABLE, errors)
            _send(client, request_id, Problems.INVALID_REQUEST, body)
        elif client.arrival.wants_page:
            self._send_page(client, request_id, Problems.HEAD_TOO_LARGE)
        else:
            _send(client, request_id, Problems.HEAD_TOO_LARGE, self._document(Problems.HEAD_TOO_LARGE, request_id))

    def _document(
        self,
        kind: Problems,
        request_id: str,
        detail: str | None = None,
        members: Mapping[str, Any] = MappingProxyType({}),
    ) -> bytes:
        return document(kind, detail, members, request_id, self._prefix)

    def _send_page(self, client: ClientSocket, request_id: str, kind: Problems) -> None:
        with self._app.app_context():
            texts = preferred_texts(client.arrival.accept_language)
            body = problem_page(kind.value, self._prefix, texts).encode()
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": PAGE_POLICY,
            "Content-Language": texts.language,
            "Vary": "Accept-Language",
        }
        _send(client, request_id, kind, body, headers)


def _send(
    client: ClientSocket,
    request_id: str,
    kind: Problems,
    body: bytes,
    own_headers: Mapping[str, str] = MappingProxyType({"Content-Type": MEDIA_TYPE}),
) -> None:
    headers = Headers([*ALWAYS, *UNLESS_SET])
    for name, value in own_headers.items():
        headers[name] = value
    headers[REQUEST_ID] = request_id
    headers["Content-Length"] = str(len(body))
    headers["Connection"] = "close"
    head = f"HTTP/1.1 {kind.value.status} {kind.value.title}\r\n{headers}"
    try:
        client.sendall(head.encode("ascii") + body)
    except OSError:
        _log.debug("the client closed the connection before the response")

"""HTTP to DynamoDB on connections that keep to the deadline.

botocore's own connections have a time-out for each wait, so a server that sends slowly could take any time. And its
parser takes a response of status 200 that is no JSON for an empty one, that is, for a successful write.
"""

import json
import select
import ssl
import threading
import time
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPMessage
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse

from infrastructure.dynamodb.client.errors import DynamoError, translated, wrong_answer
from infrastructure.dynamodb.url import address_of
from infrastructure.network.sockets import connect

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

MOST_IDLE: Final = 32
"""Idle connections that are kept."""
LONGEST_IDLE: Final = 30.0
"""Seconds after which an idle connection is not used again. Devices on the way forget connections that are silent."""
LONGEST_ANSWER: Final = 32 * 1024 * 1024
"""Bytes. DynamoDB answers with at most 16 MB of items, and base64 adds a third."""
_ERROR: Final = "__type"
"""The member that names an error. Only errors have it."""


class Transport:
    """Sends requests and returns responses. It retries nothing.

    Args:
        context: the TLS settings.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._idle: list[tuple[HTTPConnection, float]] = []
        self._lock = threading.Lock()

    def send(self, request: "AWSPreparedRequest", **_: object) -> AWSResponse:
        """Return the response to a request. Raise `DynamoError`."""
        connection = None
        try:
            connection = self._take() or self._open(request.url)
            status, headers, body = _exchange(connection, request)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, DynamoError) or not isinstance(error, Exception):
                raise
            raise translated(error) from error
        if connection.sock is not None:
            self._keep(connection)
        _check(status, headers, body)
        return AWSResponse(request.url, status, headers, _Body(body))

    def close_idle(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _open(self, url: str) -> HTTPConnection:
        parts = urlsplit(url)
        address = address_of(parts)
        connection = HTTPConnection(*address)
        # http.client opens no connection if it has one. A connection of its own would not keep to the deadline.
        connection.sock = connect(address, self._context if parts.scheme == "https" else None)
        return connection

    def _take(self) -> HTTPConnection | None:
        """Return an idle connection that the server has not closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if time.monotonic() - since < LONGEST_IDLE and not _has_input(connection):
                return connection
            connection.close()

    def _keep(self, connection: HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append((connection, time.monotonic()))
                return
        connection.close()


class _Body:
    """A body that was read, in the form that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def _has_input(connection: HTTPConnection) -> bool:
    """Return whether there are bytes or an end that nobody has asked for. They make a connection unusable."""
    # select(2) cannot watch the descriptors of a process that has more than 1024.
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _exchange(connection: HTTPConnection, request: "AWSPreparedRequest") -> tuple[int, HTTPMessage, bytes]:
    parts = urlsplit(request.url)
    headers = {"Host": parts.netloc} | {name: _text(value) for name, value in request.headers.items()}
    connection.request(request.method, parts.path or "/", request.body, headers)
    with connection.getresponse() as response:
        body = response.read(LONGEST_ANSWER + 1)
        if len(body) > LONGEST_ANSWER:
            raise wrong_answer("TooLong")
        return response.status, response.headers, body


def _check(status: int, headers: HTTPMessage, body: bytes) -> None:
    """Raise an error for a response that does not come from DynamoDB, or did not arrive as it was sent."""
    content = _object(body)
    if content is None or HTTPStatus.OK < status < HTTPStatus.BAD_REQUEST:
        raise wrong_answer(f"status {status}")
    # Errors are no acceptance, so they need no checksum.
    if status != HTTPStatus.OK:
        return
    if headers.get("x-amz-crc32") != str(zlib.crc32(body)):
        raise wrong_answer("wrong checksum")
    # botocore would ignore the member, and a successful write has no other members.
    if _ERROR in content:
        raise wrong_answer("error with status 200")


def _object(body: bytes) -> dict[str, object] | None:
    """Return the JSON object in a body. Return None for another body, or if the type of the error is no text.

    botocore's parser expects a text.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and isinstance(content.get(_ERROR, ""), str) else None


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")

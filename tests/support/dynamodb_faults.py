"""A server between the service and a stand-in for DynamoDB that fails as DynamoDB and the network can."""

import contextlib
import http.client
import json
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.support.dynamodb import DynamoServer


@dataclass(frozen=True)
class Answer:
    """A response. `None` instead of one closes the connection."""

    status: int
    body: bytes
    checksum: bool = True


Forward = Callable[[], Answer]
"""Carries out the request at the stand-in, and returns its response."""
Fault = Callable[[str, Forward], Answer | None]
"""Gets the name of the operation, such as `PutItem`."""


def error(code: str, status: int = 400) -> Answer:
    """Return the response of DynamoDB for an error."""
    return Answer(status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}).encode())


class FaultyDynamo:
    """A server on a free loopback port. `with` starts and ends it.

    Attributes:
        fault: makes the response to each request; None to forward all of them.
        requests: the operations that arrived, with their bodies.
    """

    def __init__(self, target: DynamoServer) -> None:
        self.fault: Fault | None = None
        self.requests: list[tuple[str, bytes]] = []
        self._target = target
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, operation: str, body: bytes, headers: dict[str, str]) -> Answer | None:
        """Return the response to a request."""
        self.requests.append((operation, body))

        def forward() -> Answer:
            connection = http.client.HTTPConnection("127.0.0.1", self._target.port, timeout=30)
            with contextlib.closing(connection):
                connection.request("POST", "/", body, headers)
                response = connection.getresponse()
                return Answer(response.status, response.read())

        return forward() if self.fault is None else self.fault(operation, forward)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                answer = server.answer(operation, body, {k: v for k, v in self.headers.items() if k != "Host"})
                if answer is None:
                    self.close_connection = True
                    return
                with contextlib.suppress(OSError):
                    self.send_response(answer.status)
                    self.send_header("Content-Length", str(len(answer.body)))
                    if answer.checksum:
                        self.send_header("x-amz-crc32", str(zlib.crc32(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

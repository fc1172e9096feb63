"""Requests as bytes, the check of answers, and one connection to a server."""

import re
import socket
import time
from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 20.0
"""Seconds without any answer until a run fails."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class WrongAnswer(Exception):
    """The server sent another answer than the expected one, so the measurement would be meaningless."""


class ConnectionClosed(WrongAnswer):
    """The server closed a connection instead of sending an answer."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The status of every answer, and bytes that the answer must contain."""

    status: int
    body: bytes = b""

    def check(self, answer: bytes) -> None:
        """Raise `WrongAnswer` for another answer."""
        if answer[9:12] != b"%d" % self.status or self.body not in answer:
            raise WrongAnswer(f"expected {self.status} with {self.body!r}, got {answer.decode(errors='replace')}")


def post(path: str, body: bytes = b"", cookie: str = "", key: str = "") -> bytes:
    """Return the bytes of a request, with the cookie of a session or an API key."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    if cookie:
        head += f"Cookie: {cookie}\r\n"
    if key:
        head += f"Authorization: Bearer {key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def get(path: str, cookie: str = "") -> bytes:
    """Return the bytes of a request without a body."""
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n"
    return f"{head}Cookie: {cookie}\r\n\r\n".encode() if cookie else f"{head}\r\n".encode()


class Channel:
    """A persistent connection that carries one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def fileno(self) -> int:
        """Return the file descriptor, so that `select` accepts a channel."""
        return self.socket.fileno()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def send(self, request: bytes) -> None:
        """Send a request. Raise `ConnectionClosed` if the server has closed the connection."""
        try:
            self.socket.sendall(request)
        except ConnectionError as error:
            raise ConnectionClosed(f"the server closed an idle connection ({error})") from error

    def receive(self) -> bytes | None:
        """Return an answer, or None if it is not complete yet. Raise `ConnectionClosed` at the end of the stream."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            raise ConnectionClosed(f"the server closed the connection after {self._received!r}")
        received = self._received = self._received + data
        end = received.find(b"\r\n\r\n")
        length = _LENGTH.search(received, 0, end + 2) if end >= 0 else None
        if end < 0 or (length and len(received) < end + 4 + int(length[1])):
            return None
        self._received = b""
        return received

    def ask(self, request: bytes) -> bytes:
        """Send a request and return the answer. Raise `WrongAnswer` if none arrives within `PATIENCE` seconds."""
        self.send(request)
        end = time.monotonic() + PATIENCE
        while (answer := self.receive()) is None:
            if time.monotonic() > end:
                raise WrongAnswer(f"no answer for {PATIENCE} s")
        return answer

"""HTTP over raw sockets: many requests at the same moment, and requests that no client library sends."""

import io
import json
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any, Self

PATIENCE = 30.0
"""Seconds to wait for an answer before the test fails."""


@dataclass(frozen=True)
class Answer:
    """An answer, and the seconds until it arrived."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float = 0.0

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        """The slug of the problem; empty if there is none."""
        if self.headers.get("Content-Type") != "application/problem+json":
            return ""
        return str(self.document["type"]).removeprefix("/problems/")


class _Incoming(io.BufferedReader):
    """Received bytes. `http.client` closes this after each answer, but it may already contain the next one."""

    def close(self) -> None:
        pass

    def makefile(self, _: str) -> Self:
        return self


class Wire:
    """A connection that is kept open."""

    def __init__(self, port: int, patience: float = PATIENCE, source: str = "127.0.0.1", buffer: int = 0) -> None:
        self._socket = socket.socket()
        self._socket.settimeout(patience)
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        try:
            self._socket.bind((source, 0))
            self._socket.connect(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming = _Incoming(socket.SocketIO(self._socket, "r"))
        self._sent = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, raw: bytes) -> None:
        self._sent = time.monotonic()
        self._socket.sendall(raw)

    def half_close(self) -> None:
        """Close the sending side."""
        self._socket.shutdown(socket.SHUT_WR)

    def lines(self, number: int) -> list[bytes]:
        """Return the next lines."""
        return [self._incoming.readline() for _ in range(number)]

    def is_ended(self) -> bool:
        """Return whether the service has closed its side without another byte."""
        return self._incoming.read(1) == b""

    def receive(self, method: str = "POST") -> Answer:
        response = HTTPResponse(self._incoming, method=method)  # type: ignore[arg-type] # it needs only the file of a socket
        response.begin()
        body = response.read()
        return Answer(response.status, dict(response.headers), body, time.monotonic() - self._sent)

    def answers_well(self, method: str) -> bool:
        """Return whether another answer arrives and is successful."""
        try:
            return self.receive(method).status < 400
        except (HTTPException, OSError):
            return False

    def ask(self, raw: bytes, method: str = "POST") -> Answer:
        self.send(raw)
        return self.receive(method)


def request(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a request. `body` is sent as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": "127.0.0.1", **(headers or {})}
    if body is not None:
        lines |= {"Content-Type": "application/json"}
    if content or method in {"POST", "PUT"}:
        lines |= {"Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


def once(port: int, raw: bytes, method: str = "POST") -> Answer:
    """Send a request on a new connection."""
    with Wire(port) as wire:
        return wire.ask(raw, method)


class Volley:
    """Open connections, on which as many requests can be sent within the same millisecond."""

    def __init__(self, port: int, size: int) -> None:
        self._port = port
        self._size = size
        self._wires: list[Wire] = []
        self._busy: list[Wire] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._wires = [self._stack.enter_context(Wire(self._port)) for _ in range(self._size)]
        # After its first request, a connection waits without one of the service's threads.
        for wire in self._wires:
            wire.ask(request("GET", "/healthz"), "GET")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fire(self, raws: Sequence[bytes]) -> list[Answer]:
        """Send one request over each connection, all before the first answer is read."""
        self.send(raws)
        return self.receive()

    def send(self, raws: Sequence[bytes]) -> None:
        self._busy = self._wires[: len(raws)]
        for wire, raw in zip(self._busy, raws, strict=True):
            wire.send(raw)

    def receive(self) -> list[Answer]:
        return [wire.receive() for wire in self._busy]

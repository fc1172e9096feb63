"""A load generator that needs little CPU time: one thread, raw sockets, and requests that are built beforehand.

It is a closed loop: each connection sends its next request as soon as it gets the answer to the last one.
"""

import gc
import re
import select
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PATIENCE: Final = 20.0
"""Seconds without any answer until the run fails."""


class WrongAnswer(Exception):
    """The server sent another answer than the expected one, so the measurement would be meaningless."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The status of every answer, and bytes that its body must contain."""

    status: int
    body: bytes = b""

    def check(self, answer: bytes) -> None:
        """Raise `WrongAnswer` for another answer."""
        if answer[9:12] != b"%d" % self.status or self.body not in answer:
            raise WrongAnswer(f"expected {self.status} with {self.body!r}, got {answer.decode(errors='replace')}")


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a run: total duration and latencies in seconds, and the answers if they are kept."""

    elapsed: float
    latencies: list[float]
    answers: list[list[bytes]]


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


class Connections:
    """Persistent connections to one server, the same number to each of its workers.

    A random worker accepts a connection. With an uneven distribution, two runs would differ too much.
    """

    def __init__(self, port: int, workers: Sequence[int], each: int, probe: bytes) -> None:
        self._sockets: list[socket.socket] = []
        wanted = dict.fromkeys(workers, each)
        end = time.monotonic() + _PATIENCE
        while any(wanted.values()):
            if time.monotonic() > end:
                raise WrongAnswer(f"no {each} connections to each worker within {_PATIENCE} s")
            connection = socket.create_connection(("127.0.0.1", port), _PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A worker has accepted the connection when the answer arrives.
            lane = _Lane(connection, [probe])
            lane.send()
            while lane.receive() is None:
                pass
            worker = _acceptor(connection, workers)
            if wanted[worker]:
                wanted[worker] -= 1
                self._sockets.append(connection)
            else:
                connection.close()

    def __len__(self) -> int:
        return len(self._sockets)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._sockets:
            connection.close()

    def run(self, requests: Sequence[Sequence[bytes]], expected: Expected, *, keep: bool = False) -> Load:
        """Send the requests of each connection in order. Raise `WrongAnswer` for the first unexpected answer."""
        gc.collect()
        gc.disable()
        try:
            return self._run(requests, expected, keep=keep)
        finally:
            gc.enable()

    def _run(self, requests: Sequence[Sequence[bytes]], expected: Expected, *, keep: bool) -> Load:
        lanes = {
            connection.fileno(): _Lane(connection, list(reversed(lane)))
            for connection, lane in zip(self._sockets, requests, strict=True)
            if lane
        }
        poll = select.poll()
        begun = time.perf_counter()
        for descriptor, lane in lanes.items():
            poll.register(descriptor, select.POLLIN)
            lane.send()
        busy = len(lanes)
        while busy:
            ready = poll.poll(_PATIENCE * 1000)
            if not ready:
                raise WrongAnswer(f"no answer for {_PATIENCE} s")
            for descriptor, _ in ready:
                lane = lanes[descriptor]
                answer = lane.receive()
                if answer is None:
                    continue
                expected.check(answer)
                if keep:
                    lane.answers.append(answer)
                if lane.waiting:
                    lane.send()
                else:
                    poll.unregister(descriptor)
                    busy -= 1
        elapsed = time.perf_counter() - begun
        latencies = [latency for lane in lanes.values() for latency in lane.latencies]
        return Load(elapsed, latencies, [lane.answers for lane in lanes.values()])


class _Lane:
    """One connection with its remaining requests, the next one last."""

    def __init__(self, connection: socket.socket, waiting: list[bytes]) -> None:
        self.waiting = waiting
        self.latencies: list[float] = []
        self.answers: list[bytes] = []
        self._connection = connection
        self._received = b""
        self._sent = 0.0

    def send(self) -> None:
        self._sent = time.perf_counter()
        self._connection.sendall(self.waiting.pop())

    def receive(self) -> bytes | None:
        """Return an answer, or None if it is not complete yet."""
        data = self._connection.recv(65536)
        if not data:
            raise WrongAnswer(f"the server closed the connection after {self._received!r}")
        received = self._received = self._received + data
        end = received.find(b"\r\n\r\n")
        length = _LENGTH.search(received, 0, end + 2) if end >= 0 else None
        if end < 0 or (length and len(received) < end + 4 + int(length[1])):
            return None
        self.latencies.append(time.perf_counter() - self._sent)
        self._received = b""
        return received


def _acceptor(connection: socket.socket, workers: Sequence[int]) -> int:
    """Return the worker at the other end of a connection."""
    ours, theirs = connection.getsockname()[1], connection.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.partition(":")[2], 16) for address in fields[1:3])
        if (local, remote) == (theirs, ours):
            target = f"socket:[{fields[9]}]"
            for worker in workers:
                if target in _files(worker):
                    return worker
    raise WrongAnswer("no worker is at the other end of the connection")


def _files(worker: int) -> set[str]:
    """Return the open files of a process. It may close some of them meanwhile."""
    found = set()
    for link in Path(f"/proc/{worker}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found

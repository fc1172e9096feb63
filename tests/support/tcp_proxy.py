"""A proxy between a client and a server that simulates failures of the network."""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Self

CHUNK = 65536


@dataclass
class _Connection:
    client: socket.socket
    server: socket.socket
    silent: bool = False
    losing: Callable[[], object] | None = None

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class _Loss:
    """The next request with these bytes gets no answer."""

    marker: bytes
    then: Callable[[], object] = field(default=lambda: None)


class TcpProxy:
    """A proxy on a free loopback port. `with` starts and ends it.

    Attributes:
        target: the server's port, for new connections.
        delay: seconds by which every piece of an answer is delayed.
        drip: answers come one byte at a time.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay = 0.0
        self.drip = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[_Connection] = []
        self._loss: _Loss | None = None
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self._connections:
            connection.close()
        for thread in self._threads:
            thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.client.close()
            connection.server.close()

    def lose_answer(self, marker: bytes, then: Callable[[], object] = lambda: None) -> None:
        """Forward the next request with the marker, but break its connection before the answer.

        Args:
            marker: bytes of the request.
            then: happens when the request has been carried out, before the client can notice.
        """
        self._loss = _Loss(marker, then)

    def silence(self) -> None:
        """Keep the current connections open, but forward no more data, as if the host had disappeared."""
        for connection in self._connections:
            connection.silent = True

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(client, server)
            self._connections.append(connection)
            self._spawn(partial(self._carry_requests, connection))
            self._spawn(partial(self._carry_answers, connection))

    def _carry_requests(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while data := connection.client.recv(CHUNK):
                if self._loss is not None and self._loss.marker in data:
                    connection.losing, self._loss = self._loss.then, None
                if not connection.silent:
                    connection.server.sendall(data)
        connection.close()

    def _carry_answers(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while data := connection.server.recv(CHUNK):
                if connection.losing is not None:
                    connection.losing()
                    break
                for piece in [data[i : i + 1] for i in range(len(data))] if self.drip else [data]:
                    # This is the simulated latency of the network.
                    self._closing.wait(self.delay)
                    connection.client.sendall(piece)
        connection.close()

    def _spawn(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

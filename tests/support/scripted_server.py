"""A server that responds to the commands of Redis as a test tells it to, correctly or not."""

import contextlib
import socket
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import hiredis

Respond = Callable[[socket.socket, list[Any]], object]
"""Responds to a command on its connection. It may close the connection."""


class ScriptedServer:
    """A server on a free loopback port. `with` starts and ends it.

    Args:
        respond: called with each command, in the thread of its connection.
    """

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    @property
    def connected(self) -> int:
        """The number of connections so far."""
        return len(self._connections)

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._connections):
            each.close()

    def send_unasked(self, data: bytes) -> None:
        """Send bytes on all connections."""
        for connection in self._connections:
            connection.sendall(data)

    def close_connections(self) -> None:
        """Close all connections, as a server does that restarts."""
        for connection in self._connections:
            connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._connections.append(connection)
                self._spawn(partial(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        reader = hiredis.Reader()
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                reader.feed(data)
                while (command := reader.gets()) is not False:
                    self._respond(connection, command)

    def _spawn(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

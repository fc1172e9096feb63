"""A proxy that delays the answers of a server: `python -m bench.delay PORT TARGET_PORT MILLISECONDS`.

It is a process of its own, so that it does not compete with the load generator for the interpreter.
"""

import select
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Final

_CHUNK: Final = 65536


class Proxy:
    """Forwards requests immediately, and each piece of an answer `delay` seconds after its arrival."""

    def __init__(self, port: int, target: int, delay: float) -> None:
        self._target = target
        self._delay = delay
        self._listener = socket.create_server(("127.0.0.1", port))
        self._peers: dict[socket.socket, socket.socket] = {}
        self._clients: set[socket.socket] = set()
        self._held: deque[tuple[float, socket.socket, bytes]] = deque()
        """Answers with the times at which they are forwarded. The delay is constant, so they are in order."""

    def run(self) -> None:
        """Forward until the process ends."""
        while True:
            timeout = max(0.0, self._held[0][0] - time.perf_counter()) if self._held else None
            ready, _, _ = select.select([self._listener, *self._peers], (), (), timeout)
            for end in ready:
                if end is self._listener:
                    self._accept()
                elif end in self._peers:
                    self._read(end)
            while self._held and self._held[0][0] <= time.perf_counter():
                _, client, data = self._held.popleft()
                with suppress(OSError):
                    client.sendall(data)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        for end, peer in ((client, server), (server, client)):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[end] = peer
        self._clients.add(client)

    def _read(self, end: socket.socket) -> None:
        data = b""
        with suppress(OSError):
            data = end.recv(_CHUNK)
        peer = self._peers[end]
        if not data:
            for each in (end, peer):
                del self._peers[each]
                self._clients.discard(each)
                each.close()
        elif end in self._clients:
            with suppress(OSError):
                peer.sendall(data)
        else:
            self._held.append((time.perf_counter() + self._delay, peer, data))


if __name__ == "__main__":
    Proxy(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000).run()

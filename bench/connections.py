"""Persistent connections that are distributed evenly over the workers of a server."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.http import Channel, ConnectionClosed, Expected, WrongAnswer
from bench.load import Load, closed_loop

START: Final = 60.0
"""Seconds until every worker must have accepted its connections. Workers that start need more time."""
_PAUSE: Final = 0.05
"""Seconds between two connections while a worker starts. Some servers end a worker after a number of requests."""


class Connections:
    """Persistent connections to one server, the same number to each of its workers.

    A random worker accepts a connection. With an uneven distribution, two runs would differ too much.
    """

    def __init__(self, port: int, workers: Sequence[int], each: int, probe: bytes) -> None:
        self.channels: list[Channel] = []
        try:
            self._open(port, workers, each, probe)
        except BaseException:
            self.close()
            raise

    def _open(self, port: int, workers: Sequence[int], each: int, probe: bytes) -> None:
        wanted = dict.fromkeys(workers, each)
        end = time.monotonic() + START
        while any(wanted.values()):
            if time.monotonic() > end:
                raise WrongAnswer(f"the connections are not evenly distributed after {START} s")
            channel = Channel(port)
            self.channels.append(channel)
            # A worker has accepted the connection when the answer arrives.
            channel.ask(probe)
            worker = _acceptor(channel, workers)
            if wanted[worker]:
                wanted[worker] -= 1
            else:
                self.channels.pop().close()
                if each in wanted.values():
                    # A worker that has accepted no connection is still starting.
                    time.sleep(_PAUSE)

    def __len__(self) -> int:
        return len(self.channels)

    def close(self) -> None:
        """Close all connections."""
        for channel in self.channels:
            channel.close()

    def run(self, requests: Sequence[Sequence[bytes]], expected: Expected, *, keep: bool = False) -> Load:
        """Send the requests of each connection in a closed loop. Raise `WrongAnswer` for an unexpected answer."""
        return closed_loop(self.channels, requests, expected, keep=keep)


def _acceptor(channel: Channel, workers: Sequence[int]) -> int:
    """Return the worker at the other end of a connection."""
    ours, theirs = channel.socket.getsockname()[1], channel.socket.getpeername()[1]
    # The kernel writes 127.0.0.1 as 0100007F on little-endian machines, and as 7F000001 on others.
    found = re.search(rf": (\w{{8}}:{theirs:04X} \w{{8}}:{ours:04X} .*)", Path("/proc/net/tcp").read_text())
    target = f"socket:[{found[1].split()[8]}]" if found else ""
    for worker in workers:
        if target in _files(worker):
            return worker
    raise ConnectionClosed("the worker at the other end of a connection has ended")


def _files(worker: int) -> set[str]:
    """Return the open files of a process. It may close some of them meanwhile, or end."""
    found = set()
    with suppress(FileNotFoundError):
        for link in Path(f"/proc/{worker}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.add(str(link.readlink()))
    return found

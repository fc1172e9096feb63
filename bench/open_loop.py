"""The open loop: requests arrive at fixed times, whether the server has answered the former ones or not.

The latency of a request counts from its arrival time, even if it is sent later because every connection is busy. A
closed loop sends nothing while the server stalls, so it counts one slow request where users would see many
(coordinated omission).
"""

import select
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bench.connections import Connections
from bench.http import PATIENCE, Channel, Expected, WrongAnswer
from bench.load import no_collection


class Transport(Protocol):
    """The connections and the clock."""

    def now(self) -> float:
        """Return the time in seconds."""

    def send(self, channel: int, request: bytes) -> None:
        """Send a request on a connection."""

    def wait(self, busy: Sequence[int], timeout: float | None) -> list[int]:
        """Return busy connections whose answers have arrived. Wait for the first one, at most `timeout` seconds."""


@dataclass(slots=True)
class Timings:
    """The result of a run, in seconds.

    Attributes:
        latencies: from the arrival time of each request to the end of its answer.
        lateness: the delay of each sending that the generator itself caused. Latencies include it.
        queued: the number of requests that arrived while every connection was busy.
    """

    latencies: list[float] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    queued: int = 0

    def add(self, other: "Timings") -> None:
        """Add the requests of another run."""
        self.latencies += other.latencies
        self.lateness += other.lateness
        self.queued += other.queued


def open_loop(connections: Connections, requests: Sequence[bytes], rate: float, expected: Expected) -> Timings:
    """Send `rate` requests per second. Raise `WrongAnswer` for the first unexpected answer."""
    with no_collection():
        return drive(_Sockets(connections.channels, expected), len(connections), requests, rate)


def drive(transport: Transport, connections: int, requests: Sequence[bytes], rate: float) -> Timings:
    """Send request `n` at `n / rate` seconds, on the connection that has been idle for the longest time."""
    begun = transport.now()
    timings = Timings()
    idle = deque((channel, begun) for channel in range(connections))
    arrivals: dict[int, float] = {}
    sent = 0
    while sent < len(requests) or arrivals:
        now = transport.now()
        while idle and sent < len(requests) and (due := begun + sent / rate) <= now:
            channel, idle_since = idle.popleft()
            transport.send(channel, requests[sent])
            arrivals[channel] = due
            timings.queued += idle_since > due
            timings.lateness.append(now - max(due, idle_since))
            sent += 1
            now = transport.now()
        # With no idle connection or no request left, only an answer changes anything.
        waits = idle and sent < len(requests)
        timeout = max(0.0, begun + sent / rate - transport.now()) if waits else None
        for channel in transport.wait([*arrivals], timeout):
            now = transport.now()
            timings.latencies.append(now - arrivals.pop(channel))
            idle.append((channel, now))
    return timings


class _Sockets:
    """Real connections. `select.select` waits with microseconds of precision; `poll` would wait up to 1 ms longer."""

    def __init__(self, channels: Sequence[Channel], expected: Expected) -> None:
        self._channels = channels
        self._numbers = {channel.fileno(): number for number, channel in enumerate(channels)}
        self._expected = expected
        self.now = time.perf_counter

    def send(self, channel: int, request: bytes) -> None:
        self._channels[channel].send(request)

    def wait(self, busy: Sequence[int], timeout: float | None) -> list[int]:
        descriptors = [self._channels[number].fileno() for number in busy]
        ready, _, _ = select.select(descriptors, (), (), PATIENCE if timeout is None else timeout)
        if timeout is None and not ready:
            raise WrongAnswer(f"no answer for {PATIENCE} s")
        return [number for number in map(self._numbers.__getitem__, ready) if self._has_answered(number)]

    def _has_answered(self, number: int) -> bool:
        answer = self._channels[number].receive()
        if answer is None:
            return False
        self._expected.check(answer)
        return True

"""The closed loop: each connection sends its next request as soon as it gets the answer to the last one.

The generator needs little CPU time: one thread, raw sockets, and requests that are built beforehand.
"""

import gc
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.http import PATIENCE, Channel, Expected, WrongAnswer


@dataclass(frozen=True, slots=True)
class Load:
    """The result of a run: total duration and latencies in seconds, and the answers if they are kept."""

    elapsed: float
    latencies: list[float]
    answers: list[list[bytes]]


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector from stopping the generator in the middle of a run."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def closed_loop(
    channels: Sequence[Channel], requests: Sequence[Sequence[bytes]], expected: Expected, *, keep: bool = False
) -> Load:
    """Send the requests of each connection in order. Raise `WrongAnswer` for the first unexpected answer."""
    lanes = {
        channel.fileno(): _Lane(channel, list(reversed(lane)))
        for channel, lane in zip(channels, requests, strict=True)
        if lane
    }
    with no_collection():
        begun = time.perf_counter()
        _drive(lanes, expected, keep=keep)
        elapsed = time.perf_counter() - begun
    latencies = [latency for lane in lanes.values() for latency in lane.latencies]
    return Load(elapsed, latencies, [lane.answers for lane in lanes.values()])


def _drive(lanes: dict[int, "_Lane"], expected: Expected, *, keep: bool) -> None:
    poll = select.poll()
    for descriptor, lane in lanes.items():
        poll.register(descriptor, select.POLLIN)
        lane.send()
    busy = len(lanes)
    while busy:
        ready = poll.poll(PATIENCE * 1000)
        if not ready:
            raise WrongAnswer(f"no answer for {PATIENCE} s")
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


class _Lane:
    """One connection with its remaining requests, the next one last."""

    def __init__(self, channel: Channel, waiting: list[bytes]) -> None:
        self.waiting = waiting
        self.latencies: list[float] = []
        self.answers: list[bytes] = []
        self._channel = channel
        self._sent = 0.0

    def send(self) -> None:
        self._sent = time.perf_counter()
        self._channel.send(self.waiting.pop())

    def receive(self) -> bytes | None:
        answer = self._channel.receive()
        if answer is not None:
            self.latencies.append(time.perf_counter() - self._sent)
        return answer

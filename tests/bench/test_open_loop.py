"""The open loop sends at fixed times, and counts latencies from those times, on a clock that only the test moves."""

from collections.abc import Sequence

import pytest
from bench.open_loop import Timings, drive
from hypothesis import given
from hypothesis import strategies as st

RATE = 100.0
"""Requests per second, so one every 10 ms."""


class Simulation:
    """A server that answers each request `duration(n)` seconds after it was sent, and its clock."""

    def __init__(self, durations: Sequence[float]) -> None:
        self.time = 1000.0
        self.sent: list[tuple[float, int, bytes]] = []
        self._durations = durations
        self._answers: dict[int, float] = {}

    def now(self) -> float:
        return self.time

    def send(self, channel: int, request: bytes) -> None:
        assert channel not in self._answers, "the connection is busy"
        self._answers[channel] = self.time + self._durations[len(self.sent)]
        self.sent.append((self.time - 1000.0, channel, request))

    def wait(self, busy: Sequence[int], timeout: float | None) -> list[int]:
        assert set(busy) == self._answers.keys()
        first = min(self._answers.values(), default=float("inf"))
        end = first if timeout is None else min(first, self.time + timeout)
        assert end < float("inf"), "the loop waits forever"
        self.time = max(self.time, end)
        done = [channel for channel, moment in self._answers.items() if moment <= self.time]
        for channel in done:
            del self._answers[channel]
        return done


def run(durations: Sequence[float], connections: int) -> tuple[Simulation, Timings]:
    simulation = Simulation(durations)
    requests = [b"%d" % number for number in range(len(durations))]
    return simulation, drive(simulation, connections, requests, RATE)


def test_a_fast_server_gets_each_request_at_its_arrival_time() -> None:
    simulation, timings = run([0.001] * 50, connections=2)

    assert [moment for moment, _, _ in simulation.sent] == pytest.approx([number / RATE for number in range(50)])
    assert timings.latencies == pytest.approx([0.001] * 50)
    assert timings.queued == 0


def test_requests_keep_their_order_and_take_turns_on_the_connections() -> None:
    simulation, _ = run([0.001] * 6, connections=3)

    assert [request for _, _, request in simulation.sent] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    assert [channel for _, channel, _ in simulation.sent] == [0, 1, 2, 0, 1, 2]


def test_a_pause_counts_for_every_request_that_arrives_during_it() -> None:
    # The first answer takes 100 ms. A closed loop would count one slow request.
    _, timings = run([0.1, *[0.0] * 19], connections=1)

    expected = [0.1, *(0.1 - number / RATE for number in range(1, 10)), *[0.0] * 10]
    assert timings.latencies == pytest.approx(expected)
    assert timings.queued == 9
    assert max(timings.lateness) == pytest.approx(0)


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=40), st.integers(1, 5))
def test_latencies_count_from_the_arrival_time(durations: list[float], connections: int) -> None:
    simulation, timings = run(durations, connections)

    ends = sorted(moment + duration for (moment, _, _), duration in zip(simulation.sent, durations, strict=True))
    assert len(timings.latencies) == len(durations)
    assert sum(timings.latencies) == pytest.approx(sum(ends) - sum(n / RATE for n in range(len(durations))), abs=1e-6)
    assert all(moment >= n / RATE - 1e-9 for n, (moment, _, _) in enumerate(simulation.sent))


@given(st.lists(st.floats(0, 0.2), min_size=1, max_size=40), st.integers(1, 5))
def test_no_request_waits_while_a_connection_is_idle(durations: list[float], connections: int) -> None:
    simulation, timings = run(durations, connections)

    # The simulated generator needs no time, so it is never late.
    assert max(timings.lateness) == pytest.approx(0, abs=1e-6)
    assert len(simulation.sent) == len(durations)


def test_the_generator_reports_its_own_delay_and_includes_it_in_the_latency() -> None:
    class Slow(Simulation):
        def send(self, channel: int, request: bytes) -> None:
            super().send(channel, request)
            self.time += 0.025  # so the second request is sent 15 ms late

    simulation = Slow([0.001, 0.001])
    timings = drive(simulation, 2, [b"0", b"1"], RATE)

    assert timings.lateness == pytest.approx([0.0, 0.015])
    assert max(timings.latencies) >= 0.015

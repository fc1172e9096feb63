"""Repetitions alternate, and those that a replaced worker interrupts are measured again."""

import os
from collections.abc import Sequence
from typing import Any, cast

import pytest
from bench.cases import Case, Server
from bench.connections import Connections
from bench.http import ConnectionClosed, Expected, WrongAnswer
from bench.load import Load
from bench.measure import ATTEMPTS, Sample, ratios, repeat


class FakeServer:
    """A server whose connections break in the given runs."""

    def __init__(self, broken: Sequence[int] = (), *, replaces_workers: bool = True) -> None:
        self.pids = (os.getpid(),)
        self.replaces_workers = replaces_workers
        self.runs = 0
        self._broken = broken

    @property
    def connections(self) -> Connections:
        return cast("Connections", self)

    def run(self, requests: Sequence[Sequence[bytes]], expected: Expected) -> Load:
        self.runs += 1
        if self.runs in self._broken:
            raise ConnectionClosed("the server closed the connection")
        return Load(2.0, [0.001, 0.003], [])


def case(name: str, server: Any) -> Case:
    return Case(name, cast("Server", server), list, Expected(200))


def test_an_interrupted_repetition_is_measured_again() -> None:
    server = FakeServer(broken=[2, 3])
    samples = repeat([case("a", server)], 2)

    assert [sample.requests_per_second for sample in samples["a"]] == [1.0, 1.0]
    assert server.runs == 5


def test_a_repetition_that_is_always_interrupted_is_an_error() -> None:
    server = FakeServer(broken=range(100))

    with pytest.raises(WrongAnswer, match="fewer --requests"):
        repeat([case("a", server)], 1)
    assert server.runs == ATTEMPTS


def test_a_closed_connection_of_the_service_itself_is_an_error() -> None:
    with pytest.raises(ConnectionClosed):
        repeat([case("a", FakeServer(broken=[1], replaces_workers=False))], 1)


def test_each_round_begins_with_another_case() -> None:
    order: list[str] = []

    def named(name: str) -> Case:
        def prepare() -> list[list[bytes]]:
            order.append(name)
            return []

        return Case(name, cast("Server", FakeServer()), prepare, Expected(200))

    repeat([named("a"), named("b"), named("c")], 3)

    assert "".join(order) == "abc" + "abc" + "bca" + "cab"


def test_latencies_are_in_milliseconds() -> None:
    (sample,) = repeat([case("a", FakeServer())], 1)["a"]

    assert (sample.p50_ms, sample.p99_ms) == pytest.approx((1.0, 3.0))


def test_a_ratio_compares_the_cases_of_one_round() -> None:
    ours = [Sample(speed, 1, 1, 1) for speed in (50, 100, 20)]

    # The medians are the same in both comparisons.
    for others, expected in (((100, 200, 10), 0.5), ((200, 10, 100), 0.25)):
        base = [Sample(speed, 1, 1, 1) for speed in others]
        assert ratios(ours, base)["requests_per_second"] == expected

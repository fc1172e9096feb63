"""Repetitions and their statistics.

The speed of a shared machine changes over time. Cases therefore alternate in many short repetitions, and each ratio
compares two cases of the same repetition. The result is the median of the ratios.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.cases import Case
from bench.servers import cpu_seconds

METRICS: Final = ("requests_per_second", "p50_ms", "p99_ms", "cpu_us")


@dataclass(frozen=True, slots=True)
class Sample:
    """One repetition of one case. Latencies are in milliseconds, CPU time in microseconds for each request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """CPU time of the master and the workers of the server."""


def repeat(
    cases: Sequence[Case], rounds: int, progress: Callable[[int], None] = lambda _: None
) -> dict[str, list[Sample]]:
    """Run all cases `rounds` times, each time beginning with another one. The first run of each case is not counted."""
    for case in cases:
        _sample(case)
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(rounds):
        start = number % len(cases)
        for case in [*cases[start:], *cases[:start]]:
            samples[case.name].append(_sample(case))
        progress(number + 1)
    return samples


def medians(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the median of each metric."""
    return {metric: median(getattr(sample, metric) for sample in samples) for metric in METRICS}


def ratios(samples: Sequence[Sample], base: Sequence[Sample]) -> dict[str, float]:
    """Return for each metric the median of its ratios to another case in the same repetition."""
    return {
        metric: median(getattr(one, metric) / getattr(other, metric) for one, other in zip(samples, base, strict=True))
        for metric in METRICS
    }


def _sample(case: Case) -> Sample:
    requests = case.prepare()
    before = cpu_seconds(*case.server.pids)
    load = case.server.connections.run(requests, case.expected)
    cpu = cpu_seconds(*case.server.pids) - before
    count = len(load.latencies)
    latencies = sorted(load.latencies)
    return Sample(
        requests_per_second=count / load.elapsed,
        p50_ms=latencies[count // 2] * 1e3,
        p99_ms=latencies[count * 99 // 100] * 1e3,
        cpu_us=cpu / count * 1e6,
    )

"""Repetitions and what they come to.

The machine is shared and its speed drifts, so cases take turns in many short repetitions, and ratios are taken within
a repetition before their median is.
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
    """One repetition of one case. Latencies are in milliseconds, CPU time in microseconds a request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """Of the server's processes, master and workers."""


def repeat(
    cases: Sequence[Case], rounds: int, progress: Callable[[int], None] = lambda _: None
) -> dict[str, list[Sample]]:
    """Runs all cases `rounds` times, each time starting with another one; a first run of each is thrown away."""
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
    """The median of each metric."""
    return {metric: median(getattr(sample, metric) for sample in samples) for metric in METRICS}


def ratios(samples: Sequence[Sample], base: Sequence[Sample]) -> dict[str, float]:
    """The median, for each metric, of its ratios to another case in the same repetition."""
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

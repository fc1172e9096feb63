"""Repetitions and their statistics.

The speed of a shared machine changes over time. Cases therefore alternate in many short repetitions, and each ratio
compares two cases of the same repetition. The result is the median of the ratios.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.cases import Case
from bench.http import ConnectionClosed, WrongAnswer
from bench.percentiles import percentile
from bench.processes import cpu_seconds

METRICS: Final = ("requests_per_second", "p50_ms", "p99_ms", "cpu_us")
ATTEMPTS: Final = 5
"""Attempts to measure a repetition of a server that replaces its workers."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One repetition of one case. Latencies are in milliseconds, CPU time in microseconds for each request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """CPU time of the master and the workers of the server."""


Samples = Mapping[str, Sequence[Sample]]
"""The repetitions of each case, by its name."""


def show_progress(number: int, rounds: int) -> None:
    """Show the number of the repetition on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\rrepetition {number} of {rounds}" + ("\n" if number == rounds else ""))


def repeat(
    cases: Sequence[Case], rounds: int, progress: Callable[[int, int], None] = show_progress
) -> dict[str, list[Sample]]:
    """Run all cases `rounds` times, each time beginning with another one. The first run of each case is not counted."""
    for case in cases:
        _sample(case)
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(rounds):
        start = number % len(cases)
        for case in [*cases[start:], *cases[:start]]:
            samples[case.name].append(_sample(case))
        progress(number + 1, rounds)
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


def rows(samples: Samples, bases: Sequence[str]) -> dict[str, Any]:
    """Return for each case the medians, and the ratios to each of the bases."""
    return {
        name: medians(values) | {"ratios": {base: ratios(values, samples[base]) for base in bases}}
        for name, values in samples.items()
    }


def _sample(case: Case) -> Sample:
    if not case.server.replaces_workers:
        return _measure(case)
    for _ in range(ATTEMPTS):
        # A worker may reach the number of requests after which its server replaces it.
        with suppress(ConnectionClosed, ProcessLookupError):
            return _measure(case)
    raise WrongAnswer(f"{case.name}: a worker ended in each of {ATTEMPTS} attempts. Try fewer --requests.")


def _measure(case: Case) -> Sample:
    requests = case.prepare()
    pids = case.server.pids
    before = cpu_seconds(*pids)
    load = case.server.connections.run(requests, case.expected)
    cpu = cpu_seconds(*pids) - before
    count = len(load.latencies)
    latencies = sorted(load.latencies)
    return Sample(
        requests_per_second=count / load.elapsed,
        p50_ms=percentile(latencies, 50) * 1e3,
        p99_ms=percentile(latencies, 99) * 1e3,
        cpu_us=cpu / count * 1e6,
    )

"""Metrics for Prometheus, summed over all workers of an instance."""

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from domain.api_key import ApiKey
from domain.verdict import Accepted, Locked, Verdict
from infrastructure.observability.process_memory import resident_bytes
from infrastructure.observability.shared_counters import Key, SharedCounters

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
FRESH: Final = 1.0
"""Seconds for which all callers get the same text."""
_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
REQUESTS: Final = "open_mfa_http_request_duration_seconds"
REQUEST_LABELS: Final = ("method", "route", "status")
_PROCESS: Final = ("process",)
"""The key under which each process stores its ID, next to its counters."""
COUNTERS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "open_mfa_verdicts": ("Judged codes.", ("factor", "purpose", "outcome")),
    "open_mfa_changes": ("Changes of credentials without a code.", ("factor", "action")),
    "open_mfa_weak_secrets": ("Enrolled secrets of less than 128 bits.", ("factor",)),
    "open_mfa_locks": ("Locked factors.", ("factor",)),
    "open_mfa_limit_refusals": ("Requests that a limit of a tenant refused, answered with 429.", ("tenant", "limit")),
    "open_mfa_api_key_requests": ("Requests with a valid API key.", ("tenant", "key")),
    "open_mfa_api_key_refusals": ("Requests that were refused because of their API key.", ("reason", "tenant", "key")),
    "open_mfa_store_failures": ("Requests that the store could not serve, answered with 503.", ()),
    "open_mfa_log_lines_dropped": ("Log lines that were dropped because nothing read them.", ()),
}
"""The description and the labels of each counter."""


class Metrics:
    """The metrics of the service. No label contains an owner, an address, a code or the path of a request.

    Args:
        numbers: the numbers of all processes; by default, those of this process alone.
        monotonic: returns the seconds of a clock that never goes back.
    """

    def __init__(self, numbers: SharedCounters | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._numbers = numbers or SharedCounters()
        self._monotonic = monotonic
        self._counting = threading.Lock()
        # Finding a series by its labels takes longer than counting.
        self._request_series = cache(self._series_of_requests)
        self._counter = cache(self._series_of_counter)
        self._registry = CollectorRegistry()
        self._expiries: dict[tuple[str, str], int] = {}
        self._registry.register(_Totals(self._numbers, self._expiries))
        self._composing = threading.Lock()
        self._text = b""
        self._composed_at: float | None = None
        self._numbers.series(_PROCESS, 1)[0] = os.getpid()
        for name, (_, labels) in COUNTERS.items():
            if not labels:
                self._counter(name)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request. `route` is the matching rule, not the path."""
        series = self._request_series(method, route, status)
        with self._counting:
            series[bisect_left(_SECONDS, seconds)] += 1
            series[-1] += seconds

    def verdict(self, factor: str, purpose: str, verdict: Verdict) -> None:
        """Count a judged code."""
        self._count("open_mfa_verdicts", factor, purpose, outcome_of(verdict))

    def change(self, factor: str, action: str) -> None:
        """Count a change of a credential without a code."""
        self._count("open_mfa_changes", factor, action)

    def weak_secret(self, factor: str) -> None:
        """Count an enrolled secret of less than 128 bits."""
        self._count("open_mfa_weak_secrets", factor)

    def lock(self, factor: str) -> None:
        """Count a locked factor."""
        self._count("open_mfa_locks", factor)

    def limit_refusal(self, tenant: str, limit: str) -> None:
        """Count a request that a limit of a tenant refused. Only the tenants of the settings have limits."""
        self._count("open_mfa_limit_refusals", tenant, limit)

    def show_keys(self, keys: Iterable[ApiKey]) -> None:
        """Show the API keys, including those that no request has used yet, and the times when they expire."""
        for key in keys:
            self._counter("open_mfa_api_key_requests", key.tenant, key.id)
            if key.expires_at is not None:
                self._expiries[key.tenant, key.id] = key.expires_at

    def key_used(self, tenant: str, key: str) -> None:
        """Count a request with a valid API key."""
        self._count("open_mfa_api_key_requests", tenant, key)

    def key_refused(self, reason: str, tenant: str = "", key: str = "") -> None:
        """Count a request that was refused because of its API key. Without a matching key, the labels are empty."""
        self._count("open_mfa_api_key_refusals", reason, tenant, key)

    def store_failure(self) -> None:
        """Count a failure of the store."""
        self._count("open_mfa_store_failures")

    def lines_dropped(self, number: int) -> None:
        """Count dropped log lines."""
        self._count("open_mfa_log_lines_dropped", number=number)

    def exposition(self) -> bytes:
        """Return Prometheus' text format for all workers together, at most `FRESH` seconds old."""
        with self._composing:
            now = self._monotonic()
            if self._composed_at is None or now - self._composed_at >= FRESH:
                self._text = generate_latest(self._registry)
                self._composed_at = now
            return self._text

    def _count(self, name: str, *labels: str, number: int = 1) -> None:
        series = self._counter(name, *labels)
        with self._counting:
            series[0] += number

    def _series_of_counter(self, name: str, *labels: str) -> "memoryview[float]":
        return self._numbers.series((name, *labels), 1)

    def _series_of_requests(self, method: str, route: str, status: int) -> "memoryview[float]":
        # One number for each bucket, one for slower requests, and the sum of all durations.
        return self._numbers.series((REQUESTS, method, route, str(status)), len(_SECONDS) + 2)


class _Totals(Collector):
    """The totals as metrics of prometheus-client."""

    def __init__(self, numbers: SharedCounters, expiries: Mapping[tuple[str, str], int]) -> None:
        self._numbers = numbers
        self._expiries = expiries

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        totals = sorted(self._numbers.totals().items())
        build = GaugeMetricFamily("open_mfa_build_info", "The running version.", labels=["version"])
        build.add_metric([version("open-mfa")], 1)
        yield build
        yield self._memory()
        yield self._key_expiries()
        yield _histogram(totals)
        for name, (meaning, labels) in COUNTERS.items():
            counter = CounterMetricFamily(name, meaning, labels=labels)
            for key, numbers in totals:
                if key[0] == name:
                    counter.add_metric(key[1:], numbers[0])
            yield counter

    def _key_expiries(self) -> Metric:
        """Return the expiry of the API keys of this process, which are those of its tenants file."""
        expiries = GaugeMetricFamily(
            "open_mfa_api_key_expiry_timestamp_seconds",
            "Unix time from which the API key is refused.",
            labels=["tenant", "key"],
        )
        for labels, expires_at in self._expiries.items():
            expiries.add_metric(labels, expires_at)
        return expiries

    def _memory(self) -> Metric:
        """Return the memory of the workers that run. The slot of an ended worker still contains its process ID."""
        memory = GaugeMetricFamily(
            "open_mfa_worker_resident_memory_bytes", "Resident memory of each worker.", labels=["worker"]
        )
        for slot, (pid,) in self._numbers.in_each_slot(_PROCESS).items():
            resident = resident_bytes(int(pid))
            if resident is not None:
                memory.add_metric([str(slot)], resident)
        return memory


def _histogram(totals: Sequence[tuple[Key, Sequence[float]]]) -> Metric:
    bounds = [*(str(second) for second in _SECONDS), "+Inf"]
    histogram = HistogramMetricFamily(REQUESTS, "Durations of HTTP requests.", labels=REQUEST_LABELS)
    for key, numbers in totals:
        if key[0] == REQUESTS:
            histogram.add_metric(key[1:], list(zip(bounds, accumulate(numbers[:-1]), strict=True)), numbers[-1])
    return histogram


def outcome_of(verdict: Verdict) -> str:
    """Return `accepted`, `locked`, or the reason of a refusal."""
    match verdict:
        case Accepted():
            return "accepted"
        case Locked():
            return "locked"
        case _:
            return verdict.reason.value

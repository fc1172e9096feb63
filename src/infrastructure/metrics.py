"""Metrics for Prometheus, summed over all workers of an instance."""

import os
from functools import cache
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from domain.verdict import Accepted, Locked, Verdict

MULTIPROCESS_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus-client's own variable: where the workers of one instance put their counts."""
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """What the service counts. No label ever holds an owner, an address, a code or a path as it was sent."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "open_mfa_http_request_duration_seconds",
            "HTTP requests and how long they took.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        # Looking a series up by its labels costs more than counting.
        self._request_series = cache(self._requests.labels)
        self._verdicts = Counter(
            "open_mfa_verdicts_total", "Codes judged.", ("factor", "purpose", "outcome"), registry=self._registry
        )
        self._verdict_series = cache(self._verdicts.labels)
        self._changes = Counter(
            "open_mfa_changes_total",
            "Credentials enrolled, issued, removed and so on.",
            ("factor", "action"),
            registry=self._registry,
        )
        self._locks = Counter("open_mfa_locks_total", "Factors locked.", ("factor",), registry=self._registry)
        self._store_failures = Counter(
            "open_mfa_store_failures_total", "Requests answered with 503.", registry=self._registry
        )

        self._lines_dropped = Counter(
            "open_mfa_log_lines_dropped_total",
            "Log lines that were not written because nothing read them.",
            registry=self._registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is the rule that matched it, not the path."""
        self._request_series(method, route, status).observe(seconds)

    def verdict(self, factor: str, purpose: str, verdict: Verdict) -> None:
        """A code was judged."""
        self._verdict_series(factor, purpose, outcome_of(verdict)).inc()

    def change(self, factor: str, action: str) -> None:
        """A credential was changed without a code."""
        self._changes.labels(factor, action).inc()

    def lock(self, factor: str) -> None:
        """A factor was locked."""
        self._locks.labels(factor).inc()

    def store_failure(self) -> None:
        """The store could not be used."""
        self._store_failures.inc()

    def lines_dropped(self, number: int) -> None:
        """Log lines were dropped."""
        self._lines_dropped.inc(number)

    def exposition(self) -> bytes:
        """Prometheus' text format, for all workers together."""
        registry = self._registry
        if os.environ.get(MULTIPROCESS_DIRECTORY):
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        # Written out: prometheus-client has no gauge that is the same in all workers and outlives them.
        build = (
            "# HELP open_mfa_build_info The running version.\n"
            "# TYPE open_mfa_build_info gauge\n"
            f'open_mfa_build_info{{version="{version("open-mfa")}"}} 1.0\n'
        )
        return build.encode() + generate_latest(registry)


def outcome_of(verdict: Verdict) -> str:
    """`accepted`, `locked`, or the reason of a refusal."""
    match verdict:
        case Accepted():
            return "accepted"
        case Locked():
            return "locked"
        case _:
            return verdict.reason.value

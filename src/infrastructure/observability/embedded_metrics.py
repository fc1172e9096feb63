"""Metrics as lines in CloudWatch's embedded metric format (EMF), for a process that nothing can scrape.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from application.request_context import current_invocation
from infrastructure.observability.lines import Lines
from infrastructure.observability.metrics import COUNTERS, REQUEST_LABELS, REQUESTS
from infrastructure.observability.shared_counters import Key, SharedCounters

NAMESPACE: Final = "Open-MFA"
FUNCTION: Final = "function"
"""The dimension that every metric has: the name of the function, so that several deployments can share an account."""
_DIMENSIONS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    REQUESTS: ((), ("status",)),
    "open_mfa_verdicts": (("outcome",), ("factor", "purpose", "outcome")),
    "open_mfa_changes": (("factor", "action"),),
    "open_mfa_weak_secrets": ((), ("factor",)),
    "open_mfa_locks": ((), ("factor",)),
    "open_mfa_limit_refusals": (("tenant", "limit"),),
    "open_mfa_api_key_requests": (("tenant", "key"),),
    "open_mfa_api_key_refusals": (("reason",),),
    "open_mfa_store_failures": ((),),
    "open_mfa_log_lines_dropped": ((),),
}
"""The sets of labels that are dimensions, by metric. Each combination of values is one metric that AWS charges for, so
the method and the route of a request are members of the line, but not dimensions."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A series that has changed: its metric, its labels, its value and its unit."""

    metric: str
    labels: Mapping[str, str]
    name: str
    value: float
    unit: str

    def directive(self) -> dict[str, Any]:
        return {
            "Namespace": NAMESPACE,
            "Dimensions": [[FUNCTION, *labels] for labels in _DIMENSIONS[self.metric]],
            "Metrics": [{"Name": self.name, "Unit": self.unit}],
        }


class EmbeddedMetrics:
    """Writes the changes of all counters since the last line.

    Args:
        numbers: the counters.
        lines: gets the lines.
        function: the name of the function.
    """

    def __init__(self, numbers: SharedCounters, lines: Lines, function: str) -> None:
        self._numbers = numbers
        self._lines = lines
        self._function = function
        self._written: dict[Key, Sequence[float]] = {}

    def write(self) -> None:
        """Write one line if any counter has changed.

        If two series of the same labels have changed, a line cannot contain both, so there are several lines.
        """
        lines: list[_Line] = []
        for change in self._changes():
            line = next((each for each in lines if each.has_room_for(change)), None)
            if line is None:
                lines.append(line := _Line())
            line.add(change)
        for line in lines:
            self._lines.append(json.dumps(line.document(self._function), separators=(",", ":")))

    def _changes(self) -> Iterator[_Change]:
        totals = self._numbers.totals()
        for key, numbers in totals.items():
            name, *values = key
            before = self._written.get(key) or [0.0] * len(numbers)
            if list(numbers) == list(before):
                continue
            if name == REQUESTS:
                # The last number is the sum of the durations. Only one request has ended since the last line.
                labels = dict(zip(REQUEST_LABELS, values, strict=True))
                yield _Change(name, labels, name, round(numbers[-1] - before[-1], 6), "Seconds")
            elif name in COUNTERS:
                _, label_names = COUNTERS[name]
                labels = dict(zip(label_names, values, strict=True))
                yield _Change(name, labels, f"{name}_total", int(numbers[0] - before[0]), "Count")
        self._written = totals


@dataclass(slots=True)
class _Line:
    """One line with the changes of different metrics."""

    changes: list[_Change] = field(default_factory=list)
    members: dict[str, Any] = field(default_factory=dict)

    def has_room_for(self, change: _Change) -> bool:
        same_labels = all(self.members.get(name, value) == value for name, value in change.labels.items())
        return same_labels and change.name not in self.members

    def add(self, change: _Change) -> None:
        self.changes.append(change)
        self.members |= {**change.labels, change.name: change.value}

    def document(self, function: str) -> dict[str, Any]:
        directives = [change.directive() for change in self.changes]
        metadata = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": directives}
        return {"_aws": metadata, FUNCTION: function, **current_invocation.get(), **self.members}

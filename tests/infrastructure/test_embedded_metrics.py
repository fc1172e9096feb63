"""Lines of metrics follow CloudWatch's specification, and name the metrics as Prometheus does."""

import json
from io import StringIO
from typing import Any, Final

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from application.request_context import current_invocation
from domain.verdict import Locked
from infrastructure.observability.direct_lines import DirectLines
from infrastructure.observability.embedded_metrics import EmbeddedMetrics
from infrastructure.observability.metrics import Metrics
from infrastructure.observability.shared_counters import SharedCounters

NAME: Final = {"type": "string", "minLength": 1, "maxLength": 255}
SCHEMA: Final = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 1_000_000_000_000},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": NAME,
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 9, "items": NAME, "uniqueItems": True},
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {"Name": NAME, "Unit": {"enum": ["Count", "Seconds"]}},
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
"""The schema of the specification, with its older and lower limit of 9 dimensions, and without further members."""
# `jsonschema.validate` would check the schema itself for each line, which takes most of the time.
VALIDATOR: Final = jsonschema.Draft202012Validator(SCHEMA)
FACTORS: Final = ("totp", "hotp", "otp")
ROUTES: Final = ("/api/v1/session/totp/verify", "(none)")


class Rig:
    """Counters and the lines of their changes."""

    def __init__(self) -> None:
        numbers = SharedCounters()
        self.stream = StringIO()
        self.metrics = Metrics(numbers)
        self.embedded = EmbeddedMetrics(numbers, DirectLines(self.stream), "open-mfa")

    def written(self) -> list[dict[str, Any]]:
        """Write the changes and return the new lines, each checked."""
        start = self.stream.tell()
        self.embedded.write()
        self.stream.seek(start)
        lines = [json.loads(line) for line in self.stream.read().splitlines()]
        for line in lines:
            check(line)
        return lines


def check(line: dict[str, Any]) -> None:
    VALIDATOR.validate(line)
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for metric in directive["Metrics"]:
            assert isinstance(line[metric["Name"]], int | float)
        for name in {name for names in directive["Dimensions"] for name in names}:
            assert isinstance(line[name], str)
            assert len(line[name]) <= 1024


def samples(line: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in line.items() if name.startswith("open_mfa_")}


def test_one_request_has_one_line() -> None:
    rig = Rig()
    rig.metrics.verdict("totp", "verify", Locked(10))
    rig.metrics.lock("totp")
    rig.metrics.request("POST", "/api/v1/session/totp/verify", 429, 0.25)
    (line,) = rig.written()
    assert samples(line) == {
        "open_mfa_verdicts_total": 1,
        "open_mfa_locks_total": 1,
        "open_mfa_http_request_duration_seconds": 0.25,
    }
    assert (line["function"], line["factor"], line["outcome"], line["status"]) == ("open-mfa", "totp", "locked", "429")


def test_only_changes_are_written() -> None:
    rig = Rig()
    rig.metrics.store_failure()
    assert len(rig.written()) == 1
    assert rig.written() == []
    rig.metrics.store_failure()
    rig.metrics.store_failure()
    (line,) = rig.written()
    assert samples(line) == {"open_mfa_store_failures_total": 2}


def test_two_factors_need_two_lines() -> None:
    rig = Rig()
    rig.metrics.change("totp", "removed")
    rig.metrics.change("hotp", "removed")
    rig.metrics.request("DELETE", "/api/v1/accounts/<account_id>", 204, 0.01)
    lines = rig.written()
    assert [line.get("factor") for line in lines] == ["totp", "hotp"]
    assert sum(line["open_mfa_changes_total"] for line in lines) == 2


def test_a_line_names_the_invocation() -> None:
    rig = Rig()
    rig.metrics.store_failure()
    token = current_invocation.set({"aws_request_id": "an-id"})
    try:
        (line,) = rig.written()
    finally:
        current_invocation.reset(token)
    assert line["aws_request_id"] == "an-id"


@pytest.mark.parametrize("label", ["route", "method", "account", "address", "aws_request_id"])
def test_labels_with_many_values_are_no_dimensions(label: str) -> None:
    rig = Rig()
    rig.metrics.request("GET", "/api/v1/session", 200, 0.1)
    rig.metrics.verdict("totp", "verify", Locked(10))
    rig.metrics.change("hotp", "enrolled")
    (line,) = [line for line in rig.written() if "route" in line]
    directives = line["_aws"]["CloudWatchMetrics"]
    assert label not in {name for each in directives for names in each["Dimensions"] for name in names}


events = st.one_of(
    st.tuples(st.just("change"), st.sampled_from(FACTORS), st.sampled_from(["enrolled", "removed"])),
    st.tuples(st.just("lock"), st.sampled_from(FACTORS)),
    st.tuples(st.just("weak_secret"), st.sampled_from(FACTORS)),
    st.tuples(st.just("store_failure")),
    st.tuples(st.just("lines_dropped"), st.integers(1, 100)),
)


@given(st.lists(st.lists(events, max_size=8), max_size=4))
def test_the_sum_of_all_lines_is_what_prometheus_sees(requests: list[list[tuple[Any, ...]]]) -> None:
    rig = Rig()
    totals: dict[tuple[str, ...], float] = {}
    for happened in requests:
        for name, *arguments in happened:
            getattr(rig.metrics, name)(*arguments)
        rig.metrics.request("GET", ROUTES[0], 200, 0.5)
        for line in rig.written():
            for name, value in samples(line).items():
                labels = [line[label] for label in ("factor", "action") if label in line and _has(name, label)]
                totals[name, *labels] = totals.get((name, *labels), 0) + value
    seen = {}
    for family in text_string_to_metric_families(rig.metrics.exposition().decode()):
        for sample in family.samples:
            if sample.name.endswith(("_total", "_sum")) and sample.value:
                labels = [sample.labels[label] for label in ("factor", "action") if label in sample.labels]
                seen[sample.name.removesuffix("_sum"), *labels] = sample.value
    assert totals == seen


def _has(name: str, label: str) -> bool:
    return label in {"open_mfa_changes_total": ("factor", "action")}.get(
        name, ("factor",) if name in {"open_mfa_locks_total", "open_mfa_weak_secrets_total"} else ()
    )

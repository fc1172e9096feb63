"""Every process reports the same totals, and a full disk has no effect on them."""

import os
import re
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from infrastructure.observability.metrics import FRESH, Metrics
from infrastructure.observability.shared_counters import SLOT_BYTES, SharedCounters, SharedMemory

KEYS = st.tuples(st.text(max_size=20), st.text(max_size=20))


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(metrics.exposition().decode())
    samples = [sample for family in families for sample in family.samples]
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def in_a_child(act: Callable[[], object]) -> None:
    """Run a function in a forked process, which is then killed with SIGKILL."""
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL


@given(st.lists(st.tuples(st.integers(0, 3), KEYS, st.floats(0, 1e6)), max_size=60))
def test_the_totals_are_the_sums_over_all_processes(steps: list[tuple[int, tuple[str, str], float]]) -> None:
    memory = SharedMemory(4)
    processes = [SharedCounters(memory, slot) for slot in range(4)]
    expected: dict[tuple[str, ...], float] = {}
    for process, key, amount in steps:
        processes[process].series(key, 2)[1] += amount
        expected[key] = expected.get(key, 0) + amount

    for process in processes:
        totals = process.totals()
        assert totals.keys() == expected.keys()
        assert all(totals[key] == pytest.approx([0, expected[key]]) for key in expected)


def test_a_successor_continues_the_counts_of_a_killed_process() -> None:
    memory = SharedMemory(2)

    def count_one() -> None:
        SharedCounters(memory, 1).series(("a", "b"), 1)[0] += 1

    for _ in range(5):
        in_a_child(count_one)

    assert SharedCounters(memory, 0).totals() == {("a", "b"): [5.0]}


def test_an_incomplete_record_of_a_killed_process_is_ignored() -> None:
    memory = SharedMemory(1)
    SharedCounters(memory, 0).series(("first",), 1)[0] = 1
    memory.slots[0][64:1024] = b"\xff" * 960

    numbers = SharedCounters(memory, 0)
    numbers.series(("second",), 3)[2] = 2

    assert SharedCounters(memory, 0).totals() == {("first",): [1.0], ("second",): [0.0, 0.0, 2.0]}


def test_without_room_a_process_counts_for_itself_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    memory = SharedMemory(2)
    first, second = SharedCounters(memory, 0), SharedCounters(memory, 1)
    for number in range(10):
        first.series((f"{number}", "x" * (SLOT_BYTES // 4)), 1)[0] = 1

    assert len(first.totals()) == 10
    assert len(second.totals()) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_without_a_slot_a_process_counts_for_itself_and_shows_the_others(caplog: pytest.LogCaptureFixture) -> None:
    memory = SharedMemory(1)
    SharedCounters(memory, 0).series(("a",), 1)[0] = 1
    late = SharedCounters(memory, None)
    late.series(("a",), 1)[0] += 1

    assert late.totals() == {("a",): [2.0]}
    assert len(caplog.records) == 1


def test_threads_lose_no_count() -> None:
    metrics = Metrics(monotonic=count(step=FRESH).__next__)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(lambda: [metrics.request("GET", "/", 200, 0.001) for _ in range(2000)])

    assert sample(metrics, "open_mfa_http_request_duration_seconds_count") == 16_000


@given(st.lists(st.floats(0, 10), max_size=30))
def test_a_bucket_counts_durations_up_to_its_bound(durations: list[float]) -> None:
    metrics = Metrics(monotonic=count(step=FRESH).__next__)
    for seconds in durations:
        metrics.request("GET", "/", 200, seconds)

    name = "open_mfa_http_request_duration_seconds"
    for bound in (0.0025, 0.5, 5.0):
        assert sample(metrics, f"{name}_bucket", le=str(bound)) == sum(seconds <= bound for seconds in durations)
    assert sample(metrics, f"{name}_bucket", le="+Inf") == sample(metrics, f"{name}_count") == len(durations)
    assert sample(metrics, f"{name}_sum") == pytest.approx(sum(durations))


def test_a_counter_without_labels_begins_with_zero() -> None:
    text = Metrics().exposition().decode()

    assert "open_mfa_store_failures_total 0.0" in text
    assert "open_mfa_log_lines_dropped_total 0.0" in text


def test_the_text_is_at_most_a_second_old() -> None:
    now = 100.0
    metrics = Metrics(monotonic=lambda: now)
    before = metrics.exposition()
    metrics.store_failure()

    now += FRESH - 0.001
    assert metrics.exposition() is before
    now += 0.001
    assert b"open_mfa_store_failures_total 1.0" in metrics.exposition()


def test_concurrent_callers_get_the_same_text() -> None:
    metrics = Metrics(monotonic=lambda: 0.0)
    together = threading.Barrier(8)

    def ask() -> bytes:
        together.wait()
        return metrics.exposition()

    with ThreadPoolExecutor(8) as pool:
        texts = [future.result() for future in [pool.submit(ask) for _ in range(8)]]

    assert len({id(text) for text in texts}) == 1


def test_the_memory_of_a_process_is_what_the_kernel_reports() -> None:
    metrics = Metrics(monotonic=count(step=FRESH).__next__)
    before = sample(metrics, "open_mfa_worker_resident_memory_bytes", worker="0")
    ballast = bytearray(os.urandom(1 << 20) * 64)
    after = sample(metrics, "open_mfa_worker_resident_memory_bytes", worker="0")
    (kilobytes,) = re.findall(r"^VmRSS:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)

    assert after - before == pytest.approx(len(ballast), rel=0.2)
    assert after == pytest.approx(int(kilobytes) * 1024, rel=0.1)


def test_every_running_process_and_no_ended_one_has_a_memory() -> None:
    memory = SharedMemory(4)
    metrics = Metrics(SharedCounters(memory, 0), monotonic=count(step=FRESH).__next__)
    in_a_child(lambda: Metrics(SharedCounters(memory, 1)))
    # Not a child of this process' parent, as after the reuse of an ended worker's ID.
    SharedCounters(memory, 2).series(("process",), 1)[0] = 1

    name = "open_mfa_worker_resident_memory_bytes"
    assert sample(metrics, name, worker="0") > 0
    assert sample(metrics, name) == sample(metrics, name, worker="0")

"""Figures of running processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from bench.processes import children_of, cpu_seconds, descendants_of, proportional_bytes

from tests.support.processes import wait_until

PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE) as process:
        wait_until(lambda: len(children_of(process.pid)) == 1, "the start of the child")
        yield process


def test_descendants_include_the_children_of_children(parent: subprocess.Popen[bytes]) -> None:
    (child,) = children_of(parent.pid)

    assert set(descendants_of(os.getpid())) >= {parent.pid, child}
    assert descendants_of(child) == []


def test_cpu_time_is_precise_and_that_of_the_process() -> None:
    before, own = cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() < own + 0.003:
        pass

    assert 0.003 <= cpu_seconds(os.getpid()) - before < 0.1


def test_memory_contains_what_the_process_allocated() -> None:
    before = proportional_bytes(os.getpid())
    block = bytearray(os.urandom(32 << 20))

    assert proportional_bytes(os.getpid()) - before > 0.9 * len(block)


def test_a_process_that_has_ended_is_an_error() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    with pytest.raises(ProcessLookupError):
        cpu_seconds(process.pid)

"""Only the writer thread waits for the reader of stderr."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.observability.lines import SETTLE_SECONDS, Lines

PIPE = 65_536
"""The capacity of a pipe in bytes."""


class Pipe:
    """A pipe whose reader takes only the bytes that the test asks for."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        self.stream: TextIO = open(writing, "w")  # noqa: PTH123, SIM115 - a descriptor, closed below
        self.read = b""

    def fill(self) -> None:
        """Fill the pipe to the last byte."""
        os.write(self.stream.fileno(), b"." * (PIPE - 1) + b"\n")

    def take(self, size: int) -> None:
        self.read += os.read(self.reading, size)

    def take_what_is_there(self, size: int) -> None:
        if select.select([self.reading], [], [], 0)[0]:
            self.take(size)

    def drain(self, end: bytes) -> list[bytes]:
        """Read up to this line, and return the lines."""
        while not self.read.endswith(end + b"\n"):
            self.take(PIPE)
        return self.read.splitlines()

    def stop_reading(self) -> None:
        os.close(self.reading)
        self.reading = -1

    def close(self) -> None:
        if self.reading >= 0:
            self.stop_reading()
        self.stream.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def counted(lines: Lines) -> list[int]:
    """Return a list to which the numbers of lines dropped from now on are added."""
    dropped: list[int] = []
    lines.count_dropped = dropped.append
    return dropped


def test_lines_are_written_in_the_order_of_the_queue(pipe: Pipe) -> None:
    lines = Lines(pipe.stream)
    for number in range(100):
        lines.append(str(number))

    assert pipe.drain(b"99") == [str(number).encode() for number in range(100)]


def test_no_line_is_lost_while_the_reader_is_stalled(pipe: Pipe) -> None:
    lines = Lines(pipe.stream, limit=64)
    pipe.fill()
    full_after = 0
    while not lines.is_full:
        lines.append(str(full_after))
        full_after += 1
    lines.append("the last")

    assert pipe.drain(b"the last")[1:] == [*(str(number).encode() for number in range(full_after)), b"the last"]
    assert lines.flush()
    assert not lines.is_full


def test_ordinary_lines_fill_at_most_half_of_the_queue_and_the_dropped_ones_are_counted(pipe: Pipe) -> None:
    lines = Lines(pipe.stream, limit=64)
    dropped = counted(lines)
    pipe.fill()
    for _ in range(1000):
        lines.offer("ordinary\n")
    lines.append("audit")

    assert not lines.is_full
    kept = pipe.drain(b"audit").count(b"ordinary")
    assert kept + sum(dropped) == 1000
    assert 32 <= kept < 32 + PIPE // len("ordinary\n")


def test_each_line_of_a_dropped_text_is_counted() -> None:
    lines = Lines(limit=0)
    dropped = counted(lines)

    lines.offer("Traceback\n  cause\n")

    assert dropped == [2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6000), st.integers(0, 8000)), max_size=40))
def test_the_audit_trail_is_complete_and_in_order_with_any_reader(steps: list[tuple[bool, int, int]]) -> None:
    pipe = Pipe()
    lines = Lines(pipe.stream, limit=8)
    dropped = counted(lines)
    sent: list[bytes] = []
    offered = 0
    try:
        for number, (audit, length, taken) in enumerate(steps):
            line = f"{'a' if audit else 'o'}{number} " + "x" * length
            if not audit:
                offered += 1
                lines.offer(f"{line}\n")
            elif not lines.is_full:
                sent.append(line.encode())
                lines.append(line)
            pipe.take_what_is_there(taken + 1)
        lines.append("the end")
        found = pipe.drain(b"the end")[:-1]
    finally:
        pipe.close()

    assert [line for line in found if line.startswith(b"a")] == sent
    assert sum(line.startswith(b"o") for line in found) == offered - sum(dropped)


def test_settled_lines_are_written(pipe: Pipe) -> None:
    lines = Lines(pipe.stream)
    for number in range(100):
        lines.append(str(number))
        lines.settle()
        pipe.take(PIPE)

        assert pipe.read.endswith(b"%d\n" % number)


def test_a_thread_waits_only_once_for_a_stalled_reader(pipe: Pipe) -> None:
    lines = Lines(pipe.stream, limit=64)
    pipe.fill()
    began = time.monotonic()
    for number in range(32):
        lines.append(str(number))
        lines.settle()

    assert time.monotonic() - began < 16 * SETTLE_SECONDS
    pipe.drain(b"31")
    assert lines.flush()
    lines.append("afterwards")
    lines.settle()
    pipe.take(PIPE)
    assert pipe.read.endswith(b"afterwards\n")


def test_concurrent_callers_lose_no_line_and_keep_their_order(pipe: Pipe) -> None:
    lines = Lines(pipe.stream)

    def call(caller: int) -> None:
        for number in range(500):
            lines.append(f"{caller} {number}")

    with ThreadPoolExecutor(8) as pool:
        for caller in range(8):
            pool.submit(call, caller)
        while pipe.read.count(b"\n") < 4000:
            pipe.take(PIPE)

    found = [line.split() for line in pipe.read.splitlines()]
    for caller in range(8):
        assert [int(number) for who, number in found if int(who) == caller] == list(range(500))


def test_processes_that_share_a_pipe_write_whole_lines(pipe: Pipe) -> None:
    program = (
        "from infrastructure.observability.lines import LINES\n"
        "for number in range(300): LINES.append('x' * 700)\n"
        "raise SystemExit(not LINES.flush(20))\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program], stderr=pipe.stream) for _ in range(3)]
    while pipe.read.count(b"\n") < 900:
        pipe.take(PIPE)

    assert [process.wait(20) for process in processes] == [0, 0, 0]
    assert set(pipe.read.splitlines()) == {b"x" * 700}


PROGRAM_WITH_A_LIMIT = """
import os, resource, sys
from infrastructure.observability.lines import LINES
name, limit, *room = sys.argv[1:]
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for size in (limit, *room, hard):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), hard))
    if size == limit:
        for number in range(10):
            LINES.append(f"{name} line {number}")
    while size != hard and os.fstat(2).st_size < int(size):
        LINES.flush(0.01)
    print(size, flush=True)
    sys.stdin.readline()
assert LINES.flush(20)
"""
"""It writes lines to a file. The limit of the file's size stands in for the end of the disk: both cut a write."""


class Writer:
    """A process that writes ten lines to the log. Each step raises the limit of the log's size; the last one lifts it.

    Args:
        name: the first word of its lines.
        log: the file, to which other processes may write too.
        limits: the limits in bytes.
    """

    def __init__(self, name: str, log: Path, *limits: int) -> None:
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM_WITH_A_LIMIT, name, *map(str, limits)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def __enter__(self) -> Self:
        self.reach_limit()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def reach_limit(self) -> int:
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def raise_limit(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.reach_limit()

    def finish(self) -> None:
        self.process.communicate("\n", timeout=20)
        assert self.process.returncode == 0


def lines_of(name: str) -> list[str]:
    return [f"{name} line {number}" for number in range(10)]


@pytest.mark.parametrize("limits", [(50,), (66,), (67,), (50, 51), (50, 51, 52, 70)], ids=str)
def test_a_full_disk_delays_lines_and_loses_none(tmp_path: Path, limits: tuple[int, ...]) -> None:
    log = tmp_path / "log"
    with Writer("a", log, *limits) as writer:
        assert log.stat().st_size == limits[0]
        for limit in limits[1:]:
            writer.raise_limit()
            assert log.stat().st_size == limit
        writer.raise_limit()
        writer.finish()

    written = log.read_text().splitlines()
    assert [line for line in written if line in lines_of("a")] == lines_of("a")
    # The other lines are beginnings of lines.
    assert all("a line ".startswith(line[:7]) for line in written)


@pytest.mark.parametrize("ends", [False, True], ids=["which continues", "which is killed"])
def test_a_line_of_another_process_does_not_follow_a_cut_line_of_a_process(tmp_path: Path, ends: bool) -> None:
    program = (
        "import os, resource, sys\n"
        "from infrastructure.observability.lines import LINES\n"
        "def write(name):\n"
        "    for number in range(10): LINES.append(f'{name} line {number}')\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "told, tell = os.pipe()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os.close(tell)\n"
        "    os.read(told, 1)\n"
        "    write('b')\n"
        "    os._exit(not LINES.flush(20))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50, hard))\n"
        "write('a')\n"
        "while os.fstat(2).st_size < 50: LINES.flush(0.01)\n"
        "LINES.flush(0.01)\n"
        "os.close(tell)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "if len(sys.argv) > 1: os._exit(status)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "raise SystemExit(status or not LINES.flush(20))\n"
    )
    log = tmp_path / "log"
    with log.open("ab") as stderr:
        command = [sys.executable, "-c", program, *["ends"] * ends]
        assert subprocess.run(command, stderr=stderr, timeout=20, check=False).returncode == 0

    written = log.read_text().splitlines()
    assert [line for line in written if line in lines_of("a")] == lines_of("a")[: 5 if ends else 10]
    assert [line for line in written if line in lines_of("b")] == lines_of("b")


def test_a_log_that_is_emptied_on_a_full_disk_has_the_whole_cut_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Writer("a", log, 50) as writer:
        os.truncate(log, 0)
        writer.raise_limit()
        writer.finish()

    assert [line for line in log.read_text().splitlines() if line] == lines_of("a")[5:]


def test_a_reader_that_has_ended_delays_nothing(pipe: Pipe) -> None:
    lines = Lines(pipe.stream)
    dropped = counted(lines)
    pipe.stop_reading()
    for _ in range(10):
        lines.append("to nobody")

    assert lines.flush()
    assert sum(dropped) == 10


def test_a_non_blocking_stderr_loses_nothing(pipe: Pipe) -> None:
    lines = Lines(pipe.stream)
    os.set_blocking(pipe.stream.fileno(), False)
    pipe.fill()
    lines.append("later")

    assert not lines.flush(0)
    assert pipe.drain(b"later")[1:] == [b"later"]


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>/dev/null"])
def test_a_process_with_any_stderr_ends_in_time(redirection: str) -> None:
    program = "from infrastructure.observability.lines import LINES; LINES.append('x'); LINES.offer('y\\n')"
    done = subprocess.run(["sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, program], timeout=20, check=False)

    assert done.returncode == 0


def test_a_process_with_an_unread_stderr_ends_in_time(pipe: Pipe) -> None:
    pipe.fill()
    program = "from infrastructure.observability.lines import LINES; LINES.append('x')"

    assert subprocess.run([sys.executable, "-c", program], stderr=pipe.stream, timeout=20, check=False).returncode == 0


def test_a_forked_child_writes_its_own_lines_and_none_of_its_parents(pipe: Pipe) -> None:
    program = (
        "import os\n"
        "from infrastructure.observability.lines import LINES\n"
        "LINES.append('parent')\n"
        "child = os.fork()\n"
        "LINES.append('parent again' if child else 'child')\n"
        "if child: os.waitpid(child, 0)\n"
    )
    # Since version 3.12, Python warns about a fork while another thread runs. Here this is the writer thread.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    assert subprocess.run(command, stderr=pipe.stream, timeout=20, check=False).returncode == 0
    pipe.stream.close()
    while taken := os.read(pipe.reading, PIPE):
        pipe.read += taken

    assert sorted(pipe.read.splitlines()) == [b"child", b"parent", b"parent again"]


def test_a_traceback_of_a_thread_is_queued_too(pipe: Pipe) -> None:
    pipe.fill()
    program = (
        "import threading\n"
        "from infrastructure.observability.lines import LINES\n"
        "LINES.take_over_stderr()\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\n"
        "thread.start(); thread.join()\n"
        "print('did not wait')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stderr=pipe.stream, stdout=subprocess.PIPE, timeout=20, check=False
    )

    assert done.stdout == b"did not wait\n"

"""A thread never waits for the reader of stderr, for any kind of stderr and any number of writing processes."""

import contextlib
import fcntl
import os
import select
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.observability.lines import Lines
from infrastructure.observability.log_stream import LogStream, StreamGone, _pipe_has_room, _WriterToReader

F_SETPIPE_SZ = 1031
"""A constant of Linux. `fcntl` has had it since Python 3.12."""
LONGEST = 30.0
"""Seconds after which a test gives up."""
KINDS = ["pipe", "small pipe", "large pipe", "named pipe", "small named pipe", "Unix socket", "TCP socket"]
CAPACITIES = {"small": 4096, "large": 1 << 20}

End = Iterator[tuple[int, int]]


@contextlib.contextmanager
def sockets(kind: str) -> End:
    if kind == "Unix socket":
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        yield theirs.fileno(), ours.fileno()


@contextlib.contextmanager
def pipes(kind: str, path: Path) -> End:
    if "named" in kind:
        os.mkfifo(path)
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        writing = os.open(path, os.O_WRONLY)
        os.set_blocking(reading, True)
    else:
        reading, writing = os.pipe()
    capacity = CAPACITIES.get(kind.partition(" ")[0])
    if capacity is not None:
        fcntl.fcntl(writing, F_SETPIPE_SZ, capacity)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def opened(kind: str, path: Path) -> contextlib.AbstractContextManager[tuple[int, int]]:
    """Return the end for the reader, which reads nothing by itself, and the end that is stderr."""
    return sockets(kind) if "socket" in kind else pipes(kind, path)


def in_time(run: Callable[[], None]) -> None:
    """Run a function that must not wait, in a thread that can be left."""
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LONGEST)
    assert not thread.is_alive()


def take_all(descriptor: int) -> bytes:
    taken = b""
    while select.select([descriptor], [], [], 0.1)[0]:
        taken += os.read(descriptor, 1 << 20)
    return taken


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "large pipe"])
@settings(max_examples=20)
@given(sizes=st.lists(st.integers(200, select.PIPE_BUF), min_size=1, max_size=5))
def test_a_write_that_may_not_wait_writes_a_whole_line_or_nothing(
    kind: str, sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    written = bytearray()

    def write() -> None:
        with contextlib.suppress(BlockingIOError), os.fdopen(writing, "w", closefd=False) as file:
            stream = LogStream(file)
            while True:
                for size in sizes:
                    line = b"x" * (size - 1) + b"\n"
                    written.extend(line[: stream.write(line, may_wait=False)])

    with opened(kind, tmp_path_factory.mktemp("stderr") / "pipe") as (reading, writing):
        in_time(write)
        found = take_all(reading)

    assert found == written
    # A socket for TCP may take a part of a line, whose rest follows later.
    assert not written or written.endswith(b"\n") or kind == "TCP socket"


@pytest.mark.parametrize("kind", KINDS)
def test_lines_wait_for_a_stalled_reader_in_the_queue_and_none_is_lost(kind: str, tmp_path: Path) -> None:
    sent = [f"{number} " + "x" * 2047 for number in range(700)]

    with opened(kind, tmp_path / "pipe") as (reading, writing), os.fdopen(writing, "w", closefd=False) as stream:
        lines = Lines(stream)
        in_time(lambda: [lines.append(line) for line in sent] and None)  # type: ignore[func-returns-value]
        found = b""
        while found.count(b"\n") < len(sent):
            found += os.read(reading, 1 << 20)
        assert lines.flush()

    assert found.decode().splitlines() == sent


@pytest.mark.parametrize("kind", ["pipe", "named pipe", "Unix socket"])
def test_a_reader_that_has_ended_is_noticed_without_a_wait(kind: str, tmp_path: Path) -> None:
    with (
        opened(kind, tmp_path / "pipe") as (reading, writing),
        os.fdopen(writing, "w", closefd=False) as file,
        Path(os.devnull).open() as devnull,
    ):
        stream = LogStream(file)
        assert stream.write(b"x\n", may_wait=False) == 2
        os.dup2(devnull.fileno(), reading)
        with pytest.raises(StreamGone):
            stream.write(b"x\n", may_wait=False)


def test_a_terminal_is_written_only_by_a_thread_that_may_wait() -> None:
    leader, follower = os.openpty()
    with os.fdopen(leader, "rb"), os.fdopen(follower, "w") as file:
        assert stat.S_ISCHR(os.fstat(follower).st_mode)
        with pytest.raises(BlockingIOError):
            LogStream(file).write(b"x\n", may_wait=False)


def test_a_reader_that_stalls_between_the_check_and_the_write_stops_no_writer(tmp_path: Path) -> None:
    """The kernel can't refuse to wait for a named pipe. The least room for which the check passes is enough for all."""
    page = b"x" * select.PIPE_BUF

    def check_while_others_write(descriptor: int) -> bool:
        has_room = _pipe_has_room(descriptor)
        for _ in range(12):
            os.write(descriptor, page)
        return has_room

    with opened("named pipe", tmp_path / "pipe") as (reading, writing):
        # One unread byte takes a whole page.
        os.write(writing, page)
        os.read(reading, len(page) - 1)
        os.write(writing, page[1:])
        assert _pipe_has_room(writing)
        writer = _WriterToReader(writing, check_while_others_write)
        in_time(lambda: (writer.write(page), None)[1])

        assert len(take_all(reading)) == 14 * len(page)
        os.write(writing, page + b"x")
        assert not _pipe_has_room(writing)


PROGRAM = """
import os, sys, threading, time
from infrastructure.observability.lines import LINES
longest = [0.0, 0.0]
def log(thread):
    for number in range(100):
        began = time.monotonic()
        LINES.append(f"{os.getpid()} {thread} {number} ".ljust(2048, "x"))
        longest[thread] = max(longest[thread], time.monotonic() - began)
threads = [threading.Thread(target=log, args=(each,)) for each in range(2)]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads: thread.start()
for thread in threads: thread.join()
print(max(longest), flush=True)
sys.stdin.readline()
raise SystemExit(not LINES.flush(20))
"""
"""It logs lines of which a page holds only one, from two threads, and prints the longest time that one took."""


@pytest.mark.parametrize("kind", ["pipe", "named pipe", "small pipe", "Unix socket"])
def test_no_thread_of_eight_processes_waits_for_a_stalled_reader(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path / "pipe") as (reading, writing):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=writing,
                text=True,
                bufsize=1,
            )
            for _ in range(8)
        ]
        try:
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("\n")
            # If a thread waited for the reader, its process would print nothing, because nobody reads.
            for process in processes:
                assert process.stdout is not None
                assert select.select([process.stdout], [], [], LONGEST)[0]
                assert float(process.stdout.readline()) < LONGEST
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("\n")
            found = b""
            while found.count(b"\n") < 1600:
                found += os.read(reading, 1 << 20)
            assert [process.wait(LONGEST) for process in processes] == [0] * 8
        finally:
            for process in processes:
                process.kill()
                process.communicate()

    lines = found.splitlines()
    assert {len(line) for line in lines} == {2048}
    for process in processes:
        for thread in range(2):
            start = b"%d %d " % (process.pid, thread)
            assert [int(line.split()[2]) for line in lines if line.startswith(start)] == list(range(100))


class LeavesALineBehind:
    """A lock with which another thread fails at the last moment before the writer thread releases it."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._leave = leave
        self._has_left = False

    def acquire(self, blocking: bool = True) -> bool:
        return self._lock.acquire(blocking)

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        # Only the writer thread uses `with`.
        if not self._has_left:
            self._has_left = True
            in_time(self._leave)
        self._lock.release()


def test_a_line_that_is_left_to_the_writer_thread_at_its_last_moment_is_written() -> None:
    with opened("pipe", Path()) as (reading, writing), os.fdopen(writing, "w", closefd=False) as stream:
        lines = Lines(stream)
        lines._writing = LeavesALineBehind(lambda: lines.append("left behind"))  # type: ignore[assignment]
        os.write(writing, b"." * 65_535 + b"\n")
        lines.append("first")
        assert os.read(reading, 65_536).endswith(b"\n")

        found = b""
        while found != b"first\nleft behind\n":
            assert select.select([reading], [], [], LONGEST)[0]
            found += os.read(reading, 65_536)


def run(program: str) -> subprocess.CompletedProcess[str]:
    # Since version 3.12, Python warns about a fork while another thread runs.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)


def test_a_signal_handler_may_log_at_any_moment() -> None:
    done = run(
        "import signal\n"
        "from infrastructure.observability.lines import LINES\n"
        "handled = 0\n"
        "def handle(*_):\n"
        "    global handled\n"
        "    handled += 1\n"
        "    LINES.append('handler')\n"
        "signal.signal(signal.SIGALRM, handle)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)\n"
        "number = 0\n"
        "while number < 2000 or handled < 100:\n"
        "    LINES.append(f'main {number}')\n"
        "    LINES.settle()\n"
        "    number += 1\n"
        "signal.setitimer(signal.ITIMER_REAL, 0)\n"
        "print(number, handled, int(LINES.flush()), LINES._queued - LINES._written)\n"
    )

    assert done.returncode == 0
    number, handled, flushed, left = map(int, done.stdout.split())
    assert (flushed, left) == (1, 0)
    written = done.stderr.splitlines()
    assert [line for line in written if line.startswith("main")] == [f"main {each}" for each in range(number)]
    # Another signal can interrupt the handler.
    assert written.count("handler") == handled == len(written) - number


def test_a_child_can_log_that_is_forked_while_other_threads_log() -> None:
    done = run(
        "import os, sys, threading\n"
        "from infrastructure.observability.lines import LINES\n"
        "LINES.take_over_stderr()\n"
        "ended = threading.Event()\n"
        "def log():\n"
        "    while not ended.is_set(): sys.stderr.write('parent\\n')\n"
        "threads = [threading.Thread(target=log) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for number in range(50):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        print(f'child {number}', file=sys.stderr)\n"
        "        LINES.append(f'child {number}')\n"
        "        os._exit(not LINES.flush(20))\n"
        "    assert os.waitpid(child, 0)[1] == 0\n"
        "ended.set()\n"
    )

    assert done.returncode == 0
    written = done.stderr.splitlines()
    assert [line for line in written if line != "parent"] == [f"child {each // 2}" for each in range(100)]


@pytest.mark.parametrize("kind", ["pipe", "Unix socket"])
def test_a_system_whose_writes_always_wait_leaves_lines_to_the_writer_thread(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "RWF_NOWAIT")
    ends = sockets(kind) if "socket" in kind else pipes(kind, tmp_path / "pipe")
    with ends as (reading, writing), open(writing, "w", closefd=False) as stream:
        lines = Lines(stream)
        dropped: list[int] = []
        lines.count_dropped = dropped.append
        lines.append("a line")

        assert lines.flush()
        assert os.read(reading, 100) == b"a line\n"
        assert dropped == []

"""Lines on stderr: each process has one bounded queue and one thread that writes to stderr.

A reader of stderr can stall, and a disk can be full. Only the writer thread waits for them (ADR 20).
"""

import atexit
import errno
import io
import mmap
import os
import select
import stat
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 1024
"""The number of waiting lines at which the queue is full; about 300 KiB."""
FLUSH_SECONDS: Final = 2.0
"""Seconds for which an ending process waits until its lines are written."""
SETTLE_SECONDS: Final = 0.25
"""Seconds for which a response waits for its lines. While a reader is stalled, each thread waits only once."""
RETRY_SECONDS: Final = 0.1
"""Seconds between two attempts to write to a full disk or a non-blocking stream."""
_GONE: Final = frozenset({errno.EPIPE, errno.EBADF, errno.ECONNRESET, errno.ENOTCONN})
"""Errors after which no write can succeed: the reader has ended, or stderr is closed."""


class Lines:
    """The queue and its writer. Only `settle` and `flush` wait, and these wait for a bounded time.

    There are two kinds of lines. Lines of the audit trail are never dropped. While the queue is full, operations that
    would write such a line are refused in advance. The queue exceeds its limit only by the lines of the operations that
    were under way. Other lines may fill half of the queue. Beyond that they are dropped and counted.

    Args:
        stream: the stream to write to; None for the `sys.stderr` at the time of each write.
        limit: the number of waiting lines at which the queue is full.
    """

    def __init__(self, stream: TextIO | None = None, limit: int = LIMIT) -> None:
        self._stream = stream
        self._limit = limit
        self.count_dropped: Callable[[int], object] = lambda _: None
        """Called with the number of lines that were dropped."""
        self._cuts = memoryview(mmap.mmap(-1, 8)).cast("Q")
        """A number that forked processes share. It changes when one of them has written only a part of a line."""
        self._known_cuts = 0
        self.reset()

    def reset(self) -> None:
        """Start again without a thread. A forked child has no thread, and its parent writes the waiting lines."""
        self._queue: SimpleQueue[bytes | threading.Event] = SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        # Reentrant, because a signal handler may log while its own thread holds the lock.
        self._queuing = threading.RLock()
        self._queued = self._written = 0
        self._of_thread = threading.local()
        self._progress = threading.Condition()
        self._stalled = False

    @property
    def is_full(self) -> bool:
        """Whether an operation that would write a line of the audit trail must be refused."""
        return self._queue.qsize() >= self._limit

    def append(self, line: str) -> None:
        """Queue a line of the audit trail, given without its end."""
        self._put(f"{line}\n".encode(errors="backslashreplace"))

    def offer(self, text: str) -> None:
        """Queue other text, which consists of whole lines, or drop it if half of the queue is full."""
        if self._queue.qsize() * 2 >= self._limit:
            self.count_dropped(text.count("\n"))
        else:
            self._put(text.encode(errors="backslashreplace"))

    def settle(self) -> None:
        """Wait until the lines that this thread has queued are written, unless their reader is stalled.

        If the process is killed right after a response, the lines of its request are already written.
        """
        last = getattr(self._of_thread, "last", 0)
        if self._written >= last or self._stalled:
            return
        with self._progress:
            if not self._progress.wait_for(lambda: self._written >= last, SETTLE_SECONDS):
                self._stalled = True

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until the lines queued so far are written or dropped. Return whether they were in time."""
        if self._thread is None:
            return True
        reached = threading.Event()
        self._queue.put(reached)
        return reached.wait(seconds)

    def take_over_stderr(self) -> None:
        """Queue all text that Python and libraries write to `sys.stderr`, such as tracebacks of threads."""
        if self._stream is None and sys.stderr is not None:
            self._stream = sys.stderr
            sys.stderr = _Stderr(self, self._stream)

    def _put(self, data: bytes) -> None:
        with self._queuing:
            self._queued += 1
            self._of_thread.last = self._queued
            self._queue.put(data)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        # A signal handler may log while its own thread holds the lock, so it must not wait for it.
        if not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._write_lines, args=(self._queue,), name="lines", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:
            pass  # The machine cannot start a thread now. The next line will try again.
        finally:
            self._starting.release()

    def _write_lines(self, queue: "SimpleQueue[bytes | threading.Event]") -> None:
        chunk, lines = b"", 0
        while True:
            item: bytes | threading.Event | None
            try:
                item = queue.get_nowait() if chunk else queue.get()
            except Empty:
                item = None
            # Processes share the pipe. Only a write of at most PIPE_BUF bytes is never split (pipe(7)).
            if isinstance(item, bytes) and len(chunk) + len(item) <= select.PIPE_BUF:
                chunk += item
                lines += 1
                continue
            if chunk:
                self._write(chunk)
                with self._progress:
                    self._written += lines
                    self._stalled = False
                    self._progress.notify_all()
            chunk, lines = b"", 0
            if isinstance(item, threading.Event):
                item.set()
            elif item is not None:
                chunk, lines = item, 1

    def _write(self, chunk: bytes) -> None:
        rest = chunk
        while rest:
            try:
                cuts = self._cuts[0]
                if cuts != self._known_cuts and not rest.startswith(b"\n"):
                    # The file may end with a part of a line, so this line must not follow it.
                    rest = b"\n" + rest
                written = self._write_some(rest)
                self._known_cuts = cuts
                if written < len(rest) and self._is_file():
                    written = self._end_of_whole_lines(rest, written)
                rest = rest[written:]
            except OSError as error:
                if error.errno in _GONE:
                    self.count_dropped(rest.count(b"\n"))
                    return
                # The disk is full, or another process has made the stream non-blocking.
                time.sleep(RETRY_SECONDS)
            except Exception:  # noqa: BLE001 - the stream was closed or replaced; the thread must continue
                self.count_dropped(rest.count(b"\n"))
                return

    def _end_of_whole_lines(self, data: bytes, written: int) -> int:
        """Return how many of the written bytes are whole lines. Notify all processes if a part of a line follows them.

        The part is written again with its line, because the log may be emptied before the rest can be written.
        """
        start = data.rfind(b"\n", 0, written) + 1
        if start == written:
            return written
        self._cuts[0] += 1
        is_whole = data[written : written + 1] == b"\n"
        return written if is_whole else start

    def _is_file(self) -> bool:
        return stat.S_ISREG(os.fstat((self._stream or sys.stderr).fileno()).st_mode)

    def _write_some(self, data: bytes) -> int:
        stream = self._stream or sys.stderr
        try:
            descriptor = stream.fileno()
        except io.UnsupportedOperation:  # The stream is in memory, as in tests.
            stream.write(data.decode())
            return len(data)
        return os.write(descriptor, data)


class _Stderr(io.TextIOBase):
    """A replacement for `sys.stderr` that queues whole lines and never waits."""

    def __init__(self, lines: Lines, former: TextIO) -> None:
        self._lines = lines
        self._former = former
        # Reentrant, because a signal handler may write while its own thread holds the lock.
        self._guard = threading.RLock()
        self._begun = ""

    def write(self, text: str) -> int:
        with self._guard:
            whole, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self._lines.offer(whole + end)
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._former.fileno()

    def isatty(self) -> bool:
        return self._former.isatty()


LINES: Final = Lines()
"""The lines of this process."""
os.register_at_fork(after_in_child=LINES.reset)
atexit.register(LINES.flush)

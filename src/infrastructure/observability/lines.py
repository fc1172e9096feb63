"""Lines on stderr: each process has one bounded queue of them.

A reader of stderr can stall, and a disk can be full. The thread that queues a line writes it if that needs no wait.
Otherwise a writer thread waits (ADR 20).
"""

import atexit
import io
import os
import select
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, TextIO

from infrastructure.observability.log_stream import LogStream, StreamGone

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


class Lines:
    """The queue, and the writing of its lines. Only `settle` and `flush` wait, and these wait for a bounded time.

    There are two kinds of lines. Lines of the audit trail are never dropped. While the queue is full, operations that
    would write such a line are refused in advance. The queue exceeds its limit only by the lines of the operations that
    were under way. Other lines may fill half of the queue. Beyond that they are dropped and counted.

    Args:
        stream: the stream to write to; None for the `sys.stderr` at the time of each write.
        limit: the number of waiting lines at which the queue is full.
    """

    def __init__(self, stream: TextIO | None = None, limit: int = LIMIT) -> None:
        self._stream = LogStream(stream)
        self._limit = limit
        self.count_dropped: Callable[[int], object] = lambda _: None
        """Called with the number of lines that were dropped."""
        self.reset()

    def reset(self) -> None:
        """Start again with an empty queue. A forked child has no thread, and its parent writes the waiting lines."""
        self._queue: deque[bytes] = deque()
        # Reentrant, because a signal handler may log while its own thread holds the lock.
        self.queuing = threading.RLock()
        """Held while the order of the lines is determined."""
        self._queued = self._written = 0  # bytes
        self._of_thread = threading.local()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._must_wait = threading.Event()
        self._progress = threading.Condition()
        self._waiters = 0
        self._stalled = False

    @property
    def is_full(self) -> bool:
        """Whether an operation that would write a line of the audit trail must be refused."""
        return len(self._queue) >= self._limit

    def append(self, line: str) -> None:
        """Write a line of the audit trail, given without its end, or queue it."""
        self._put(f"{line}\n".encode(errors="backslashreplace"))

    def queue(self, data: bytes) -> None:
        """Queue whole lines of the audit trail without writing them. The caller holds `queuing`, and writes them later.

        So a caller can complete a line that depends on the line before it.
        """
        size = len(data)
        # Without a call, during which a signal handler could log.
        self._queued += size
        self._of_thread.last = self._queued
        self._queue.append(data)

    def write_queued(self) -> None:
        """Write the queued lines as far as that needs no wait. A thread writes the others."""
        # A thread that fails to get the lock leaves its line to the one that has it, which looks at the queue again
        # after it has released the lock.
        while self._queue and self._writing.acquire(blocking=False):
            try:
                must_wait = not self._write_at_once()
            finally:
                self._writing.release()
            if must_wait:
                self._wake_writer()
                return

    def offer(self, text: str) -> None:
        """Write or queue other text, which consists of whole lines, or drop it if half of the queue is full."""
        if len(self._queue) * 2 >= self._limit:
            self.count_dropped(text.count("\n"))
        else:
            self._put(text.encode(errors="backslashreplace"))

    def settle(self) -> None:
        """Wait until the lines that this thread has queued are written, unless their reader is stalled.

        If the process is killed right after a response, the lines of its request are already written.
        """
        last = getattr(self._of_thread, "last", 0)
        if self._written < last and not self._stalled:
            self._stalled = not self._await_written(last, SETTLE_SECONDS)

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Wait until the lines queued so far are written or dropped. Return whether they were in time."""
        return self._await_written(self._queued, seconds)

    def take_over_stderr(self) -> None:
        """Queue all text that Python and libraries write to `sys.stderr`, such as tracebacks of threads."""
        if self._stream.stream is None and sys.stderr is not None:
            self._stream.stream = sys.stderr
            sys.stderr = _Stderr(self, self._stream.stream)

    def _await_written(self, size: int, seconds: float) -> bool:
        with self._progress:
            self._waiters += 1
            try:
                return self._progress.wait_for(lambda: self._written >= size, seconds)
            finally:
                self._waiters -= 1

    def _put(self, data: bytes) -> None:
        with self.queuing:
            self.queue(data)
        self.write_queued()

    def _write_at_once(self) -> bool:
        """Write the queued lines as far as that needs no wait. Return whether none is left."""
        while self._queue:
            if len(self._queue[0]) > select.PIPE_BUF:
                return False
            try:
                if not self._write_chunk(may_wait=False):
                    return False
            except OSError:
                return False
        return True

    def _wake_writer(self) -> None:
        self._must_wait.set()
        # A signal handler may log while its own thread holds the lock, so it must not wait for it.
        if self._thread is not None or not self._starting.acquire(blocking=False):
            return
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._write_with_waits, name="lines", daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:
            pass  # The machine cannot start a thread now. The next line will try again.
        finally:
            self._starting.release()

    def _write_with_waits(self) -> None:
        while True:
            # A thread that could not get the lock may have left a line here after the last look at the queue.
            if not self._queue:
                self._must_wait.wait()
            self._must_wait.clear()
            with self._writing:
                while self._queue:
                    try:
                        self._write_chunk()
                    except OSError:
                        # The disk is full, or another process has made the stream non-blocking.
                        time.sleep(RETRY_SECONDS)

    def _write_chunk(self, *, may_wait: bool = True) -> bool:
        """Write the first lines of the queue. Return whether all of them were written or dropped. Raise `OSError`."""
        chunk, written = b"", 0
        # Processes share the pipe. Only a write of at most PIPE_BUF bytes is never split (pipe(7)).
        while self._queue and (not chunk or len(chunk) + len(self._queue[0]) <= select.PIPE_BUF):
            chunk += self._queue.popleft()
        try:
            written = self._stream.write(chunk, may_wait=may_wait)
        except StreamGone:
            self.count_dropped(chunk.count(b"\n"))
            written = len(chunk)
        finally:
            if written < len(chunk):
                self._queue.appendleft(chunk[written:])
        self._written += written
        self._stalled = False
        if self._waiters:
            with self._progress:
                self._progress.notify_all()
        return written == len(chunk)


class _Stderr(io.TextIOBase):
    """A replacement for `sys.stderr` that queues whole lines and never waits."""

    def __init__(self, lines: Lines, former: TextIO) -> None:
        self._lines = lines
        self._former = former
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """Start again. In a forked child, a thread that does not exist there may hold the lock."""
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

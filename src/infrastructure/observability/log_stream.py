"""The stream that log lines are written to, usually stderr, which several processes share."""

import array
import errno
import fcntl
import io
import mmap
import os
import select
import stat
import sys
import termios
from collections.abc import Callable
from functools import partial
from typing import Final, TextIO

SMALLEST_PIPE: Final = 64 * 1024
"""The usual capacity of a pipe in bytes (pipe(7)). Only a user with very many pipes gets smaller ones."""
_FREE_PIPE: Final = 15 / 16
"""The share of a pipe that must be free for a write that does not wait, if the kernel can't refuse to wait.

Such a pipe has 16 pages. At most three of them contain the rest, and a write of `PIPE_BUF` bytes takes at most one more
page. So 13 processes that write at the same moment cannot fill it.
"""
_GONE: Final = frozenset({errno.EPIPE, errno.EBADF, errno.ECONNRESET, errno.ENOTCONN})
"""Errors after which no write can succeed: the reader has ended, or stderr is closed."""


class StreamGone(Exception):
    """Nothing that is written to the stream can ever be read."""


class LogStream:
    """A stream for whole lines, which a full disk may cut. One thread at a time uses it.

    Args:
        stream: the stream; None for the `sys.stderr` at the time of each write.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self._cuts = memoryview(mmap.mmap(-1, 8)).cast("Q")
        """A number that forked processes share. It changes when one of them has written only a part of a line."""
        self._known_cuts = 0
        self._known_stream: TextIO | None = None
        self._write_at_once: Callable[[bytes], int] = _refuse

    def write(self, data: bytes, *, may_wait: bool = True) -> int:
        """Write whole lines once. Return how many of these bytes need not be written again.

        Args:
            data: the lines; at most `PIPE_BUF` bytes if the write may not wait.
            may_wait: whether the write may wait for a reader.

        Raises:
            OSError: nothing was written now, for example because the disk is full, or because that requires a wait.
            StreamGone: no line can be written any more.
        """
        try:
            cuts = self._cuts[0]
            # The file may end with a part of a line, which this line must not follow.
            separator = b"\n" if cuts != self._known_cuts else b""
            written = self._write_some(separator + data, may_wait) - len(separator)
            self._known_cuts = cuts
            whole = written == len(data) or not self._is_file()
        except OSError as error:
            if error.errno in _GONE:
                raise StreamGone from error
            raise
        except Exception as error:
            # The stream was closed or replaced.
            raise StreamGone from error
        return max(0, written if whole else self._end_of_whole_lines(data, written))

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
        return stat.S_ISREG(os.fstat(self._target().fileno()).st_mode)

    def _write_some(self, data: bytes, may_wait: bool) -> int:
        stream = self._target()
        try:
            descriptor = stream.fileno()
        except io.UnsupportedOperation:  # The stream is in memory, as in tests.
            stream.write(data.decode())
            return len(data)
        if may_wait:
            return os.write(descriptor, data)
        if stream is not self._known_stream:
            self._write_at_once = _writer(descriptor)
            self._known_stream = stream
        return self._write_at_once(data)

    def _target(self) -> TextIO:
        return self.stream or sys.stderr


def _writer(descriptor: int) -> Callable[[bytes], int]:
    """Return a function that writes at most `PIPE_BUF` bytes without waiting, or raises `OSError`."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return partial(os.write, descriptor)
    if not hasattr(os, "RWF_NOWAIT"):
        # Another system than Linux. The writer thread waits there.
        return _refuse
    if stat.S_ISFIFO(mode):
        return _WriterToReader(descriptor, _pipe_has_room).write
    if stat.S_ISSOCK(mode):
        return _WriterToReader(descriptor, _socket_has_room).write
    return _refuse


def _refuse(_data: bytes) -> int:
    raise BlockingIOError


class _WriterToReader:
    """Writes to a pipe or a socket without waiting for its reader.

    `O_NONBLOCK` would apply to all processes that share the stream, so each single write asks the kernel not to wait.

    Args:
        descriptor: the descriptor of the stream.
        has_room: returns whether the stream has room, for kernels that can't refuse to wait.
    """

    def __init__(self, descriptor: int, has_room: Callable[[int], bool]) -> None:
        self._descriptor = descriptor
        self._has_room = has_room
        self._kernel_refuses = True

    def write(self, data: bytes) -> int:
        if self._kernel_refuses:
            try:
                return os.pwritev(self._descriptor, [data], -1, os.RWF_NOWAIT)
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
            # Older kernels, and all of them for a pipe that was opened by its name.
            self._kernel_refuses = False
        if not self._has_room(self._descriptor):
            raise BlockingIOError
        return os.write(self._descriptor, data)


def _pipe_has_room(descriptor: int) -> bool:
    if fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) < SMALLEST_PIPE:
        return False
    unread = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, unread)
    return unread[0] <= SMALLEST_PIPE * (1 - _FREE_PIPE)


def _socket_has_room(descriptor: int) -> bool:
    """Return whether a socket is writable. A Unix socket, such as journald's, then has room for far more (unix(7))."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(event == select.POLLOUT for _, event in poll.poll(0))

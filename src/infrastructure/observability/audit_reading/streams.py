"""Files of logs: standard input, plain files, and files that gzip has compressed."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

STANDARD_INPUT: Final = "-"
"""The name of standard input among the names of files."""
LINE_LIMIT: Final = 1 << 20
"""The longest line that is read as a whole, in bytes. The lines of the service have at most a few thousand."""
_GZIP: Final = b"\x1f\x8b"


class LogStream(Protocol):
    """A file of logs. Each read may raise `OSError`, or one of `DAMAGED` if the file is compressed."""

    def readline(self, size: int, /) -> bytes: ...
    def read(self, size: int, /) -> bytes: ...


DAMAGED: Final = (EOFError, gzip.BadGzipFile, zlib.error)
"""The errors of a compressed file that is damaged or incomplete."""


@contextmanager
def opened(name: str) -> Iterator[LogStream]:
    """Open a file of logs. Raise `OSError` if that fails.

    Args:
        name: the name of the file, or `STANDARD_INPUT`. The content decides whether the file is compressed.
    """
    standard_input = name == STANDARD_INPUT
    with open(0 if standard_input else name, "rb", closefd=not standard_input) as file:
        if file.peek(len(_GZIP)).startswith(_GZIP):
            with gzip.GzipFile(fileobj=file) as plain, io.BufferedReader(plain, LINE_LIMIT) as buffered:
                yield buffered
        else:
            yield file

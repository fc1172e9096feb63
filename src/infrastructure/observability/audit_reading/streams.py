"""Files of logs: standard input, plain files, and files that gzip has compressed."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STANDARD_INPUT: Final = "-"
"""The name of standard input among the names of files."""
LINE_LIMIT: Final = 1 << 20
"""The longest line that is read as a whole, in bytes. The lines of the service have at most a few thousand."""
_BUFFER: Final = 1 << 17
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
            with gzip.GzipFile(fileobj=file) as plain:
                yield io.BufferedReader(_Decompressed(plain), _BUFFER)
        else:
            yield file


class _Decompressed(io.RawIOBase):
    """The content of a compressed file. An error comes only after all bytes before it."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        data = self._file.read1(len(view))
        view[: len(data)] = data
        return len(data)

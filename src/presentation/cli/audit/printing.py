"""The output of the search, which goes to a terminal, to a file or to another program."""

import os
import sys
from collections.abc import Iterable
from typing import Final

from presentation.cli.output import Refused

_COLUMNS: Final = 80


class Closed(Exception):
    """The reader of the output has closed it, because it has read enough."""


class Printer:
    """Standard output.

    Args:
        at_once: whether each line appears at once, because the input may be endless.
    """

    def __init__(self, *, at_once: bool) -> None:
        self._at_once = at_once
        self.is_terminal = sys.stdout.isatty()

    @property
    def width(self) -> int | None:
        """The number of columns of the terminal; None if there is no terminal."""
        if not self.is_terminal:
            return None
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or _COLUMNS
        except OSError:
            return _COLUMNS

    @property
    def colours(self) -> bool:
        """Whether the output may contain colours (https://no-color.org)."""
        return self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def print(self, lines: Iterable[bytes | str]) -> None:
        """Print lines. Raise `Closed`, or `Refused` if they can't be written."""
        try:
            for line in lines:
                data = line if isinstance(line, bytes) else line.encode(sys.stdout.encoding, "backslashreplace")
                sys.stdout.buffer.write(data + b"\n")
            if self._at_once:
                sys.stdout.buffer.flush()
        except OSError as error:
            raise _failure(error) from None

    def flush(self) -> None:
        """Write everything that was printed. Raise the errors of `print`."""
        try:
            sys.stdout.buffer.flush()
        except OSError as error:
            raise _failure(error) from None


def _failure(error: OSError) -> Exception:
    # Otherwise Python would try again when it exits, and print an error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return Closed()
    return Refused(f"can't write to standard output: {error.strerror}")

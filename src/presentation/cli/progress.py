"""A progress bar on standard error, for commands that read a long file."""

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

# The library puts a comma before the postfix, which has the number of records and their rate.
_KNOWN_SIZE: Final = "{percentage:3.0f} %|{bar}| {remaining} left{postfix}"
_UNKNOWN_SIZE: Final = "{elapsed}{postfix}"
_EVERY: Final = 100
"""Records between two updates of the bar."""


@contextmanager
def progress_of(stream: BinaryIO) -> Iterator[Callable[[], None]]:
    """Show how far a file is read, and yield the function to call after each record.

    The bar shows the number of records, their rate and the time left. There is none unless standard error is a
    terminal. Other lines on standard error, such as the audit trail, appear above the bar.
    """
    terminal = sys.stderr
    if not terminal.isatty():
        yield lambda: None
        return
    # Loading the library takes a while, and most runs of commands need none of it.
    from tqdm import tqdm  # noqa: PLC0415

    size = _size_of(stream)
    form = _UNKNOWN_SIZE if size is None else _KNOWN_SIZE
    with (
        tqdm(total=size, file=terminal, dynamic_ncols=True, bar_format=form, leave=False) as bar,
        redirect_stderr(_AboveBar(bar, terminal)),
    ):
        count = 0

        def advance() -> None:
            nonlocal count
            count += 1
            if count % _EVERY == 1:
                elapsed = bar.format_dict["elapsed"]
                rate = count / elapsed if elapsed else 0
                bar.set_postfix_str(f"{count:,} records, {rate:,.0f} per second", refresh=False)
                bar.update(0 if size is None else stream.tell() - bar.n)
                if size is None:
                    bar.refresh()

        yield advance


def _size_of(stream: BinaryIO) -> int | None:
    """Return the size of a regular file in bytes; None for a pipe, whose end is unknown."""
    status = os.fstat(stream.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


class _AboveBar(io.TextIOBase):
    """Standard error while there is a bar: it has no descriptor, so that nothing is written into the bar."""

    def __init__(self, bar: "tqdm[NoReturn]", terminal: TextIO) -> None:
        self._bar = bar
        self._terminal = terminal
        self._begun = ""

    def write(self, text: str) -> int:
        whole, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self._bar.write(whole, file=self._terminal)
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return True

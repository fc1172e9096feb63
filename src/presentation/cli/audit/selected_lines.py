"""The audit lines of several files that are selected, and reports of what can't be read."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

from infrastructure.observability.audit_reading import (
    STANDARD_INPUT,
    AuditLine,
    Damage,
    DamagedLine,
    audit_lines,
    opened,
)
from presentation.cli.audit.cells import printable
from presentation.cli.audit.selection import Selection
from presentation.cli.audit.times import time_of
from presentation.cli.output import tell

TimedLine = tuple[datetime, AuditLine]
"""An audit line with its time."""

_REPORTED: Final = 10
"""The number of damaged lines that are reported one by one."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""The time of lines without a valid time."""


@dataclass
class SelectedLines:
    """The files, and what was found in them so far.

    Attributes:
        files: the names of the files.
        selection: the conditions that a line must meet.
        read: the number of audit lines that were read.
        failed: whether a file could not be read to its end.
        damaged: the number of damaged audit lines.
    """

    files: Sequence[str]
    selection: Selection
    read: int = field(default=0, init=False)
    failed: bool = field(default=False, init=False)
    damaged: int = field(default=0, init=False)

    def lines(self) -> Iterator[TimedLine]:
        """Yield the selected lines. Those of several files are merged by time, and each file keeps its order."""
        if len(self.files) == 1:
            return self._lines_of(self.files[0])
        return heapq.merge(*map(self._lines_of, self.files), key=itemgetter(0))

    def report(self) -> None:
        """Report the number of damaged lines that were not reported one by one."""
        if self.damaged > _REPORTED:
            tell(f"open-mfa: {self.damaged - _REPORTED:,} more damaged audit lines")

    def _lines_of(self, file: str) -> Iterator[TimedLine]:
        name = named(file)
        try:
            with opened(file) as stream:
                for reading in audit_lines(stream, name):
                    if isinstance(reading, DamagedLine):
                        self._report(reading)
                        continue
                    self.read += 1
                    if self.selection.accepts(reading.members):
                        yield time_of(reading.members.get("time")) or _NEVER, reading
        except OSError as error:
            self.failed = True
            tell(f"open-mfa: can't read {name}: {error.strerror}")

    def _report(self, line: DamagedLine) -> None:
        place = f"open-mfa: {line.source}:{line.number}:"
        if line.damage is Damage.UNREADABLE:
            self.failed = True
            tell(f"{place} {line.damage.value}")
            return
        self.damaged += 1
        if self.damaged <= _REPORTED:
            tell(f"{place} this looks like an audit line, but {line.damage.value}")


def named(file: str) -> str:
    """Return the name of a file for messages."""
    return "standard input" if file == STANDARD_INPUT else printable(file)

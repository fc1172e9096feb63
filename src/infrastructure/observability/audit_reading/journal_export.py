"""The journal's export format (systemd, "Journal Export Formats"): a field on each line, or with its size before it."""

import re
from typing import Final

from infrastructure.observability.audit_reading.streams import LINE_LIMIT, LogStream

_FIRST: Final = b"__CURSOR="
_TEXT_FIELD: Final = re.compile(rb"[A-Z0-9_]{1,64}=")
_BINARY_FIELD: Final = re.compile(rb"[A-Z0-9_]{1,64}\n")
_SIZE: Final = 8
"""The bytes of the size of a binary field, in little-endian order."""


class JournalExport:
    """A part of the reader that knows whether it is inside an entry. Other fields than the message are skipped."""

    def __init__(self) -> None:
        self._inside = False
        self.line_breaks = 0
        """The number of line breaks inside of the last field."""

    def accepts(self, line: bytes) -> bool:
        """Return whether the line belongs to an entry."""
        if line.startswith(_FIRST):
            self._inside = True
        elif self._inside:
            self._inside = bool(_TEXT_FIELD.match(line) or _BINARY_FIELD.fullmatch(line))
            return True
        return self._inside

    def message(self, line: bytes, stream: LogStream) -> bytes | None:
        """Return the message in a field, or None for other fields.

        Args:
            line: the line for which `accepts` returned True.
            stream: the stream after the line. The rest of a binary field is read from it.

        Raises:
            OSError: reading fails.
        """
        self.line_breaks = 0
        if not _BINARY_FIELD.fullmatch(line):
            return line.removeprefix(b"MESSAGE=") if line.startswith(b"MESSAGE=") else None
        left = int.from_bytes(stream.read(_SIZE), "little") + 1  # the line break after it
        kept = b""
        while left > 0:
            part = stream.read(min(left, LINE_LIMIT))
            if not part:
                break
            left -= len(part)
            self.line_breaks += part.count(b"\n")
            kept = kept or part
        return kept if line == b"MESSAGE\n" else None

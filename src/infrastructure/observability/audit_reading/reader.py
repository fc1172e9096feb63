"""The reader: from the lines of a file to the audit lines in it."""

from collections.abc import Iterator
from typing import Final

from infrastructure.observability.audit_reading.contents import (
    START,
    Content,
    content_of_object,
    contents_in,
    contents_of,
    damage_of,
)
from infrastructure.observability.audit_reading.journal_export import JournalExport
from infrastructure.observability.audit_reading.json_forms import docker_entry, messages_in_part
from infrastructure.observability.audit_reading.readings import AuditLine, Damage, DamagedLine, Reading
from infrastructure.observability.audit_reading.streams import DAMAGED, LINE_LIMIT, LogStream
from infrastructure.observability.audit_reading.text_forms import container_entry, without_prefix

_SHOWN: Final = 4096
"""The number of bytes of a damaged line that a reading contains."""
_OVERLAP: Final = 1 << 16
"""The bytes of a part of a long line that are searched again with the next part."""


def audit_lines(stream: LogStream, source: str) -> Iterator[Reading]:
    """Yield the audit lines and the damaged ones of a file, in their order, each as soon as it is read.

    Memory is bounded by `LINE_LIMIT`, and the time is linear in the size of the file. A file can mix all forms.

    Args:
        stream: the file.
        source: its name, for the readings.

    Raises:
        OSError: reading fails.
    """
    yield from _Reader(stream, source).readings()


class _Reader:
    def __init__(self, stream: LogStream, source: str) -> None:
        self._stream = stream
        self._source = source
        self._number = 0
        self._export = JournalExport()
        self._begun: dict[str, tuple[int, bytearray]] = {}
        """The lines that continue in a later entry, by their stream: the number of the first part, and all parts."""

    def readings(self) -> Iterator[Reading]:
        try:
            while line := self._stream.readline(LINE_LIMIT):
                self._number += 1
                if line.startswith(START) and line.endswith(b"\n"):
                    for content in contents_of(line):
                        yield self._reading(content, self._number)
                elif len(line) == LINE_LIMIT and not line.endswith(b"\n"):
                    yield from self._in_long_line(line)
                else:
                    yield from self._in_line(line)
        except DAMAGED:
            yield DamagedLine(self._source, self._number + 1, b"", Damage.UNREADABLE)
        for stream in tuple(self._begun):
            yield from self._in_begun(stream)

    def _in_line(self, line: bytes) -> Iterator[Reading]:
        if self._export.accepts(line):
            content = self._export.message(line, self._stream)
            self._number += self._export.line_breaks
            if content is not None:
                yield from self._in_text(content, self._number)
            return
        entry = docker_entry(line)
        if entry is not None:
            stream, content = entry
            yield from self._in_entry(stream, content, continues=not content.endswith(b"\n"))
            return
        container = container_entry(line)
        if container is not None:
            name, continues, content = container
            yield from self._in_entry(name.decode(), content, continues=continues)
            return
        yield from self._in_text(line, self._number)

    def _in_entry(self, stream: str, content: bytes, *, continues: bool) -> Iterator[Reading]:
        """Yield the readings of an entry that may be a part of a line."""
        if stream in self._begun:
            if content.startswith(START):
                # The rest of the former line is missing, for example because its file was deleted.
                yield from self._in_begun(stream)
            elif len(self._begun[stream][1]) + len(content) <= LINE_LIMIT:
                self._begun[stream][1].extend(content)
                if not continues:
                    yield from self._in_begun(stream)
                return
            else:
                number, former = self._begun.pop(stream)
                if damage_of(bytes(former)) is not None:
                    yield self._reading((bytes(former), Damage.TOO_LONG), number)
        if continues and content_of_object(content) is None:
            self._begun[stream] = self._number, bytearray(content)
        else:
            yield from self._in_text(content, self._number)

    def _in_begun(self, stream: str) -> Iterator[Reading]:
        number, content = self._begun.pop(stream)
        yield from self._in_text(bytes(content), number)

    def _in_text(self, text: bytes, number: int) -> Iterator[Reading]:
        for content in contents_in(text):
            yield self._reading(content, number)

    def _in_long_line(self, part: bytes) -> Iterator[Reading]:
        """Yield the readings of a line of `LINE_LIMIT` bytes or more: a document of messages, or a damaged line."""
        damaged = has_messages = False
        is_line = (without_prefix(part) or b"").startswith(START)
        rest = b""
        while part:
            part = rest + part
            end = 0
            for message, end in messages_in_part(part) if not is_line else ():  # noqa: B007 - the end of the last one
                has_messages = True
                yield from self._in_text(message, self._number)
            damaged = damaged or (not has_messages and damage_of(part) is not None)
            rest = part[max(end, len(part) - _OVERLAP) :]
            part = b"" if part.endswith(b"\n") else self._stream.readline(LINE_LIMIT)
        if damaged or (has_messages and damage_of(rest) is Damage.INVALID):
            yield self._reading((rest, Damage.TOO_LONG), self._number)

    def _reading(self, content: Content, number: int) -> Reading:
        data, members = content
        if isinstance(members, Damage):
            return DamagedLine(self._source, number, data[:_SHOWN], members)
        return AuditLine(self._source, number, data, members)

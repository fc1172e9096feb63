"""Logs: one line on stderr for each record (the twelve-factor app, XI)."""

import logging
import traceback
from types import TracebackType
from typing import Any, Final

from application.log_level import Level
from application.request_context import FIELDS
from infrastructure.observability.formats import EXCEPTION, LineFormat, json_line
from infrastructure.observability.lines import LINES, Lines

SERVICE: Final = "open_mfa"
"""The logger of the service; its modules use loggers below it."""
_NO_FIELDS: Final[dict[str, Any]] = {}


class LineFormatter(logging.Formatter):
    """A formatter that adds the fields in a record's attribute `FIELDS`.

    An exception appears as its types and the lines of code that raised them, without messages, which may repeat values.
    """

    def __init__(self, line_format: LineFormat = json_line) -> None:
        super().__init__()
        self._line_format = line_format

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its end."""
        fields: dict[str, Any] = getattr(record, FIELDS, _NO_FIELDS)
        if record.exc_info and record.exc_info[1] is not None:
            fields = fields | {EXCEPTION: _without_messages(record.exc_info[1])}
        return self._line_format(record.created, record.levelname, record.name, record.getMessage(), fields)


class LinesHandler(logging.Handler):
    """A handler that passes lines to the queue, so that no logging call waits for the reader of stderr."""

    def __init__(self, lines: Lines, line_format: LineFormat = json_line) -> None:
        super().__init__()
        self._lines = lines
        self._line_format = line_format
        self.setFormatter(LineFormatter(line_format))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line, or drop it if there is no room."""
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - a log call with wrong arguments must not stop its caller
            fields = {EXCEPTION: _without_messages(error)}
            line = self._line_format(record.created, "ERROR", record.name, "a line could not be formatted", fields)
        self._lines.offer(f"{line}\n")


def configure_logging(level: Level, line_format: LineFormat = json_line, lines: Lines = LINES) -> None:
    """Send all records to the queue of lines, which by default writes them to stderr.

    The level applies to the service. Libraries log from WARNING up, because their DEBUG lines repeat commands and
    bodies.
    """
    # No line contains these, so they are not looked up (the logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [LinesHandler(lines, line_format)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    set_level(level)


def set_level(level: Level) -> None:
    """Set the level of the service in this process."""
    logging.getLogger(SERVICE).setLevel(level)


def _without_messages(error: BaseException) -> list[str]:
    """Return the type and the frames of an exception and of its causes, without their messages."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        lines += _frames(seen.__traceback__)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return lines


def _frames(frames: TracebackType | None) -> list[str]:
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(frames)]

"""The formats of a log line: JSON for programs, text for people."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Literal, TextIO

from application.request_context import current_invocation, current_request

LineFormat = Callable[[float, str, str, str, Mapping[str, Any]], str]
"""A function that returns a line without its end.

Its arguments are the time in Unix seconds, the level, the logger, the message and the fields.
"""

EXCEPTION: Final = "exception"
"""The name of the field that describes an exception. Its value is a list of lines."""
_COLUMNS: Final = 80
_RESET: Final = "\x1b[0m"
_DIM: Final = "\x1b[2m"
_COLOURS: Final[Mapping[str, str]] = {
    "DEBUG": _DIM,
    "INFO": "\x1b[32m",
    "WARNING": "\x1b[33m",
    "ERROR": "\x1b[31m",
    "CRITICAL": "\x1b[1;31m",
}
"""The colours of the levels: green, yellow, red."""
_encode: Final = json.JSONEncoder(default=repr, separators=(",", ":")).encode


def json_line(seconds: float, level: str, logger: str, message: str, fields: Mapping[str, Any]) -> str:
    """Return a JSON object: `time`, `level`, `logger`, `message`, the identifiers of the request, and the fields."""
    line: dict[str, Any] = {"time": rfc3339(seconds), "level": level, "logger": logger, "message": message}
    _add_request(line)
    line |= fields
    return _encode(line)


class TextFormat:
    """A format for people, with the same members as in JSON. Those after the message have the form `name=value`.

    Control characters are escaped, so no value can begin another line or control the terminal.

    Args:
        width: a function that returns the number of columns of the terminal; None if there is no terminal. On a
            terminal, the time is the local time of day, and long lines continue below their message.
        colours: whether lines contain colours.
    """

    def __init__(self, width: Callable[[], int] | None = None, *, colours: bool = False) -> None:
        self._width = width
        self._colours = colours

    def __call__(self, seconds: float, level: str, logger: str, message: str, fields: Mapping[str, Any]) -> str:
        """Return the line without its end. An exception, and a narrow terminal, add further lines."""
        members = dict(fields)
        exception = members.pop(EXCEPTION, ())
        _add_request(members)
        members["logger"] = logger
        time = rfc3339(seconds) if self._width is None else _time_of_day(seconds)
        start = f"{time} {level:<8} "
        lines = list(self._folded(message, members, indentation=len(start)))
        if self._colours:
            start = f"{_DIM}{time}{_RESET} {_COLOURS.get(level, '')}{level:<8}{_RESET} "
        return "\n".join((start + lines[0], *lines[1:], *(f"  {_printable(str(each))}" for each in exception)))

    def _folded(self, message: str, members: Mapping[str, Any], indentation: int) -> Iterator[str]:
        """Yield the message and the members in lines that fit. All lines but the first one are indented."""
        width = self._width() if self._width is not None else sys.maxsize
        line, column = "", indentation
        for gap, name, text in _words(message, members):
            length = len(name) + len(text)
            if line and column + len(gap) + length > width:
                yield line
                line, column = " " * indentation, indentation
            elif line:
                line += gap
                column += len(gap)
            line += f"{_DIM}{name}{_RESET}{text}" if self._colours and name else name + text
            column += length
        yield line


def _words(message: str, members: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the parts that stay on one line, each as the gap before it, the name of the member, and the text."""
    for word in _printable(message).split(" "):
        yield " ", "", word
    gap = "  "
    for name, value in members.items():
        yield gap, f"{name}=", _value(value)
        gap = " "


def _printable(text: str) -> str:
    """Return the text with characters escaped that a terminal would not show, such as line breaks."""
    return text if text.isprintable() else json.dumps(text)[1:-1]


def _value(value: object) -> str:
    """Return a value as text, in quotes if it contains spaces, quotes or characters that need an escape."""
    if not isinstance(value, str):
        return _printable(_encode(value))
    return value if value and value.isprintable() and not {" ", '"', "="} & set(value) else json.dumps(value)


def rfc3339(seconds: float) -> str:
    """Return a time with milliseconds. The order of such texts is their order in time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_of_day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%H:%M:%S}"


def _add_request(members: dict[str, Any]) -> None:
    """Add the identifiers of the request and the invocation that this thread handles, if there are any."""
    members |= current_invocation.get()
    context = current_request.get()
    if context is None:
        return
    members["request_id"] = context.request_id
    members["address"] = context.address
    if context.trace_id is not None:
        members["trace_id"] = context.trace_id
        members["span_id"] = context.span_id
    if context.key is not None:
        members["key"] = context.key


def line_format(
    setting: Literal["json", "text"] | None, *, development: bool, stream: TextIO | None, environ: Mapping[str, str]
) -> LineFormat:
    """Return the format for a stream.

    Args:
        setting: the name of the format; None selects text in development on a terminal, and JSON otherwise.
        development: whether the service runs in development mode.
        stream: the stream that the lines are written to; None if it is closed.
        environ: the environment; `NO_COLOR` and `TERM=dumb` switch colours off (https://no-color.org).
    """
    on_terminal = stream is not None and stream.isatty()
    if setting == "json" or (setting is None and not (development and on_terminal)):
        return json_line
    if stream is None or not on_terminal:
        return TextFormat()
    colours = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return TextFormat(partial(_columns, stream), colours=colours)


def _columns(stream: TextIO) -> int:
    """Return the number of columns of a terminal, 80 if the terminal does not report it."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except OSError:
        return _COLUMNS

"""Logs as JSON lines on stderr (the twelve-factor app, XI)."""

import json
import logging
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from application.errors import StoreUnavailable
from application.log_level import Level, SharedLogLevel
from application.request_context import FIELDS, current_call
from infrastructure.observability.lines import LINES, Lines

SERVICE: Final = "open_mfa"
POLL_SECONDS: Final = 2.0
"""How often a worker looks for a new shared level; well within the 5 s in which it has to follow."""
_log = logging.getLogger("open_mfa.store")
_NOTHING: Final[dict[str, Any]] = {}
_encode: Final = json.JSONEncoder(default=repr, separators=(",", ":")).encode


def json_line(moment: float, level: str, logger: str, message: str, fields: Mapping[str, Any]) -> str:
    """Return a line without its end: `time`, `level`, `logger`, `message`, the identifiers of the call, and the fields.

    `moment` is Unix time in seconds.
    """
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "logger": logger,
        "message": message,
    }
    call = current_call.get()
    if call is not None:
        line["request_id"] = call.request_id
        line["address"] = call.address
        if call.trace_id is not None:
            line["trace_id"] = call.trace_id
            line["span_id"] = call.span_id
    line |= fields
    return _encode(line)


class JsonFormatter(logging.Formatter):
    """One line a record, with what its attribute `FIELDS` adds.

    Of an exception it writes the types and where they were raised, but no messages: these may repeat a value.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields: dict[str, Any] = getattr(record, FIELDS, _NOTHING)
        if record.exc_info and record.exc_info[1] is not None:
            fields = fields | {"exception": _without_messages(record.exc_info[1])}
        return json_line(record.created, record.levelname, record.name, record.getMessage(), fields)


class LinesHandler(logging.Handler):
    """A handler that queues lines for the writer thread, so that no logging call waits for the reader of stderr."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines
        self.setFormatter(JsonFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line, or drop it if there is no room."""
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - a log call with wrong arguments must not stop its caller
            fields = {"exception": _without_messages(error)}
            line = json_line(record.created, "ERROR", record.name, "a line could not be formatted", fields)
        self._lines.offer(f"{line}\n")


def configure_logging(level: Level) -> None:
    """Sends everything to stderr as JSON. The level is the service's own; libraries speak from WARNING up.

    Libraries are kept from DEBUG because theirs repeat commands and bodies.
    """
    # What no line says is not looked up either (the logging HOWTO, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [LinesHandler(LINES)]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    set_level(level)


def set_level(level: Level) -> None:
    """Sets the level of this process."""
    logging.getLogger(SERVICE).setLevel(level)


class LogLevelFollower:
    """Keeps this process at the level that all share.

    A thread that looks every two seconds, because a level must also reach a worker that serves no request. It is also
    the first to see that the store is away, or back.
    """

    def __init__(self, shared: SharedLogLevel) -> None:
        self._shared = shared
        self._stopped = threading.Event()
        self._answered = True

    def start(self) -> None:
        """Follows until `stop`; the thread does not keep the process alive."""
        threading.Thread(target=self._follow, name="log-level", daemon=True).start()

    def stop(self) -> None:
        """Ends at the next look."""
        self._stopped.set()

    def look(self) -> None:
        """Takes over the shared level; keeps the present one while the store is away."""
        try:
            level = self._shared.read()
        except StoreUnavailable as error:
            if self._answered:
                _log.warning("the store is away, and requests get 503", extra={FIELDS: {"problem": str(error)}})
            self._answered = False
            return
        if not self._answered:
            _log.warning("the store is back")
        self._answered = True
        set_level(level)

    def _follow(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # noqa: BLE001 - see below
                # Whatever it was, the next look may go well; without this thread the level would stay for ever.
                _log.exception("unexpected failure")
            if self._stopped.wait(POLL_SECONDS):
                return


def _without_messages(error: BaseException) -> list[str]:
    """Innermost cause last, as a traceback has it, but without what the exceptions say."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        lines += _frames(seen.__traceback__)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return lines


def _frames(frames: TracebackType | None) -> list[str]:
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(frames)]

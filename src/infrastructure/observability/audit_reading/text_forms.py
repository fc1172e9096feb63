"""Text that log systems put before a line: names, times and identifiers.

Each form is listed here. A line after any other text is not an audit line: in a log that the service shares with other
programs, it may be text that a client has sent and that another program has logged.
"""

import re
from typing import Final

_LONGEST: Final = 512
"""The longest text before a line, in bytes."""
_COLOUR: Final = rb"(?:\x1b\[[0-9;]*[mK])*"
_TIME: Final = rb"""(?:
    (?:[A-Z][a-z]{2}\ )?\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d|\ [A-Z]{2,5}|\ [+-]\d\d)?
    | [A-Z][a-z]{2}\ [ \d]\d\ \d\d:\d\d:\d\d(?:\.\d{1,6})?
    | \[[ ]*\d{1,12}\.\d{1,6}\]
    | \d{9,11}\.\d{1,6}
)"""
_COMPOSE: Final = rb"[\w.@-]{1,200}[ ]*\|" + _COLOUR + rb"[ ]"
_START: Final = re.compile(
    rb"(?:data:[ ])?(?:\x00|\x1e|\s|" + _COLOUR.removesuffix(b"*") + rb")*+"
    rb"(?:" + _COMPOSE + _COLOUR + rb")?"  # docker compose logs
    rb"(?:\[pod/[\w./-]{1,300}\][ ])?"  # kubectl logs --prefix
    rb"(?:<\d{1,3}>1[ ]\S{1,40}[ ](?:[^\s{\"]{1,128}[ ]){4}(?:-|\[[^\]{]{0,300}\])[ ](?:\xef\xbb\xbf)?)?"  # RFC 5424
    rb"(?:(?:<\d{1,3}>)?" + _TIME + rb"[ ]"
    rb"(?:"
    rb"(?:[\w.:-]{1,255}[ ])?[\w.@\\-]{1,128}(?:\[\d{1,10}\])?:[ ]"  # syslog and the journal: HOST IDENTIFIER[PID]:
    rb"|[^\s{\"]{0,255}/[^\s{\"]{1,255}[ ]"  # aws logs tail: the name of a log stream
    rb")?)?"
    rb"(?:" + _COMPOSE + rb")?"  # docker compose up as a unit of systemd
    rb"(?:EVENTS\t\d{1,100}\t\d{1,20}\t[^\t{]{1,512}\t)?"  # aws logs filter-log-events --output text
    rb"(?:MESSAGE=)?"  # journalctl -o export and -o verbose
    + _COLOUR + rb"(?=\{)",
    re.VERBOSE,
)  # fmt: skip
_CONTAINER: Final = re.compile(rb"\S{1,40} (stdout|stderr) ([FP])(?::\S{0,100})? ")
"""The Container Runtime Interface of Kubernetes: a time, the stream, and F for a full line or P for a part of one."""
_TEXT_FORMAT: Final = re.compile(rb"\blogger=(?:\x1b\[0m)?open_mfa\.audit(?:\s|$)")


def without_prefix(line: bytes) -> bytes | None:
    """Return the line from its first brace on, or None if the text before it has an unknown form."""
    start = _START.match(line[:_LONGEST])
    return None if start is None else line[start.end() :]


def container_entry(line: bytes) -> tuple[bytes, bool, bytes] | None:
    """Return the stream, whether the line continues in the next entry, and the content; None for another form."""
    start = _CONTAINER.match(line)
    return None if start is None else (start[1], start[2] == b"P", line[start.end() :].removesuffix(b"\n"))


def is_text_format(line: bytes) -> bool:
    """Return whether this is an audit line in the service's format for people, which has no JSON."""
    return _TEXT_FORMAT.search(line) is not None

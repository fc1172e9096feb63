"""The forms in which logs are kept, as functions that put lines into a file of that form."""

import gzip
import json
import struct
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from infrastructure.observability.audit_reading.contents import LOGGER
from infrastructure.observability.formats import json_line

Form = Callable[[Sequence[bytes]], bytes]

TIMES = st.floats(0, 4_000_000_000)
NAMES = st.sampled_from(["account", "tenant", "session", "request_id", "address", "reason", "key", "größe", "mac"])
VALUES = st.text(max_size=40) | st.integers() | st.booleans() | st.none()
HARD_TEXTS = st.sampled_from(
    ['{"time":"', '"logger":"open_mfa.audit"', "\\", '\\"', "\x1b[31m", "\0", "\ud800", "🔑", "\r"]
)
MEMBERS = st.dictionaries(NAMES, VALUES | HARD_TEXTS, max_size=6)


def line_of(seconds: float, event: str, members: dict[str, object], logger: str = LOGGER) -> bytes:
    """Return a line as the service writes it, without its end."""
    return json_line(seconds, "INFO", logger, event, members).encode(errors="backslashreplace")


AUDIT_LINES = st.builds(line_of, TIMES, st.sampled_from(["judged", "locked", "enrolled"]), MEMBERS)
OTHER_LINES = st.builds(
    line_of, TIMES, VALUES.map(str) | HARD_TEXTS, MEMBERS, st.just("open_mfa.http")
) | st.sampled_from(
    [
        b"Traceback (most recent call last):",
        b'  File "/app/x.py", line 1, in f',
        b"",
        b"\xff\xfe",
        b"{",
        b'{"log":',
        b"ValueError: {'a': 1}",
        b"[1, 2]",
    ]
)


def _each(before: bytes, after: bytes = b"") -> Form:
    return lambda lines: b"".join(before + line + after + b"\n" for line in lines)


def _text(line: bytes) -> str:
    return line.decode(errors="replace")


def _docker(lines: Sequence[bytes], size: int = 16_384) -> bytes:
    """Docker's json-file driver, which splits lines."""
    entries = []
    for line in lines:
        whole = line + b"\n"
        for start in range(0, len(whole), size):
            entry = {"log": _text(whole[start : start + size]), "stream": "stderr", "time": "2026-11-28T01:02:03.4Z"}
            entries.append(json.dumps(entry, ensure_ascii=start % 2 == 0, separators=(",", ":")))
    return "".join(f"{entry}\n" for entry in entries).encode(errors="surrogatepass")


def _container(lines: Sequence[bytes], size: int = 16_384) -> bytes:
    """The Container Runtime Interface, which splits lines."""
    content = b""
    for line in lines:
        parts = [line[start : start + size] for start in range(0, len(line), size)] or [b""]
        for part in parts[:-1]:
            content += b"2026-11-28T01:02:03.456789012Z stderr P " + part + b"\n"
        content += b"2026-11-28T01:02:03.456789012+01:00 stderr F " + parts[-1] + b"\n"
    return content


def _journal_json(lines: Sequence[bytes], *, as_bytes: bool = False) -> bytes:
    entries = [
        {
            "_CMDLINE": '{"time":"x","logger":"open_mfa.audit"}',
            "MESSAGE": [*line] if as_bytes else _text(line),
            "__REALTIME_TIMESTAMP": "1764295200000000",
            "SYSLOG_IDENTIFIER": "open-mfa",
        }
        for line in lines
    ]
    return "".join(f"{json.dumps(entry)}\n" for entry in entries).encode()


def _journal_export(lines: Sequence[bytes], *, binary: bool = False) -> bytes:
    content = b""
    for line in lines:
        field = b"MESSAGE\n" + struct.pack("<Q", len(line)) + line + b"\n" if binary else b"MESSAGE=" + line + b"\n"
        fake = b'{"time":"x","logger":"open_mfa.audit"}\n{"time":"x","logger":"open_mfa.audit"}'
        content += b"__CURSOR=s=1;i=1\n_PID=1\n_CMDLINE=" + fake.partition(b"\n")[0] + b"\n"
        content += b"COREDUMP\n" + struct.pack("<Q", len(fake)) + fake + b"\n" + field + b"PRIORITY=6\n\n"
    return content


def _events(lines: Sequence[bytes]) -> dict[str, object]:
    return {
        "events": [
            {"logStreamName": "app/web/1", "timestamp": 1764295200000, "message": _text(line), "eventId": "7"}
            for line in lines
        ],
        "searchedLogStreams": [],
    }


def _events_on_one_line(lines: Sequence[bytes]) -> bytes:
    return json.dumps(_events(lines), separators=(",", ":")).encode() + b"\n"


def _fluent_bit(lines: Sequence[bytes]) -> bytes:
    return "".join(f"{json.dumps({'stream': 'stderr', 'log': _text(line)})}\n" for line in lines).encode()


FORMS: dict[str, Form] = {
    "stderr": _each(b""),
    "stderr with carriage returns": _each(b"", b"\r"),
    "docker compose logs": _each(b"open-mfa-1  | "),
    "docker compose logs --timestamps": _each(b"open-mfa-1  | 2026-11-28T01:02:03.456789012Z "),
    "docker compose logs in colours": _each(b"\x1b[36mopen-mfa-1  | \x1b[0m"),
    "docker compose logs of version 2.40 in colours": _each(b"\x1b[2K\x1b[36mopen-mfa-1  | \x1b[0m"),
    "docker compose logs of version 1 in colours": _each(b"\x1b[36mopen-mfa_1  |\x1b[0m ", b"\x1b[0m"),
    "docker compose logs of an old plugin in colours": _each(b"\x1b[36mopen-mfa-1  |\x1b[0m "),
    "docker logs --timestamps": _each(b"2026-11-28T01:02:03.456789012Z "),
    "docker service logs": _each(b"shop_open-mfa.1.k2f8a7s6d5f4@node-1    | "),
    "json-file": _docker,
    "json-file in small parts": lambda lines: _docker(lines, 7),
    "CRI": _container,
    "CRI in small parts": lambda lines: _container(lines, 7),
    "CRI with tags": _each(b"2026-11-28T01:02:03.456789012Z stdout F:tag "),
    "kubectl logs --prefix": _each(b"[pod/open-mfa-6c7d/open-mfa] "),
    "kubectl logs --prefix --timestamps": _each(b"[pod/open-mfa-6c7d/open-mfa] 2026-11-28T01:02:03.456789012Z "),
    "journalctl -o json": _journal_json,
    "journalctl -o json with bytes": lambda lines: _journal_json(lines, as_bytes=True),
    "journalctl -o json-sse": lambda lines: _journal_json(lines).replace(b'{"_CMD', b'data: {"_CMD'),
    "journalctl -o json-seq": lambda lines: _journal_json(lines).replace(b'{"_CMD', b'\x1e{"_CMD'),
    "journalctl -o short": _each(b"Nov  8 01:02:03 host-1 open-mfa[12]: "),
    "journalctl -o short-precise": _each(b"Nov 28 01:02:03.123456 host-1 open-mfa[12]: "),
    "journalctl -o short-iso": _each(b"2026-11-28T01:02:03+0100 host.example open-mfa[12]: "),
    "journalctl -o short-iso-precise": _each(b"2026-11-28T01:02:03.123456+01:00 host open-mfa[12]: "),
    "journalctl -o short-full": _each(b"Sat 2026-11-28 01:02:03 CET host open-mfa[12]: "),
    "journalctl -o short-monotonic": _each(b"[    7.123456] host open-mfa[12]: "),
    "journalctl -o short-unix": _each(b"1764295200.123456 host open-mfa[12]: "),
    "journalctl -o with-unit": _each(b"Sat 2026-11-28 01:02:03 UTC host open-mfa.service[12]: "),
    "journalctl -o verbose": _each(b"    MESSAGE="),
    "journalctl -o export": _journal_export,
    "journalctl -o export with binary fields": lambda lines: _journal_export(lines, binary=True),
    "docker compose as a unit": _each(b"Nov 28 01:02:03 host docker[12]: open-mfa-1  | "),
    "syslog, RFC 3164": _each(b"<14>Nov 28 01:02:03 host open-mfa: "),
    "syslog, RFC 5424": _each(b'<14>1 2026-11-28T01:02:03.456Z host open-mfa 12 - [id@1 name="x"] '),
    "aws logs tail": _each(b"2026-11-28T01:02:03.456000+00:00 app/web/0123456789abcdef "),
    "aws logs tail of a function": _each(b"2026-11-28T01:02:03.456000+00:00 2026/11/28/[$LATEST]0123456789abcdef "),
    "aws logs tail --format short": _each(b"2026-11-28T01:02:03 "),
    "aws logs filter-log-events": lambda lines: json.dumps(_events(lines), indent=4).encode() + b"\n",
    "aws logs filter-log-events | jq -c": _events_on_one_line,
    "aws logs filter-log-events --query events": lambda lines: json.dumps(_events(lines)["events"]).encode() + b"\n",
    "aws logs filter-log-events --output text": _each(b"EVENTS\t3712\t1764295200123\tapp/web/1\t", b"\t1764295200000"),
    "CloudWatch export to S3": lambda lines: gzip.compress(_each(b"2026-11-28T01:02:03.456Z ")(lines)),
    "several members of gzip": lambda lines: b"".join(gzip.compress(line + b"\n") for line in lines),
    "Fluent Bit": _fluent_bit,
    "zeros after a crash": _each(b"\0" * 40),
}  # fmt: skip

"""The table fits every terminal, controls none, and loses nothing."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import unicodedata
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from presentation.cli.audit.table import Table
from presentation.cli.audit.wrapping import columns_of, padded, wrapped
from tests.command_line.audit_trail import audit_line, judged
from tests.support.command_line import COMMAND

VALUES = st.text(max_size=60) | st.integers() | st.none() | st.booleans() | st.lists(st.text(max_size=3), max_size=2)
NAMES = st.sampled_from([
    "account", "tenant", "session", "gate", "address", "key", "request_id", "purpose", "authenticator", "factor",
    "message", "outcome", "reason", "attempts_left", "locked_until", "time", "weak", "imported", "format", "count",
])  # fmt: skip
MEMBERS = st.dictionaries(NAMES, VALUES | st.sampled_from(["judged", "locked", "exported", "refused", "accepted"]))


@given(st.lists(MEMBERS, max_size=4), st.integers(20, 200))
def test_every_line_fits_the_terminal_and_is_printable(lines: list[dict[str, Any]], width: int) -> None:
    table = Table(width, UTC, colours=False)
    rows = [*table.heading(), *(row for members in lines for row in table.rows(members))]

    assert all(row.isprintable() for row in rows)
    assert [row for row in rows if columns_of(row) > max(width, len("Wednesday 2026-11-28, UTC"))] == []


@given(MEMBERS)
def test_elsewhere_each_row_is_one_printable_line(members: dict[str, Any]) -> None:
    (row,) = Table(None, UTC, colours=False).rows(members)

    assert row.isprintable()


@given(st.text(), st.integers(2, 50))
@example("a-b" * 20, 7)
@example("名" * 9, 3)
def test_wrapped_text_fits_and_loses_nothing(text: str, width: int) -> None:
    lines = wrapped(text, width)

    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(columns_of(line) <= width for line in lines)


@given(st.text(alphabet=st.sampled_from("a名é\u0301"), max_size=10), st.integers(0, 30))
def test_padded_text_takes_the_width(text: str, width: int) -> None:
    wide = sum(unicodedata.east_asian_width(each) == "W" for each in text)

    assert columns_of(text) == len(text) + wide - text.count("\u0301")
    assert columns_of(padded(text, width)) == max(width, columns_of(text))


def on_terminal(width: int, *arguments: str, **environment: str) -> str:
    """Return what the search prints on a terminal with this number of columns."""
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    base = {"PATH": os.environ["PATH"], "TERM": "xterm", "TZ": "Europe/Vienna"}
    process = subprocess.Popen([COMMAND, "audit", "search", *arguments], stdout=writing, env=base | environment)
    os.close(writing)
    printed = b""
    try:
        while part := os.read(reading, 65536):
            printed += part
    except OSError:
        pass
    os.close(reading)
    assert process.wait(30) == 0
    return printed.decode().replace("\r\n", "\n")


@pytest.fixture
def log(tmp_path: Path) -> str:
    lines = [
        judged(
            datetime(2026, 11, 27, 22, 59, 59, tzinfo=UTC), "refused", "wrong", attempts_left=0, address="203.0.113.7"
        ),
        audit_line(
            datetime(2026, 11, 27, 23, 0, tzinfo=UTC),
            "locked",
            tenant="shop",
            account="alice\x1b[2J",
            locked_until="2026-11-27T23:01:00Z",
        ),
        judged(datetime(2027, 7, 1, tzinfo=UTC), authenticator="totp-7k2m9q4x8d"),
    ]
    (tmp_path / "log").write_text("".join(f"{line}\n" for line in lines))
    return str(tmp_path / "log")


def test_the_table_on_a_terminal_of_80_columns(log: str) -> None:
    assert on_terminal(80, log, NO_COLOR="1") == (
        "TIME      EVENT             OWNER                    FACTOR      ADDRESS\n"
        "Friday 2026-11-27, UTC+01:00\n"
        "23:59:59  wrong, 0 left     shop alice@example.com   totp        203.0.113.7\n"
        "Saturday 2026-11-28, UTC+01:00\n"
        "00:00:00  locked until      shop alice\\u001b[2J\n"
        "          00:01:00\n"
        "Thursday 2027-07-01, UTC+02:00\n"
        "02:00:00  accepted          shop alice@example.com   totp-\n"
        "                                                     7k2m9q4x8d\n"
    )


def test_the_rows_on_a_terminal_of_40_columns(log: str) -> None:
    assert on_terminal(40, "--until", "2026-11-28", log, TERM="dumb") == (
        "Friday 2026-11-27, UTC+01:00\n"
        "23:59:59 wrong, 0 left\n"
        "         shop alice@example.com totp\n"
        "         203.0.113.7\n"
    )


def test_events_have_colours_on_a_terminal(log: str) -> None:
    printed = on_terminal(80, log)

    assert "\x1b[33mwrong, 0 left   \x1b[0m" in printed
    assert "\x1b[31mlocked until    \x1b[0m" in printed
    assert "\x1b[32maccepted        \x1b[0m" in printed


def test_an_original_line_does_not_control_the_terminal(tmp_path: Path) -> None:
    line = judged(datetime(2026, 11, 27, tzinfo=UTC)).replace("alice", "al\x9b2Jice")
    (tmp_path / "log").write_text(line)

    assert on_terminal(80, "--json", str(tmp_path / "log")) == line.replace("\x9b", "\\u009b") + "\n"

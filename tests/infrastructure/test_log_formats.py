"""Log lines are JSON for programs and text for people. Both have the same members."""

import io
import json
import os
import pty
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.request_context import RequestContext, current_request
from infrastructure.observability.formats import EXCEPTION, LineFormat, TextFormat, json_line, line_format

NOON = 1_800_000_000.5
NAMES = st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(lambda name: name not in {EXCEPTION, "logger"})
VALUES = st.text(max_size=20) | st.integers() | st.booleans() | st.none()
WORD = "abc 1"
INDENTATION = len("08:00:00 WARNING  ")
MEMBER = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^ ]*)(?: |$)')
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def members_in(line: str) -> dict[str, object]:
    """Return the members that follow the message, with their values unquoted."""
    return {name: value if value[:1] != '"' else json.loads(value) for name, value in MEMBER.findall(line)}


def as_read(value: object) -> object:
    """Return a value in the form in which `members_in` returns it."""
    return value if isinstance(value, str) else json.dumps(value)


@contextmanager
def terminal() -> Iterator[TextIO]:
    reading, writing = pty.openpty()
    try:
        with open(writing, "w") as stream:  # noqa: PTH123 - a descriptor
            yield stream
    finally:
        os.close(reading)


def of_a_request(written: LineFormat, **fields: object) -> str:
    token = current_request.set(RequestContext("request-7", "203.0.113.7", "trace-1", "span-2"))
    try:
        return written(NOON, "INFO", "open_mfa.audit", "judged", fields)
    finally:
        current_request.reset(token)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_text_has_every_member(fields: dict[str, object]) -> None:
    line = TextFormat()(NOON, "INFO", "open_mfa.audit", "judged", fields)

    assert line.startswith("2027-01-15T08:00:00.500Z INFO     judged  ")
    assert members_in(line) == {name: as_read(value) for name, value in fields.items()} | {"logger": "open_mfa.audit"}


@given(st.text(), st.dictionaries(NAMES, VALUES, max_size=6), st.lists(st.text(), max_size=3))
def test_text_has_one_line_for_any_values_and_one_more_for_each_line_of_an_exception(
    message: str, fields: dict[str, object], exception: list[str]
) -> None:
    lines = TextFormat()(NOON, "INFO", "open_mfa", message, {**fields, EXCEPTION: exception}).split("\n")

    assert len(lines) == 1 + len(exception)
    assert all(line.isprintable() for line in lines)


@given(
    st.text(WORD, max_size=200),
    st.dictionaries(NAMES, st.text("abc1"), max_size=6),
    st.integers(30, 200),
    st.booleans(),
)
def test_a_terminal_shows_the_same_words_in_lines_that_fit(
    message: str, fields: dict[str, str], width: int, colours: bool
) -> None:
    shown = TextFormat(lambda: width, colours=colours)(NOON, "WARNING", "open_mfa", message, fields)
    lines = COLOUR.sub("", shown).split("\n")
    unfolded = TextFormat()(NOON, "WARNING", "open_mfa", message, fields)

    assert re.fullmatch("[0-9]{2}:[0-9]{2}:[0-9]{2} WARNING  .*", lines[0])
    assert all(line.startswith(" " * INDENTATION) for line in lines[1:])
    assert " ".join(line[INDENTATION:] for line in lines).split() == unfolded.split()[2:]
    # Only a single word may exceed the width.
    assert all(len(line) <= width or " " not in line[INDENTATION:].strip() for line in lines)


def test_both_formats_name_the_request() -> None:
    identifiers = {"request_id": "request-7", "address": "203.0.113.7", "trace_id": "trace-1", "span_id": "span-2"}

    assert identifiers.items() <= json.loads(of_a_request(json_line, factor="totp")).items()
    assert identifiers.items() <= members_in(of_a_request(TextFormat(), factor="totp")).items()


def test_a_developer_at_a_terminal_gets_text_and_everybody_else_json() -> None:
    with terminal() as screen:
        assert line_format(None, development=True, stream=screen, environ={}) is not json_line
        assert line_format(None, development=False, stream=screen, environ={}) is json_line
    assert line_format(None, development=True, stream=io.StringIO(), environ={}) is json_line
    assert line_format(None, development=True, stream=None, environ={}) is json_line


@pytest.mark.parametrize("development", [True, False])
def test_the_setting_selects_the_format(development: bool) -> None:
    with terminal() as screen:
        assert line_format("json", development=development, stream=screen, environ={}) is json_line
        for stream in (screen, io.StringIO(), None):
            chosen = line_format("text", development=development, stream=stream, environ={})
            assert isinstance(chosen, TextFormat)


@pytest.mark.parametrize(
    ("environ", "colours"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["nothing", "an empty NO_COLOR", "NO_COLOR", "a terminal without escape sequences"],
)
def test_only_terminals_that_allow_colours_get_them(environ: dict[str, str], colours: bool) -> None:
    with terminal() as screen:
        on_screen = line_format("text", development=True, stream=screen, environ=environ)
        in_a_file = line_format("text", development=True, stream=io.StringIO(), environ=environ)

        assert ("\x1b[" in of_a_request(on_screen)) is colours
        assert "\x1b[" not in of_a_request(in_a_file)


def test_a_terminal_that_does_not_report_its_width_gets_lines_of_80_columns() -> None:
    with terminal() as screen:
        line = line_format("text", development=True, stream=screen, environ={"NO_COLOR": "1"})
        lines = line(NOON, "INFO", "open_mfa", "word " * 60, {}).split("\n")

    assert 70 < max(map(len, lines)) <= 80

"""A damaged audit line is reported with its place, and no input makes the reader fail, hang or use much memory."""

import gzip
import io
import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.observability.audit_reading import AuditLine, Damage, DamagedLine, audit_lines
from infrastructure.observability.audit_reading.streams import LINE_LIMIT
from tests.infrastructure.audit_reading.forms import AUDIT_LINES, FORMS, line_of
from tests.infrastructure.audit_reading.test_forms import readings

LINE = line_of(0, "judged", {"account": "alice"})
HOSTILE = st.sampled_from([
    b"{", b"[", b'"', b"\\", b"\x00", b"\x1b[", b"\n", b" ", b"9" * 5000, b"\xff", b"| ", b"stderr P ", b'{"time":"',
    b'{"log":"', b'"message":"', b'"MESSAGE":[', b"__CURSOR=\n", b"MESSAGE\n",
])  # fmt: skip


@given(AUDIT_LINES, st.data())
def test_an_incomplete_line_is_reported(line: bytes, data: st.DataObject) -> None:
    size = data.draw(st.integers(len(b'{"time":"'), len(line) - 1))

    (found,) = readings(b"other\n" + line[:size])

    assert found == DamagedLine("log", 2, line[:size].rstrip(), Damage.INVALID)


@given(AUDIT_LINES, AUDIT_LINES, st.data())
def test_a_line_that_another_one_interrupts_is_reported_and_the_other_one_is_found(
    line: bytes, other: bytes, data: st.DataObject
) -> None:
    size = data.draw(st.integers(len(b'{"time":"'), len(line) - 1))

    damaged, found = readings(line[:size] + other + b"\n")

    assert (type(damaged), damaged.number) == (DamagedLine, 1)
    assert (type(found), found.data) == (AuditLine, other)


@given(st.lists(AUDIT_LINES, min_size=2, max_size=4))
def test_lines_without_a_line_break_between_them_are_found(lines: list[bytes]) -> None:
    assert [each.data for each in readings(b"".join(lines))] == lines


@pytest.mark.parametrize("form", ["stderr", "CRI", "docker compose logs", "journalctl -o json with bytes"])
def test_a_line_that_is_not_utf_8_is_reported(form: str) -> None:
    (found,) = readings(FORMS[form]([LINE.replace(b"alice", b"al\xffce")]))

    assert isinstance(found, DamagedLine)
    assert found.damage is Damage.NOT_UTF8


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        (b"unknown-tool: " + LINE, Damage.UNKNOWN_FORM),
        (b'{\n    "time": "2026-11-28T01:02:03.456Z",\n    "logger": "open_mfa.audit",\n}', Damage.UNKNOWN_FORM),
        (b"2026-11-28T01:02:03.456Z INFO     judged  outcome=accepted logger=open_mfa.audit\n", Damage.TEXT_FORMAT),
        (json.dumps({"log": LINE.decode() + "\n"}, separators=(",", ":")).encode()[:-60], Damage.INVALID),
        (b'{"MESSAGE":"other"}\n{"MESSAGE":' + json.dumps(LINE.decode()).encode()[:-9], Damage.INVALID),
        (LINE[:-1] + b',"x":"' + b"x" * LINE_LIMIT + b'"}', Damage.TOO_LONG),
        (b"x" * LINE_LIMIT + LINE, Damage.TOO_LONG),
        (LINE[:-1] + b',"x":' + b"[" * 100_000 + b"}", Damage.INVALID),
        (LINE[:-1] + b',"x":' + b"9" * 10_000 + b"}", Damage.INVALID),
    ],
)
def test_each_kind_of_damage_has_its_reason(content: bytes, damage: Damage) -> None:
    assert [each.damage for each in readings(content) if isinstance(each, DamagedLine)] == [damage]


@pytest.mark.parametrize(
    "other",
    [
        json.dumps({"time": "x", "logger": "open_mfa.http", "message": LINE.decode()}, separators=(",", ":")),
        json.dumps({"logger": "open_mfa.http", "message": LINE.decode()}),
        json.dumps({"time": "x", "body": json.loads(LINE)}, separators=(",", ":")),
        json.dumps({"time": "x", "body": {"log": LINE.decode()}}, separators=(",", ":")),
        json.dumps({"MESSAGE": "started", "_CMDLINE": LINE.decode()}),
        json.dumps({"log": "GET /\n", "attrs": {"agent": LINE.decode()}}, separators=(",", ":")),
    ],
)
def test_a_text_that_another_line_quotes_is_no_audit_line(other: str) -> None:
    assert readings(other.encode() + b"\n") == []


@pytest.mark.parametrize(
    "other",
    [
        {"level": "info", "message": LINE.decode()},
        {"level": "info", "body": {"MESSAGE": LINE.decode()}},
        {"level": "info", "body": json.loads(LINE)},
        {"level": "info", "events": [{"message": LINE.decode()}]},
        [LINE.decode()],
    ],
)
def test_a_member_of_another_program_is_no_audit_line(other: object) -> None:
    content = json.dumps(other, separators=(",", ":")).encode()

    assert [each.damage for each in readings(content) if isinstance(each, DamagedLine)] in ([], [Damage.UNKNOWN_FORM])
    assert not any(isinstance(each, AuditLine) for each in readings(content))


@pytest.mark.parametrize("before", [b'1.2.3.4 - - "GET / HTTP/1.1" "', b"ValueError: ", b"agent=", b"[1, ", b"a: b: "])
def test_a_text_that_another_program_has_logged_is_no_audit_line(before: bytes) -> None:
    assert [type(each) for each in readings(before + LINE + b"\n")] == [DamagedLine]


@pytest.mark.parametrize("part", ["42", "[]", "null", '\\"a\\"', "01-01T0"])
def test_a_part_of_a_line_can_be_a_json_value_that_is_no_object(part: str) -> None:
    docker = f'{{"log":"{part}","stream":"stderr","time":"2026-11-28T03:40:00Z"}}\n'.encode()

    assert [each.data for each in readings(docker + LINE + b"\n")] == [LINE]


@given(st.sampled_from([*FORMS]), st.lists(AUDIT_LINES, min_size=1, max_size=3), st.data())
def test_no_change_of_a_file_makes_the_reader_fail(form: str, lines: list[bytes], data: st.DataObject) -> None:
    content = bytearray(FORMS[form](lines))
    for _ in range(data.draw(st.integers(1, 8))):
        position = data.draw(st.integers(0, len(content)))
        end = position + data.draw(st.integers(0, 20))
        content[position:end] = data.draw(st.binary(max_size=10) | HOSTILE)

    assert all(isinstance(each, AuditLine | DamagedLine) for each in readings(bytes(content)))


@given(st.lists(HOSTILE | st.binary(max_size=5) | st.just(LINE)).map(b"".join))
def test_no_content_makes_the_reader_fail(content: bytes) -> None:
    assert all(isinstance(each, AuditLine | DamagedLine) for each in readings(content))


@pytest.mark.parametrize("cut", [10, 40, -9, -1])
def test_a_compressed_file_that_ends_early_is_reported_after_its_lines(cut: int) -> None:
    whole = gzip.compress(b"".join(line_of(n, "judged", {"x": n * 7919}) + b"\n" for n in range(100)))

    found = [*audit_lines(io.BufferedReader(gzip.GzipFile(fileobj=io.BytesIO(whole[:cut]))), "log.gz")]

    assert [each.damage for each in found if isinstance(each, DamagedLine)] == [Damage.UNREADABLE]


def _endless(part: bytes) -> bytes:
    return part * (3 * LINE_LIMIT // len(part))


@pytest.mark.parametrize(
    "content",
    [
        _endless(b"x"),
        _endless(b" "),
        _endless(b"\\"),
        _endless(b'{"time":"'),
        _endless(b'{"time":"","a":'),
        _endless(b'{"time":"","a":1}'),
        b'{"time":"","a":[' + _endless(b'{"time":"","a":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]},'),
        _endless(b'"message":"'),
        _endless(b'"message"  '),
        _endless(b'"logger":"'),
        _endless(b'"logger\\\\\\'),
        _endless(b'"MESSAGE":[1,'),
        _endless(b'{"log":"x","stream":"stderr"}\n'),
        _endless(b"2026-11-28T01:02:03Z stderr P x\n"),
        _endless(b'{"a":'),
        _endless(b" " * 511 + b"\n"),
        _endless(b"a." * 255 + b"\n"),
        _endless(b"2026-11-28T01:02:03Z " + b"a:" * 240 + b"\n"),
        b"__CURSOR=x\nMESSAGE\n" + b"\xff" * 8 + _endless(b"x"),
        gzip.compress(_endless(b"\0") * 10, mtime=0),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_time_and_memory_are_bounded(content: bytes) -> None:
    tracemalloc.start()
    began = time.process_time()
    with io.BytesIO(content) as file:
        stream = io.BufferedReader(gzip.GzipFile(fileobj=file)) if content.startswith(b"\x1f\x8b") else file
        for _ in audit_lines(stream, "log"):
            pass
    seconds = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seconds < 30
    assert peak < 20 * LINE_LIMIT


def test_a_document_of_any_length_on_one_line_is_read() -> None:
    lines = [line_of(number, "judged", {"account": "alice" * 100}) for number in range(5000)]
    content = FORMS["aws logs filter-log-events | jq -c"](lines)

    assert len(content) > 3 * LINE_LIMIT
    assert [each.data for each in readings(content)] == lines

"""The limit of 1 MiB holds for the whole of a line, also if a log system has split it or states its size."""

import gzip
import io
import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from infrastructure.observability.audit_reading import AuditLine, Damage, DamagedLine, audit_lines, opened
from infrastructure.observability.audit_reading.streams import LINE_LIMIT
from tests.infrastructure.audit_reading.forms import line_of
from tests.infrastructure.audit_reading.test_forms import readings

LINE = line_of(0, "judged", {"account": "alice"})
PART = 16_384
FILLED = LINE[:-1] + b',"x":"' + b"x" * (LINE_LIMIT - len(LINE) - len(b',"x":""'))
"""The beginning of a line that lacks its last two characters, and has the limit's size with them."""


def container(parts: list[bytes]) -> bytes:
    return b"".join(
        b"2026-11-28T01:02:03Z stderr %b %b\n" % (b"F" if number == len(parts) else b"P", part)
        for number, part in enumerate(parts, 1)
    )


def docker(parts: list[bytes]) -> bytes:
    entries = [part.decode() for part in parts]
    entries[-1] += "\n"
    return "".join(f'{{"log":{json.dumps(entry)},"stream":"stderr"}}\n' for entry in entries).encode()


def split(line: bytes) -> list[bytes]:
    return [line[start : start + PART] for start in range(0, len(line), PART)]


@pytest.mark.parametrize("form", [container, docker])
def test_parts_that_add_up_to_the_limit_are_one_line(form: Callable[[list[bytes]], bytes]) -> None:
    line = (FILLED[:-1] if form is docker else FILLED) + b'"}'  # Docker's content includes the line break

    (found,) = readings(form(split(line)))

    assert isinstance(found, AuditLine)
    assert found.data == line


@pytest.mark.parametrize("form", [container, docker])
def test_parts_that_add_up_to_more_than_the_limit_are_reported(
    form: Callable[[list[bytes]], bytes],
) -> None:
    damaged, found = readings(form(split(FILLED + b'xx"}')) + form([LINE]))

    assert isinstance(damaged, DamagedLine)
    assert (damaged.number, damaged.damage) == (1, Damage.TOO_LONG)
    assert isinstance(found, AuditLine)
    assert found.data == LINE


@pytest.mark.parametrize("form", [container, docker])
def test_parts_without_an_end_need_bounded_memory(form: Callable[[list[bytes]], bytes]) -> None:
    assert peak_of(form([b"x" * PART] * (24 * LINE_LIMIT // PART))) < 6 * LINE_LIMIT


def test_a_field_of_the_journal_needs_bounded_memory() -> None:
    assert peak_of(exported_entry(b"x" * (24 * LINE_LIMIT))) < 6 * LINE_LIMIT


def peak_of(content: bytes) -> int:
    """Return the most memory that the reader needs for a content without audit lines, in bytes."""
    stream = io.BytesIO(content)
    tracemalloc.start()
    found = [*audit_lines(stream, "log")]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == []
    return peak


def exported_entry(message: bytes) -> bytes:
    size = struct.pack("<Q", len(message))
    return b"__CURSOR=s=1;i=1\n_PID=1\nMESSAGE\n" + size + message + b"\nPRIORITY=6\n\n"


@pytest.mark.parametrize("size", [LINE_LIMIT - 1, LINE_LIMIT, LINE_LIMIT + 1, 3 * LINE_LIMIT, 3 * LINE_LIMIT + 1])
def test_a_field_of_the_journal_of_any_size_does_not_hide_the_next_entry(size: int) -> None:
    other = (b"x" * 99 + b"\n") * (size // 100) + b"x" * (size % 100)
    content = exported_entry(other) + exported_entry(LINE)

    (found,) = readings(content)

    assert isinstance(found, AuditLine)
    assert found.data == LINE
    assert found.number == content[: content.index(LINE)].count(b"\n") + 1


def test_a_message_of_the_journal_that_is_longer_than_the_limit_is_reported() -> None:
    long = FILLED + b"x" * (2 * LINE_LIMIT) + b'"}'
    damaged, found = readings(exported_entry(long) + exported_entry(LINE))

    assert isinstance(damaged, DamagedLine)
    assert (damaged.damage, damaged.data) == (Damage.INVALID, long[:4096])
    assert isinstance(found, AuditLine)
    assert found.data == LINE


def test_the_lines_before_the_damage_of_a_compressed_file_are_all_found(tmp_path: Path) -> None:
    """`read1` returns each decompressed piece before the next one fails. `read` would lose the pieces before it."""
    lines = [line_of(number, "judged", {"x": number * 7919}) for number in range(2000)]
    whole = gzip.compress(b"".join(line + b"\n" for line in lines))
    path = tmp_path / "log.gz"
    path.write_bytes(whole[:-8])  # the checksum and the size are missing

    with opened(str(path)) as stream:
        *found, damaged = audit_lines(stream, str(path))

    assert [each.data for each in found] == lines
    assert isinstance(damaged, DamagedLine)
    assert (damaged.number, damaged.damage) == (len(lines) + 1, Damage.UNREADABLE)

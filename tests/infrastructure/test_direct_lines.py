"""Direct lines are written when the call returns, and a line of the audit trail is written or is an error."""

import os
import threading
from collections.abc import Iterator
from typing import TextIO

import pytest

from infrastructure.observability.direct_lines import DirectLines
from infrastructure.observability.log_stream import StreamGone


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    reading, writing = os.pipe()
    with open(writing, "w") as stream:  # noqa: PTH123 - a descriptor
        yield reading, stream


def test_lines_are_written_at_once(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    lines = DirectLines(stream)
    lines.append("of the audit trail")
    lines.offer("another\n")
    assert os.read(reading, 100) == b"of the audit trail\nanother\n"
    assert not lines.is_full
    os.close(reading)


def test_a_long_line_waits_for_its_reader_in_the_same_thread(pipe: tuple[int, TextIO]) -> None:
    reading, stream = pipe
    received = bytearray()

    def read() -> None:
        while not received.endswith(b"\n"):
            received.extend(os.read(reading, 4096))

    reader = threading.Thread(target=read)
    reader.start()
    before = threading.active_count()
    DirectLines(stream).append("x" * 200_000)
    assert threading.active_count() <= before
    reader.join()
    assert received == b"x" * 200_000 + b"\n"
    os.close(reading)


def test_without_a_reader_a_line_of_the_audit_trail_is_an_error_and_another_is_counted(
    pipe: tuple[int, TextIO],
) -> None:
    reading, stream = pipe
    os.close(reading)
    lines = DirectLines(stream)
    dropped: list[int] = []
    lines.count_dropped = dropped.append
    with pytest.raises(StreamGone):
        lines.append("of the audit trail")
    lines.offer("one\ntwo\n")
    assert dropped == [2]

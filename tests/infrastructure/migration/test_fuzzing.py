"""Files that nobody wrote on purpose: no reader fails, needs much memory or shows a secret."""

import io
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.migration import ImportedAuthenticator, ImportedState, Refusal, UnreadableFile
from infrastructure.migration.formats.jsonl import JsonLinesWriter
from infrastructure.migration.lines import LONGEST_LINE
from infrastructure.migration.registry import READERS, FileSecrets
from tests.domain.examples import hotp, recovery_codes, totp
from tests.infrastructure.migration.files import BASE32, FILES, SEED

KEY = bytes(range(32))
MEBIBYTE = 2**20


def jsonl(key: bytes | None) -> bytes:
    stream = io.BytesIO()
    JsonLinesWriter(key).write([totp(), hotp(), recovery_codes()], stream)
    return stream.getvalue()


GOOD = {(name, None): text.encode() for name, text in FILES.items()} | {
    ("jsonl", None): jsonl(None),
    ("jsonl", KEY): jsonl(KEY),
}
FORMATS = list(GOOD)
PARTS = [SEED[start : start + 8] for start in range(0, len(SEED) - 8, 4)] + [
    BASE32[start : start + 8] for start in range(0, len(BASE32) - 8, 4)
]
"""Parts of the secret in the good files."""
PIECES = st.sampled_from([piece for data in GOOD.values() for piece in data.splitlines(keepends=True)])
NOISE = st.binary(max_size=40) | st.sampled_from(
    [
        b"\0",
        b"\r",
        b'"',
        b"'",
        b",",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"%",
        b"&",
        b"=",
        b"{",
        b"[" * 2000,
        b"9" * 400,
        b"-1",
    ]
)


def read(name: str, key: bytes | None, data: bytes) -> list[str]:
    """Read a file and return all messages about it."""
    messages = []
    try:
        for record in READERS[name](FileSecrets(key)).read(io.BytesIO(data)):
            assert isinstance(record, (ImportedAuthenticator, ImportedState, Refusal))
            assert record.place
            messages.append(f"{record} {record!r}")
            if isinstance(record, Refusal):
                messages.append(record.reason)
    except UnreadableFile as error:
        messages.append(str(error))
    return messages


@st.composite
def changed(draw: st.DrawFn, good: bytes) -> bytes:
    """Draw a good file in which a few parts are cut out, repeated, moved or replaced by noise."""
    data = good
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 60)))
        part = data[start:end]
        data = data[:start] + draw(st.just(b"") | NOISE | st.just(part * 2) | PIECES) + data[end:]
    return data


@pytest.mark.parametrize(("name", "key"), FORMATS)
@given(st.binary(max_size=300) | st.lists(PIECES | NOISE, max_size=8).map(b"".join))
def test_any_bytes_are_read_or_refused(name: str, key: bytes | None, data: bytes) -> None:
    read(name, key, data)


@pytest.mark.parametrize(("name", "key"), FORMATS)
@given(st.data())
def test_a_changed_file_is_read_or_refused_without_a_secret(name: str, key: bytes | None, data: st.DataObject) -> None:
    for message in read(name, key, data.draw(changed(GOOD[name, key]))):
        assert not any(part in message for part in PARTS)


class Endless(io.RawIOBase):
    """A stream that repeats a block until it has a size, without holding it in memory."""

    def __init__(self, start: bytes, block: bytes, size: int) -> None:
        self._start = start
        self._block = block
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type] # any writable buffer
        data = self._start or self._block
        self._start = b""
        length = min(len(view), len(data), self._left)
        view[:length] = data[:length]
        self._left -= length
        return length


def peak(records: Iterator[object]) -> int:
    """Return the most memory that reading has used, in bytes."""
    tracemalloc.start()
    try:
        for _ in records:
            pass
        return tracemalloc.get_traced_memory()[1]
    except UnreadableFile:
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LINE_FORMATS = [name for name in FILES if name != "aegis"] + ["jsonl"]


@pytest.mark.parametrize("name", LINE_FORMATS)
def test_a_line_without_end_needs_little_memory(name: str) -> None:
    stream = io.BufferedReader(Endless(b"#\n", b"x" * 65_536, 100 * MEBIBYTE))

    assert peak(READERS[name](FileSecrets()).read(stream)) < MEBIBYTE


@pytest.mark.parametrize("name", [name for name in FILES if name != "aegis"])
def test_memory_does_not_grow_with_the_number_of_lines(name: str) -> None:
    text = FILES[name].encode()
    sizes = [len(text) * repetitions for repetitions in (100, 2_000)]
    few, many = (peak(READERS[name](FileSecrets()).read(io.BufferedReader(Endless(b"", text, size)))) for size in sizes)

    assert many < few + LONGEST_LINE

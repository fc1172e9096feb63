"""Files of lines, read with bounded memory."""

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final

from application.ports.migration import Refusal, UnreadableFile

LONGEST_LINE: Final = 65_536
"""Bytes. A QR code holds less than 3,000."""
_SIGNATURES: Final = (
    (b"otpauth-migration:", "google-migration"),
    (b"otpauth:", "otpauth"),
    (b"<", "pskc"),
    (b'{"format":"open-mfa', "jsonl"),
    (b"{", "aegis"),
)
_OTHER_ENCODINGS: Final = (b"\xff\xfe", b"\xfe\xff", b"\0")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def lines_of(stream: BinaryIO, own_format: str) -> Iterator[tuple[str, str] | Refusal]:
    """Yield place and text of each line that is not blank. A line that is too long or not UTF-8 is a refusal.

    Args:
        stream: the file.
        own_format: the format that the caller reads; empty if the caller recognizes its format itself.

    Raises:
        UnreadableFile: the file is empty, is not UTF-8, or begins like a file of another format.
    """
    first = True
    for place, raw in _raw_lines(stream):
        line = raw
        if first:
            first = False
            line = raw.removeprefix(_BYTE_ORDER_MARK)
            _check_format(line, own_format)
        if len(line) > LONGEST_LINE:
            yield Refusal(place, f"the line is longer than {LONGEST_LINE:,} bytes")
            continue
        try:
            yield place, line.decode().strip()
        except UnicodeDecodeError:
            yield Refusal(place, "the line is not UTF-8")
    if first:
        raise UnreadableFile("the file is empty")


def cells_of(text: str) -> list[str]:
    """Return the cells of a line of CSV without surrounding white space; none if the quotation marks are unbalanced."""
    try:
        return [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True, strict=True))]
    except (csv.Error, StopIteration):
        return []


def _raw_lines(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        end = line
        while not end.endswith(b"\n") and (end := stream.readline(LONGEST_LINE)):
            # The rest of a line that is too long is read and dropped.
            continue
        if line.strip() or len(line) > LONGEST_LINE:
            yield f"line {number}", line


def _check_format(line: bytes, own_format: str) -> None:
    if line.startswith(_OTHER_ENCODINGS):
        raise UnreadableFile("the file is not text in UTF-8")
    start = line.lstrip().lower()
    found = next((name for signature, name in _SIGNATURES if start.startswith(signature)), own_format)
    if own_format and found != own_format:
        raise UnreadableFile(f"the file is not of the format {own_format}; it looks like {found}")

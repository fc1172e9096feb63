"""A pseudo-terminal, and pictures of its content."""

import os
import pty
import re
import subprocess
from collections.abc import Sequence

import zxingcpp

CELL = 8
"""The width of a character in pixels. Its height is twice the width, so that a half block is a square."""
BLACK, WHITE = 0, 255
_PIECE = re.compile(r"\x1b\[([0-9;]*)m|([^\x1b])")
_COLOURS = {"231": WHITE, "16": BLACK}
_HALVES = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}
"""For each block character, whether the upper and the lower half have the foreground colour."""


def printed_on_terminal(command: Sequence[str]) -> str:
    """Return the output of a command whose standard output is a terminal."""
    reading, writing = pty.openpty()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writing)
    os.close(writing)
    printed = b""
    # When all processes have closed the other side, Linux returns an error.
    try:
        while piece := os.read(reading, 65536):
            printed += piece
    except OSError:
        pass
    finally:
        os.close(reading)
    assert process.wait(30) == 0
    return printed.decode().replace("\r\n", "\n")


def qr_text(text: str, *, dark: bool, inverted: bool = False) -> str | None:
    """Return the content of the QR code on a dark or light terminal, or None if it can't be read.

    Args:
        text: the printed text. Of the escape sequences, only the colours that `open-mfa` uses are read.
        dark: whether the terminal writes white on black, or black on white.
        inverted: whether the scanner also reads white-on-black codes. Not every scanner does.
    """
    rows = [row for line in text.splitlines() for row in _rows(line, dark=dark)]
    width = max(len(row) for row in rows)
    background = BLACK if dark else WHITE
    wide = [row + [background] * (width - len(row)) for row in rows]
    pixels = b"".join(bytes(pixel for pixel in row for _ in range(CELL)) * CELL for row in wide)
    view = zxingcpp.ImageView(pixels, width * CELL, len(rows) * CELL, zxingcpp.ImageFormat.Lum)
    found = zxingcpp.read_barcodes(view, formats=zxingcpp.BarcodeFormat.QRCode, try_invert=inverted)
    return str(found[0].text) if found else None


def _rows(line: str, *, dark: bool) -> tuple[list[int], list[int]]:
    own = (WHITE, BLACK) if dark else (BLACK, WHITE)
    writing, ground = own
    upper: list[int] = []
    lower: list[int] = []
    for codes, character in _PIECE.findall(line):
        if character:
            top, bottom = _HALVES[character]
            upper.append(writing if top else ground)
            lower.append(writing if bottom else ground)
        elif codes == "0":
            writing, ground = own
        else:
            # 38;5;N sets the foreground colour, and 48;5;N the background colour.
            numbers = codes.split(";")
            for kind, _, colour in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
                if kind == "38":
                    writing = _COLOURS[colour]
                else:
                    ground = _COLOURS[colour]
    return upper, lower

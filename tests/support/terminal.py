"""A terminal: a device to print to, and a picture of what then stands on it."""

import os
import pty
import re
import subprocess
from collections.abc import Sequence

import zxingcpp

CELL = 8
"""Pixels: a character is as wide, and twice as high, so that a half block is a square."""
BLACK, WHITE = 0, 255
_PIECE = re.compile(r"\x1b\[([0-9;]*)m|([^\x1b])")
_COLOURS = {"231": WHITE, "16": BLACK}
_HALVES = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}
"""Whether the upper and the lower half have the colour of writing."""


def printed_on_terminal(command: Sequence[str]) -> str:
    """What a command prints when its standard output is a terminal."""
    reading, writing = pty.openpty()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=writing)
    os.close(writing)
    printed = b""
    # When nobody holds the other side any more, Linux answers with an error.
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
    """What the QR code says that stands on a dark or light terminal; None where there is none to be read.

    Args:
        text: what was printed; of the escape sequences it knows the colours that are used here, and no others.
        dark: whether the terminal writes white on black, or black on white.
        inverted: whether whoever looks reads white on black codes too, as not every scanner does.
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
            # 38;5;N sets the colour of writing, 48;5;N the one behind it.
            numbers = codes.split(";")
            for kind, _, colour in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
                if kind == "38":
                    writing = _COLOURS[colour]
                else:
                    ground = _COLOURS[colour]
    return upper, lower

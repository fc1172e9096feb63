"""QR codes (ISO/IEC 18004) by segno."""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Final

import segno

from application.ports import QrFormat

SCALE: Final = 8
"""Pixels of a module's side: read by a phone at arm's length off a laptop's screen."""
BORDER: Final = 4
"""Modules of the quiet zone."""
_WHITE_ON_BLACK: Final = "\x1b[38;5;231;48;5;16m"
"""The corners of the 256 colours' cube, which no theme changes as it changes the first 16."""
_RESET: Final = "\x1b[0m"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PIXELS: Final = bytes.maketrans(b"\x00\x01", b"\xff\x00")
"""Of a module that is light or dark: `SCALE` pixels of one bit."""
_LEVEL: Final = 1
"""Of zlib: anything above takes several times as long and saves a few KiB at most."""


class SegnoQrRenderer:
    """Black on white with the quiet zone of four modules, whatever the page's theme: scanners expect that."""

    def render(self, text: str, picture: QrFormat) -> bytes:
        """Return a picture with error correction L, or better where the same size allows it.

        A screen has no stains, and fewer modules are both larger on it and cheaper.
        """
        # Any mask can be read. To weigh all eight, as the standard would, takes six times as long, and anybody may ask.
        code = segno.make_qr(text, error="l", mask=0)
        if picture is QrFormat.PNG:
            return _png(code.matrix)
        out = io.BytesIO()
        code.save(out, kind="svg", scale=SCALE, border=BORDER, dark="#000", light="#fff")
        return out.getvalue()


def _png(matrix: Sequence[bytes | bytearray]) -> bytes:
    """Return a PNG picture (ISO/IEC 15948) of one bit a pixel; segno's own takes ten times as long as this."""
    side = (len(matrix) + 2 * BORDER) * SCALE
    margin = b"\xff" * BORDER
    blank = b"\x00" + b"\xff" * (side // SCALE)
    # Each line of pixels begins with its filter, which is none.
    lines = [b"\x00" + margin + bytes(row).translate(_PIXELS) + margin for row in matrix]
    pixels = b"".join(line * SCALE for line in (*[blank] * BORDER, *lines, *[blank] * BORDER))
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels, _LEVEL)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def qr_on_terminal(text: str, *, colours: bool) -> str:
    """Half blocks, two modules a character.

    They are drawn in the colour of writing, which is the right one on a dark terminal only. So a terminal is told the
    colours; a file or pipe, which is not, gets the blocks alone.
    """
    out = io.StringIO()
    segno.make_qr(text, error="m").terminal(out, compact=True)
    lines = out.getvalue().splitlines()
    # Line by line: a terminal that scrolls would fill the rest of its lines with the colour.
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_RESET}" for line in lines) if colours else "\n".join(lines)

"""QR codes (ISO/IEC 18004) by segno."""

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Final

import segno

from application.ports.qr_code import QrFormat

SCALE: Final = 8
"""Pixels of a module's side. A phone at arm's length can read the code from a laptop's screen."""
BORDER: Final = 4
"""Width of the quiet zone in modules."""
_WHITE_ON_BLACK: Final = "\x1b[38;5;231;48;5;16m"
"""Two of the 256 colours that no theme changes, unlike the first 16."""
_RESET: Final = "\x1b[0m"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PIXELS: Final = bytes.maketrans(b"\x00\x01", b"\xff\x00")
"""A translation from a light or dark module to one byte: `SCALE` pixels of one bit each."""
_LEVEL: Final = 1
"""Compression level of zlib. Higher levels take several times as long and save a few KiB at most."""


class SegnoQrRenderer:
    """A renderer of black and white codes with a quiet zone of four modules, which scanners expect in every theme."""

    def render(self, text: str, picture: QrFormat) -> bytes:
        """Return a picture with error correction L, or better if the same size allows it.

        A screen has no stains, so it needs no more correction. Fewer modules are larger and faster to draw.
        """
        # A code with any mask can be read. Comparing all eight, as the standard does, takes six times as long.
        code = segno.make_qr(text, error="l", mask=0)
        if picture is QrFormat.PNG:
            return _png(code.matrix)
        out = io.BytesIO()
        code.save(out, kind="svg", scale=SCALE, border=BORDER, dark="#000", light="#fff")
        return out.getvalue()


def _png(matrix: Sequence[bytes | bytearray]) -> bytes:
    """Return a PNG picture (ISO/IEC 15948) with one bit for each pixel. The writer of segno takes ten times as long."""
    side = (len(matrix) + 2 * BORDER) * SCALE
    margin = b"\xff" * BORDER
    blank = b"\x00" + b"\xff" * (side // SCALE)
    # Each line of pixels begins with the number of its filter: 0 for none.
    lines = [b"\x00" + margin + bytes(row).translate(_PIXELS) + margin for row in matrix]
    pixels = b"".join(line * SCALE for line in (*[blank] * BORDER, *lines, *[blank] * BORDER))
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels, _LEVEL)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def qr_on_terminal(text: str, *, colours: bool) -> str:
    """Return a QR code in half blocks, with two modules in each character.

    The blocks have the colour of the text, so without colours the code is inverted on a light terminal.

    Args:
        text: the content.
        colours: whether to set black and white by escape sequences, which only a terminal understands.
    """
    out = io.StringIO()
    segno.make_qr(text, error="l").terminal(out, compact=True)
    lines = out.getvalue().splitlines()
    # Each line resets the colour, because a terminal that scrolls would fill the rest of the line with it.
    return "\n".join(f"{_WHITE_ON_BLACK}{line}{_RESET}" for line in lines) if colours else "\n".join(lines)

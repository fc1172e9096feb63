"""QR codes (ISO/IEC 18004) by segno."""

import io
from typing import Final

import segno

from application.ports import QrFormat

SCALE: Final = 8
"""Pixels a module: read by a phone at arm's length off a laptop's screen."""
_WHITE_ON_BLACK: Final = "\x1b[38;5;231;48;5;16m"
"""The corners of the 256 colours' cube, which no theme changes as it changes the first 16."""
_RESET: Final = "\x1b[0m"
_KIND: Final = {QrFormat.SVG: "svg", QrFormat.PNG: "png"}


class SegnoQrRenderer:
    """Black on white with the quiet zone of four modules, whatever the page's theme: scanners expect that."""

    def render(self, text: str, picture: QrFormat) -> bytes:
        """Error correction M, or better where the same size allows it."""
        out = io.BytesIO()
        # Any mask can be read. To weigh all eight, as the standard would, takes six times as long, and anybody may ask.
        code = segno.make_qr(text, error="m", mask=0)
        code.save(out, kind=_KIND[picture], scale=SCALE, border=4, dark="#000", light="#fff")
        return out.getvalue()


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

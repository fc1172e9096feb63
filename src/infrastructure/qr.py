"""QR codes (ISO/IEC 18004) by segno."""

import io
from typing import Final

import segno

from application.ports import QrFormat

SCALE: Final = 8
"""Pixels a module: read by a phone at arm's length off a laptop's screen."""
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

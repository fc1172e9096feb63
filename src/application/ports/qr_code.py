"""The port that draws QR codes."""

from enum import StrEnum
from typing import Protocol


class QrFormat(StrEnum):
    """The picture formats of a QR code, by media type."""

    SVG = "image/svg+xml"
    PNG = "image/png"


class QrRenderer(Protocol):
    """The renderer of QR codes."""

    def render(self, text: str, picture: QrFormat) -> bytes:
        """Return the picture of a QR code that contains the text."""

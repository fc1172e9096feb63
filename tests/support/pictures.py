"""Read QR codes in pictures."""

from io import BytesIO

import zxingcpp
from PIL import Image


def qr_text(picture: bytes, width: int | None = None) -> str:
    """Return the text of the only QR code in the picture, or in a page's rendering of it at a width in pixels."""
    with Image.open(BytesIO(picture)) as image:
        grey = image.convert("L")
        if width is not None:
            grey = grey.resize((width, width), Image.Resampling.BILINEAR)
        (found,) = zxingcpp.read_barcodes(grey, formats=zxingcpp.BarcodeFormat.QRCode)
    return str(found.text)

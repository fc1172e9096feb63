"""Reads QR codes off pictures."""

from io import BytesIO

import zxingcpp
from PIL import Image


def qr_text(picture: bytes) -> str:
    """What the one QR code in the picture says."""
    with Image.open(BytesIO(picture)) as image:
        (found,) = zxingcpp.read_barcodes(image.convert("L"), formats=zxingcpp.BarcodeFormat.QRCode)
    return str(found.text)

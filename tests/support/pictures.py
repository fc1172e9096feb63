"""Reads QR codes off PNG pictures, without a library for pictures."""

import struct
import zlib

import zxingcpp

_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
"""By colour type (PNG, section 11.2.2); palettes are not read."""
_UP = 2


def qr_text(png: bytes) -> str:
    """What the one QR code in the picture says."""
    gray, width, height = _gray(png)
    view = zxingcpp.ImageView(gray, width, height, zxingcpp.ImageFormat.Lum)
    (found,) = zxingcpp.read_barcodes(view, formats=zxingcpp.BarcodeFormat.QRCode)
    return str(found.text)


def _gray(png: bytes) -> tuple[bytes, int, int]:
    """The first channel, 8 bits a pixel."""
    chunks: dict[bytes, bytes] = {}
    place = 8
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        name = png[place + 4 : place + 8]
        chunks[name] = chunks.get(name, b"") + png[place + 8 : place + 8 + length]
        place += length + 12
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    channels = _CHANNELS[colour]
    stride = (width * channels * depth + 7) // 8
    data = zlib.decompress(chunks[b"IDAT"])
    rows, above = [], bytearray(stride)
    for start in range(0, height * (stride + 1), stride + 1):
        above = _unfilter(
            data[start], bytearray(data[start + 1 : start + 1 + stride]), above, max(1, channels * depth // 8)
        )
        rows.append(bytes(above[::channels]) if depth == 8 else _bits(above, width))
    return b"".join(rows), width, height


def _unfilter(kind: int, row: bytearray, above: bytearray, step: int) -> bytearray:
    """PNG, section 9.2."""
    if kind == 0:
        return row
    if kind == _UP and not any(row):
        return above  # most rows of a QR code are as the one above, and Python is slow at the rest
    for i in range(len(row)):
        left, up, corner = (row[i - step], above[i], above[i - step]) if i >= step else (0, above[i], 0)
        row[i] = (row[i] + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 255
    return row


def _paeth(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    return min((left, up, corner), key=lambda value: abs(estimate - value))


def _bits(row: bytearray, width: int) -> bytes:
    return bytes(255 if row[x // 8] >> (7 - x % 8) & 1 else 0 for x in range(width))

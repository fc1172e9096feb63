"""Files that python-pskc writes, and what it reads."""

import io
from collections.abc import Callable
from typing import Any

from pskc import PSKC


def written(pskc: PSKC) -> bytes:
    """Return the file."""
    stream = io.BytesIO()
    pskc.write(stream)
    return stream.getvalue()


def reread(data: bytes, key: bytes | None = None, passphrase: str | None = None) -> PSKC:
    """Return what python-pskc reads in a file."""
    pskc = PSKC(io.BytesIO(data))
    if key is not None:
        pskc.encryption.key = key
    if passphrase is not None:
        pskc.encryption.derive_key(passphrase)
    return pskc


def hotp_file(secret: bytes, protect: Callable[[PSKC], object] | None = None, **fields: Any) -> bytes:
    """Return a file with one HOTP key."""
    pskc = PSKC()
    if protect is not None:
        protect(pskc)
    values: dict[str, Any] = {
        "id": "1",
        "serial": "123456",
        "algorithm": "urn:ietf:params:xml:ns:keyprov:pskc:hotp",
        "response_length": 6,
        "response_encoding": "DECIMAL",
        "secret": secret,
        "counter": 7,
    }
    pskc.add_key(**(values | fields))
    return written(pskc)

"""Cursors of lists, which clients keep between two parts, so no server has to.

A cursor is sealed: its content would reveal names of servers or of other accounts, and a made-up position would make
the store skip keys.
"""

import base64
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.errors import InvalidCursor
from infrastructure.crypto.sealing import NONCE_BYTES


class CursorCodec:
    """Seals positions with AES-256-GCM, for one tenant each.

    Args:
        key: a secret of all instances. The key of the cursors is derived from it.
    """

    def __init__(self, key: str) -> None:
        self._cipher = AESGCM(hmac.digest(key.encode(), b"open-mfa account cursors", "sha256"))

    def seal(self, position: bytes, tenant: str) -> str:
        """Return a cursor: base64url without padding."""
        nonce = os.urandom(NONCE_BYTES)
        return _text(nonce + self._cipher.encrypt(nonce, position, tenant.encode()))

    def open(self, cursor: str, tenant: str) -> bytes:
        """Return the position of a cursor. Raise `InvalidCursor` if it was not sealed for this tenant."""
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            # The decoder ignores other characters. One position must not have several spellings.
            if _text(sealed) != cursor:
                raise InvalidCursor
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], tenant.encode())
        except (InvalidTag, ValueError):
            raise InvalidCursor from None


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

"""Positions in a scan of the keys, and the cursors that carry them.

A client that pages through a list keeps the position, so no server has to. A cursor is sealed: its content would reveal
the names of servers and the number of all keys, and a made-up position would make Redis skip keys.
"""

import base64
import hmac
import os
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder

from application.errors import InvalidCursor
from infrastructure.crypto.sealing import NONCE_BYTES

_MARK_BYTES: Final = 8


class Position(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A position in a scan of all masters.

    Attributes:
        node: the name of the master of a Cluster that is being scanned; empty for a single master.
        process: the id of the master's process; None before the first step, empty if Redis does not tell it.
        cursor: the cursor of SCAN.
        returned: the marks of the accounts at this cursor that a former page has returned.
        finished: the marks of the masters whose scan is complete.
    """

    node: str = ""
    process: str | None = None
    cursor: int = 0
    returned: frozenset[bytes] = frozenset()
    finished: frozenset[bytes] = frozenset()


START: Final = Position()
_DECODER: Final = Decoder(Position)
_ENCODER: Final = Encoder(order="deterministic")


def mark(name: str) -> bytes:
    """Return a short digest that stands for the name of a server or an account in a position."""
    return sha256(name.encode()).digest()[:_MARK_BYTES]


class PositionCodec:
    """Seals positions with AES-256-GCM, for one tenant each.

    Args:
        key: a secret of all instances. The key of the cursors is derived from it.
    """

    def __init__(self, key: str) -> None:
        self._cipher = AESGCM(hmac.digest(key.encode(), b"open-mfa account cursors", "sha256"))

    def seal(self, position: Position, tenant: str) -> str:
        """Return a cursor: base64url without padding."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, _ENCODER.encode(position), tenant.encode())
        return _text(nonce + sealed)

    def open(self, cursor: str, tenant: str) -> Position:
        """Return the position of a cursor. Raise `InvalidCursor` if it was not sealed for this tenant."""
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            # The decoder ignores other characters. One position must not have several spellings.
            if _text(sealed) != cursor:
                raise InvalidCursor
            content = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], tenant.encode())
            return _DECODER.decode(content)
        except (InvalidTag, MsgspecError, ValueError):
            raise InvalidCursor from None


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

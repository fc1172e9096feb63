"""Positions in a scan of the keys, and the cursors that carry them."""

from hashlib import sha256
from typing import Final

from msgspec import MsgspecError, Struct
from msgspec.msgpack import Decoder, Encoder

from application.errors import InvalidCursor
from infrastructure.records.cursors import CursorCodec

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
    """Seals positions in cursors, for one tenant each.

    Args:
        key: a secret of all instances. The key of the cursors is derived from it.
    """

    def __init__(self, key: str) -> None:
        self._cursors = CursorCodec(key)

    def seal(self, position: Position, tenant: str) -> str:
        """Return a cursor."""
        return self._cursors.seal(_ENCODER.encode(position), tenant)

    def open(self, cursor: str, tenant: str) -> Position:
        """Return the position of a cursor. Raise `InvalidCursor` if it was not sealed for this tenant."""
        try:
            return _DECODER.decode(self._cursors.open(cursor, tenant))
        except MsgspecError:
            raise InvalidCursor from None

"""The stored form of a credential: one compact string. Its first byte names the format.

It consists of a format byte, 8 random bytes and a MessagePack array. The first nine bytes are the revision that
compare-and-set compares. Decimal text of the same fields would be 50 % longer, and Redis keeps ten million credentials
in memory.
"""

import os
from dataclasses import dataclass
from typing import Final

from msgspec import MsgspecError, Raw
from msgspec.msgpack import Decoder, Encoder

from domain.errors import DomainError
from domain.owner import CredentialId
from domain.stored_state import StoredState
from infrastructure.crypto.derivation import DerivationError, HkdfDerivation
from infrastructure.crypto.sealing import KeyRing, SealingError
from infrastructure.records.records import AnyRecord, fields_of, state_of
from infrastructure.records.stored_secrets import Sealed, SecretReader, SecretWriter

FORMAT: Final = b"\x01"
REVISION_BYTES: Final = 9
_DECODER: Final[Decoder[AnyRecord]] = Decoder(AnyRecord)
_ENCODER: Final = Encoder()


class CorruptRecord(Exception):
    """A stored value that is not a record of this service, or does not open. The message contains no secrets."""


@dataclass(frozen=True, slots=True)
class Record:
    """A decoded value."""

    revision: bytes
    state: StoredState | None
    sealed: tuple[Sealed, ...]


class RecordCodec:
    """Encodes and decodes stored states. It seals and opens secrets, and derives derived secrets again.

    Args:
        keys: the keys that seal and open secrets.
        derivation: derives derived secrets; without it, they are unreadable.
    """

    def __init__(self, keys: KeyRing, derivation: HkdfDerivation | None = None) -> None:
        self._keys = keys
        self._derivation = derivation or HkdfDerivation(None)

    def encode(self, state: StoredState | None, sealed: tuple[Sealed, ...] = ()) -> bytes:
        """Return a new record with its own revision. Secrets in `sealed` are not sealed again.

        The record of a removal is the revision only. It allows a commit to recognize itself after a lost response.
        """
        return new_revision() if state is None else new_revision() + self.fields(state, sealed)

    def fields(self, state: StoredState, sealed: tuple[Sealed, ...] = ()) -> bytes:
        """Return the fields of a state, which follow the revision in a record."""
        return _ENCODER.encode(fields_of(state, SecretWriter(self._keys, sealed)))

    def decode(self, value: bytes, credential_id: CredentialId) -> Record:
        """Return the record of a stored value.

        Raises:
            CorruptRecord: `encode` did not make this value for this credential, or a secret does not open.
        """
        if value[:1] != FORMAT or len(value) < REVISION_BYTES:
            raise CorruptRecord("not a record of a known format")
        if len(value) == REVISION_BYTES:
            return Record(value, None, ())
        state, sealed = self.state(value[REVISION_BYTES:], credential_id)
        return Record(value[:REVISION_BYTES], state, sealed)

    def state(self, fields: bytes | Raw, credential_id: CredentialId) -> tuple[StoredState, tuple[Sealed, ...]]:
        """Return the state of encoded fields, and its sealed secrets. Raise `CorruptRecord`."""
        secrets = SecretReader(self._keys, self._derivation, credential_id)
        try:
            state = state_of(_DECODER.decode(fields), secrets)
        except (SealingError, DerivationError) as error:
            raise CorruptRecord(str(error)) from error
        except (MsgspecError, DomainError, ValueError) as error:
            # The message of the error may contain a value that must not be logged.
            raise CorruptRecord(f"not a well-formed record ({type(error).__name__})") from None
        return state, tuple(secrets.sealed)


def new_revision() -> bytes:
    """Return a revision that no other record has."""
    return FORMAT + os.urandom(REVISION_BYTES - 1)

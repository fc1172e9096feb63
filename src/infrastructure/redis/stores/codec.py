"""The stored form of a credential: one compact string, which every version of the service that knows its format reads.

It consists of a format byte, 8 random bytes and a MessagePack array. The first nine bytes are the revision that
compare-and-set compares. A decimal text of the same fields is half as long again, and ten million credentials are in
memory.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, assert_never

from msgspec import UNSET, MsgspecError
from msgspec.msgpack import Decoder, Encoder

from domain.credential import Credential, Lifecycle
from domain.errors import DomainError
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.hotp import HotpCredential
from domain.keyed_digest import DIGEST_BYTES
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import Derivation, SharedSecret
from domain.stored_state import AnySecretCredential, StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.crypto.derivation import CHECK_BYTES, DerivationError, HkdfDerivation
from infrastructure.crypto.sealing import KeyRing, SealingError
from infrastructure.redis.stores import records

FORMAT: Final = b"\x01"
REVISION_BYTES: Final = 9
_PRESENT: Final = "secret"
_REPLACEMENT: Final = "replacement"
_DERIVED: Final = b"\0"
"""The first byte of the stored form of a derived secret. A sealed secret begins with the length of its key's name."""
_DECODER: Final[Decoder[records.AnyRecord]] = Decoder(records.AnyRecord)
_ENCODER: Final = Encoder()
Pending = TypeVar("Pending", bound=records.ReplacementRecord)
Kind = TypeVar("Kind", bound=AnySecretCredential)


class CorruptRecord(Exception):
    """A stored value that is not a record of this service, or does not open. The message contains no secrets."""


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A secret and its sealed form. A commit that keeps the secret does not seal it again.

    Each sealing uses one of a key's 2**32 random nonces. Enrolments may use them, verifications must not.
    """

    secret: SharedSecret
    field: str
    blob: bytes


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

        The record of a removal is the revision only. It allows a commit to recognize itself after a lost reply.
        """
        revision = FORMAT + os.urandom(REVISION_BYTES - 1)
        if state is None:
            return revision
        return revision + _ENCODER.encode(_Writing(self._keys, sealed).fields(state))

    def decode(self, value: bytes, credential_id: CredentialId) -> Record:
        """Return the record of a stored value.

        Raises:
            CorruptRecord: `encode` did not make this value for this credential, or a secret does not open.
        """
        if value[:1] != FORMAT or len(value) < REVISION_BYTES:
            raise CorruptRecord("not a record of a known format")
        if len(value) == REVISION_BYTES:
            return Record(value, None, ())
        reading = _Reading(self._keys, self._derivation, credential_id)
        try:
            state = reading.state(_DECODER.decode(value[REVISION_BYTES:]))
        except (SealingError, DerivationError) as error:
            raise CorruptRecord(str(error)) from error
        except (MsgspecError, DomainError, ValueError) as error:
            # The message of the error may contain a value that must not be logged.
            raise CorruptRecord(f"not a well-formed record ({type(error).__name__})") from None
        return Record(value[:REVISION_BYTES], state, tuple(reading.sealed))


class _Writing:
    """Writes one record."""

    def __init__(self, keys: KeyRing, sealed: tuple[Sealed, ...]) -> None:
        self._keys = keys
        self._sealed = sealed

    def fields(self, state: StoredState) -> list[Any]:
        match state:
            case HotpCredential():
                return [
                    *self._common(state),
                    *_hotp(state),
                    self._replacement(state.replacement, _hotp),
                    *_former(state),
                ]
            case TotpCredential():
                return [
                    *self._common(state),
                    *_totp(state),
                    self._replacement(state.replacement, _totp),
                    *_former(state),
                ]
            case OneTimeCode():
                return [*self._common(state), state.code_digits, state.digest, state.code_expires_at]
            case RecoveryCodes():
                return [*self._common(state), b"".join(state.digests), state.spent]
            case Tombstone():
                former = [state.failures_until, *_former(state)] if state.former else []
                return [records.TOMBSTONE, state.expires_at, state.failures.count, state.failures.locked_until, *former]
            case _:
                assert_never(state)

    def _common(self, credential: Credential) -> list[Any]:
        failures, lifecycle = credential.failures, credential.lifecycle
        return [
            credential.id.factor.value,
            lifecycle.expires_at,
            failures.count,
            failures.locked_until,
            lifecycle.created_at,
            lifecycle.confirmed_at,
            lifecycle.last_used_at,
            self._kept(credential, _PRESENT),
        ]

    def _replacement(self, credential: Kind | None, write: Callable[[Kind], list[Any]]) -> list[Any] | None:
        if credential is None:
            return None
        lifecycle, kept = credential.lifecycle, self._kept(credential, _REPLACEMENT)
        return [lifecycle.expires_at, lifecycle.created_at, kept, *write(credential)]

    def _kept(self, credential: Credential, field: str) -> bytes:
        secret = credential.secret
        if secret.derivation is not None:
            return _DERIVED + secret.derivation.check + secret.derivation.salt
        for each in self._sealed:
            if each.secret is secret and each.field == field:
                return each.blob
        return self._keys.seal(secret.key, credential.id, field)


def _hotp(credential: HotpCredential) -> list[Any]:
    own = credential.parameters
    agreed = [records.ALGORITHMS.index(own.algorithm), own.digits, credential.label, credential.issuer]
    return [*agreed, own.look_ahead, credential.counter, credential.initial_counter]


def _totp(credential: TotpCredential) -> list[Any]:
    own = credential.parameters
    agreed = [records.ALGORITHMS.index(own.algorithm), own.digits, credential.label, credential.issuer]
    return [*agreed, own.interval, own.window, credential.last_step, credential.drift]


def _former(state: AnySecretCredential | Tombstone) -> list[Any]:
    """Return the field with the former secrets, or no field if there are none."""
    secrets = [[each.digest, each.last, each.interval] for each in state.former]
    return [secrets] if secrets else []


class _Reading:
    """Reads one record; `sealed` are the secrets that were opened."""

    def __init__(self, keys: KeyRing, derivation: HkdfDerivation, credential_id: CredentialId) -> None:
        self._keys = keys
        self._derivation = derivation
        self._id = credential_id
        self.sealed: list[Sealed] = []

    def state(self, record: records.AnyRecord) -> StoredState:
        if not isinstance(record, records.TombstoneRecord) and record.__struct_config__.tag != self._id.factor.value:
            raise ValueError("a record of another factor")
        match record:
            case records.HotpRecord():
                common = self._common(record) | {"former": _former_secrets(record.former)}
                return _read_hotp(record, common | {"replacement": self._replacement(record.replacement, _read_hotp)})
            case records.TotpRecord():
                common = self._common(record) | {"former": _former_secrets(record.former)}
                return _read_totp(record, common | {"replacement": self._replacement(record.replacement, _read_totp)})
            case records.OneTimeCodeRecord():
                return OneTimeCode(
                    **self._common(record),
                    code_digits=record.digits,
                    digest=record.digest,
                    code_expires_at=record.code_expires_at,
                )
            case records.RecoveryCodesRecord():
                starts = range(0, len(record.digests), DIGEST_BYTES)
                digests = tuple(record.digests[start : start + DIGEST_BYTES] for start in starts)
                return RecoveryCodes(**self._common(record), digests=digests, spent=record.spent)
            case records.TombstoneRecord():
                return Tombstone(
                    id=self._id,
                    failures=Failures(record.failures, record.locked_until),
                    expires_at=record.expires_at,
                    failures_until=None if record.failures_until is UNSET else record.failures_until,
                    former=() if record.former is UNSET else _former_secrets(record.former),
                )
            case _:
                assert_never(record)

    def _common(self, record: records.CredentialRecord) -> dict[str, Any]:
        return {
            "id": self._id,
            "failures": Failures(record.failures, record.locked_until),
            "lifecycle": Lifecycle(
                created_at=record.created_at,
                expires_at=record.expires_at,
                confirmed_at=record.confirmed_at,
                last_used_at=record.last_used_at,
            ),
            "secret": self._secret(record.secret, _PRESENT),
        }

    def _replacement(self, record: Pending | None, read: Callable[[Pending, dict[str, Any]], Kind]) -> Kind | None:
        if record is None:
            return None
        try:
            secret = self._secret(record.secret, _REPLACEMENT)
        except (SealingError, DerivationError):
            # Nobody depends on a replacement yet, so it does not make the present secret unreadable.
            return None
        lifecycle = Lifecycle(created_at=record.created_at, expires_at=record.expires_at)
        return read(record, {"id": self._id, "lifecycle": lifecycle, "secret": secret})

    def _secret(self, blob: bytes, field: str) -> SharedSecret:
        if blob.startswith(_DERIVED):
            check, salt = blob[1 : 1 + CHECK_BYTES], blob[1 + CHECK_BYTES :]
            return self._derivation.again(Derivation(salt, check), self._id)
        secret = SharedSecret(self._keys.open(blob, self._id, field))
        self.sealed.append(Sealed(secret, field, blob))
        return secret


def _read_hotp(record: records.HotpRecord | records.HotpReplacementRecord, common: dict[str, Any]) -> HotpCredential:
    return HotpCredential(
        **common,
        parameters=HotpParameters(records.ALGORITHMS[record.algorithm], record.digits, record.look_ahead),
        label=record.label,
        issuer=record.issuer,
        counter=record.counter,
        initial_counter=record.initial_counter,
    )


def _read_totp(record: records.TotpRecord | records.TotpReplacementRecord, common: dict[str, Any]) -> TotpCredential:
    algorithm = records.ALGORITHMS[record.algorithm]
    return TotpCredential(
        **common,
        parameters=TotpParameters(algorithm, record.digits, record.interval, record.window),
        label=record.label,
        issuer=record.issuer,
        last_step=record.last_step,
        drift=record.drift,
    )


def _former_secrets(former: tuple[records.FormerRecord, ...]) -> tuple[FormerSecret, ...]:
    return tuple(FormerSecret(each.digest, each.last, each.interval) for each in former)

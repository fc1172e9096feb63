"""How a credential is written down: one compact string, readable by every version of the service that knows its format.

`format byte, 8 random bytes, MessagePack array`. The first nine bytes are the revision that compare-and-set compares.
MessagePack because a decimal text of the same fields is half as long again, and ten million of them lie in memory.
"""

import os
from dataclasses import dataclass
from typing import Any, Final, assert_never

import msgpack

from domain.credential import Lifecycle
from domain.errors import DomainError
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.hotp import HotpCredential
from domain.keyed_digest import DIGEST_BYTES
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import Derivation, SharedSecret
from domain.stored_state import AnyCredential, AnySecretCredential, StoredState
from domain.tombstone import Tombstone
from domain.totp import NO_STEP, TotpCredential
from infrastructure.crypto.derivation import CHECK_BYTES, DerivationError, HkdfDerivation
from infrastructure.crypto.sealing import KeyRing, SealingError

FORMAT: Final = b"\x01"
REVISION_BYTES: Final = 9
_VACANCY: Final = "vacant"
_PRESENT: Final = "secret"
_COMING: Final = "replacement"
_DERIVED: Final = b"\0"
"""Begins what is kept of a derived secret; no sealed one begins so, since none is sealed under a key without a name."""
_ALGORITHMS: Final = tuple(HashAlgorithm)
_SECRET_FIELDS: Final = {Factor.HOTP: 8, Factor.TOTP: 9}
"""The number of a record's fields that belong to its secret. The replacement and the former secrets follow them."""
_LAST_MOMENT: Final = 253_402_300_799
"""9999-12-31T23:59:59Z."""


class CorruptRecord(Exception):
    """A stored value that is no record of this service, or does not open. The message holds nothing secret."""


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A secret beside its sealed form, so that a commit that keeps the secret need not seal it again.

    Every sealing uses up one of a key's 2**32 random nonces; enrolments may, verifications must not.
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
    """Writes and reads records; secrets pass through the key ring on the way, derived ones are derived again."""

    def __init__(self, keys: KeyRing, derivation: HkdfDerivation | None = None) -> None:
        self._keys = keys
        self._derivation = derivation or HkdfDerivation(None)

    def encode(self, state: StoredState | None, sealed: tuple[Sealed, ...] = ()) -> bytes:
        """A new record with a revision of its own; what was `sealed` before is not sealed again.

        Of what is removed the revision alone is left, by which a commit knows itself again after a lost reply.
        """
        revision = FORMAT + os.urandom(REVISION_BYTES - 1)
        if state is None:
            return revision
        packed: bytes = msgpack.packb(_Writing(self._keys, sealed).fields(state))
        return revision + packed

    def decode(self, value: bytes, credential_id: CredentialId) -> Record:
        """Raises `CorruptRecord` for whatever `encode` did not make for this credential."""
        if value[:1] != FORMAT or len(value) < REVISION_BYTES:
            raise CorruptRecord("not a record of a known format")
        if len(value) == REVISION_BYTES:
            return Record(value, None, ())
        reading = _Reading(self._keys, self._derivation, credential_id)
        try:
            state = reading.state(msgpack.unpackb(value[REVISION_BYTES:]))
        except (SealingError, DerivationError) as error:
            raise CorruptRecord(str(error)) from error
        except (ValueError, TypeError, IndexError, DomainError, msgpack.UnpackException) as error:
            # The value itself is not repeated: it may hold what must not be logged.
            raise CorruptRecord(f"not a well-formed record ({type(error).__name__})") from None
        return Record(value[:REVISION_BYTES], state, tuple(reading.sealed))


class _Writing:
    """One record that is written."""

    def __init__(self, keys: KeyRing, sealed: tuple[Sealed, ...]) -> None:
        self._keys = keys
        self._sealed = sealed

    def fields(self, state: StoredState) -> list[Any]:
        failures = state.failures
        if isinstance(state, Tombstone):
            left = [_VACANCY, state.expires_at, failures.count, failures.locked_until]
            return [*left, state.failures_until, _former(state)] if state.former else left
        life = state.lifecycle
        common: list[Any] = [
            state.id.factor.value,
            life.expires_at,
            failures.count,
            failures.locked_until,
            life.created_at,
            life.confirmed_at,
            life.last_used_at,
        ]
        match state:
            case OneTimeCode():
                special: list[Any] = [state.code_digits, state.digest, state.code_expires_at]
            case RecoveryCodes():
                special = [b"".join(state.digests), state.spent]
            case HotpCredential() | TotpCredential():
                fields = [*common, *self._secret(state, _PRESENT), self._replacement(state.replacement)]
                return [*fields, _former(state)] if state.former else fields
            case _:
                assert_never(state)
        return [*common, self._kept(state, _PRESENT), *special]

    def _secret(self, state: AnySecretCredential, field: str) -> list[Any]:
        parameters = state.parameters
        fields: list[Any] = [
            self._kept(state, field),
            _ALGORITHMS.index(parameters.algorithm),
            parameters.digits,
            state.label,
            state.issuer,
        ]
        match state:
            case HotpCredential():
                return [*fields, state.parameters.look_ahead, state.counter, state.initial_counter]
            case TotpCredential():
                own = state.parameters
                return [*fields, own.interval, own.window, state.last_step, state.drift]
            case _:
                assert_never(state)

    def _replacement(self, state: AnySecretCredential | None) -> list[Any] | None:
        if state is None:
            return None
        return [state.lifecycle.expires_at, state.lifecycle.created_at, *self._secret(state, _COMING)]

    def _kept(self, state: AnyCredential, field: str) -> bytes:
        secret = state.secret
        if secret.derivation is not None:
            return _DERIVED + secret.derivation.check + secret.derivation.salt
        for kept in self._sealed:
            if kept.secret is secret and kept.field == field:
                return kept.blob
        return self._keys.seal(secret.key, state.id, field)


class _Reading:
    """One record that is read; `sealed` is what came out of it."""

    def __init__(self, keys: KeyRing, derivation: HkdfDerivation, credential_id: CredentialId) -> None:
        self._keys = keys
        self._derivation = derivation
        self._id = credential_id
        self.sealed: list[Sealed] = []

    def state(self, fields: Any) -> StoredState:
        kind, expires_at, count, locked_until, *rest = _list(fields)
        failures = Failures(_natural(count), _moment(locked_until))
        if kind == _VACANCY:
            ends_at = _optional_moment(expires_at)
            failures_until, former = rest or (None, [])
            return Tombstone(
                id=self._id,
                failures=failures,
                expires_at=ends_at,
                failures_until=_optional_moment(failures_until),
                former=_read_former(former),
            )
        if kind != self._id.factor.value:
            raise ValueError("another factor's record")
        created_at, confirmed_at, last_used_at, *rest = rest
        common: dict[str, Any] = {
            "id": self._id,
            "failures": failures,
            "lifecycle": Lifecycle(
                created_at=_moment(created_at),
                expires_at=_optional_moment(expires_at),
                confirmed_at=_optional_moment(confirmed_at),
                last_used_at=_optional_moment(last_used_at),
            ),
        }
        match self._id.factor:
            case Factor.OTP:
                blob, digits, digest, code_expires_at = rest
                return OneTimeCode(
                    **common,
                    secret=self._secret(blob, _PRESENT),
                    code_digits=_natural(digits),
                    digest=_bytes(digest),
                    code_expires_at=_moment(code_expires_at),
                )
            case Factor.RECOVERY_CODES:
                blob, digests, spent = rest
                secret = self._secret(blob, _PRESENT)
                return RecoveryCodes(**common, secret=secret, digests=_digests(digests), spent=_natural(spent))
            case _:
                own = _SECRET_FIELDS[self._id.factor]
                secret_fields, (replacement, *more) = rest[:own], rest[own:]
                (former,) = more or ([],)
                common |= {"replacement": self._replacement(replacement), "former": _read_former(former)}
                return self._secret_credential(common, secret_fields, _PRESENT)

    def _secret_credential(self, common: dict[str, Any], fields: list[Any], field: str) -> AnySecretCredential:
        blob, algorithm, digits, label, issuer, *rest = fields
        common |= {
            "secret": self._secret(blob, field),
            "label": _optional_str(label),
            "issuer": _optional_str(issuer),
        }
        agreed = _ALGORITHMS[_natural(algorithm)], _natural(digits)
        if self._id.factor is Factor.HOTP:
            look_ahead, counter, initial_counter = rest
            return HotpCredential(
                **common,
                parameters=HotpParameters(*agreed, _natural(look_ahead)),
                counter=_natural(counter),
                initial_counter=_natural(initial_counter),
            )
        interval, window, last_step, drift = rest
        return TotpCredential(
            **common,
            parameters=TotpParameters(*agreed, _natural(interval), _natural(window)),
            last_step=_step(last_step),
            drift=_int(drift),
        )

    def _replacement(self, fields: Any) -> AnySecretCredential | None:
        if fields is None:
            return None
        expires_at, created_at, *rest = _list(fields)
        life = Lifecycle(created_at=_moment(created_at), expires_at=_moment(expires_at))
        try:
            return self._secret_credential({"id": self._id, "lifecycle": life}, rest, _COMING)
        except (SealingError, DerivationError):
            # Nobody depends on it yet, and it must not take with it the one that works.
            return None

    def _secret(self, value: Any, field: str) -> SharedSecret:
        blob = _bytes(value)
        if blob.startswith(_DERIVED):
            check, salt = blob[1 : 1 + CHECK_BYTES], blob[1 + CHECK_BYTES :]
            return self._derivation.again(Derivation(salt, check), self._id)
        secret = SharedSecret(self._keys.open(blob, self._id, field))
        self.sealed.append(Sealed(secret, field, blob))
        return secret


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("list")
    return value


def _digests(value: object) -> tuple[bytes, ...]:
    whole = _bytes(value)
    return tuple(whole[start : start + DIGEST_BYTES] for start in range(0, len(whole), DIGEST_BYTES))


def _int(value: object) -> int:
    if type(value) is not int:
        raise TypeError("int")
    return value


def _step(value: object) -> int:
    step = _int(value)
    if not NO_STEP <= step <= _LAST_MOMENT:
        raise ValueError("no time step")
    return step


def _natural(value: object) -> int:
    number = _int(value)
    if number < 0:
        raise ValueError("below zero")
    return number


def _moment(value: object) -> int:
    """Unix time in seconds, within what a calendar can say."""
    moment = _natural(value)
    if moment > _LAST_MOMENT:
        raise ValueError("beyond all calendars")
    return moment


def _optional_moment(value: object) -> int | None:
    return None if value is None else _moment(value)


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes")
    return value


def _optional_str(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError("str")
    return value


def _former(state: AnySecretCredential | Tombstone) -> list[Any]:
    return [[each.digest, each.last, each.interval] for each in state.former]


def _read_former(value: object) -> tuple[FormerSecret, ...]:
    secrets = []
    for fields in _list(value):
        digest, last, interval = _list(fields)
        secrets.append(FormerSecret(_bytes(digest), _natural(last), None if interval is None else _natural(interval)))
    return tuple(secrets)

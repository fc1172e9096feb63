"""The records of stored states: their fields in the stored order, and the conversion from and to stored states.

Released versions read these records, so a new field must be optional and the last one. msgspec reads a record from a
MessagePack array that begins with the tag, and checks the types and bounds of its fields.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, assert_never

from msgspec import UNSET, Meta, Struct, UnsetType

from domain.credential import Credential, Lifecycle
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.hotp import HotpCredential
from domain.keyed_digest import DIGEST_BYTES
from domain.one_time_code import OneTimeCode
from domain.owner import Factor
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.stored_state import AnySecretCredential, StoredState
from domain.tombstone import Tombstone
from domain.totp import NO_STEP, TotpCredential
from infrastructure.crypto.derivation import DerivationError
from infrastructure.crypto.sealing import SealingError
from infrastructure.records.stored_secrets import SecretReader, SecretWriter

_CURRENT: Final = "secret"
_REPLACEMENT: Final = "replacement"
"""The fields that a secret is sealed for. It opens only in its own field."""

TOMBSTONE: Final = "vacant"
ALGORITHMS: Final = tuple(HashAlgorithm)
LAST_TIME: Final = 253_402_300_799
"""9999-12-31T23:59:59Z."""

Natural = Annotated[int, Meta(ge=0)]
Time = Annotated[int, Meta(ge=0, le=LAST_TIME)]
"""Unix time in seconds."""
Step = Annotated[int, Meta(ge=NO_STEP, le=LAST_TIME)]
Algorithm = Annotated[int, Meta(ge=0, lt=len(ALGORITHMS))]
"""The index of the hash algorithm in `ALGORITHMS`."""


class Fields(Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Fields in a fixed order."""


class FormerRecord(Fields):
    """A former secret."""

    digest: bytes
    last: Natural
    interval: Natural | None


class TombstoneRecord(Fields, tag=TOMBSTONE):
    """A tombstone. The last two fields exist together or not at all."""

    expires_at: Time | None
    failures: Natural
    locked_until: Time
    failures_until: Time | UnsetType | None = UNSET
    former: tuple[FormerRecord, ...] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.failures_until is UNSET) is not (self.former is UNSET):
            raise ValueError("one of two fields is missing")


class CredentialRecord(Fields):
    """The first fields of every credential."""

    expires_at: Time | None
    failures: Natural
    locked_until: Time
    created_at: Time
    confirmed_at: Time | None
    last_used_at: Time | None
    secret: bytes


class OneTimeCodeRecord(CredentialRecord, tag=Factor.OTP.value):
    """A one-time code."""

    digits: Natural
    digest: bytes
    code_expires_at: Time


class RecoveryCodesRecord(CredentialRecord, tag=Factor.RECOVERY_CODES.value):
    """A set of recovery codes, with joined digests."""

    digests: bytes
    spent: Natural


class ReplacementRecord(Fields):
    """The first fields of every replacement."""

    expires_at: Time
    created_at: Time
    secret: bytes


class HotpReplacementRecord(ReplacementRecord):
    """The replacement of an HOTP credential."""

    algorithm: Algorithm
    digits: Natural
    label: str | None
    issuer: str | None
    look_ahead: Natural
    counter: Natural
    initial_counter: Natural


class HotpRecord(CredentialRecord, tag=Factor.HOTP.value):
    """A HOTP credential."""

    algorithm: Algorithm
    digits: Natural
    label: str | None
    issuer: str | None
    look_ahead: Natural
    counter: Natural
    initial_counter: Natural
    replacement: HotpReplacementRecord | None
    former: tuple[FormerRecord, ...] = ()
    name: str | None = None


class TotpReplacementRecord(ReplacementRecord):
    """The replacement of a TOTP credential."""

    algorithm: Algorithm
    digits: Natural
    label: str | None
    issuer: str | None
    interval: Natural
    window: Natural
    last_step: Step
    drift: int


class TotpRecord(CredentialRecord, tag=Factor.TOTP.value):
    """A TOTP credential."""

    algorithm: Algorithm
    digits: Natural
    label: str | None
    issuer: str | None
    interval: Natural
    window: Natural
    last_step: Step
    drift: int
    replacement: TotpReplacementRecord | None
    former: tuple[FormerRecord, ...] = ()
    name: str | None = None


AnyRecord = HotpRecord | TotpRecord | OneTimeCodeRecord | RecoveryCodesRecord | TombstoneRecord
Pending = TypeVar("Pending", bound=ReplacementRecord)
Kind = TypeVar("Kind", bound=AnySecretCredential)


def fields_of(state: StoredState, secrets: SecretWriter) -> list[Any]:
    """Return the fields of a stored state, with the tag as the first one."""
    match state:
        case HotpCredential():
            return [
                *_common(state, secrets),
                *_hotp(state),
                _replacement(state.replacement, secrets, _hotp),
                *_optional(state),
            ]
        case TotpCredential():
            return [
                *_common(state, secrets),
                *_totp(state),
                _replacement(state.replacement, secrets, _totp),
                *_optional(state),
            ]
        case OneTimeCode():
            return [*_common(state, secrets), state.code_digits, state.digest, state.code_expires_at]
        case RecoveryCodes():
            return [*_common(state, secrets), b"".join(state.digests), state.spent]
        case Tombstone():
            former = [state.failures_until, _former(state)] if state.former else []
            return [TOMBSTONE, state.expires_at, state.failures.count, state.failures.locked_until, *former]
        case _:
            assert_never(state)


def _common(credential: Credential, secrets: SecretWriter) -> list[Any]:
    failures, lifecycle = credential.failures, credential.lifecycle
    return [
        credential.id.factor.value,
        lifecycle.expires_at,
        failures.count,
        failures.locked_until,
        lifecycle.created_at,
        lifecycle.confirmed_at,
        lifecycle.last_used_at,
        secrets.write(credential, _CURRENT),
    ]


def _replacement(
    credential: Kind | None, secrets: SecretWriter, write: Callable[[Kind], list[Any]]
) -> list[Any] | None:
    if credential is None:
        return None
    lifecycle, kept = credential.lifecycle, secrets.write(credential, _REPLACEMENT)
    return [lifecycle.expires_at, lifecycle.created_at, kept, *write(credential)]


def _hotp(credential: HotpCredential) -> list[Any]:
    own = credential.parameters
    agreed = [ALGORITHMS.index(own.algorithm), own.digits, credential.label, credential.issuer]
    return [*agreed, own.look_ahead, credential.counter, credential.initial_counter]


def _totp(credential: TotpCredential) -> list[Any]:
    own = credential.parameters
    agreed = [ALGORITHMS.index(own.algorithm), own.digits, credential.label, credential.issuer]
    return [*agreed, own.interval, own.window, credential.last_step, credential.drift]


def _optional(credential: AnySecretCredential) -> list[Any]:
    """Return the former secrets and the name, without those fields at the end that contain nothing."""
    if credential.name is not None:
        return [_former(credential), credential.name]
    return [_former(credential)] if credential.former else []


def _former(state: AnySecretCredential | Tombstone) -> list[Any]:
    return [[each.digest, each.last, each.interval] for each in state.former]


def state_of(record: AnyRecord, secrets: SecretReader) -> StoredState:
    """Return the stored state of a record. Raise `ValueError` if it is a record of another factor."""
    if not isinstance(record, TombstoneRecord) and record.__struct_config__.tag != secrets.credential_id.factor.value:
        raise ValueError("a record of another factor")
    match record:
        case HotpRecord():
            common = _read_common(record, secrets) | {"former": _former_secrets(record.former), "name": record.name}
            return _read_hotp(
                record, common | {"replacement": _read_replacement(record.replacement, secrets, _read_hotp)}
            )
        case TotpRecord():
            common = _read_common(record, secrets) | {"former": _former_secrets(record.former), "name": record.name}
            return _read_totp(
                record, common | {"replacement": _read_replacement(record.replacement, secrets, _read_totp)}
            )
        case OneTimeCodeRecord():
            return OneTimeCode(
                **_read_common(record, secrets),
                code_digits=record.digits,
                digest=record.digest,
                code_expires_at=record.code_expires_at,
            )
        case RecoveryCodesRecord():
            starts = range(0, len(record.digests), DIGEST_BYTES)
            digests = tuple(record.digests[start : start + DIGEST_BYTES] for start in starts)
            return RecoveryCodes(**_read_common(record, secrets), digests=digests, spent=record.spent)
        case TombstoneRecord():
            return Tombstone(
                id=secrets.credential_id,
                failures=Failures(record.failures, record.locked_until),
                expires_at=record.expires_at,
                failures_until=None if record.failures_until is UNSET else record.failures_until,
                former=() if record.former is UNSET else _former_secrets(record.former),
            )
        case _:
            assert_never(record)


def _read_common(record: CredentialRecord, secrets: SecretReader) -> dict[str, Any]:
    return {
        "id": secrets.credential_id,
        "failures": Failures(record.failures, record.locked_until),
        "lifecycle": Lifecycle(
            created_at=record.created_at,
            expires_at=record.expires_at,
            confirmed_at=record.confirmed_at,
            last_used_at=record.last_used_at,
        ),
        "secret": secrets.read(record.secret, _CURRENT),
    }


def _read_replacement(
    record: Pending | None, secrets: SecretReader, read: Callable[[Pending, dict[str, Any]], Kind]
) -> Kind | None:
    if record is None:
        return None
    try:
        secret = secrets.read(record.secret, _REPLACEMENT)
    except (SealingError, DerivationError):
        # Nobody depends on a replacement yet, so it does not make the current secret unreadable.
        return None
    lifecycle = Lifecycle(created_at=record.created_at, expires_at=record.expires_at)
    return read(record, {"id": secrets.credential_id, "lifecycle": lifecycle, "secret": secret})


def _read_hotp(record: HotpRecord | HotpReplacementRecord, common: dict[str, Any]) -> HotpCredential:
    return HotpCredential(
        **common,
        parameters=_hotp_parameters(record.algorithm, record.digits, record.look_ahead),
        label=record.label,
        issuer=record.issuer,
        counter=record.counter,
        initial_counter=record.initial_counter,
    )


def _read_totp(record: TotpRecord | TotpReplacementRecord, common: dict[str, Any]) -> TotpCredential:
    return TotpCredential(
        **common,
        parameters=_totp_parameters(record.algorithm, record.digits, record.interval, record.window),
        label=record.label,
        issuer=record.issuer,
        last_step=record.last_step,
        drift=record.drift,
    )


# Most credentials have one of very few sets of parameters, and checking one takes as long as opening a secret.
@lru_cache
def _hotp_parameters(algorithm: int, digits: int, look_ahead: int) -> HotpParameters:
    return HotpParameters(ALGORITHMS[algorithm], digits, look_ahead)


@lru_cache
def _totp_parameters(algorithm: int, digits: int, interval: int, window: int) -> TotpParameters:
    return TotpParameters(ALGORITHMS[algorithm], digits, interval, window)


def _former_secrets(former: tuple[FormerRecord, ...]) -> tuple[FormerSecret, ...]:
    return tuple(FormerSecret(each.digest, each.last, each.interval) for each in former)

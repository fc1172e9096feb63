"""The fields of stored records, in their order. Released versions read them: new fields must be optional and last.

msgspec reads a record from a MessagePack array that begins with the tag, and checks the types and bounds of its fields.
"""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from domain.owner import Factor
from domain.parameters import HashAlgorithm
from domain.totp import NO_STEP

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
    """The replacement of a HOTP credential."""

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


AnyRecord = HotpRecord | TotpRecord | OneTimeCodeRecord | RecoveryCodesRecord | TombstoneRecord

"""The members of stored states in the files of this service, and the bounds of their values.

The bounds are not wider than those of stored records, so that every imported state can be stored and read again.
"""

from typing import Annotated

from msgspec import Meta, Struct

from domain.former_secret import FORMER_SECRETS_OF_REMOVED
from domain.owner import Factor
from domain.parameters import INTERVAL, HashAlgorithm
from domain.recovery_codes import RECOVERY_CODE_COUNT
from domain.totp import NO_STEP
from infrastructure.records.records import Natural, Step, Time

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""MessagePack has no longer integers."""


class Former(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A former secret."""

    digest: bytes
    last: Count
    interval: Annotated[int, Meta(ge=INTERVAL.low, le=INTERVAL.high)] | None = None


FormerSecrets = Annotated[list[Former], Meta(max_length=FORMER_SECRETS_OF_REMOVED)]


class State(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """The members of every state."""

    tenant: str
    account: str
    expires_at: Time | None = None
    failures: Count = 0
    locked_until: Time = 0


class TombstoneState(State, kw_only=True, tag="tombstone"):
    """A tombstone. Those of removed additional authenticators are kept together, with the suffix `REMOVED`."""

    factor: Factor
    suffix: str = ""
    failures_until: Time | None = None
    former: FormerSecrets = []


class CredentialState(State, kw_only=True):
    """The members of every credential."""

    created_at: Time
    confirmed_at: Time | None = None
    last_used_at: Time | None = None
    secret: bytes


class RecoveryCodesState(CredentialState, kw_only=True, tag=Factor.RECOVERY_CODES.value):
    """A set of recovery codes. Its secret is the key of the digests."""

    digests: Annotated[list[bytes], Meta(max_length=RECOVERY_CODE_COUNT.high)]
    spent: Natural = 0


class Codes(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The parameters of codes, and the names of the authenticator."""

    algorithm: HashAlgorithm
    digits: int
    name: str | None = None
    label: str | None = None
    issuer: str | None = None


class HotpCodes(Codes, kw_only=True):
    """The parameters and the counters of HOTP."""

    look_ahead: int
    counter: Natural
    initial_counter: Natural


class TotpCodes(Codes, kw_only=True):
    """The parameters and the spent steps of TOTP."""

    interval: int
    window: int
    last_step: Step = NO_STEP
    drift: int = 0


class HotpState(CredentialState, kw_only=True, tag=Factor.HOTP.value):
    """A HOTP credential."""

    suffix: str = ""
    codes: HotpCodes
    former: FormerSecrets = []


class TotpState(CredentialState, kw_only=True, tag=Factor.TOTP.value):
    """A TOTP credential."""

    suffix: str = ""
    codes: TotpCodes
    former: FormerSecrets = []


AnyState = HotpState | TotpState | RecoveryCodesState | TombstoneState

"""The policy of a tenant: what its accounts get by default, and what they may do."""

from dataclasses import dataclass, field

from domain.failures import DEFAULT_LOCKS, LockSchedule
from domain.parameters import HotpParameters, TotpParameters
from domain.recovery_codes import RECOVERY_CODES
from domain.usage import NO_LIMITS, UsageLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy of a tenant. Sessions and the gate have the default policy of the service.

    Attributes:
        issuer: the issuer that authenticators show if a request names none.
        hotp: the parameters of a new HOTP secret if a request names none.
        totp: the parameters of a new TOTP secret if a request names none.
        locks: when wrong codes lock a factor, and for how long.
        recovery_codes: the number of codes in a new set.
        limits: the limits of all accounts together.
        recipients: prefixes of phone numbers such as `+43`, and domains such as `@example.com`, that may receive codes.
            Without any, every recipient may.
    """

    issuer: str
    hotp: HotpParameters = field(default_factory=HotpParameters)
    totp: TotpParameters = field(default_factory=TotpParameters)
    locks: LockSchedule = DEFAULT_LOCKS
    recovery_codes: int = RECOVERY_CODES
    limits: UsageLimits = NO_LIMITS
    recipients: tuple[str, ...] = ()

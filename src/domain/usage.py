"""The limits of a tenant, and their names."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class LimitName(StrEnum):
    """The names of the limits of a tenant. Each is the key in the tenants file, and an attribute of `UsageLimits`."""

    SENDS = "sends_per_day"
    ENROLMENTS = "enrolments_per_day"
    CHALLENGES = "challenges_per_second"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLimits:
    """The limits of all accounts of a tenant together; None for no limit.

    Attributes:
        sends_per_day: the number of codes that are sent in 24 hours.
        enrolments_per_day: the number of enrolments in 24 hours.
        challenges_per_second: the number of requests that check a code in a second.
    """

    sends_per_day: int | None = None
    enrolments_per_day: int | None = None
    challenges_per_second: int | None = None


NO_LIMITS: Final = UsageLimits()

"""The limits of a tenant by name."""

from enum import StrEnum


class LimitName(StrEnum):
    """The names of the limits of a tenant. Each is the key in the tenants file, and an attribute of `UsageLimits`."""

    SENDS = "sends_per_day"
    ENROLMENTS = "enrolments_per_day"
    CHALLENGES = "challenges_per_second"

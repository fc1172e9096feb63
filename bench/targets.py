"""The targets of the project, as ratios to the floor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.cases import CHALLENGE, CHECK, ENROL, FLOOR, GOOD_HOTP, GOOD_OTP, GOOD_TOTP, LIMITED, ONE_GET, WRONG_TOTP

UNITS: Final = {"requests_per_second": "req/s", "cpu_us": "CPU", "p99_ms": "p99"}


@dataclass(frozen=True, slots=True)
class Target:
    """A limit for the ratio of one metric of a case to a case of the floor. Throughput has a lower limit."""

    case: str
    metric: str
    limit: float
    base: str = FLOOR

    @property
    def is_lower_limit(self) -> bool:
        """Return whether more is better."""
        return self.metric == "requests_per_second"

    def ratio(self, rows: Mapping[str, Any]) -> float:
        """Return the measured ratio."""
        return float(rows[self.case]["ratios"][self.base][self.metric])

    def is_met(self, rows: Mapping[str, Any]) -> bool:
        """Return whether the measured ratio is within the limit."""
        ratio = self.ratio(rows)
        return ratio >= self.limit if self.is_lower_limit else ratio <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.is_lower_limit else "≤"
        return f"{UNITS[self.metric]} {sign} {self.limit:.2f} of {self.base[-3:]}"


VERDICTS: Final = (GOOD_TOTP, WRONG_TOTP, GOOD_HOTP, GOOD_OTP, CHALLENGE)
TARGETS: Final = (
    *(
        Target(case, metric, limit)
        for case in VERDICTS
        for metric, limit in (("requests_per_second", 0.9), ("cpu_us", 1.15), ("p99_ms", 1.25))
    ),
    Target(ENROL, "requests_per_second", 0.8),
    Target(LIMITED, "requests_per_second", 0.8),
    Target(CHECK, "requests_per_second", 0.9, ONE_GET),
)

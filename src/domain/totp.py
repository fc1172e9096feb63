"""The time-based factor, RFC 6238."""

from dataclasses import dataclass, replace
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.former_secret import FormerSecret
from domain.parameters import Range, TotpParameters
from domain.secret_credential import SecretCredential
from domain.verdict import Reason

RESYNCHRONIZATION_STEPS: Final = 20
"""Time steps by which an authenticator's clock may be ahead or behind at resynchronization, RFC 6238 section 6."""
NO_STEP: Final = -1
"""The last accepted step of a credential that has accepted no code."""
DRIFT: Final = Range(-RESYNCHRONIZATION_STEPS, RESYNCHRONIZATION_STEPS)
"""Time steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpCredential(SecretCredential):
    """A shared secret and the last accepted time step. That step only increases, and every step up to it is spent.

    Attributes:
        last_step: the last accepted time step T of RFC 6238 section 4.2, `NO_STEP` before the first.
        drift: time steps that the authenticator's clock is ahead of ours (negative: behind), as found by
            resynchronization (RFC 6238 section 6).
    """

    parameters: TotpParameters
    last_step: int = NO_STEP
    drift: int = 0

    def __post_init__(self) -> None:
        DRIFT.check("drift", self.drift)

    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:
        """Accept the codes of the current step plus or minus `window` (RFC 6238 section 5.2).

        An accepted code spends its step and all steps before it.
        """
        center = self._step(now) + self.drift
        steps = range(max(0, center - self.parameters.window), center + self.parameters.window + 1)
        fresh = self.first_fresh(code, sorted({*self._spent(), *steps}), self.last_step, algorithm)
        return fresh if isinstance(fresh, Reason) else self.spent_up_to(fresh)

    def match_pair(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:
        """Spend two consecutive codes up to 20 steps away together, and store the drift.

        The step of the second code gives the drift (RFC 6238 section 6), as if the authenticator displayed this code
        now. If it was sent one step late, a window of one step compensates for that; a window of zero does not.
        """
        current = self._step(now)
        steps = range(max(0, current - RESYNCHRONIZATION_STEPS - 1), current + RESYNCHRONIZATION_STEPS + 1)
        hits = self.pair_hits(first, second, steps, algorithm)
        if hits and hits[0] > self.last_step:
            return replace(self, last_step=hits[0] + 1, drift=hits[0] + 1 - current)
        return Reason.REPLAYED if hits else Reason.WRONG

    @property
    def series(self) -> str:
        """Return hash and interval, without the number of digits: a shorter code is the end of a longer one."""
        return f"totp {self.parameters.algorithm.value} {self.parameters.interval}"

    def as_former(self) -> FormerSecret | None:
        """Return the digest and the last accepted step; None if no code was accepted."""
        if self.last_step == NO_STEP:
            return None
        return FormerSecret(self.digest, self.last_step, self.parameters.interval)

    def spent_up_to(self, last: int) -> Self:
        """Return the state in which every step up to `last` is spent."""
        return replace(self, last_step=max(self.last_step, last))

    def with_past_codes_spent(self, now: int) -> Self:
        """Return the state in which every step up to now is spent, and those within the window after it.

        The other system may have accepted a code of each of these steps before its time, from an authenticator whose
        clock is ahead. It is assumed to have the same window and to know the same drift.
        """
        return self.spent_up_to(self._step(now) + max(0, self.drift) + self.parameters.window)

    def _spent(self) -> range:
        """Return the last accepted step and the steps in its window. Their codes are always replays, even much later.

        The step before it is always included, because a resynchronization spends both.
        """
        return range(max(0, self.last_step - max(1, 2 * self.parameters.window)), self.last_step + 1)

    def _step(self, now: int) -> int:
        """Return T = floor(now / X) of RFC 6238 section 4.2, by the service's clock."""
        return now // self.parameters.interval

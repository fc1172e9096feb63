"""The time-based factor, RFC 6238."""

from dataclasses import dataclass, replace
from typing import Final

from domain.algorithms import Algorithms
from domain.code import Code
from domain.credential import Credential, Mismatch
from domain.parameters import TotpParameters
from domain.secret_credential import SecretCredential

RESYNCHRONIZATION_STEPS: Final = 20
"""Time steps, either way, that an authenticator's clock may be found off, RFC 6238 section 6."""
NO_STEP: Final = -1
"""The last accepted step of a credential that has accepted none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpCredential(SecretCredential):
    """A shared secret and the last accepted time step; that step only goes up, and every step up to it is spent.

    Attributes:
        last_step: the last accepted time step T of RFC 6238 section 4.2, `NO_STEP` before the first.
        drift: time steps that the authenticator's clock is ahead of ours (negative: behind), as found by
            resynchronization (RFC 6238 section 6).
    """

    parameters: TotpParameters
    last_step: int = NO_STEP
    drift: int = 0

    def match(self, code: Code, now: int, algorithms: Algorithms) -> Credential | Mismatch:
        """The current step plus or minus `window` (RFC 6238 section 5.2); step n spends every step up to n."""
        center = self._step(now) + self.drift
        steps = range(max(0, center - self.parameters.window), center + self.parameters.window + 1)
        hits = self.hits(code, steps, algorithms)
        fresh = [step for step in hits if step > self.last_step]
        if fresh:
            return replace(self, last_step=fresh[0])
        if not hits and self.last_step != NO_STEP and self.last_step not in steps:
            # The last accepted code is named a replay however late it is sent again.
            hits = self.hits(code, range(self.last_step, self.last_step + 1), algorithms)
        return Mismatch.SPENT if hits else Mismatch.WRONG

    def match_pair(self, first: Code, second: Code, now: int, algorithms: Algorithms) -> Credential | Mismatch:
        """Two consecutive codes up to 20 steps off are spent together, and the drift is remembered.

        The second code is the one that the authenticator shows now, so its step tells the drift (RFC 6238 section 6).
        """
        current = self._step(now)
        steps = range(max(0, current - RESYNCHRONIZATION_STEPS - 1), current + RESYNCHRONIZATION_STEPS + 1)
        hits = self.pair_hits(first, second, steps, algorithms)
        fresh = [step for step in hits if step > self.last_step]
        if fresh:
            return replace(self, last_step=fresh[0] + 1, drift=fresh[0] + 1 - current)
        return Mismatch.SPENT if hits else Mismatch.WRONG

    def _step(self, now: int) -> int:
        """T = floor(now / X) of RFC 6238 section 4.2, by our own clock."""
        return now // self.parameters.interval

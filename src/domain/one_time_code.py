"""The one-time code: a random code for a single use, sent to the user."""

from dataclasses import dataclass
from hmac import compare_digest
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.code import LONGEST_CODE, SHORTEST_CODE, Code
from domain.credential import Credential
from domain.errors import InvalidValue
from domain.failures import Failures, LockSchedule
from domain.keyed_digest import DIGEST_BYTES, keyed_digest
from domain.parameters import Range
from domain.tombstone import Tombstone
from domain.verdict import Reason

CODE_DIGITS: Final = Range(SHORTEST_CODE, LONGEST_CODE)
CODE_LIFETIME: Final = Range(30, 3600)
"""Seconds."""
DEFAULT_CODE_DIGITS: Final = 6
DEFAULT_CODE_LIFETIME: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode(Credential):
    """A code that is accepted once, until `code_expires_at` (Unix time in seconds).

    The wrong code that locks the factor also invalidates the code.

    The credential contains only a digest of the code, keyed with its own secret. The record lives longer than the code,
    so that the failures still count and a second submission is recognized as a replay.
    """

    code_digits: int
    digest: bytes
    code_expires_at: int

    def __post_init__(self) -> None:
        CODE_DIGITS.check("digits", self.code_digits)
        if len(self.digest) != DIGEST_BYTES:
            raise InvalidValue(f"digest must have {DIGEST_BYTES} bytes")

    @property
    def shape(self) -> str:
        """Return the number of digits of the issued code."""
        return f"must be {self.code_digits} digits"

    def fits(self, code: Code) -> bool:
        """Return whether the code has as many digits as the issued one."""
        return type(code) is Code and len(code.text) == self.code_digits

    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:  # noqa: ARG002 - no HOTP
        """Compare the code.

        After the end of the issued code, the verdict on every code is `EXPIRED`, so it does not help to guess the code.
        Only the replay of an accepted code is still recognized.
        """
        good = compare_digest(keyed_digest(self.secret, code.text), self.digest)
        spent = self.lifecycle.last_used_at is not None
        if good and spent:
            return Reason.REPLAYED
        if now >= self.code_expires_at:
            return Reason.EXPIRED
        return self if good else Reason.WRONG

    def failed(self, failures: Failures, now: int, locks: LockSchedule) -> Self | Tombstone:
        """Return the state after a wrong code. After the one that locks the factor, only the failures remain."""
        if failures.attempts_left(locks):
            # Not `super()`: `slots=True` creates a second class, which the compiled `super()` does not know.
            return Credential.failed(self, failures, now, locks)
        return Tombstone.after(self.id, failures, now)

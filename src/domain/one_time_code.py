"""A random code for a single use, sent to a person."""

from dataclasses import dataclass, replace
from typing import Final

from domain.algorithms import Algorithms
from domain.code import LONGEST_CODE, SHORTEST_CODE, Code
from domain.credential import Credential, Mismatch, Remnant, Vacancy
from domain.failures import FAILURES_BEFORE_LOCK, Failures
from domain.parameters import Range

CODE_DIGITS: Final = Range(SHORTEST_CODE, LONGEST_CODE)
CODE_LIFETIME: Final = Range(30, 3600)
"""Seconds."""
DEFAULT_CODE_DIGITS: Final = 6
DEFAULT_CODE_LIFETIME: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode(Credential):
    """A code that is good once, until `code_expires_at` (Unix time in seconds), and burned by its 5th wrong guess.

    Only a keyed digest of the code is known. The record outlives the code, so that the failures go on counting and a
    second submission can be named a replay.
    """

    code_digits: int
    digest: bytes
    code_expires_at: int

    def __post_init__(self) -> None:
        CODE_DIGITS.check("digits", self.code_digits)

    @property
    def digits(self) -> int:
        """How many digits the code has."""
        return self.code_digits

    def match(self, code: Code, now: int, algorithms: Algorithms) -> Credential | Mismatch:
        """Nothing is guessed against a code that is past: after its end every code is answered alike."""
        good = algorithms.digest.matches(code, self.digest, self.id)
        spent = self.lifecycle.last_used_at is not None
        if good and spent:
            return Mismatch.SPENT
        if now >= self.code_expires_at:
            return Mismatch.EXPIRED
        return replace(self) if good else Mismatch.WRONG

    def failed(self, failures: Failures) -> Remnant:
        """The 5th wrong guess burns the code: only the failures stay."""
        if failures.count < FAILURES_BEFORE_LOCK:
            return replace(self, failures=failures)
        return Vacancy(id=self.id, failures=failures, expires_at=self.lifecycle.expires_at)

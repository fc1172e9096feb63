"""A random code for a single use, sent to a person."""

from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from domain.algorithms import HotpAlgorithm
from domain.code import LONGEST_CODE, SHORTEST_CODE, Code
from domain.credential import Credential, StoredState, Tombstone
from domain.errors import InvalidValue
from domain.failures import FAILURES_BEFORE_LOCK, Failures
from domain.keyed_digest import DIGEST_BYTES, keyed_digest
from domain.parameters import Range
from domain.verdict import Reason

CODE_DIGITS: Final = Range(SHORTEST_CODE, LONGEST_CODE)
CODE_LIFETIME: Final = Range(30, 3600)
"""Seconds."""
DEFAULT_CODE_DIGITS: Final = 6
DEFAULT_CODE_LIFETIME: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode(Credential):
    """A code that is good once, until `code_expires_at` (Unix time in seconds), and burned by its 5th wrong guess.

    Only a digest of the code is known, keyed with the credential's own secret. The record outlives the code, so that
    the failures go on counting and a second submission can be named a replay.
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
        """As many digits as were issued."""
        return f"must be {self.code_digits} digits"

    def fits(self, code: Code) -> bool:
        """Whether it has as many digits."""
        return type(code) is Code and len(code.text) == self.code_digits

    def match(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Credential | Reason:  # noqa: ARG002 - no HOTP here
        """Nothing is guessed against a code that is past: after its end every code is answered alike."""
        good = compare_digest(keyed_digest(self.secret, code.text), self.digest)
        spent = self.lifecycle.last_used_at is not None
        if good and spent:
            return Reason.REPLAYED
        if now >= self.code_expires_at:
            return Reason.EXPIRED
        return self if good else Reason.WRONG

    def failed(self, failures: Failures, now: int) -> StoredState:
        """The 5th wrong guess burns the code: only the failures stay."""
        if failures.count < FAILURES_BEFORE_LOCK:
            # By name: `super()` finds no class in one that slots made anew.
            return Credential.failed(self, failures, now)
        return Tombstone.after(self.id, failures, now)

"""Fakes of the ports for time and randomness."""

import itertools

from domain.code import Code
from domain.recovery_codes import RecoveryCode
from domain.secret import SharedSecret

NOON = 2_237_198_400
"""2040-11-22T12:00:00Z. It is after the clock of a real Redis, so that Redis does not expire the tests' records."""


class FakeClock:
    """A clock that stands still until a test advances it."""

    def __init__(self, now: int = NOON) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def advance(self, seconds: int) -> None:
        self.time += seconds


class FakeRandomness:
    """Predictable values that never repeat."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def secret(self) -> SharedSecret:
        return SharedSecret(f"a predictable {next(self._numbers):06d}".encode())

    def code(self, digits: int) -> Code:
        return Code(f"{next(self._numbers) * 7919 % 10**digits:0{digits}d}")

    def authenticator_suffix(self) -> str:
        return f"{next(self._numbers):010d}"

    def recovery_code(self) -> RecoveryCode:
        return RecoveryCode.parse(f"{next(self._numbers) * 7919:016d}")

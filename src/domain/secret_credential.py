"""What HOTP and TOTP share: a secret, and codes that follow from it and a moving factor."""

from abc import abstractmethod
from dataclasses import dataclass

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Judgement
from domain.parameters import HotpParameters, TotpParameters
from domain.verdict import Locked, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCredential(Credential):
    """A credential whose codes an authenticator computes from a shared secret.

    Attributes:
        label: account name for the authenticator, None for the default.
        issuer: issuer for the authenticator, None for the default.
    """

    parameters: HotpParameters | TotpParameters
    label: str | None = None
    issuer: str | None = None

    @abstractmethod
    def match_pair(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Credential | Reason:
        """The state in which two consecutive codes are spent and both sides agree on the moving factor again."""

    @property
    def digits(self) -> int:
        """How many digits the codes have."""
        return self.parameters.digits

    def resynchronize(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Judgement:
        """Judges two consecutive codes over a far wider range than one code is looked for in.

        Raises:
            MalformedCode: a code has not as many digits as the credential's; nothing is counted.
        """
        first.require(self.digits)
        second.require(self.digits)
        if self.failures.locked(now):
            return Judgement(Locked(self.failures.locked_until), self)
        return self.settle(self.match_pair(first, second, now, algorithm), now)

    def hits(self, code: Code, factors: range, algorithm: HotpAlgorithm) -> list[int]:
        """The moving factors that have this code.

        All are compared, also after a hit: how long it takes says nothing about which one it was.
        """
        return [f for f, good in zip(factors, self._codes(factors, algorithm), strict=True) if code.equals(good)]

    def pair_hits(self, first: Code, second: Code, factors: range, algorithm: HotpAlgorithm) -> list[int]:
        """The moving factors that have the first code and are followed by one that has the second."""
        codes = self._codes(factors, algorithm)
        return [
            factor
            for factor, one, other in zip(factors, codes, codes[1:], strict=False)
            if first.equals(one) & second.equals(other)
        ]

    def _codes(self, factors: range, algorithm: HotpAlgorithm) -> list[str]:
        return algorithm.codes(self.secret, self.parameters.algorithm, self.digits, factors)

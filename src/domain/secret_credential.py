"""What HOTP and TOTP share: a secret, and codes that follow from it and a moving factor."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Judgement, Lifecycle, Status, Tombstone
from domain.errors import AlreadyEnrolled, InvalidSecret, NotEnrolled
from domain.failures import NO_FAILURES
from domain.former_secret import FormerSecret, merged, series_digest
from domain.parameters import HotpParameters, TotpParameters
from domain.verdict import Accepted, Locked, Reason

REPLACEMENT_LIFETIME: Final = 3600
"""Seconds after which a replacement that nobody has confirmed is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCredential(Credential):
    """A credential whose codes an authenticator computes from a shared secret.

    Attributes:
        label: account name for the authenticator, None for the default.
        issuer: issuer for the authenticator, None for the default.
        replacement: a pending credential that takes this one's place with its first accepted code. It lies inside, so
            that the swap is one change of one record.
        former: the former secrets of this factor, the most recent first.
    """

    parameters: HotpParameters | TotpParameters
    label: str | None = None
    issuer: str | None = None
    replacement: "SecretCredential | None" = None
    former: tuple[FormerSecret, ...] = ()

    @abstractmethod
    def match_pair(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Credential | Reason:
        """The state in which two consecutive codes are spent and both sides agree on the moving factor again."""

    @property
    @abstractmethod
    def series(self) -> str:
        """Return the inputs of the codes other than the secret and the moving factor."""

    @abstractmethod
    def as_former(self) -> FormerSecret | None:
        """Return the secret's digest and its last spent moving factor; None if no code is spent."""

    @abstractmethod
    def spent_up_to(self, last: int) -> Self:
        """Return the state in which every moving factor up to `last` is spent."""

    @property
    def digest(self) -> bytes:
        """Return the digest that identifies the secret after it is replaced or removed."""
        return series_digest(self.secret.hmac_key(self.parameters.algorithm), f"{self.id}\0{self.series}")

    def remembered(self, now: int) -> tuple[FormerSecret, ...]:
        """Return the former secrets to remember if this one is replaced or removed at `now`."""
        # A derived secret never returns: each derivation yields a new one.
        own = None if self.secret.derivation is not None else self.as_former()
        return merged(self.former if own is None else (own, *self.former), now)

    def after(self, former: tuple[FormerSecret, ...]) -> Self:
        """Return the state in which the codes that were spent under an equal former secret are spent."""
        last = next((each.last for each in former if each.digest == self.digest), None)
        return self if last is None else self.spent_up_to(last)

    def removed(self, now: int) -> Tombstone | None:
        """Return what must be remembered if the credential is removed; None for nothing."""
        former = self.remembered(now)
        if not former:
            # Not `super()`: a dataclass with slots is a second class, which the compiled `super()` does not know.
            return Credential.removed(self, now)
        return Tombstone.after(self.id, self.failures, now, former, self.expires_at)

    @property
    def digits(self) -> int:
        """How many digits the codes have."""
        return self.parameters.digits

    @property
    def shape(self) -> str:
        """As many digits as both sides have agreed on."""
        return f"must be {self.digits} digits"

    def fits(self, code: Code) -> bool:
        """Whether it has as many digits."""
        return type(code) is Code and len(code.text) == self.parameters.digits

    def resynchronize(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Judgement:
        """Judges two consecutive codes over a far wider range than one code is looked for in.

        Raises:
            MalformedCode: a code has not as many digits as the credential's; nothing is counted.
        """
        self.require(first)
        self.require(second)
        if self.failures.locked(now):
            return Judgement(Locked(self.failures.locked_until), self)
        return self.settle(self.match_pair(first, second, now, algorithm), now)

    def living_replacement(self, now: int) -> "SecretCredential":
        """Raises `NotEnrolled` when there is none, or it was not confirmed in time."""
        replacement = self.replacement
        if replacement is None or (replacement.expires_at is not None and now >= replacement.expires_at):
            raise NotEnrolled
        return replacement

    def with_replacement(self, replacement: "SecretCredential", now: int) -> "SecretCredential":
        """The state with a replacement beside the secret, which goes on working.

        Raises:
            AlreadyEnrolled: this one is itself still pending, or has a replacement that is.
            InvalidSecret: both have the same secret.
        """
        if self.status is Status.PENDING:
            raise AlreadyEnrolled
        if replacement.secret.key == self.secret.key or replacement.digest == self.digest:
            # Its spent codes would be good once more. Keys of different length can have the same codes.
            raise InvalidSecret("must be another secret than the present one")
        try:
            self.living_replacement(now)
        except NotEnrolled:
            return replace(self, replacement=replacement)
        raise AlreadyEnrolled

    def judge_replacement(self, code: Code, now: int, algorithm: HotpAlgorithm) -> Judgement:
        """Judges a code of the replacement, whose first good one swaps the two; wrong ones count as they always do.

        Raises:
            NotEnrolled: there is no replacement.
            MalformedCode: the code has not as many digits as the replacement's; nothing is counted.
        """
        replacement = self.living_replacement(now)
        replacement.require(code)
        if self.failures.locked(now):
            return Judgement(Locked(self.failures.locked_until), self)
        found = replacement.match(code, now, algorithm)
        if not isinstance(found, SecretCredential):
            return self.settle(found, now)
        life = Lifecycle(
            created_at=replacement.lifecycle.created_at,
            expires_at=self.lifecycle.expires_at,
            confirmed_at=now,
            last_used_at=now,
        )
        swapped = replace(found, lifecycle=life, failures=NO_FAILURES, former=self.remembered(now))
        return Judgement(Accepted(), swapped)

    def first_fresh(self, code: Code, factors: Sequence[int], last: int, algorithm: HotpAlgorithm) -> int | Reason:
        """Return the first moving factor after `last` that has this code, or the reason why the code is refused.

        If a spent moving factor has the same digits, the code is a replay: these digits were accepted before. Every
        code is computed and compared, so the duration does not depend on the submitted code.

        Args:
            code: the submitted code.
            factors: spent and fresh moving factors, in ascending order.
            last: the last spent moving factor.
            algorithm: computes the codes.
        """
        codes = self._codes(factors, algorithm)
        hits = [factor for factor, good in zip(factors, codes, strict=True) if code.equals(good)]
        if not hits:
            return Reason.WRONG
        return hits[0] if hits[0] > last else Reason.REPLAYED

    def pair_hits(self, first: Code, second: Code, factors: range, algorithm: HotpAlgorithm) -> list[int]:
        """The moving factors that have the first code and are followed by one that has the second."""
        codes = self._codes(factors, algorithm)
        return [
            factor
            for factor, one, other in zip(factors, codes, codes[1:], strict=False)
            if first.equals(one) & second.equals(other)
        ]

    def _codes(self, factors: Sequence[int], algorithm: HotpAlgorithm) -> list[str]:
        return algorithm.codes(self.secret, self.parameters.algorithm, self.digits, factors)

"""The common part of HOTP and TOTP: a secret, and codes that follow from it and a moving factor."""

import hmac
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from domain.algorithms import HotpAlgorithm
from domain.code import Code
from domain.credential import Credential, Lifecycle, OutcomeOf, Status
from domain.errors import AlreadyEnrolled, InvalidSecret, InvalidValue, NotEnrolled
from domain.failures import NO_FAILURES, LockSchedule
from domain.former_secret import FormerSecret, merged, series_digest
from domain.outcome import AcceptedOutcome, RefusedOutcome
from domain.parameters import HotpParameters, TotpParameters
from domain.tombstone import Tombstone
from domain.verdict import Locked, Reason

REPLACEMENT_LIFETIME: Final = 3600
"""Seconds after which an unconfirmed replacement expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretCredential(Credential):
    """A credential whose codes an authenticator computes from a shared secret.

    Attributes:
        parameters: how the codes are computed and accepted.
        label: account name for the authenticator, None for the default.
        issuer: issuer for the authenticator, None for the default.
        replacement: a pending credential that replaces this one with its first accepted code. It is a part of this
            credential, so that the swap is one change of one record.
        former: the former secrets of this authenticator, the most recent first.
        name: the name by which people distinguish their authenticators, None without one.
    """

    parameters: HotpParameters | TotpParameters
    label: str | None = None
    issuer: str | None = None
    replacement: Self | None = None
    former: tuple[FormerSecret, ...] = ()
    name: str | None = None

    @abstractmethod
    def match_pair(self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm) -> Self | Reason:
        """Return the state in which two consecutive codes are spent and both sides agree on the moving factor again."""

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

    @abstractmethod
    def with_past_codes_spent(self, now: int) -> Self:
        """Return the state in which every code that another system can have accepted up to `now` is spent."""

    def imported(self, now: int) -> Self:
        """Return the state after the secret has come from another system, where a code has confirmed it.

        So no code is accepted by both systems, if the other one accepts none after `now`, Unix time in seconds.
        """
        return replace(self.with_past_codes_spent(now), lifecycle=self.lifecycle.confirmed(now))

    def has_codes_of(self, other: "SecretCredential") -> bool:
        """Return whether both credentials have the same codes."""
        return self.digits == other.digits and hmac.compare_digest(self.digest, other.digest)

    @property
    def digest(self) -> bytes:
        """Return the digest that identifies the codes, for all authenticators of the same owner and factor."""
        owner, factor = self.id.owner, self.id.factor.value
        return series_digest(self.secret.hmac_key(self.parameters.algorithm), f"{owner}/{factor}\0{self.series}")

    def remembered(self, now: int) -> tuple[FormerSecret, ...]:
        """Return the former secrets to remember if this one is replaced or removed at `now`."""
        # A derived secret never returns: each derivation yields a new one.
        own = None if self.secret.derivation is not None else self.as_former()
        return merged(self.former if own is None else (own, *self.former), now)

    def after(self, former: Iterable[FormerSecret]) -> Self:
        """Return the state in which the codes that were spent under an equal former secret are spent."""
        digest = self.digest
        last = max((each.last for each in former if each.digest == digest), default=None)
        return self if last is None else self.spent_up_to(last)

    def removed(self, now: int) -> Tombstone | None:
        """Return the tombstone to store when the credential is removed; None if there is nothing to remember."""
        former = self.remembered(now)
        if not former:
            # Not `super()`: `slots=True` creates a second class, which the compiled `super()` does not know.
            return Credential.removed(self, now)
        return Tombstone.after(self.id, self.failures, now, former, self.expires_at)

    @property
    def digits(self) -> int:
        """Return the number of digits of the codes."""
        return self.parameters.digits

    @property
    def shape(self) -> str:
        """Return the number of digits of the codes, for people."""
        return f"must be {self.digits} digits"

    def fits(self, code: Code) -> bool:
        """Return whether the code has as many digits as this credential's codes."""
        return type(code) is Code and len(code.text) == self.parameters.digits

    def resynchronize(
        self, first: Code, second: Code, now: int, algorithm: HotpAlgorithm, locks: LockSchedule
    ) -> OutcomeOf[Self]:
        """Judge two consecutive codes over a far wider range than one code.

        Raises:
            MalformedCode: a code does not have as many digits as this credential's codes; nothing is counted.
        """
        self.require_shape(first)
        self.require_shape(second)
        if self.failures.locked(now):
            return RefusedOutcome(Locked(self.failures.locked_until), self)
        return self.outcome_of(self.match_pair(first, second, now, algorithm), now, locks)

    def unexpired_replacement(self, now: int) -> Self:
        """Return the replacement. Raise `NotEnrolled` if there is none or it has expired at `now`."""
        replacement = self.replacement
        if replacement is None or (replacement.expires_at is not None and now >= replacement.expires_at):
            raise NotEnrolled
        return replacement

    def with_replacement(self, replacement: "SecretCredential", now: int) -> Self:
        """Return the state with a replacement. The current secret stays valid until the replacement is confirmed.

        Raises:
            InvalidValue: the replacement is of another factor.
            AlreadyEnrolled: this credential is pending, or has an unexpired replacement.
            InvalidSecret: both have the same secret.
        """
        if not isinstance(replacement, type(self)):
            raise InvalidValue("a replacement must be of the same factor")
        if self.status is Status.PENDING:
            raise AlreadyEnrolled
        if replacement.secret.key == self.secret.key or replacement.digest == self.digest:
            # Spent codes would be accepted once more. Keys of different length can have the same codes.
            raise InvalidSecret("must differ from the current secret")
        try:
            self.unexpired_replacement(now)
        except NotEnrolled:
            return replace(self, replacement=replacement)
        raise AlreadyEnrolled

    def judge_replacement(self, code: Code, now: int, algorithm: HotpAlgorithm, locks: LockSchedule) -> OutcomeOf[Self]:
        """Judge a code of the replacement. An accepted code swaps the two; a wrong one counts like any other.

        Raises:
            NotEnrolled: there is no replacement.
            MalformedCode: the code does not have as many digits as the replacement's codes; nothing is counted.
        """
        replacement = self.unexpired_replacement(now)
        replacement.require_shape(code)
        if self.failures.locked(now):
            return RefusedOutcome(Locked(self.failures.locked_until), self)
        match = replacement.match(code, now, algorithm)
        if isinstance(match, Reason):
            return self.outcome_of(match, now, locks)
        lifecycle = Lifecycle(
            created_at=replacement.lifecycle.created_at,
            expires_at=self.lifecycle.expires_at,
            confirmed_at=now,
            last_used_at=now,
        )
        swapped = replace(match, lifecycle=lifecycle, failures=NO_FAILURES, former=self.remembered(now), name=self.name)
        return AcceptedOutcome(swapped)

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
        """Return the moving factors that have the first code and whose successor has the second code."""
        codes = self._codes(factors, algorithm)
        return [
            factor
            for factor, one, other in zip(factors, codes, codes[1:], strict=False)
            if first.equals(one) & second.equals(other)
        ]

    def _codes(self, factors: Sequence[int], algorithm: HotpAlgorithm) -> list[str]:
        return algorithm.codes(self.secret, self.parameters.algorithm, self.digits, factors)

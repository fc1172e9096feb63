"""The rules that concern all HOTP and TOTP authenticators of an owner together."""

from collections.abc import Iterable, Sequence
from typing import Final

from domain.characters import is_blank, is_line
from domain.credential import Status
from domain.errors import DuplicateSecret, InvalidValue, NotEnrolled, SameSecretEnrolled, TooManyAuthenticators
from domain.failures import NO_FAILURES, Failures
from domain.former_secret import FormerSecret
from domain.owner import CredentialId, Factor
from domain.secret_credential import SecretCredential
from domain.stored_state import StoredState
from domain.tombstone import Tombstone

MOST_AUTHENTICATORS: Final = 10
"""HOTP and TOTP authenticators of one owner, pending ones included."""
AUTHENTICATOR_FACTORS: Final = frozenset({Factor.TOTP, Factor.HOTP})
LONGEST_AUTHENTICATOR_NAME: Final = 64
"""Characters."""
_SLACK: Final = 60
"""Seconds for which an expired replacement still counts: another instance may be accepting its first code."""


def check_authenticator_name(text: str) -> str:
    """Return the name of an authenticator unchanged. Raise `InvalidValue` if people could not read it."""
    if not 1 <= len(text) <= LONGEST_AUTHENTICATOR_NAME:
        raise InvalidValue(f"must have 1 to {LONGEST_AUTHENTICATOR_NAME} characters")
    if not is_line(text):
        raise InvalidValue("must have no line break, control character or mark that changes the direction of the text")
    if is_blank(text):
        raise InvalidValue("must have a visible character")
    return text


class Authenticators:
    """The states of an owner's HOTP and TOTP authenticators at one moment, removed ones included.

    Args:
        states: the states; those of other factors are ignored.
        now: Unix time in seconds.
        unreadable: further credentials, whose states are unreadable.
    """

    def __init__(self, states: Iterable[StoredState], now: int, unreadable: Iterable[CredentialId] = ()) -> None:
        self._states = [state for state in states if state.id.factor in AUTHENTICATOR_FACTORS]
        self._now = now
        self._unreadable = sum(each.factor in AUTHENTICATOR_FACTORS for each in unreadable)

    def require_room(self) -> None:
        """Raise `TooManyAuthenticators` if the owner has as many authenticators as allowed."""
        enrolled = sum(isinstance(state, SecretCredential) for state in self._states)
        if enrolled + self._unreadable >= MOST_AUTHENTICATORS:
            raise TooManyAuthenticators(f"an account has at most {MOST_AUTHENTICATORS} authenticators")

    def require_new_secret(self, credential: SecretCredential) -> None:
        """Raise `DuplicateSecret` if another authenticator, or its replacement, computes the codes of the credential.

        The number of digits makes no difference: the code of six digits is the end of the code of eight digits.

        Raises:
            SameSecretEnrolled: the other authenticator is confirmed and has as many digits.
        """
        digest = credential.digest
        for state in self._of(credential.id.factor):
            if isinstance(state, SecretCredential) and state.id != credential.id:
                if state.status is Status.CONFIRMED and state.has_codes_of(credential):
                    raise SameSecretEnrolled(state.id.authenticator)
                if any(each.digest == digest for each in self._secrets_of(state)):
                    raise DuplicateSecret(state.id.authenticator)

    def former_secrets(self, factor: Factor) -> list[FormerSecret]:
        """Return the former secrets of all authenticators of a factor."""
        return [secret for state in self._of(factor) for secret in state.former]

    def inherited_failures(self, factor: Factor) -> Failures:
        """Return the failures of a new authenticator: the strictest of all removed ones of its factor.

        Without them, a removal would reset the number of guesses that are left.
        """
        failures = NO_FAILURES
        for state in self._of(factor):
            if isinstance(state, Tombstone):
                failures = failures.stricter(state.failures)
        return failures

    def _of(self, factor: Factor) -> "Sequence[SecretCredential | Tombstone]":
        return [
            state
            for state in self._states
            if state.id.factor is factor and isinstance(state, SecretCredential | Tombstone)
        ]

    def _secrets_of(self, state: SecretCredential) -> list[SecretCredential]:
        try:
            return [state, state.unexpired_replacement(self._now - _SLACK)]
        except NotEnrolled:
            return [state]

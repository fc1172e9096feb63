"""All kinds of credentials, and all states that a store can hold for a credential.

Both unions are closed. A `match` over one of them ends with `assert_never`, so that the type checker reports every
`match` that lacks a new kind.
"""

from domain.credential import OutcomeOf
from domain.failures import NO_FAILURES, Failures
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.recovery_codes import RecoveryCodes
from domain.tombstone import Tombstone
from domain.totp import TotpCredential

AnySecretCredential = HotpCredential | TotpCredential
"""The credentials whose codes an authenticator computes."""
AnyCredential = AnySecretCredential | OneTimeCode | RecoveryCodes
StoredState = AnyCredential | Tombstone
Outcome = OutcomeOf[AnyCredential]
"""The outcome of judging a code by a stored state."""


def unexpired(state: StoredState | None, now: int) -> StoredState | None:
    """Return the state that is in effect at `now`, Unix time in seconds; None if it has expired.

    A store that removes expired states late must not extend their life.
    """
    if state is None or (state.expires_at is not None and now >= state.expires_at):
        return None
    return state.at(now) if isinstance(state, Tombstone) else state


def inherited_failures(state: StoredState | None) -> Failures:
    """Return the failures that a new credential inherits from the stored state."""
    return NO_FAILURES if state is None else state.failures

"""The decision about one imported state, which follows from the states that its account has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from application.optimistic_update import OwnerChange
from application.ports.stores import OwnerCredentials
from domain.authenticators import AUTHENTICATOR_FACTORS, Authenticators
from domain.credential import Credential, Status
from domain.errors import AlreadyEnrolled, DuplicateSecret, InvalidValue, SameSecretEnrolled
from domain.hotp import HotpCredential
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId
from domain.recovery_codes import RecoveryCodes
from domain.secret_credential import SecretCredential
from domain.stored_state import AnySecretCredential, StoredState, unexpired
from domain.tombstone import Tombstone
from domain.totp import TotpCredential


class ImportOutcome(StrEnum):
    """The outcomes of importing one record."""

    IMPORTED = "imported"
    PRESENT = "present"
    """The account has this credential already, or the record has expired. Nothing was changed."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ImportDecision:
    """A decision: the outcome, and the state that was imported; None if nothing changes."""

    outcome: ImportOutcome
    state: StoredState | None = None


_PRESENT = OwnerChange(ImportDecision(ImportOutcome.PRESENT), {})


def decide(new: StoredState, suffix: str, credentials: OwnerCredentials, now: int) -> OwnerChange[ImportDecision]:
    """Decide whether a state is imported.

    Args:
        new: the state, as if the account had no other states.
        suffix: the suffix that an authenticator gets if another one has its id.
        credentials: the states that the account has.
        now: Unix time in seconds.

    Raises:
        AlreadyEnrolled: the account has other recovery codes, or has the secret with other parameters.
        TooManyAuthenticators: the account has as many authenticators as allowed.
        UnreadableRecord: a state of this factor is unreadable, and could be the same.
    """
    credentials.require_readable(new.id.factor)
    if unexpired(new, now) is None:
        return _PRESENT
    states = credentials.states(now)
    match new:
        case HotpCredential() | TotpCredential():
            authenticators = Authenticators(states.values(), now, credentials.unreadable)
            return _authenticator(new, suffix, states.get(new.id), authenticators)
        case RecoveryCodes():
            return _recovery_codes(new, states.get(new.id))
        case Tombstone():
            return _tombstone(new, states, now)
        case OneTimeCode():
            raise InvalidValue("one-time codes can't be imported")
        case _:
            assert_never(new)


def _authenticator(
    new: AnySecretCredential, suffix: str, stored: StoredState | None, authenticators: Authenticators
) -> OwnerChange[ImportDecision]:
    if isinstance(stored, SecretCredential):
        counts = stored.status is Status.CONFIRMED or new.status is Status.PENDING
        if counts and stored.has_codes_of(new):
            return _PRESENT
        # An account's first authenticator of a kind has the id of its factor; all others have ids of their own.
        new, stored = replace(new, id=replace(new.id, suffix=suffix)), None
    try:
        authenticators.require_new_secret(new)
    except SameSecretEnrolled:
        return _PRESENT
    except DuplicateSecret:
        if new.status is Status.PENDING:
            return _PRESENT
        raise
    authenticators.require_room()
    failures = new.failures.stricter(authenticators.inherited_failures(new.id.factor))
    former = (*new.former, *stored.former) if isinstance(stored, Tombstone) else new.former
    spent = new.after(authenticators.former_secrets(new.id.factor))
    return _imported(replace(spent, failures=failures, former=former))


def _tombstone(new: Tombstone, states: Mapping[CredentialId, StoredState], now: int) -> OwnerChange[ImportDecision]:
    """Add the failures and the former secrets to those that the account has."""
    stored = states.get(new.id)
    if new.id.factor in AUTHENTICATOR_FACTORS and (new.id.suffix or isinstance(stored, Credential)):
        new = replace(new, id=new.id.removed)
        stored = states.get(new.id)
    if stored is None:
        return _imported(new)
    if not isinstance(stored, Tombstone):
        # One-time codes and recovery codes have failures of their own, and no former secrets.
        return _PRESENT
    joined = stored.joined(new, now)
    return _PRESENT if joined == stored else _imported(joined)


def _recovery_codes(new: RecoveryCodes, stored: StoredState | None) -> OwnerChange[ImportDecision]:
    if isinstance(stored, RecoveryCodes) and stored.digests == new.digests:
        return _PRESENT
    if isinstance(stored, Credential):
        raise AlreadyEnrolled("the account has other recovery codes")
    return _imported(new if stored is None else replace(new, failures=new.failures.stricter(stored.failures)))


def _imported(state: StoredState) -> OwnerChange[ImportDecision]:
    return OwnerChange(ImportDecision(ImportOutcome.IMPORTED, state), {state.id: state})

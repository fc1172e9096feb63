"""The states that follow from the records of an imported file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from application.enrolment import EnrolRequest, build
from application.ports.migration import ImportedAuthenticator, ImportedState
from domain.credential import Lifecycle, Status
from domain.errors import InvalidSecret, InvalidValue
from domain.failures import NO_FAILURES
from domain.former_secret import merged
from domain.one_time_code import OneTimeCode
from domain.owner import Owner
from domain.recovery_codes import RecoveryCodes
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.stored_state import AnySecretCredential, StoredState
from domain.tombstone import Tombstone

_NOT_STORED: Final = Lifecycle(created_at=0, expires_at=None)
"""The lifecycle of a credential that comes from another system, until it is stored."""


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A request to import a file.

    Attributes:
        tenant: the tenant of all accounts.
        accounts: the account by serial number, or by account name for records without one. None to use the account of
            the record. A record that a map lacks is refused.
        accept_weak: whether to accept secrets of 80 to 127 bits.
        dry_run: whether to change nothing. Each record is compared with the store, but not with other records.
    """

    tenant: str
    accounts: Mapping[str, str] | None = None
    accept_weak: bool = False
    dry_run: bool = False


def candidate_of(request: ImportRequest, record: ImportedAuthenticator | ImportedState) -> StoredState:
    """Return the state of a record, under the id that it gets. Raise `DomainError`."""
    match record:
        case ImportedAuthenticator():
            return _credential(request, record)
        case ImportedState():
            return _moved(request, record.state)
        case _:
            assert_never(record)


def _credential(request: ImportRequest, record: ImportedAuthenticator) -> AnySecretCredential:
    secret = _secret(record.secret)
    _check_strength(request, secret)
    enrolment = EnrolRequest(
        owner=_owner(request, record.serial or record.account, record.account),
        lifetime=None,
        parameters=record.parameters,
        initial_counter=record.counter,
        label=record.label,
        issuer=record.issuer,
        secret=secret,
        confirmed=True,
        drift=record.drift,
    )
    return build(enrolment, secret, _NOT_STORED, NO_FAILURES)


def _moved(request: ImportRequest, state: StoredState) -> StoredState:
    """Return the state as a state of the account to which it is imported.

    The digests of former secrets depend on the owner. Under another owner, they recognize no secret. A replacement is
    left out, because it is pending and expires within an hour.
    """
    if isinstance(state, OneTimeCode):
        raise InvalidValue("one-time codes can't be imported, because a copy would be accepted twice")
    if isinstance(state, SecretCredential):
        _check_strength(request, state.secret)
    account = state.id.owner.account
    credential_id = replace(state.id, owner=_owner(request, account, account))
    if isinstance(state, SecretCredential):
        return replace(state, id=credential_id, replacement=None)
    return replace(state, id=credential_id)


def _owner(request: ImportRequest, key: str | None, account: str | None) -> Owner:
    if request.accounts is not None:
        account = request.accounts.get(key or "")
        if account is None:
            raise InvalidValue("the map has no account for this record")
    if account is None:
        raise InvalidValue("the record has neither account nor label nor serial number, from which the account follows")
    try:
        return Owner.of_account(request.tenant, account)
    except InvalidValue as error:
        raise InvalidValue(f"the id of the account {error}") from None


def _secret(key: bytes) -> SharedSecret:
    try:
        return SharedSecret.accepting_weak(key)
    except InvalidSecret as error:
        raise InvalidSecret(f"the secret {error}") from None


def _check_strength(request: ImportRequest, secret: SharedSecret) -> None:
    if secret.weak and not request.accept_weak:
        bits = len(secret.key) * 8
        raise InvalidSecret(
            f"the secret has {bits} bits, and secrets of less than 128 bits must be accepted explicitly"
        )


def taken_over(state: StoredState, now: int) -> StoredState:
    """Return the state at `now`, in which every code that the other system can have accepted is spent."""
    if not isinstance(state, SecretCredential):
        return state
    if state.lifecycle is _NOT_STORED:
        return replace(state, lifecycle=Lifecycle.starting(now, None)).imported(now)
    return state.with_past_codes_spent(now)


def has_content_of(present: StoredState | None, new: StoredState) -> bool:
    """Return whether the stored state makes the import of the new one unnecessary."""
    match new:
        case Tombstone():
            # The present state has its own failures, or those of the tombstone after a former run.
            return present is not None
        case RecoveryCodes():
            return isinstance(present, RecoveryCodes) and present.digests == new.digests
        case SecretCredential():
            if not isinstance(present, SecretCredential) or not present.has_codes_of(new):
                return False
            return present.status is Status.CONFIRMED or new.status is Status.PENDING
        case _:
            return False


def after(new: StoredState, tombstone: StoredState, now: int) -> StoredState:
    """Return the new credential with the failures and the former secrets of the tombstone that it replaces."""
    failures = max(new.failures, tombstone.failures, key=lambda each: (each.locked_until, each.count))
    if not isinstance(new, SecretCredential) or not isinstance(tombstone, Tombstone):
        return replace(new, failures=failures)
    former = merged((*new.former, *tombstone.former), now)
    return replace(new.after(tombstone.former), failures=failures, former=former)

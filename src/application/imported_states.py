"""The states that follow from the records of an imported file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from application.enrolment import EnrolRequest, build
from application.ports.migration import ImportedAuthenticator, ImportedState
from domain.authenticators import check_authenticator_name
from domain.credential import Lifecycle
from domain.errors import InvalidSecret, InvalidValue
from domain.failures import NO_FAILURES
from domain.former_secret import REACH
from domain.one_time_code import OneTimeCode
from domain.owner import Owner
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.stored_state import AnySecretCredential, StoredState
from domain.totp import TotpCredential


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


def state_at(request: ImportRequest, record: ImportedAuthenticator | ImportedState, now: int) -> StoredState:
    """Return the state of a record at `now`, Unix time in seconds, as if the account had no other states.

    Every code that the other system can have accepted is spent.

    Raises:
        InvalidSecret: the secret is too short or too long, or weak although the request does not accept that.
        InvalidValue: the record has no valid account, or a value is out of range.
    """
    match record:
        case ImportedAuthenticator():
            return _confirmed(request, record, now)
        case ImportedState():
            state = _moved(request, record.state)
            if isinstance(state, TotpCredential) and state.last_step > now // state.parameters.interval + REACH:
                # Every code up to that step would be refused, for years if the number is wrong.
                raise InvalidValue("the last time step is too far in the future: check the clocks of both systems")
            return state.with_past_codes_spent(now) if isinstance(state, SecretCredential) else state
        case _:
            assert_never(record)


def _confirmed(request: ImportRequest, record: ImportedAuthenticator, now: int) -> AnySecretCredential:
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
        name=_name(record),
    )
    return build(enrolment, secret, Lifecycle.starting(now, None), NO_FAILURES).imported(now)


def _moved(request: ImportRequest, state: StoredState) -> StoredState:
    """Return the state as a state of the account to which it is imported.

    The digests of former secrets depend on the owner. Under another owner, they recognize no secret. A replacement is
    left out, because it is pending and expires within an hour.
    """
    if isinstance(state, OneTimeCode):
        raise InvalidValue("one-time codes can't be imported, because a copy would be accepted twice")
    account = state.id.owner.account
    credential_id = replace(state.id, owner=_owner(request, account, account))
    if isinstance(state, SecretCredential):
        _check_strength(request, state.secret)
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


def _name(record: ImportedAuthenticator) -> str | None:
    """Return the name of an authenticator. The serial number of a token tells its owner which one it is."""
    for text in (record.name, record.serial):
        try:
            return check_authenticator_name(text or "")
        except InvalidValue:
            continue
    return None


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

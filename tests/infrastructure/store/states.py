"""Stored states of every kind, for the contract tests of credentials."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from application.ports.stores import Revision
from domain.credential import Lifecycle
from domain.failures import Failures
from domain.hotp import HotpCredential
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.store import Store
from tests.infrastructure.redis.callers import SECRET, code
from tests.support.fakes import NOON

HOUR: Final = 3600


def hotp(credential_id: CredentialId, counter: int = 0, expires_at: int | None = None) -> HotpCredential:
    """Return a pending HOTP credential."""
    return HotpCredential(
        id=credential_id,
        lifecycle=Lifecycle(created_at=NOON, expires_at=expires_at),
        secret=SECRET,
        parameters=HotpParameters(),
        counter=counter,
        initial_counter=0,
    )


def put(store: Store, state: StoredState) -> Revision:
    """Commit a state where nothing is stored, and return the revision to commit the next state against."""
    assert store.credentials.commit(state.id, store.credentials.load(state.id).revision, state) is None
    return store.credentials.load(state.id).revision


def states(credential_id: CredentialId) -> dict[str, StoredState]:
    """Return one state of each kind. No field has its default."""
    owner = credential_id.owner
    life = Lifecycle(created_at=NOON - 9, expires_at=NOON + HOUR, confirmed_at=NOON - 8, last_used_at=NOON - 7)
    failures = Failures(count=6, locked_until=NOON + 60)
    return {
        "hotp": HotpCredential(
            id=CredentialId(owner, Factor.HOTP),
            lifecycle=life,
            failures=failures,
            secret=SECRET,
            parameters=HotpParameters(HashAlgorithm.SHA512, 8, 50),
            counter=2**63,
            initial_counter=7,
            label="Ünïcode 🔑",
            issuer="Open-MFA",
        ),
        "totp": TotpCredential(
            id=CredentialId(owner, Factor.TOTP),
            lifecycle=life,
            failures=failures,
            secret=SECRET,
            parameters=TotpParameters(HashAlgorithm.SHA256, 7, 15, 10),
            last_step=NOON // 15,
            drift=-3,
            label="label",
            issuer="issuer",
        ),
        "otp": OneTimeCode(
            id=CredentialId(owner, Factor.OTP),
            lifecycle=life,
            failures=failures,
            code_digits=10,
            secret=SECRET,
            digest=keyed_digest(SECRET, code(0).text),
            code_expires_at=NOON + 30,
        ),
        "tombstone": Tombstone(id=credential_id, failures=failures, expires_at=NOON + HOUR),
        "tombstone without end": Tombstone(id=credential_id, failures=failures, expires_at=None),
    }


def pending(credential_id: CredentialId, expires_at: int | None) -> HotpCredential:
    return hotp(credential_id, expires_at=expires_at)


def confirmed(credential_id: CredentialId, expires_at: int | None) -> HotpCredential:
    credential = pending(credential_id, expires_at)
    return replace(credential, counter=1, lifecycle=replace(credential.lifecycle, confirmed_at=NOON))


def replaced(credential_id: CredentialId, expires_at: int | None) -> HotpCredential:
    return replace(confirmed(credential_id, expires_at), replacement=pending(credential_id, NOON + HOUR))


def tombstone(credential_id: CredentialId, expires_at: int | None) -> Tombstone:
    return Tombstone(id=credential_id, failures=Failures(count=6, locked_until=NOON + 60), expires_at=expires_at)


STATES: dict[str, Callable[[CredentialId, int | None], StoredState]] = {
    "pending": pending,
    "confirmed": confirmed,
    "with a replacement": replaced,
    "failures left behind": tombstone,
}


ENDS: Final = (None, NOON + 10, NOON + HOUR)

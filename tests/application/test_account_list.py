"""The list of the accounts of a tenant: which accounts it contains, and what it tells about them."""

from dataclasses import replace

import pytest

from application.account_list import AccountSummary, ListAccounts
from application.ports.stores import AccountsPart, OwnerCredentials, Snapshot
from domain.credential import Lifecycle
from domain.failures import Failures
from domain.owner import CredentialId, Factor
from domain.secret import SharedSecret
from domain.stored_state import AnySecretCredential, StoredState
from domain.tombstone import Tombstone
from tests.domain.examples import ALICE, hotp, one_time_code, recovery_codes, totp
from tests.support.fakes import NOON, FakeClock
from tests.support.memory_repository import MemoryRevision

LOCKED = Failures(5, NOON + 30)
WEAK = SharedSecret.accepting_weak(bytes(10))


class Directory:
    """Has one account with these states."""

    def __init__(self, *states: StoredState, unreadable: frozenset[CredentialId] = frozenset()) -> None:
        snapshots = {state.id: Snapshot(state, MemoryRevision(1)) for state in states}
        self._part = AccountsPart({ALICE: OwnerCredentials(snapshots, MemoryRevision(0), unreadable)}, "next")
        self.calls: list[tuple[str, str | None, int]] = []

    def accounts(self, tenant: str, cursor: str | None, limit: int) -> AccountsPart:
        self.calls.append((tenant, cursor, limit))
        return self._part


def confirmed(credential: AnySecretCredential) -> AnySecretCredential:
    return replace(credential, lifecycle=replace(credential.lifecycle, confirmed_at=NOON))


def listed(*states: StoredState, unreadable: frozenset[CredentialId] = frozenset()) -> AccountSummary | None:
    page = ListAccounts(Directory(*states, unreadable=unreadable), FakeClock()).execute("shop", None, 1)
    return page.accounts[0] if page.accounts else None


def summary(
    authenticators: int = 0, *, locked: bool = False, weak: bool = False, unreadable: bool = False
) -> AccountSummary:
    return AccountSummary(ALICE.account or "", authenticators, locked, weak, unreadable)


def test_the_page_is_the_part_at_the_cursor() -> None:
    directory = Directory(totp())
    page = ListAccounts(directory, FakeClock()).execute("shop", "cursor", 7)
    assert directory.calls == [("shop", "cursor", 7)]
    assert page.next == "next"


@pytest.mark.parametrize("state", [hotp(), totp(), one_time_code(), recovery_codes()], ids=lambda each: each.id.factor)
def test_an_account_with_any_credential_is_listed(state: StoredState) -> None:
    assert listed(state) == summary()


def test_only_confirmed_authenticators_count() -> None:
    assert listed(totp(), hotp(), recovery_codes()) == summary(0)
    assert listed(confirmed(totp()), hotp(), recovery_codes()) == summary(1)
    assert listed(confirmed(totp()), confirmed(hotp()), one_time_code()) == summary(2)


def test_an_account_with_nothing_but_a_tombstone_is_not_listed() -> None:
    tombstone = Tombstone(id=CredentialId(ALICE, Factor.TOTP), failures=LOCKED, expires_at=NOON + 900)
    assert listed(tombstone) is None


def test_a_tombstone_does_not_lock_the_account() -> None:
    tombstone = Tombstone(id=CredentialId(ALICE, Factor.TOTP), failures=LOCKED, expires_at=NOON + 900)
    assert listed(tombstone, confirmed(hotp())) == summary(1)


def test_an_expired_credential_is_not_listed() -> None:
    assert listed(replace(totp(), lifecycle=Lifecycle(created_at=NOON - 60, expires_at=NOON))) is None


@pytest.mark.parametrize(
    "state",
    [hotp(failures=LOCKED), totp(failures=LOCKED), one_time_code(failures=LOCKED), recovery_codes(failures=LOCKED)],
    ids=lambda each: each.id.factor,
)
def test_a_locked_credential_locks_the_account(state: StoredState) -> None:
    assert listed(state) == summary(locked=True)


def test_a_past_lock_is_no_lock() -> None:
    assert listed(totp(failures=Failures(5, NOON))) == summary()


@pytest.mark.parametrize("make", [hotp, totp])
def test_a_confirmed_weak_secret_makes_the_account_weak(make: type[AnySecretCredential]) -> None:
    assert listed(confirmed(make(secret=WEAK))) == summary(1, weak=True)
    assert listed(confirmed(make(secret=SharedSecret(bytes(16))))) == summary(1)


def test_an_account_with_nothing_but_an_unreadable_record_is_listed() -> None:
    assert listed(unreadable=frozenset({totp().id})) == summary(unreadable=True)


def test_the_readable_records_beside_an_unreadable_one_are_described() -> None:
    assert listed(confirmed(hotp(failures=LOCKED)), unreadable=frozenset({totp().id})) == summary(
        1, locked=True, unreadable=True
    )

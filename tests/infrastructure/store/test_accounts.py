"""The contract of the account directory: a walk from the first part to the end finds every account of the tenant."""

import base64
import secrets
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import InvalidCursor
from application.ports.stores import AccountsPart
from domain.owner import CredentialId, Factor, Owner
from domain.tombstone import Tombstone
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.store import Store
from tests.infrastructure.store.rig import Rig
from tests.infrastructure.store.states import hotp, put, states
from tests.support.account_ids import ALPHABET

LIMITS = [1, 2, 3, 7, 40, 500]


@pytest.fixture
def tenant() -> str:
    """A tenant of this test only."""
    return f"t{secrets.token_hex(6)}"


def add(store: Store, tenant: str, *names: str) -> set[Owner]:
    """Store a credential for each account."""
    owners = {Owner.of_account(tenant, name) for name in names}
    for owner in owners:
        put(store, hotp(CredentialId(owner, Factor.HOTP)))
    return owners


def parts(store: Store, tenant: str, limit: int) -> Iterator[AccountsPart]:
    cursor = None
    for number in count():
        assert number < 10_000, "the walk does not end"
        part = store.accounts.accounts(tenant, cursor, limit)
        yield part
        cursor = part.next
        if cursor is None:
            return


def walk(store: Store, tenant: str, limit: int) -> list[Owner]:
    return [owner for part in parts(store, tenant, limit) for owner in part.credentials]


def test_a_tenant_without_accounts_has_an_empty_list(store: Store, tenant: str) -> None:
    assert walk(store, tenant, 500) == []


@pytest.mark.parametrize("limit", LIMITS)
def test_a_walk_finds_every_account(store: Store, tenant: str, limit: int) -> None:
    owners = add(store, tenant, *(f"user-{number}" for number in range(60)))
    assert set(walk(store, tenant, limit)) == owners


@pytest.mark.parametrize("limit", LIMITS)
def test_no_part_is_larger_than_the_limit_or_repeats_an_account_in_itself(
    store: Store, tenant: str, limit: int
) -> None:
    for owner in add(store, tenant, *(f"user-{number}" for number in range(60))):
        put(store, states(CredentialId(owner, Factor.TOTP))["totp"])
    assert max(len(part.credentials) for part in parts(store, tenant, limit)) <= limit


@pytest.mark.parametrize("limit", [1, 500])
def test_an_account_comes_with_all_its_states(store: Store, tenant: str, limit: int) -> None:
    (owner,) = add(store, tenant, "alice")
    put(store, states(CredentialId(owner, Factor.TOTP))["totp"])
    (found, *_) = [part.credentials for part in parts(store, tenant, limit) if part.credentials]
    assert found == {owner: store.credentials.load_all(owner)}
    assert {each.factor for each in found[owner].snapshots} == {Factor.HOTP, Factor.TOTP}


@pytest.mark.parametrize("limit", [1, 40])
def test_no_account_of_another_tenant_is_found(store: Store, tenant: str, limit: int) -> None:
    others = [f"{tenant}2", tenant[:-1], f"{tenant}-x", f"{tenant}."]
    for each in others:
        add(store, each, *(f"user-{number}" for number in range(10)), f"{tenant}:user")
    owners = add(store, tenant, "alice", f"{others[0]}:user-1", "account:x", "a:b:c")
    assert set(walk(store, tenant, limit)) == owners


def test_any_character_of_an_id_is_found(store: Store, tenant: str) -> None:
    owners = add(store, tenant, *(set(ALPHABET) - {"."}), *(f"{each}x{each}" for each in ALPHABET))
    assert set(walk(store, tenant, 50)) == owners


@pytest.mark.parametrize("limit", [1, 5, 50])
def test_accounts_that_come_and_go_hide_no_other(store: Store, tenant: str, limit: int) -> None:
    owners = add(store, tenant, *(f"user-{number}" for number in range(60)))
    passing = iter(add(store, tenant, *(f"passing-{number}" for number in range(60))))
    found: set[Owner] = set()
    for number, part in enumerate(parts(store, tenant, limit)):
        found |= set(part.credentials)
        if number < 60:
            add(store, tenant, f"new-{number}")
            store.credentials.forget(next(passing))
    assert owners <= found


def test_a_tombstone_is_a_state(store: Store, tenant: str) -> None:
    owner = Owner.of_account(tenant, "alice")
    put(store, states(CredentialId(owner, Factor.HOTP))["tombstone without end"])
    ((found,),) = [part.credentials.values() for part in parts(store, tenant, 500) if part.credentials]
    assert isinstance(found.snapshots[CredentialId(owner, Factor.HOTP)].state, Tombstone)


def test_unreadable_records_do_not_end_the_walk(rig: Rig, tenant: str) -> None:
    owners = add(rig.store, tenant, *(f"user-{number}" for number in range(20)))
    other = rig.reopen(KeyRing((EncryptionKey("other", bytes(32)),)))
    found = {owner: each for part in parts(other, tenant, 7) for owner, each in part.credentials.items()}
    assert set(found) == owners
    assert {owner: each.unreadable for owner, each in found.items()} == {
        owner: {CredentialId(owner, Factor.HOTP)} for owner in owners
    }


def first_cursor(store: Store, tenant: str) -> str:
    add(store, tenant, *(f"user-{number}" for number in range(10)))
    cursor = store.accounts.accounts(tenant, None, 1).next
    assert cursor is not None
    return cursor


def test_a_cursor_is_invalid_for_another_tenant(store: Store, tenant: str) -> None:
    cursor = first_cursor(store, tenant)
    with pytest.raises(InvalidCursor):
        store.accounts.accounts(f"{tenant}2", cursor, 1)


def test_a_cursor_reveals_nothing(store: Store, tenant: str) -> None:
    """The same position has another cursor each time, of the same length."""
    add(store, tenant, *(f"user-{number}" for number in range(10)))
    cursors = [store.accounts.accounts(tenant, None, 1).next for _ in range(8)]
    assert len(set(cursors)) == 8
    assert len({len(each or "") for each in cursors}) == 1
    for each in cursors:
        content = base64.urlsafe_b64decode(f"{each}===")
        assert tenant.encode() not in content
        assert b"user" not in content


def test_a_cursor_has_only_one_spelling(store: Store, tenant: str) -> None:
    """A lenient decoder of base64 ignores other characters, padding and the last bits."""
    cursor = first_cursor(store, tenant)
    same = [f"{cursor}!!!!", f"\n\n\n\n{cursor}", f"{cursor}==", f"{cursor[:9]}~~~~{cursor[9:]}"]
    same += [cursor[:-1] + chr(ord(cursor[-1]) + 1), cursor[:-1] + chr(ord(cursor[-1]) - 1)]
    for each in same:
        with pytest.raises(InvalidCursor):
            store.accounts.accounts(tenant, each, 1)


def test_no_other_text_is_a_cursor(store: Store, tenant: str) -> None:
    cursor = first_cursor(store, tenant)
    changed = st.tuples(st.integers(0, len(cursor) - 1), st.sampled_from("Ab0-_=+/! \n\u00e9")).map(
        lambda each: cursor[: each[0]] + each[1] + cursor[each[0] + 1 :]
    )
    added = st.text(min_size=1, max_size=3).flatmap(lambda more: st.sampled_from([cursor + more, more + cursor]))
    shortened = st.integers(0, len(cursor) - 1).map(lambda end: cursor[:end])

    @given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*", fullmatch=True) | changed | added | shortened)
    def refuse(text: str) -> None:
        if text != cursor:
            with pytest.raises(InvalidCursor):
                store.accounts.accounts(tenant, text, 1)

    refuse()

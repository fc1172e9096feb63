"""The item of an owner: keys, sizes, expiry and damage."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import UnreadableRecord
from domain.credential import Lifecycle
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HashAlgorithm, TotpParameters
from domain.recovery_codes import RecoveryCodes
from domain.secret import SharedSecret
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.dynamodb.client.items import EXPIRES, KEY
from infrastructure.dynamodb.stores.owner_item import key_of
from infrastructure.records.owner_records import NAMES
from tests.infrastructure.dynamodb.instances import Instance
from tests.infrastructure.redis.callers import new_owner
from tests.infrastructure.store.states import hotp, put, states
from tests.support.account_ids import ALPHABET
from tests.support.dynamodb import DynamoServer, patience
from tests.support.fakes import NOON, FakeClock

LONGEST_TENANT = "t" * 32
LONGEST_ACCOUNT = "a" * 255
LIMIT = 400 * 1024
DOCUMENTED_LIMIT = 20 * 1024
"""The largest item that the documentation mentions."""

owners = st.one_of(
    st.builds(
        Owner.of_account,
        st.from_regex(r"[A-Za-z0-9._-]{1,32}", fullmatch=True),
        st.text(ALPHABET, min_size=1, max_size=255).filter(lambda text: text not in {".", ".."}),
    ),
    st.builds(
        Owner, st.sampled_from([OwnerKind.SESSION, OwnerKind.GATE]), st.from_regex("[0-9a-f]{32}", fullmatch=True)
    ),
)


@pytest.fixture(autouse=True)
def _patient() -> Iterator[None]:
    with patience():
        yield


@given(owners, owners)
def test_different_owners_have_different_keys(one: Owner, other: Owner) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(owners)
def test_no_key_is_longer_than_dynamodb_allows(owner: Owner) -> None:
    assert len(key_of(owner).encode()) <= 2048


def size(item: dict[str, dict[str, object]]) -> int:
    """Return the size of an item by DynamoDB's rules: the names and values of the attributes in bytes."""
    total = 0
    for name, attribute in item.items():
        ((kind, value),) = attribute.items()
        assert isinstance(value, str | bytes)
        total += len(name.encode()) + (len(str(value)) // 2 + 2 if kind == "N" else len(value))
    return total


def totp(credential_id: CredentialId, secret: SharedSecret, former: int, name: str | None) -> TotpCredential:
    """Return a TOTP credential with the longest fields, and a replacement of the same size."""
    text = "🔑" * 32
    credential = TotpCredential(
        id=credential_id,
        lifecycle=Lifecycle(created_at=NOON - 9, expires_at=None, confirmed_at=NOON - 8, last_used_at=NOON - 7),
        failures=Failures(count=2**31, locked_until=NOON + 900),
        secret=secret,
        parameters=TotpParameters(HashAlgorithm.SHA512, 8, 300, 10),
        last_step=NOON,
        drift=-20,
        label=text,
        issuer=text,
        former=tuple(FormerSecret(bytes([number]) * 8, 2**40, 300) for number in range(former)),
        name=name,
    )
    pending = replace(credential, lifecycle=Lifecycle(created_at=NOON, expires_at=NOON + 900), former=(), name=None)
    return replace(credential, replacement=replace(pending, failures=Failures()))


def test_the_largest_item_is_far_below_the_limit(dynalite: DynamoServer) -> None:
    owner = Owner.of_account(LONGEST_TENANT, LONGEST_ACCOUNT)
    longest_key = EncryptionKey("k" * 32, bytes(32))
    with Instance(dynalite.new_table(), keys=KeyRing((longest_key,))) as instance:
        for number in range(10):
            suffix = f"{number:010d}" if number else ""
            credential_id = CredentialId(owner, Factor.TOTP, suffix)
            put(instance.store, totp(credential_id, SharedSecret(bytes([number]) * 128), 20, "n" * 64))
        for factor in (Factor.TOTP, Factor.HOTP):
            put(instance.store, buried(CredentialId(owner, factor).removed))
        put(instance.store, buried(CredentialId(owner, Factor.HOTP)))
        put(instance.store, states(CredentialId(owner, Factor.HOTP))["otp"])
        put(instance.store, recovery_codes(owner))
        item = dict(instance.table.get(key_of(owner)) or {})
    assert size(item) < DOCUMENTED_LIMIT < LIMIT, "the documentation of the costs is wrong"


def buried(credential_id: CredentialId) -> Tombstone:
    former = tuple(FormerSecret(bytes([number]) * 8, 2**40, 300) for number in range(20))
    return Tombstone(
        id=credential_id,
        failures=Failures(2**31, NOON + 900),
        expires_at=None,
        failures_until=NOON + 3600,
        former=former,
    )


def recovery_codes(owner: Owner) -> StoredState:
    return RecoveryCodes(
        id=CredentialId(owner, Factor.RECOVERY_CODES),
        lifecycle=Lifecycle(created_at=NOON, expires_at=None, confirmed_at=NOON),
        secret=SharedSecret(bytes(32)),
        digests=tuple(bytes([number]) * 16 for number in range(10)),
        spent=0,
    )


def test_an_owner_with_one_authenticator_has_the_documented_size(dynalite: DynamoServer) -> None:
    owner = Owner.of_account("shop", "alice@example.com")
    with Instance(dynalite.new_table()) as instance:
        state = states(CredentialId(owner, Factor.TOTP))["totp"]
        put(instance.store, replace(state, label="alice@example.com", issuer="Shop"))  # type: ignore[call-arg] # it has both
        assert 200 < size(dict(instance.table.get(key_of(owner)) or {})) < 450


# Expiry


def test_an_expired_item_that_dynamodb_has_not_removed_is_ignored(dynalite: DynamoServer) -> None:
    clock, owner = FakeClock(), new_owner()
    credential_id = CredentialId(owner, Factor.HOTP)
    with Instance(dynalite.new_table(), clock) as instance:
        put(instance.store, hotp(credential_id, expires_at=NOON + 60))
        token = instance.store.gate_sessions("gate", 60).begin("ann")
        clock.advance(59)
        assert instance.repository.load(credential_id).state is not None
        assert instance.store.gate_sessions("gate", 60).user_of([token]) == "ann"
        clock.advance(1)
        assert instance.repository.load(credential_id).state is None
        assert instance.repository.load_all(owner).snapshots == {}
        assert list(instance.repository.ids()) == []
        assert instance.store.accounts.accounts("any", None, 10).credentials == {}
        assert instance.store.gate_sessions("gate", 60).user_of([token]) is None
        assert instance.table.get(key_of(owner)) is not None, "it is still there"


def test_an_expired_record_leaves_with_the_next_write(dynalite: DynamoServer) -> None:
    clock, owner = FakeClock(), new_owner()
    with Instance(dynalite.new_table(), clock) as instance:
        put(instance.store, hotp(CredentialId(owner, Factor.HOTP), expires_at=NOON + 60))
        clock.advance(60)
        put(instance.store, states(CredentialId(owner, Factor.HOTP))["totp"])
        assert "hotp" not in (instance.table.get(key_of(owner)) or {})


def test_a_forgotten_owner_leaves_nothing_but_a_revision_for_a_while(dynalite: DynamoServer) -> None:
    owner = new_owner()
    with Instance(dynalite.new_table()) as instance:
        instance.enrol(owner)
        instance.repository.forget(owner)
        item = instance.table.get(key_of(owner)) or {}
        assert set(item) == {KEY, "revision", EXPIRES}
        assert NOON + 900 < int(item[EXPIRES]["N"]) <= NOON + 3600


# Damage


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [{"S": "text"}, {"B": b""}, {"B": b"not a record"}, {"N": "5"}, {"NULL": True}])
def test_a_damaged_attribute_is_unreadable_and_can_be_forgotten(
    dynalite: DynamoServer, name: str, value: dict[str, object]
) -> None:
    owner = new_owner()
    damaged = CredentialId(owner, Factor(name)) if name in list(Factor) else CredentialId(owner, Factor.HOTP, "0" * 10)
    with Instance(dynalite.new_table()) as instance:
        instance.table.put(key_of(owner), {"revision": {"B": b"123456789"}, name: value})
        with pytest.raises(UnreadableRecord):
            instance.repository.load(damaged)
        assert instance.repository.load_all(owner).unreadable
        instance.repository.discard(damaged)
        assert instance.repository.load(damaged).state is None
        instance.enrol(owner)
        instance.repository.forget(owner)
        assert instance.repository.load_all(owner).snapshots == {}


@pytest.mark.parametrize("item", [{}, {"revision": {"S": "text"}}, {"revision": {"B": b""}}])
def test_an_item_without_a_revision_cannot_be_accepted_from(
    dynalite: DynamoServer, item: dict[str, dict[str, object]]
) -> None:
    owner = new_owner()
    with Instance(dynalite.new_table()) as instance:
        instance.table.put(key_of(owner), item)
        assert instance.repository.load_all(owner).snapshots == {}
        instance.repository.forget(owner)
        instance.enrol(owner)


@pytest.mark.parametrize("key", ["owner:", "owner:account", "owner:nobody:x", "owner:account:", "owner:account:x"])
def test_an_item_of_no_owner_is_skipped(dynalite: DynamoServer, key: str) -> None:
    with Instance(dynalite.new_table()) as instance:
        instance.table.put(key, {"totp": {"B": b"x"}})
        assert instance.store.accounts.accounts("x", None, 10).credentials == {}
        list(instance.repository.ids())

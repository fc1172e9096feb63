"""The contract of additional authenticators, and of commits of several states of one owner."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from application.ports.stores import OwnerCredentials
from domain.failures import Failures
from domain.former_secret import FormerSecret
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from infrastructure.records.owner_records import REMOVAL_REMEMBERED
from infrastructure.store import Store
from tests.infrastructure.redis.callers import new_owner
from tests.infrastructure.store.rig import Rig
from tests.infrastructure.store.states import HOUR, hotp, put, states
from tests.support.fakes import NOON, FakeClock


@pytest.fixture
def owner() -> Owner:
    return new_owner()


def additional(owner: Owner, number: int = 0, factor: Factor = Factor.HOTP) -> CredentialId:
    return CredentialId(owner, factor, f"{number:010d}")


def found(store: Store, owner: Owner) -> dict[CredentialId, StoredState | None]:
    return {each: snapshot.state for each, snapshot in store.credentials.load_all(owner).snapshots.items()}


def buried(credential_id: CredentialId, end: int = NOON + HOUR, *former: FormerSecret) -> Tombstone:
    until = end if former else None
    return Tombstone(
        id=credential_id, failures=Failures(6, NOON + 60), expires_at=end, failures_until=until, former=former
    )


# Single states


@pytest.mark.parametrize("kind", ["hotp", "totp"])
def test_a_state_of_an_additional_authenticator_is_loaded_with_every_field(
    store: Store, owner: Owner, kind: str
) -> None:
    first = states(CredentialId(owner, Factor.HOTP))[kind]
    state = replace(first, id=replace(first.id, suffix="0123456789"), name="Ünïcode 🔑")  # type: ignore[call-arg] # both have a name
    put(store, state)
    assert store.credentials.load(state.id).state == state
    assert found(store, owner) == {state.id: state}


def test_additional_authenticators_are_independent_of_each_other_and_of_the_first(store: Store, owner: Owner) -> None:
    ids = [CredentialId(owner, Factor.HOTP), *(additional(owner, number) for number in range(9))]
    for counter, credential_id in enumerate(ids):
        put(store, hotp(credential_id, counter))
    assert found(store, owner) == {each: hotp(each, counter) for counter, each in enumerate(ids)}
    store.credentials.commit(ids[3], store.credentials.load(ids[3]).revision, None)
    store.credentials.commit(ids[5], store.credentials.load(ids[5]).revision, hotp(ids[5], 50))
    assert found(store, owner) == {
        each: hotp(each, 50 if counter == 5 else counter) for counter, each in enumerate(ids) if counter != 3
    }


def test_a_commit_that_loses_to_another_authenticator_gets_its_own_current_state(store: Store, owner: Owner) -> None:
    one, other = additional(owner, 1), additional(owner, 2)
    put(store, hotp(one))
    revision = put(store, hotp(other))
    store.credentials.commit(one, store.credentials.load(one).revision, hotp(one, 1))
    winner = store.credentials.commit(other, revision, hotp(other, 2))
    if winner is not None:
        assert winner.state == hotp(other)
        assert store.credentials.commit(other, winner.revision, hotp(other, 2)) is None
    assert found(store, owner) == {one: hotp(one, 1), other: hotp(other, 2)}


def test_tombstones_of_one_factor_are_kept_together(store: Store, owner: Owner) -> None:
    one, other, hotps = additional(owner, 1), additional(owner, 2), FormerSecret(bytes(8), 41)
    for credential_id, tombstone in (
        (one, buried(one, NOON + 60)),
        (other, replace(buried(other, NOON + HOUR, hotps), expires_at=None)),
    ):
        revision = put(store, hotp(credential_id))
        assert store.credentials.commit(credential_id, revision, tombstone) is None
        assert store.credentials.load(credential_id).state is None
    removed = replace(buried(one.removed, NOON + HOUR, hotps), expires_at=None)
    assert found(store, owner) == {one.removed: removed}
    assert store.credentials.load(one.removed).state == removed


def test_a_tombstone_of_removed_authenticators_can_be_replaced(store: Store, owner: Owner) -> None:
    one = additional(owner)
    put(store, hotp(one))
    store.credentials.commit(one, store.credentials.load(one).revision, buried(one))
    store.credentials.commit(one.removed, store.credentials.load(one.removed).revision, None)
    assert found(store, owner) == {}


@pytest.mark.parametrize(
    ("ends", "end"),
    [([NOON + 9, None], None), ([NOON + 9, NOON + 60], NOON + 60), ([NOON + 60, NOON + 9], NOON + 60)],
)
def test_no_authenticator_ends_before_its_time(rig: Rig, owner: Owner, ends: list[int | None], end: int | None) -> None:
    for number, each in enumerate(ends):
        put(rig.store, hotp(additional(owner, number), expires_at=each))
    assert rig.expires_at(additional(owner)) == end


def test_an_expired_authenticator_does_not_come_back(rig: Rig, owner: Owner, clock: FakeClock) -> None:
    put(rig.store, hotp(additional(owner, 1), expires_at=NOON + 60))
    clock.advance(60)
    put(rig.store, hotp(additional(owner, 2), expires_at=None))
    assert found(rig.store, owner) == {additional(owner, 2): hotp(additional(owner, 2))}


def test_the_removal_of_the_last_authenticator_is_remembered_for_seconds(rig: Rig, owner: Owner) -> None:
    revision = put(rig.store, hotp(additional(owner)))
    assert rig.store.credentials.commit(additional(owner), revision, None) is None
    assert rig.store.credentials.commit(additional(owner), revision, None) is not None
    assert rig.expires_at(additional(owner)) == NOON + REMOVAL_REMEMBERED
    assert found(rig.store, owner) == {}


@pytest.mark.parametrize("suffix", ["", "0000000001"])
def test_a_discarded_state_is_gone_and_the_others_stay(store: Store, owner: Owner, suffix: str) -> None:
    which = CredentialId(owner, Factor.HOTP, suffix)
    others = [CredentialId(owner, Factor.TOTP), additional(owner, 2), additional(owner, 3)]
    for each in (which, *others):
        put(store, replace(hotp(each), id=each) if each.factor is Factor.HOTP else states(which)["totp"])
    store.credentials.discard(which)
    assert set(found(store, owner)) == set(others)
    store.credentials.discard(which)


def test_forgetting_removes_additional_authenticators_too(store: Store, owner: Owner) -> None:
    put(store, hotp(additional(owner)))
    store.credentials.forget(owner)
    assert found(store, owner) == {}


def test_every_additional_authenticator_has_its_id_in_the_walk(store: Store, owner: Owner) -> None:
    ids = {additional(owner, number) for number in range(3)}
    for each in ids:
        put(store, hotp(each))
    assert ids <= set(store.credentials.ids())


# Several states


def place(owner: Owner, which: int) -> CredentialId:
    """Return TOTP, HOTP or one of two additional authenticators."""
    return CredentialId(owner, Factor.HOTP) if which == 0 else additional(owner, which)


@pytest.mark.parametrize("present", [(), (0,), (1,), (0, 1, 2)])
def test_several_states_are_replaced_together(store: Store, owner: Owner, present: tuple[int, ...]) -> None:
    for which in present:
        put(store, hotp(place(owner, which)))
    new = {place(owner, which): hotp(place(owner, which), 7) for which in range(3)}
    assert store.credentials.commit_all(store.credentials.load_all(owner), new)
    assert found(store, owner) == new
    assert store.credentials.commit_all(store.credentials.load_all(owner), dict.fromkeys(new))
    assert found(store, owner) == {}


@pytest.mark.parametrize("changed", range(3))
@pytest.mark.parametrize("change", ["commit", "remove", "appear"])
def test_if_one_of_several_states_has_changed_none_is_replaced(
    store: Store, owner: Owner, changed: int, change: str
) -> None:
    for which in range(3):
        if change != "appear" or which != changed:
            put(store, hotp(place(owner, which)))
    read = store.credentials.load_all(owner)
    credential_id = place(owner, changed)
    revision = store.credentials.load(credential_id).revision
    store.credentials.commit(credential_id, revision, None if change == "remove" else hotp(credential_id, 3))
    before = found(store, owner)
    new = {place(owner, which): hotp(place(owner, which), 7) for which in range(3)}
    assert not store.credentials.commit_all(read, new)
    assert found(store, owner) == before


CHANGES: dict[str, Callable[[Owner], StoredState]] = {
    "hotp": lambda owner: hotp(CredentialId(owner, Factor.HOTP), 3),
    "totp": lambda owner: states(CredentialId(owner, Factor.TOTP))["totp"],
    "additional": lambda owner: hotp(additional(owner, 5), 3),
}


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("present", [False, True])
def test_an_exclusive_commit_loses_to_a_change_of_any_authenticator(
    store: Store, owner: Owner, target: int, change: str, present: bool
) -> None:
    state = CHANGES[change](owner)
    if present:
        put(store, state)
    read = store.credentials.load_all(owner)
    store.credentials.commit(state.id, store.credentials.load(state.id).revision, state)
    assert not commit(store, read, hotp(place(owner, target), 9), exclusive=True)
    assert found(store, owner) == {state.id: state}


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_change_of_a_one_time_code_stops_no_commit(store: Store, owner: Owner, exclusive: bool) -> None:
    read = store.credentials.load_all(owner)
    put(store, states(CredentialId(owner, Factor.HOTP))["otp"])
    assert commit(store, read, hotp(additional(owner)), exclusive=exclusive)


def commit(store: Store, read: OwnerCredentials, state: StoredState, *, exclusive: bool) -> bool:
    return store.credentials.commit_all(read, {state.id: state}, exclusive=exclusive)

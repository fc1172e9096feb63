"""The contract of credentials: compare-and-set, removal and expiry."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.owner import CredentialId, Factor
from infrastructure.records.owner_records import REMOVAL_REMEMBERED
from infrastructure.store import Store
from tests.infrastructure.redis.callers import new_owner
from tests.infrastructure.store.rig import Rig
from tests.infrastructure.store.states import ENDS, HOUR, STATES, confirmed, hotp, put, states
from tests.support.fakes import NOON, FakeClock


@pytest.fixture(params=["", "0123456789"], ids=["first", "additional"])
def credential_id(request: pytest.FixtureRequest) -> CredentialId:
    return CredentialId(new_owner(), Factor.HOTP, request.param)


def test_nothing_is_stored_at_first(store: Store, credential_id: CredentialId) -> None:
    assert store.credentials.load(credential_id).state is None


@pytest.mark.parametrize("kind", ["hotp", "totp", "otp", "tombstone", "tombstone without end"])
def test_a_committed_state_is_loaded_with_every_field(store: Store, kind: str) -> None:
    state = states(CredentialId(new_owner(), Factor.HOTP))[kind]
    put(store, state)
    assert store.credentials.load(state.id).state == state


def test_a_commit_against_the_current_revision_replaces_the_state(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    assert store.credentials.commit(credential_id, revision, hotp(credential_id, 1)) is None
    assert store.credentials.load(credential_id).state == hotp(credential_id, 1)


def test_a_commit_that_loses_a_race_returns_the_winner(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    store.credentials.commit(credential_id, revision, hotp(credential_id, 1))
    lost = store.credentials.commit(credential_id, revision, hotp(credential_id, 2))
    assert lost is not None
    assert lost.state == hotp(credential_id, 1)


def test_a_commit_that_loses_a_race_changes_nothing(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    store.credentials.commit(credential_id, revision, hotp(credential_id, 1))
    store.credentials.commit(credential_id, revision, hotp(credential_id, 2))
    assert store.credentials.load(credential_id).state == hotp(credential_id, 1)


def test_the_next_commit_can_use_the_revision_of_the_winner(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    store.credentials.commit(credential_id, revision, hotp(credential_id, 1))
    lost = store.credentials.commit(credential_id, revision, hotp(credential_id, 2))
    assert lost is not None
    assert store.credentials.commit(credential_id, lost.revision, hotp(credential_id, 3)) is None


def test_a_commit_of_an_equal_state_changes_the_revision(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    store.credentials.commit(credential_id, revision, hotp(credential_id))
    assert store.credentials.commit(credential_id, revision, hotp(credential_id, 1)) is not None


def test_one_of_two_first_commits_wins(store: Store, credential_id: CredentialId) -> None:
    revision = store.credentials.load(credential_id).revision
    assert store.credentials.commit(credential_id, revision, hotp(credential_id, 1)) is None
    lost = store.credentials.commit(credential_id, revision, hotp(credential_id, 2))
    assert lost is not None
    assert lost.state == hotp(credential_id, 1)


def test_a_removal_can_lose_a_race(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    store.credentials.commit(credential_id, revision, hotp(credential_id, 1))
    assert store.credentials.commit(credential_id, revision, None) is not None
    assert store.credentials.load(credential_id).state == hotp(credential_id, 1)


def test_one_of_two_removals_wins(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    store.credentials.commit(credential_id, revision, None)
    lost = store.credentials.commit(credential_id, revision, None)
    assert lost is not None
    assert lost.state is None


def test_a_commit_after_a_removal_loses(store: Store, credential_id: CredentialId) -> None:
    revision = put(store, hotp(credential_id))
    store.credentials.commit(credential_id, revision, None)
    lost = store.credentials.commit(credential_id, revision, hotp(credential_id, 1))
    assert lost is not None
    assert lost.state is None


def test_all_credentials_of_an_owner_are_loaded_together(store: Store, credential_id: CredentialId) -> None:
    everything = {name: state for name, state in states(credential_id).items() if name in list(Factor)}
    for state in everything.values():
        put(store, state)
    loaded = store.credentials.load_all(credential_id.owner)
    assert {each.factor: stored.state for each, stored in loaded.snapshots.items()} == everything


def test_forgetting_removes_all_credentials_of_the_owner(store: Store, credential_id: CredentialId) -> None:
    for factor in ("hotp", "totp", "otp"):
        put(store, states(credential_id)[factor])
    store.credentials.forget(credential_id.owner)
    assert store.credentials.load_all(credential_id.owner).snapshots == {}


def test_forgetting_affects_no_other_owner(store: Store, credential_id: CredentialId) -> None:
    other = CredentialId(new_owner(), Factor.HOTP)
    put(store, hotp(credential_id))
    put(store, hotp(other))
    store.credentials.forget(credential_id.owner)
    assert store.credentials.load(other).state == hotp(other)


PREDECESSORS = ("nothing", "tombstone", "expired", *STATES)


@pytest.mark.parametrize("predecessor", PREDECESSORS)
def test_only_the_state_defines_the_expiry_of_its_record(rig: Rig, predecessor: str) -> None:
    for former_end, kind, end in itertools.product(ENDS, STATES, ENDS):
        credential_id = CredentialId(new_owner(), Factor.HOTP)
        match predecessor:
            case "nothing":
                revision = rig.store.credentials.load(credential_id).revision
            case "tombstone":
                rig.store.credentials.commit(credential_id, put(rig.store, confirmed(credential_id, former_end)), None)
                revision = rig.store.credentials.load(credential_id).revision
            case "expired":
                put(rig.store, confirmed(credential_id, NOON - 1))
                revision = rig.store.credentials.load(credential_id).revision
            case _:
                revision = put(rig.store, STATES[predecessor](credential_id, former_end))

        assert rig.store.credentials.commit(credential_id, revision, STATES[kind](credential_id, end)) is None

        assert rig.expires_at(credential_id) == end, f"{kind} until {end} after {predecessor} until {former_end}"


@pytest.mark.parametrize("predecessor", STATES)
def test_a_removal_is_remembered_for_seconds(rig: Rig, predecessor: str) -> None:
    for former_end in ENDS:
        credential_id = CredentialId(new_owner(), Factor.HOTP)
        revision = put(rig.store, STATES[predecessor](credential_id, former_end))

        rig.store.credentials.commit(credential_id, revision, None)

        assert rig.expires_at(credential_id) == NOON + REMOVAL_REMEMBERED


def test_no_commit_extends_a_lifetime(rig: Rig, credential_id: CredentialId, clock: FakeClock) -> None:
    revision = put(rig.store, hotp(credential_id, expires_at=NOON + HOUR))
    for counter in range(1, 20):
        # A clock that is set back must not change the expiry either.
        clock.advance(-60)
        assert rig.store.credentials.commit(credential_id, revision, hotp(credential_id, counter, NOON + HOUR)) is None
        revision = rig.store.credentials.load(credential_id).revision
        assert rig.expires_at(credential_id) == NOON + HOUR


CALLERS = 3


@given(
    st.lists(
        st.tuples(st.sampled_from(["load", "commit", "remove", "forget"]), st.integers(0, CALLERS - 1)), max_size=30
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_interleaved_callers_agree_with_a_simple_model(store: Store, steps: list[tuple[str, int]]) -> None:
    """The model is a state and the number of its last change."""
    credential_id = CredentialId(new_owner(), Factor.HOTP)
    held = [store.credentials.load(credential_id)] * CALLERS
    known = [0] * CALLERS
    change, state = 0, None
    for number, (action, who) in enumerate(steps, 1):
        if action == "forget":
            store.credentials.forget(credential_id.owner)
            change, state = 0, None
        elif action == "load":
            held[who], known[who] = store.credentials.load(credential_id), change
            assert held[who].state == state
        else:
            wanted = hotp(credential_id, number) if action == "commit" else None
            winner = store.credentials.commit(credential_id, held[who].revision, wanted)
            if known[who] == change:
                assert winner is None
                change, state = number, wanted
            else:
                assert winner is not None
                assert winner.state == state
                held[who], known[who] = winner, change


def test_a_store_that_accepts_writes_is_writable(store: Store, credential_id: CredentialId) -> None:
    store.credentials.require_writable(credential_id)
    put(store, hotp(credential_id))
    store.credentials.require_writable(credential_id)


def test_every_stored_credential_has_its_id_in_the_walk(store: Store) -> None:
    ids = {CredentialId(new_owner(), Factor.HOTP) for _ in range(5)}
    for each in ids:
        put(store, hotp(each))
    assert ids <= set(store.credentials.ids())

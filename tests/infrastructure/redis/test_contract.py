"""What every store must do, embedded or real, alone or in company."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.ports.stores import Revision, Snapshot
from domain.credential import Lifecycle
from domain.failures import Failures
from domain.hotp import HotpCredential
from domain.keyed_digest import keyed_digest
from domain.one_time_code import OneTimeCode
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters
from domain.stored_state import StoredState
from domain.tombstone import Tombstone
from domain.totp import TotpCredential
from infrastructure.redis.client.url import Connect
from infrastructure.redis.stores.codec import REVISION_BYTES, RecordCodec
from infrastructure.redis.stores.credentials import COMPARE_AND_SET, REMOVAL_REMEMBERED, key_of
from infrastructure.redis.stores.log_levels import RedisLogLevels
from infrastructure.redis.stores.rate_limits import KEY_PREFIX, GatewayStorage
from tests.infrastructure.redis.callers import KEYS, SECRET, Caller, code, new_owner
from tests.support.fakes import NOON, FakeClock

HOUR = 3600
CODEC = RecordCodec(KEYS)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def caller(connect: Connect, clock: FakeClock) -> Iterator[Caller]:
    caller = Caller(connect, clock=clock)
    yield caller
    caller.gateway.close()


@pytest.fixture
def place() -> CredentialId:
    return CredentialId(new_owner(), Factor.HOTP)


def hotp(place: CredentialId, counter: int = 0, expires_at: int | None = None) -> HotpCredential:
    return HotpCredential(
        id=place,
        lifecycle=Lifecycle(created_at=NOON, expires_at=expires_at),
        secret=SECRET,
        parameters=HotpParameters(),
        counter=counter,
        initial_counter=0,
    )


def put(caller: Caller, state: StoredState) -> Revision:
    """Commits to an empty place; the revision to commit the next thing against."""
    assert caller.repository.commit(state.id, caller.repository.load(state.id).revision, state) is None
    return caller.repository.load(state.id).revision


def states(place: CredentialId) -> dict[str, StoredState]:
    """One of each kind, every field different from its default."""
    owner = place.owner
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
        "tombstone": Tombstone(id=place, failures=failures, expires_at=NOON + HOUR),
        "tombstone without end": Tombstone(id=place, failures=failures, expires_at=None),
    }


def test_an_empty_place_holds_nothing(caller: Caller, place: CredentialId) -> None:
    assert caller.repository.load(place).state is None


@pytest.mark.parametrize("kind", ["hotp", "totp", "otp", "tombstone", "tombstone without end"])
def test_what_was_committed_is_loaded_again_to_the_last_field(caller: Caller, place: CredentialId, kind: str) -> None:
    state = states(place)[kind]
    put(caller, state)
    assert caller.repository.load(state.id).state == state


def test_a_commit_against_what_was_loaded_replaces_it(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    assert caller.repository.commit(place, revision, hotp(place, 1)) is None
    assert caller.repository.load(place).state == hotp(place, 1)


def test_a_lost_race_is_told_what_won(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    caller.repository.commit(place, revision, hotp(place, 1))
    lost = caller.repository.commit(place, revision, hotp(place, 2))
    assert lost is not None
    assert lost.state == hotp(place, 1)


def test_a_lost_race_changes_nothing(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    caller.repository.commit(place, revision, hotp(place, 1))
    caller.repository.commit(place, revision, hotp(place, 2))
    assert caller.repository.load(place).state == hotp(place, 1)


def test_what_won_can_be_committed_against(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    caller.repository.commit(place, revision, hotp(place, 1))
    lost = caller.repository.commit(place, revision, hotp(place, 2))
    assert lost is not None
    assert caller.repository.commit(place, lost.revision, hotp(place, 3)) is None


def test_equal_content_committed_again_is_a_change_all_the_same(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    caller.repository.commit(place, revision, hotp(place))
    assert caller.repository.commit(place, revision, hotp(place, 1)) is not None


def test_only_one_of_two_finds_a_place_empty(caller: Caller, place: CredentialId) -> None:
    revision = caller.repository.load(place).revision
    assert caller.repository.commit(place, revision, hotp(place, 1)) is None
    lost = caller.repository.commit(place, revision, hotp(place, 2))
    assert lost is not None
    assert lost.state == hotp(place, 1)


def test_removal_leaves_nothing(connect: Connect, caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    assert caller.repository.commit(place, revision, None) is None
    assert caller.repository.load(place).state is None
    # Its revision alone, so that a commit knows itself again, and that for seconds only.
    value = caller.gateway.get(key_of(place))
    assert value is not None
    assert len(value) == REVISION_BYTES
    assert expires_at(caller, place) == NOON + REMOVAL_REMEMBERED


def test_removal_can_lose_a_race(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    caller.repository.commit(place, revision, hotp(place, 1))
    assert caller.repository.commit(place, revision, None) is not None
    assert caller.repository.load(place).state == hotp(place, 1)


def test_of_two_removals_one_wins(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    caller.repository.commit(place, revision, None)
    lost = caller.repository.commit(place, revision, None)
    assert lost is not None
    assert lost.state is None


def test_a_change_of_what_is_gone_loses_to_nothing(caller: Caller, place: CredentialId) -> None:
    revision = put(caller, hotp(place))
    caller.repository.commit(place, revision, None)
    lost = caller.repository.commit(place, revision, hotp(place, 1))
    assert lost is not None
    assert lost.state is None


def test_all_of_an_owner_are_loaded_together(caller: Caller, place: CredentialId) -> None:
    everything = {name: state for name, state in states(place).items() if name in list(Factor)}
    for state in everything.values():
        put(caller, state)
    loaded = caller.repository.load_all(place.owner)
    assert {factor: stored.state for factor, stored in loaded.snapshots.items()} == everything


def test_forgetting_empties_all_places_of_the_owner(caller: Caller, place: CredentialId) -> None:
    for factor in ("hotp", "totp", "otp"):
        put(caller, states(place)[factor])
    caller.repository.forget(place.owner)
    assert caller.repository.load_all(place.owner).snapshots == {}


def test_forgetting_touches_nobody_else(caller: Caller, place: CredentialId) -> None:
    other = CredentialId(new_owner(), Factor.HOTP)
    put(caller, hotp(place))
    put(caller, hotp(other))
    caller.repository.forget(place.owner)
    assert caller.repository.load(other).state == hotp(other)


def pending(place: CredentialId, expires_at: int | None) -> HotpCredential:
    return hotp(place, expires_at=expires_at)


def confirmed(place: CredentialId, expires_at: int | None) -> HotpCredential:
    credential = pending(place, expires_at)
    return replace(credential, counter=1, lifecycle=replace(credential.lifecycle, confirmed_at=NOON))


def replaced(place: CredentialId, expires_at: int | None) -> HotpCredential:
    return replace(confirmed(place, expires_at), replacement=pending(place, NOON + HOUR))


def tombstone(place: CredentialId, expires_at: int | None) -> Tombstone:
    return Tombstone(id=place, failures=Failures(count=6, locked_until=NOON + 60), expires_at=expires_at)


STATES: dict[str, Callable[[CredentialId, int | None], StoredState]] = {
    "pending": pending,
    "confirmed": confirmed,
    "with a replacement": replaced,
    "failures left behind": tombstone,
}
ENDS = (None, NOON + 10, NOON + HOUR)
PREDECESSORS = ("nothing", "tombstone", "expired", *STATES)


@pytest.mark.parametrize("predecessor", PREDECESSORS)
def test_the_content_alone_says_when_a_record_expires(caller: Caller, predecessor: str) -> None:
    for former_end, kind, end in itertools.product(ENDS, STATES, ENDS):
        place = CredentialId(new_owner(), Factor.HOTP)
        match predecessor:
            case "nothing":
                revision = caller.repository.load(place).revision
            case "tombstone":
                caller.repository.commit(place, put(caller, confirmed(place, former_end)), None)
                revision = caller.repository.load(place).revision
            case "expired":
                put(caller, confirmed(place, NOON - 1))
                revision = caller.repository.load(place).revision
            case _:
                revision = put(caller, STATES[predecessor](place, former_end))

        assert caller.repository.commit(place, revision, STATES[kind](place, end)) is None

        assert expires_at(caller, place) == end, f"{kind} until {end} after {predecessor} until {former_end}"


@pytest.mark.parametrize("predecessor", STATES)
def test_every_removal_is_remembered_for_seconds(caller: Caller, predecessor: str) -> None:
    for former_end in ENDS:
        place = CredentialId(new_owner(), Factor.HOTP)
        revision = put(caller, STATES[predecessor](place, former_end))

        caller.repository.commit(place, revision, None)

        assert expires_at(caller, place) == NOON + REMOVAL_REMEMBERED


@pytest.mark.parametrize("end", ENDS)
def test_a_retry_after_a_lost_reply_expires_when_the_first_try_does(
    caller: Caller, place: CredentialId, end: int | None
) -> None:
    """After a lost reply, the script runs again on the record that it has written."""
    value = CODEC.encode(confirmed(place, end))
    for _ in range(2):
        answer = caller.gateway.run_script(COMPARE_AND_SET, key_of(place), b"", value, 0 if end is None else end * 1000)
        assert answer == 1
        assert expires_at(caller, place) == end


def test_no_commit_makes_a_life_longer(caller: Caller, place: CredentialId, clock: FakeClock) -> None:
    revision = put(caller, hotp(place, expires_at=NOON + HOUR))
    for counter in range(1, 20):
        # A clock that is set back must not change the expiry either.
        clock.advance(-60)
        assert caller.repository.commit(place, revision, hotp(place, counter, NOON + HOUR)) is None
        revision = caller.repository.load(place).revision
        assert expires_at(caller, place) == NOON + HOUR


def test_keys_name_owner_and_factor_and_share_a_slot() -> None:
    owner = Owner(OwnerKind.ACCOUNT, "app:anna@example.org")
    assert [key_of(CredentialId(owner, factor)) for factor in Factor] == [
        f"open-mfa:{{account:app:anna@example.org}}:{factor}" for factor in ("otp", "hotp", "totp", "recovery-codes")
    ]


def test_no_secret_is_stored_in_the_clear(caller: Caller, place: CredentialId) -> None:
    put(caller, hotp(place))
    value = caller.gateway.get(key_of(place))
    assert value is not None
    assert SECRET.key not in value
    assert SECRET.base32.encode() not in value


def test_no_code_is_stored_in_the_clear(caller: Caller, place: CredentialId) -> None:
    state = states(place)["otp"]
    put(caller, state)
    value = caller.gateway.get(key_of(state.id))
    assert value is not None
    assert code(0).text.encode() not in value


def test_a_commit_that_keeps_the_secret_keeps_its_seal(caller: Caller, place: CredentialId) -> None:
    put(caller, hotp(place))
    before = caller.gateway.get(key_of(place))
    loaded = caller.repository.load(place)
    assert isinstance(loaded.state, HotpCredential)
    caller.repository.commit(place, loaded.revision, replace(loaded.state, counter=1))
    after = caller.gateway.get(key_of(place))
    assert before is not None
    assert after is not None
    assert sealed(before) == sealed(after)


def sealed(value: bytes) -> bytes:
    """What AES-256-GCM made of the secret: the name of the key, a nonce, the secret and a tag."""
    return value[value.index(b"test") :][: 4 + 12 + len(SECRET.key) + 16]


CALLERS = 3


@given(
    st.lists(
        st.tuples(st.sampled_from(["load", "commit", "remove", "forget"]), st.integers(0, CALLERS - 1)), max_size=30
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_interleaved_callers_see_what_a_plain_model_says(caller: Caller, steps: list[tuple[str, int]]) -> None:
    """The model: a place with a state and the number of its last change."""
    place = CredentialId(new_owner(), Factor.HOTP)
    held: list[Snapshot] = [caller.repository.load(place)] * CALLERS
    known = [0] * CALLERS
    change, state = 0, None
    for number, (action, who) in enumerate(steps, 1):
        if action == "forget":
            caller.repository.forget(place.owner)
            change, state = 0, None
        elif action == "load":
            held[who], known[who] = caller.repository.load(place), change
            assert held[who].state == state
        else:
            wanted = hotp(place, number) if action == "commit" else None
            winner = caller.repository.commit(place, held[who].revision, wanted)
            if known[who] == change:
                assert winner is None
                change, state = number, wanted
            else:
                assert winner is not None
                assert winner.state == state
                held[who], known[who] = winner, change


def test_a_counter_counts_within_its_window(caller: Caller) -> None:
    counter = GatewayStorage(caller.gateway)
    name = str(new_owner())
    assert [counter.incr(name, 100, amount) for amount in (1, 2, 3)] == [1, 3, 6]
    assert 0 < caller.gateway.seconds_to_live(f"{KEY_PREFIX}:{name}") <= 100


def test_counting_again_does_not_lengthen_the_window(caller: Caller) -> None:
    counter = GatewayStorage(caller.gateway)
    name = str(new_owner())
    counter.incr(name, 100)
    counter.incr(name, 1000)
    assert caller.gateway.seconds_to_live(f"{KEY_PREFIX}:{name}") <= 100


def test_the_log_level_is_the_last_that_was_set(caller: Caller) -> None:
    levels = RedisLogLevels(caller.gateway)
    levels.write("DEBUG")
    levels.write("ERROR")
    assert levels.read() == "ERROR"


def test_a_server_says_which_version_it_is_and_what_time_it_has(caller: Caller) -> None:
    description = caller.gateway.describe()
    assert "." in description.version
    assert abs(description.time - time.time()) < 60


def expires_at(caller: Caller, place: CredentialId) -> int | None:
    """Return when Redis expires the record, Unix time in seconds; None for never. The adapter has no such query."""
    milliseconds: int = caller.gateway._read(key_of(place), "PEXPIRETIME", key_of(place))
    assert milliseconds != -2, "there is no record"
    return None if milliseconds == -1 else milliseconds // 1000

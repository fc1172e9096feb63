"""The contract of every part of a store except the credentials."""

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from application.errors import LimitReached
from application.ports.delivery import Channel
from application.ports.stores import GateSessions, RefusedSend
from application.usage import TenantUsage
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.policy import Policy
from domain.usage import LimitName, UsageLimits
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.observability.limit_refusals import CountedRefusals
from infrastructure.observability.metrics import Metrics
from infrastructure.resealing import Resealing
from infrastructure.store import Store
from tests.infrastructure.redis.callers import all_at_once, new_owner, unique_letters
from tests.infrastructure.store.rig import SENDS_PER_HOUR, Rig
from tests.infrastructure.store.states import hotp, put
from tests.support.fakes import FakeClock
from tests.support.processes import wait_until
from tests.support.sends import wait_of

CLIENT = "192.0.2.1"


# Gate sessions


@pytest.fixture
def gate(store: Store) -> GateSessions:
    return store.gate_sessions(unique_letters(), 60)


def test_a_session_of_the_gate_has_its_user(gate: GateSessions) -> None:
    assert gate.user_of([gate.begin("alice")]) == "alice"


def test_every_session_of_the_gate_has_its_own_token(gate: GateSessions) -> None:
    assert len({gate.begin("alice") for _ in range(10)}) == 10


def test_a_session_of_the_gate_ends(gate: GateSessions) -> None:
    ended, other = gate.begin("alice"), gate.begin("alice")
    gate.end([ended])
    assert gate.user_of([ended]) is None
    assert gate.user_of([other]) == "alice"


def test_several_sessions_of_one_user_identify_that_user(gate: GateSessions) -> None:
    assert gate.user_of([gate.begin("alice"), gate.begin("alice")]) == "alice"


def test_sessions_of_several_users_identify_no_user(gate: GateSessions) -> None:
    assert gate.user_of([gate.begin("alice"), gate.begin("mallory")]) is None


@pytest.mark.parametrize("tokens", [[], [""], ["a"], ["*" * 43], ["a" * 43], ["ü" * 43], ["a" * 43, "b" * 43]])
def test_an_unknown_token_identifies_no_user(gate: GateSessions, tokens: list[str]) -> None:
    assert gate.user_of(tokens) is None
    gate.end(tokens)


def test_a_session_is_unknown_at_another_gate(store: Store, gate: GateSessions) -> None:
    token = gate.begin("alice")
    assert store.gate_sessions(unique_letters(), 60).user_of([token]) is None


def test_any_name_of_a_user_is_returned_as_it_is(gate: GateSessions) -> None:
    name = "Ünïcode 🔑: a b"
    assert gate.user_of([gate.begin(name)]) == name


# Limits of sent codes


@pytest.fixture
def accounts() -> Iterator[Owner]:
    tenant = unique_letters()
    return (Owner(OwnerKind.ACCOUNT, f"{tenant}:{number}") for number in itertools.count())


def test_five_codes_may_be_sent_to_one_recipient_in_ten_minutes(
    store: Store, clock: FakeClock, accounts: Iterator[Owner]
) -> None:
    to = f"{unique_letters()}@example.org"
    waits = [wait_of(store.send_limit, next(accounts), Channel.EMAIL, to, CLIENT) for _ in range(6)]
    assert waits[:5] == [0] * 5
    assert waits[5] == 600
    clock.advance(599)
    assert wait_of(store.send_limit, next(accounts), Channel.EMAIL, to, CLIENT) == 1
    clock.advance(1)
    assert wait_of(store.send_limit, next(accounts), Channel.EMAIL, to, CLIENT) == 0


def test_a_tenant_has_a_limit_for_all_recipients(store: Store, accounts: Iterator[Owner]) -> None:
    def admit(owner: Owner) -> bool:
        return wait_of(store.send_limit, owner, Channel.WEBHOOK, unique_letters(), CLIENT) == 0

    assert [admit(next(accounts)) for _ in range(SENDS_PER_HOUR + 1)] == [True] * SENDS_PER_HOUR + [False]
    assert admit(Owner(OwnerKind.ACCOUNT, f"{unique_letters()}:a"))


def test_a_tenant_has_a_limit_for_a_day_that_names_itself(
    store: Store, clock: FakeClock, accounts: Iterator[Owner]
) -> None:
    def refusal(per_day: int | None) -> RefusedSend | None:
        return store.send_limit.admit(next(accounts), Channel.WEBHOOK, unique_letters(), CLIENT, per_day)

    assert [refusal(3) for _ in range(3)] == [None] * 3
    refused = refusal(3)
    assert refused is not None
    assert refused.limit is LimitName.SENDS
    assert 86395 <= refused.wait <= 86400
    assert refusal(4) is None
    assert refusal(None) is None
    another = Owner.of_account(unique_letters(), "a")
    assert store.send_limit.admit(another, Channel.WEBHOOK, unique_letters(), CLIENT, 1) is None


def test_a_limit_of_the_service_names_no_limit_of_the_tenant(store: Store, accounts: Iterator[Owner]) -> None:
    to = unique_letters()
    refusals = [store.send_limit.admit(next(accounts), Channel.WEBHOOK, to, CLIENT, 100) for _ in range(6)]
    assert refusals == [None] * 5 + [RefusedSend(600)]


def test_a_code_that_the_limit_of_the_day_refuses_counts_for_no_limit(store: Store, accounts: Iterator[Owner]) -> None:
    to = unique_letters()
    limit, owner = store.send_limit, next(accounts)
    assert wait_of(limit, owner, Channel.WEBHOOK, to, per_day=1) == 0
    assert all(wait_of(limit, owner, Channel.WEBHOOK, to, per_day=1) for _ in range(20))
    assert [wait_of(limit, owner, Channel.WEBHOOK, to) for _ in range(5)][:4] == [0] * 4, "the limit of the recipient"
    others = [wait_of(limit, owner, Channel.WEBHOOK, unique_letters()) for _ in range(SENDS_PER_HOUR)]
    assert others.count(0) == SENDS_PER_HOUR - 5, "the limit of the hour"


def test_a_code_that_another_limit_refuses_does_not_count_for_the_day(store: Store, accounts: Iterator[Owner]) -> None:
    to = unique_letters()
    limit, owner = store.send_limit, next(accounts)
    waits = [wait_of(limit, owner, Channel.WEBHOOK, to, per_day=6) for _ in range(20)]
    assert waits.count(0) == 5
    assert [wait_of(limit, owner, Channel.WEBHOOK, unique_letters(), per_day=6) == 0 for _ in range(2)] == [True, False]


def test_simultaneous_codes_do_not_exceed_the_limit_of_the_day_nor_use_up_others(
    store: Store, accounts: Iterator[Owner]
) -> None:
    recipients = [unique_letters() for _ in range(16)]
    owners = [next(accounts) for _ in recipients]

    def call(number: int) -> int:
        return wait_of(store.send_limit, owners[number], Channel.WEBHOOK, recipients[number], per_day=3)

    waits = all_at_once([partial(call, number) for number in range(16)])
    assert waits.count(0) == 3
    to = recipients[waits.index(max(waits))]
    assert [wait_of(store.send_limit, owners[0], Channel.WEBHOOK, to) for _ in range(6)][:5] == [0] * 5
    others = [wait_of(store.send_limit, owners[0], Channel.WEBHOOK, unique_letters()) for _ in range(SENDS_PER_HOUR)]
    assert others.count(0) == SENDS_PER_HOUR - 3 - 5


# Rate limits


COMMANDS: list[Callable[[Store], object]] = [
    lambda store: store.credentials.load(CredentialId(Owner(OwnerKind.SESSION, "s"), Factor.TOTP)),
    lambda store: store.credentials.load_all(Owner(OwnerKind.SESSION, "s")),
    lambda store: store.gate_sessions("g", 60).begin("ann"),
    lambda store: store.log_levels.write("INFO"),
    lambda store: store.check_ready(),
]
"""Reads, a read of several keys, writes, and a command without a key."""


def test_requests_are_counted_within_their_window(store: Store) -> None:
    name = unique_letters()
    assert [store.rate_limits.count(name, 100) for _ in range(3)] == [1, 2, 3]
    assert 98 < store.rate_limits.window_left(name) <= 101


def test_another_count_does_not_extend_the_window(store: Store) -> None:
    name = unique_letters()
    store.rate_limits.count(name, 100)
    store.rate_limits.count(name, 1000)
    assert store.rate_limits.window_left(name) <= 101


@pytest.mark.parametrize("command", COMMANDS)
def test_a_request_is_counted_once_with_the_next_command(store: Store, command: Callable[[Store], object]) -> None:
    name, sums = unique_letters(), list[int]()
    store.rate_limits.count_with_next_command(name, 100, sums.append)
    assert sums == []
    command(store)
    command(store)
    assert sums == [1]
    assert store.rate_limits.count(name, 100) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_the_receiver_of_a_count_can_refuse_the_command(store: Store, command: Callable[[Store], object]) -> None:
    def refuse(_: int) -> None:
        raise LookupError

    store.rate_limits.count_with_next_command(unique_letters(), 100, refuse)
    with pytest.raises(LookupError):
        command(store)
    command(store)


def test_a_request_without_a_command_is_counted_at_its_end(store: Store) -> None:
    name, sums = unique_letters(), list[int]()
    store.rate_limits.count_with_next_command(name, 100, sums.append)
    store.rate_limits.count_now()
    store.rate_limits.count_now()
    assert sums == [1]


def test_a_second_count_does_not_replace_one_that_waits(store: Store) -> None:
    name, sums = unique_letters(), list[int]()
    for _ in range(2):
        store.rate_limits.count_with_next_command(name, 100, sums.append)
    store.check_ready()
    assert sums == [1, 2]


def test_a_count_of_one_thread_is_not_made_by_another(store: Store) -> None:
    name, sums = unique_letters(), list[int]()
    store.rate_limits.count_with_next_command(name, 100, sums.append)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(store.check_ready).result()
    assert sums == []
    store.rate_limits.count_now()
    assert sums == [1]


# Limits of tenants


class OnePolicy:
    """The same limits for all tenants."""

    def __init__(self, **limits: int) -> None:
        self._policy = Policy(issuer="Shop", limits=UsageLimits(**limits))

    def of(self, _owner: Owner) -> Policy:
        return self._policy


def usage_of(store: Store, **limits: int) -> TenantUsage:
    """Return the limits as one more instance of the service applies them."""
    return TenantUsage(OnePolicy(**limits), store.rate_limits, CountedRefusals(Metrics()), lambda: 0.0)


def test_sixteen_instances_together_admit_exactly_the_limit(store: Store, accounts: Iterator[Owner]) -> None:
    owners = [next(accounts) for _ in range(16)]

    def enrol(owner: Owner) -> int:
        try:
            usage_of(store, enrolments_per_day=5).count_enrolment(owner)
        except LimitReached as reached:
            return reached.wait
        return 0

    waits = all_at_once([partial(enrol, owner) for owner in owners])
    assert waits.count(0) == 5
    assert all(86300 <= wait <= 86400 for wait in waits if wait)


def test_the_first_command_of_a_challenge_beyond_the_limit_fails(store: Store, accounts: Iterator[Owner]) -> None:
    owner = next(accounts)
    usage_of(store, challenges_per_second=0).count_challenge(owner)
    with pytest.raises(LimitReached) as caught:
        store.credentials.load_all(owner)
    assert (caught.value.limit, caught.value.wait) == (LimitName.CHALLENGES, 1)
    store.credentials.load_all(owner)


def test_challenges_are_admitted_again_in_the_next_second(store: Store, accounts: Iterator[Owner]) -> None:
    owner, usage = next(accounts), usage_of(store, challenges_per_second=1)

    def admitted() -> bool:
        try:
            usage_of(store, challenges_per_second=1).count_challenge(owner)
            store.rate_limits.count_now()
        except LimitReached:
            return False
        return True

    usage.count_challenge(owner)
    store.rate_limits.count_now()
    wait_until(admitted, "the next second")


# Log level, readiness and description


def test_the_log_level_is_the_last_one_that_was_set(store: Store) -> None:
    store.log_levels.write("DEBUG")
    store.log_levels.write("ERROR")
    assert store.log_levels.read() == "ERROR"


def test_a_store_that_answers_is_ready(store: Store) -> None:
    store.check_ready()


def test_a_store_reports_its_version_and_its_clock(store: Store) -> None:
    description = store.describe()
    assert "." in description.version
    assert abs(description.time - time.time()) < 60


# Resealing


def test_resealing_seals_every_secret_under_the_first_key(rig: Rig) -> None:
    old, new = EncryptionKey("old", bytes(32)), EncryptionKey("new", bytes(range(1, 33)))
    before, rotated, after = rig.reopen(KeyRing((old,))), KeyRing((new, old)), rig.reopen(KeyRing((new,)))
    credential = hotp(CredentialId(new_owner(), Factor.HOTP))
    put(before, credential)

    tally = Resealing(rig.reopen(rotated).credentials, rotated).run(lambda _: None)

    assert tally.resealed >= 1
    assert after.credentials.load(credential.id).state == credential
    assert credential.id in set(after.credentials.ids())

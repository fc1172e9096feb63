"""While Redis refuses writes, no code is judged, because a guess would not be counted."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count

import pytest
import redis

from application.errors import StoreUnavailable
from application.optimistic_update import OptimisticUpdate
from application.verification import VerdictCommitter, Verify, VerifyRequest
from domain.code import Code
from domain.credential import Credential
from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from domain.verdict import Accepted, Reason, Rejected
from infrastructure.crypto.hotp import PyotpHotp
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector
from infrastructure.redis.stores.rate_limits import RedisRequestCounters
from tests.infrastructure.redis.callers import Caller, SilentEvents, all_at_once, new_owner
from tests.support.fakes import FakeClock
from tests.support.policies import DEFAULT_POLICIES
from tests.support.redis_server import RedisServer

GUESSES = 200
THREADS = 8


class CountingAlgorithm(PyotpHotp):
    """An algorithm that counts how often a code is judged."""

    def __init__(self) -> None:
        self.judged = 0

    def codes(
        self, secret: SharedSecret, algorithm: HashAlgorithm, digits: int, moving_factors: Sequence[int]
    ) -> list[str]:
        self.judged += 1
        return super().codes(secret, algorithm, digits, moving_factors)


class Guesser:
    """An attacker who guesses codes of one credential, through one instance of the service."""

    def __init__(self, server: RedisServer) -> None:
        self.caller = Caller(connector(server.url))
        self.credential_id = self.caller.enrol(new_owner())
        self.algorithm = CountingAlgorithm()
        changes = OptimisticUpdate(self.caller.repository, FakeClock())
        self._verify = Verify(VerdictCommitter(changes, SilentEvents(), DEFAULT_POLICIES), self.algorithm)
        self._numbers = count()

    def guess(self) -> object:
        """Send a wrong code, and return the verdict or "503"."""
        return self.send(Code(f"{900_000 + next(self._numbers)}"))

    def send(self, code: Code) -> object:
        try:
            return self._verify.execute(VerifyRequest(self.credential_id, code)).verdict
        except StoreUnavailable:
            return "503"

    def failures(self) -> int:
        state = self.caller.repository.load(self.credential_id).state
        assert isinstance(state, Credential)
        return state.failures.count


@pytest.fixture
def guesser(own_server: RedisServer) -> Iterator[Guesser]:
    guesser = Guesser(own_server)
    yield guesser
    guesser.caller.gateway.close()


Fault = tuple[Callable[[redis.Redis], object], Callable[[redis.Redis], object]]
FAULTS: dict[str, Fault] = {
    "too few replicas": (
        lambda admin: admin.config_set("min-replicas-to-write", 1),
        lambda admin: admin.config_set("min-replicas-to-write", 0),
    ),
    "out of memory": (lambda admin: admin.config_set("maxmemory", 1), lambda admin: admin.config_set("maxmemory", 0)),
    "a replica": (lambda admin: admin.replicaof("127.0.0.1", 1), lambda admin: admin.replicaof("NO", "ONE")),
    "no permission": (
        lambda admin: admin.acl_setuser("default", commands=["-set"]),
        lambda admin: admin.acl_setuser("default", commands=["+set"]),
    ),
    "no permission for scripts": (
        lambda admin: admin.acl_setuser("default", commands=["-evalsha", "-eval"]),
        lambda admin: admin.acl_setuser("default", commands=["+evalsha", "+eval"]),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_at_most_one_guess_is_judged_while_writes_are_refused(
    own_server: RedisServer, guesser: Guesser, fault: str
) -> None:
    begin, end = FAULTS[fault]
    with own_server.client() as admin:
        begin(admin)
        # Each guess waits for the response to the former one. A guess with a replica takes long, so there are fewer.
        outcomes = {guesser.guess() for _ in range(GUESSES if fault != "a replica" else 3)}
        judged = guesser.algorithm.judged
        end(admin)

        assert outcomes == {"503"}
        assert judged <= 1
        assert guesser.failures() == 0

        assert guesser.guess() == Rejected(Reason.WRONG, 4)
        assert guesser.failures() == 1


def test_only_guesses_under_way_are_judged_when_writes_are_first_refused(
    own_server: RedisServer, guesser: Guesser
) -> None:
    begin, _ = FAULTS["out of memory"]
    with own_server.client() as admin:
        begin(admin)
        for _ in range(10):
            # Only guesses of the first round may be judged, because no commit was refused before them.
            assert set(all_at_once([guesser.guess for _ in range(THREADS)])) == {"503"}

    assert guesser.algorithm.judged <= THREADS


def test_a_spent_code_is_not_reported_as_a_replay_while_writes_are_refused(
    own_server: RedisServer, guesser: Guesser
) -> None:
    """A response that reports a replay would reveal that the digits were once valid."""
    (good,) = PyotpHotp().codes(SharedSecret(b"a secret of 160 bits"), HashAlgorithm.SHA1, 6, [0])
    assert guesser.send(Code(good)) == Accepted()
    begin, end = FAULTS["out of memory"]
    with own_server.client() as admin:
        begin(admin)
        assert guesser.guess() == "503"

        assert guesser.send(Code(good)) == "503"

        end(admin)
        assert guesser.send(Code(good)) == Rejected(Reason.REPLAYED, 5)


def test_the_trial_of_a_write_leaves_no_key(own_server: RedisServer, guesser: Guesser) -> None:
    begin, end = FAULTS["out of memory"]
    with own_server.client() as admin:
        before = admin.keys()
        begin(admin)
        guesser.guess()
        end(admin)
        guesser.guess()
        guesser.guess()

        assert admin.keys() == before


def test_reads_succeed_while_writes_are_refused(own_server: RedisServer, guesser: Guesser) -> None:
    begin, _ = FAULTS["out of memory"]
    with own_server.client() as admin:
        begin(admin)
        guesser.guess()

        assert isinstance(guesser.caller.repository.load(guesser.credential_id).state, Credential)


def test_a_successful_removal_does_not_let_a_guess_be_judged(own_server: RedisServer, guesser: Guesser) -> None:
    """A full Redis still removes keys."""
    begin, _ = FAULTS["out of memory"]
    with own_server.client() as admin:
        begin(admin)
        for _ in range(20):
            guesser.guess()
            guesser.caller.repository.forget(new_owner())

    assert guesser.algorithm.judged <= 1


def test_a_refused_count_stops_no_reads(own_server: RedisServer) -> None:
    gateway = Gateway(connector(own_server.url), max_retrying_callers=0)
    begin, _ = FAULTS["a replica"]
    with own_server.client() as admin:
        gateway.ping()
        begin(admin)
        RedisRequestCounters(gateway).count_with_next_command("requests", 60, lambda _: None)
        with pytest.raises(StoreUnavailable):
            gateway.get("credential")

        # Nobody may retry, so this would fail if the failure counted as one of reads.
        assert gateway.get("credential") is None
    gateway.close()

"""Many callers send the same code for one credential at the same moment, and exactly one is accepted."""

import multiprocessing
from functools import partial
from multiprocessing.synchronize import Barrier

import pytest

from domain.credential import Lifecycle
from domain.hotp import HotpCredential
from domain.owner import CredentialId, Factor, Owner
from domain.parameters import HotpParameters
from domain.verdict import Accepted, Reason, Rejected
from infrastructure.redis.client.embedded import embedded
from infrastructure.redis.client.url import Connect, connector
from tests.infrastructure.redis.callers import SECRET, Caller, all_at_once, new_owner
from tests.support.fakes import NOON
from tests.support.redis_server import RedisServer

CALLERS = 8


def hotp(credential_id: CredentialId, counter: int) -> HotpCredential:
    return HotpCredential(
        id=credential_id,
        lifecycle=Lifecycle(created_at=NOON, expires_at=None),
        secret=SECRET,
        parameters=HotpParameters(),
        counter=counter,
        initial_counter=0,
    )


def winners(connect: Connect, rounds: int) -> list[int]:
    """Return the number of successful commits against the same revision in each round."""
    caller = Caller(connect)
    credential_id = CredentialId(new_owner(), Factor.HOTP)
    counts = []
    for number in range(rounds):
        revision = caller.repository.load(credential_id).revision

        states = [hotp(credential_id, number * CALLERS + who) for who in range(CALLERS)]
        results = all_at_once([partial(caller.repository.commit, credential_id, revision, state) for state in states])
        counts.append(results.count(None))
    return counts


def test_one_commit_of_several_threads_wins_on_the_embedded_store() -> None:
    assert winners(embedded(), 100) == [1] * 100


def test_one_commit_of_several_threads_wins_on_a_real_redis(redis_server: RedisServer) -> None:
    assert winners(connector(redis_server.url), 100) == [1] * 100


def test_one_of_several_threads_with_the_same_code_is_accepted(redis_server: RedisServer) -> None:
    caller = Caller(connector(redis_server.url))
    credential_id = caller.enrol(new_owner())
    for counter in range(50):
        verdicts = all_at_once([partial(caller.verify, credential_id, counter)] * CALLERS)
        assert verdicts.count(Accepted()) == 1
        assert verdicts.count(Rejected(Reason.REPLAYED, 5)) == CALLERS - 1


def _process(url: str, owner: Owner, rounds: int, together: Barrier, accepted: "multiprocessing.Queue[int]") -> None:
    caller = Caller(connector(url))
    credential_id = CredentialId(owner, Factor.HOTP)
    for counter in range(rounds):
        together.wait(30)
        if caller.verify(credential_id, counter) == Accepted():
            accepted.put(counter)


def test_one_of_several_processes_with_the_same_code_is_accepted(redis_server: RedisServer) -> None:
    rounds = 300
    caller = Caller(connector(redis_server.url))
    owner = new_owner()
    caller.enrol(owner)
    context = multiprocessing.get_context("spawn")
    together, accepted = context.Barrier(4), context.Queue()
    processes = [
        context.Process(target=_process, args=(redis_server.url, owner, rounds, together, accepted), daemon=True)
        for _ in range(4)
    ]
    for process in processes:
        process.start()
    counters = [accepted.get(timeout=60) for _ in range(rounds)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)
    assert sorted(counters) == list(range(rounds))
    assert accepted.empty()


@pytest.mark.parametrize("kind", ["embedded", "standalone"])
def test_all_wrong_codes_of_the_same_moment_are_counted(kind: str, redis_server: RedisServer) -> None:
    caller = Caller(embedded() if kind == "embedded" else connector(redis_server.url))
    credential_id = caller.enrol(new_owner(), look_ahead=0)
    verdicts = all_at_once([lambda: caller.verify(credential_id, 5000)] * 16)
    left = sorted(verdict.attempts_left for verdict in verdicts if isinstance(verdict, Rejected))
    assert left == [0, 1, 2, 3, 4]


def test_many_threads_can_connect_at_the_same_time(redis_server: RedisServer) -> None:
    for _ in range(20):
        caller = Caller(connector(redis_server.url))
        all_at_once([caller.gateway.ping] * CALLERS)
        caller.gateway.close()

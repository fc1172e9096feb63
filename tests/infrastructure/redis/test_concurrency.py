"""One code, one credential, many callers at the same moment: exactly one of them moves it."""

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


def hotp(place: CredentialId, counter: int) -> HotpCredential:
    return HotpCredential(
        id=place,
        lifecycle=Lifecycle(created_at=NOON, expires_at=None),
        secret=SECRET,
        parameters=HotpParameters(),
        counter=counter,
        initial_counter=0,
    )


def winners(connect: Connect, rounds: int) -> list[int]:
    """How many commits against the same revision landed, round by round."""
    caller = Caller(connect)
    place = CredentialId(new_owner(), Factor.HOTP)
    counts = []
    for number in range(rounds):
        revision = caller.repository.load(place).revision

        states = [hotp(place, number * CALLERS + who) for who in range(CALLERS)]
        answers = all_at_once([partial(caller.repository.commit, place, revision, state) for state in states])
        counts.append(answers.count(None))
    return counts


def test_of_threads_on_the_embedded_store_one_commit_wins() -> None:
    assert winners(embedded(), 100) == [1] * 100


def test_of_threads_on_a_real_redis_one_commit_wins(redis_server: RedisServer) -> None:
    assert winners(connector(redis_server.url), 100) == [1] * 100


def test_of_threads_with_one_code_one_is_accepted(redis_server: RedisServer) -> None:
    caller = Caller(connector(redis_server.url))
    place = caller.enrol(new_owner())
    for counter in range(50):
        verdicts = all_at_once([partial(caller.verify, place, counter)] * CALLERS)
        assert verdicts.count(Accepted()) == 1
        assert verdicts.count(Rejected(Reason.REPLAYED, 5)) == CALLERS - 1


def _process(url: str, owner: Owner, rounds: int, together: Barrier, accepted: "multiprocessing.Queue[int]") -> None:
    caller = Caller(connector(url))
    place = CredentialId(owner, Factor.HOTP)
    for counter in range(rounds):
        together.wait(30)
        if caller.verify(place, counter) == Accepted():
            accepted.put(counter)


def test_of_processes_with_one_code_one_is_accepted(redis_server: RedisServer) -> None:
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
def test_wrong_codes_sent_at_once_are_all_counted(kind: str, redis_server: RedisServer) -> None:
    caller = Caller(embedded() if kind == "embedded" else connector(redis_server.url))
    place = caller.enrol(new_owner(), look_ahead=0)
    verdicts = all_at_once([lambda: caller.verify(place, 5000)] * 16)
    left = sorted(verdict.attempts_left for verdict in verdicts if isinstance(verdict, Rejected))
    assert left == [0, 1, 2, 3, 4]


def test_a_client_made_by_many_threads_at_once_serves_them_all(redis_server: RedisServer) -> None:
    for _ in range(20):
        caller = Caller(connector(redis_server.url))
        all_at_once([caller.gateway.ping] * CALLERS)
        caller.gateway.close()

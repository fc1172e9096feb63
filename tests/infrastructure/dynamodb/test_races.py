"""Many callers send the same code for one credential at the same moment, and exactly one is accepted."""

import multiprocessing
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Barrier

import pytest

from domain.owner import CredentialId, Factor, Owner
from domain.verdict import Accepted, Reason, Rejected
from tests.infrastructure.dynamodb.instances import Instance
from tests.infrastructure.redis.callers import all_at_once, new_owner
from tests.infrastructure.store.states import hotp, states
from tests.support.dynamodb import DynamoServer, patience

CALLERS = 8
PROCESSES = 4


@pytest.fixture(autouse=True)
def _patient() -> Iterator[None]:
    with patience():
        yield


def test_one_of_several_commits_against_the_same_revision_wins(instance: Instance) -> None:
    credential_id = CredentialId(new_owner(), Factor.HOTP)
    for number in range(10):
        revision = instance.repository.load(credential_id).revision
        states = [hotp(credential_id, number * CALLERS + who) for who in range(CALLERS)]
        results = all_at_once([partial(instance.repository.commit, credential_id, revision, each) for each in states])
        assert results.count(None) == 1


def test_one_of_several_threads_with_the_same_code_is_accepted(instance: Instance) -> None:
    credential_id = instance.enrol(new_owner())
    for counter in range(5):
        verdicts = all_at_once([partial(instance.verify, credential_id, counter)] * CALLERS)
        assert verdicts.count(Accepted()) == 1
        assert verdicts.count(Rejected(Reason.REPLAYED, 5)) == CALLERS - 1


def test_commits_for_different_credentials_of_one_owner_do_not_lose_to_each_other(instance: Instance) -> None:
    owner = new_owner()
    ids = [CredentialId(owner, Factor.HOTP), CredentialId(owner, Factor.TOTP), CredentialId(owner, Factor.OTP)]
    new = [next(each for each in states(ids[0]).values() if each.id == credential_id) for credential_id in ids]
    read = [instance.repository.load(each).revision for each in ids]
    commits = [
        partial(instance.repository.commit, each.id, revision, each) for each, revision in zip(new, read, strict=True)
    ]
    assert all_at_once(commits) == [None] * 3
    assert {each.id for each in new} == set(instance.repository.load_all(owner).snapshots)


def test_all_wrong_codes_of_the_same_moment_are_counted(instance: Instance) -> None:
    credential_id = instance.enrol(new_owner(), look_ahead=0)
    verdicts = all_at_once([lambda: instance.verify(credential_id, 5000)] * CALLERS)
    left = sorted(verdict.attempts_left for verdict in verdicts if isinstance(verdict, Rejected))
    assert left == [0, 1, 2, 3, 4]


def test_simultaneous_requests_are_all_counted(instance: Instance) -> None:
    sums = all_at_once([lambda: instance.store.rate_limits.count("a key", 100)] * CALLERS)
    assert sorted(sums) == list(range(1, CALLERS + 1))


def test_one_of_several_processes_with_the_same_code_is_accepted(stand_in: DynamoServer) -> None:
    rounds, url, owner = 25, stand_in.new_table(), new_owner()
    with Instance(url) as instance:
        instance.enrol(owner)
    context = multiprocessing.get_context("spawn")
    together, accepted = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=_process, args=(url, owner, rounds, together, accepted), daemon=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    counters = [accepted.get(timeout=120) for _ in range(rounds)]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert sorted(counters) == list(range(rounds))
    assert accepted.empty()


def _process(url: str, owner: Owner, rounds: int, together: Barrier, accepted: "multiprocessing.Queue[int]") -> None:
    credential_id = CredentialId(owner, Factor.HOTP)
    with patience(), Instance(url) as instance:
        for counter in range(rounds):
            together.wait(60)
            if instance.verify(credential_id, counter) == Accepted():
                accepted.put(counter)

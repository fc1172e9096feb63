"""Masters that die while codes are being verified: no code is accepted twice, and service is back within seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from application.errors import StoreUnavailable
from domain.owner import CredentialId
from domain.verdict import Accepted, Reason, Rejected, Verdict
from infrastructure.network import deadline
from infrastructure.redis.client.cluster import Cluster as RedisCluster
from infrastructure.redis.client.gateway import MAX_RETRYING_CALLERS
from infrastructure.redis.client.url import connector
from infrastructure.redis.stores.credentials import key_of
from tests.conftest import MEASURED, require_redis_server
from tests.infrastructure.redis.callers import Caller, answers, new_owner, timed
from tests.support.processes import wait_until
from tests.support.redis_topologies import Cluster, Node, SentinelSet


def master_of(company: SentinelSet | Cluster, place: CredentialId) -> Node:
    return company.master() if isinstance(company, SentinelSet) else company.master_of(key_of(place))


def replicas_of(company: SentinelSet | Cluster, place: CredentialId) -> list[Node]:
    return company.replicas() if isinstance(company, SentinelSet) else company.replicas_of(master_of(company, place))


@dataclass
class Traffic:
    """One person after the other: every code is sent twice, and again as long as nobody knows what became of it."""

    caller: Caller
    place: CredentialId
    accepted: list[int] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    failures: int = 0
    ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        counter = 0
        while not self.ending.is_set():
            first, second = self.send(counter), self.send(counter)
            # Without an answer the next code is looked ahead to, as people press the button once more.
            counter += 1 if first and second else 0

    def send(self, counter: int) -> bool:
        """Whether there was an answer."""
        try:
            verdict = self.caller.verify(self.place, counter)
        except StoreUnavailable:
            self.failures += 1
            return False
        if verdict == Accepted():
            self.accepted.append(counter)
            self.moments.append(time.monotonic())
        return True


@pytest.fixture(params=[SentinelSet, Cluster])
def company(request: pytest.FixtureRequest) -> Iterator[SentinelSet | Cluster]:
    """One for each test, for its master will not survive; with two replicas, so that the next master has one."""
    require_redis_server()
    with request.param(replicas=2) as company:
        yield company


@pytest.mark.parametrize("harm", ["kill", "freeze"])
def test_no_code_is_accepted_twice_while_a_master_fails_over(
    company: SentinelSet | Cluster, harm: str, record_property: Callable[[str, str], None]
) -> None:
    caller = Caller(connector(company.url), replicas=1)
    streams = [Traffic(caller, caller.enrol(new_owner())) for _ in range(4)]
    threads = [threading.Thread(target=stream.run) for stream in streams]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: all(len(stream.accepted) > 20 for stream in streams), "traffic")
        masters = [master_of(company, stream.place) for stream in streams]
        victim = masters[0]
        getattr(victim, harm)()
        harmed = time.monotonic()
        # The others have other masters, and go on as if nothing had happened.
        affected = [stream for stream, master in zip(streams, masters, strict=True) if master is victim]
        wait_until(lambda: all(stream.moments[-1] > harmed + 1.5 for stream in affected), "the fail-over")
    finally:
        for stream in streams:
            stream.ending.set()
        for thread in threads:
            thread.join()
        caller.gateway.close()
    gap = max(gap_after(stream.moments, harmed) for stream in streams)
    unavailable = sum(stream.failures for stream in streams)
    record_property(
        MEASURED, f"{type(company).__name__}, {harm}: back after {gap:.1f} s, {unavailable} times unavailable"
    )
    assert all(len(stream.accepted) == len(set(stream.accepted)) for stream in streams)


def gap_after(moments: list[float], harmed: float) -> float:
    """The longest time without an acceptance that began at or after the harm."""
    later = [harmed, *[moment for moment in moments if moment > harmed]]
    return max(after - before for before, after in pairwise(later))


def fail_over_with_stale_replicas(
    company: SentinelSet | Cluster, place: CredentialId, meanwhile: Callable[[], None]
) -> None:
    """The master dies before any replica has seen what happened meanwhile."""
    master, replicas = master_of(company, place), replicas_of(company, place)
    for replica in replicas:
        replica.freeze()
    # Or it would find in its socket what it did not read.
    master.drop_replicas()
    meanwhile()
    master.kill()
    for replica in replicas:
        replica.thaw()


def test_without_wait_a_stale_fail_over_brings_a_spent_code_back(company: SentinelSet | Cluster) -> None:
    """Not what anyone wants: it shows that the test below would notice."""
    caller = Caller(connector(company.url))
    place = caller.enrol(new_owner())
    wait_until(lambda: in_step(company, place), "the replicas")
    verdicts: list[Verdict] = []
    fail_over_with_stale_replicas(company, place, lambda: verdicts.append(caller.verify(place, 0)))
    verdicts.append(verdict_after(caller, place, 0))
    caller.gateway.close()
    assert verdicts == [Accepted(), Accepted()]


def test_with_wait_an_acceptance_that_could_be_lost_is_never_given(company: SentinelSet | Cluster) -> None:
    caller = Caller(connector(company.url), replicas=1)
    place = caller.enrol(new_owner())

    def refused() -> None:
        with deadline.within(1.0):
            assert timed(lambda: caller.verify(place, 0)) < 2

    fail_over_with_stale_replicas(company, place, refused)
    verdicts = [verdict_after(caller, place, 0), caller.verify(place, 0)]
    caller.gateway.close()
    assert verdicts == [Accepted(), Rejected(Reason.REPLAYED, 5)]


def in_step(company: SentinelSet | Cluster, place: CredentialId) -> bool:
    """Whether the replicas have the credential as its master has it."""
    value = master_of(company, place).ask("DUMP", key_of(place))
    return all(dump_of(replica, place) == value for replica in replicas_of(company, place))


def dump_of(replica: Node, place: CredentialId) -> object:
    with replica.client() as client:
        if replica.is_in_cluster:
            client.execute_command("READONLY")
        return client.execute_command("DUMP", key_of(place))


def verdict_after(caller: Caller, place: CredentialId, counter: int) -> Verdict:
    wait_until(lambda: answers(lambda: caller.gateway.set(f"{key_of(place)}:probe", "x")), "the fail-over")
    return caller.verify(place, counter)


def test_a_master_that_is_frozen_keeps_nobody_from_the_others() -> None:
    require_redis_server()
    with Cluster() as company:
        for node in company.nodes:
            # Nobody is to notice and take over before the callers have.
            node.ask("CONFIG", "SET", "cluster-node-timeout", "600000")
        caller = Caller(connector(company.url))
        places = [caller.enrol(new_owner()) for _ in range(64)]
        victim = company.master_of(key_of(places[0]))
        behind = [place for place in places if company.master_of(key_of(place)) is victim]
        beside = [place for place in places if company.master_of(key_of(place)) is not victim]
        assert len(behind) > MAX_RETRYING_CALLERS
        victim.freeze()
        ending = threading.Event()

        def bother(place: CredentialId) -> None:
            while not ending.is_set():
                answers(lambda: caller.repository.load(place))

        threads = [threading.Thread(target=bother, args=(place,)) for place in behind[: 2 * MAX_RETRYING_CALLERS]]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: not answers(lambda: caller.repository.load(behind[0])), "the outage")
            answered = [answers(lambda place=place: caller.repository.load(place)) for place in beside * 10]
        finally:
            ending.set()
            victim.thaw()
            for thread in threads:
                thread.join()
            caller.gateway.close()

    assert all(answered)


def test_a_cluster_that_does_not_know_where_a_key_is_is_no_more_than_unavailable() -> None:
    require_redis_server()
    with Cluster() as company:
        client = connector(company.url)()
        assert isinstance(client, RedisCluster)
        caller = Caller(lambda: client)
        place = caller.enrol(new_owner())
        # As where no node serves a slot.
        client._nodes.slots_cache.clear()

        with deadline.within(0.3):
            assert timed(lambda: caller.verify(place, 0)) < 2
        caller.gateway.close()

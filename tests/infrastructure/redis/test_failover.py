"""Masters fail while codes are verified: no code is accepted twice, and verifications succeed again within seconds."""

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


def master_of(topology: SentinelSet | Cluster, credential_id: CredentialId) -> Node:
    return topology.master() if isinstance(topology, SentinelSet) else topology.master_of(key_of(credential_id))


def replicas_of(topology: SentinelSet | Cluster, credential_id: CredentialId) -> list[Node]:
    return (
        topology.replicas()
        if isinstance(topology, SentinelSet)
        else topology.replicas_of(master_of(topology, credential_id))
    )


@dataclass
class Traffic:
    """A user who sends every code twice, and again if there was no verdict."""

    caller: Caller
    credential_id: CredentialId
    accepted: list[int] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    failures: int = 0
    ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        counter = 0
        while not self.ending.is_set():
            first, second = self.send(counter), self.send(counter)
            # Without a verdict, the user sends the next code, as people do with a token that has a button.
            counter += 1 if first and second else 0

    def send(self, counter: int) -> bool:
        """Send a code and return whether there was a verdict."""
        try:
            verdict = self.caller.verify(self.credential_id, counter)
        except StoreUnavailable:
            self.failures += 1
            return False
        if verdict == Accepted():
            self.accepted.append(counter)
            self.moments.append(time.monotonic())
        return True


@pytest.fixture(params=[SentinelSet, Cluster])
def topology(request: pytest.FixtureRequest) -> Iterator[SentinelSet | Cluster]:
    """A topology for one test, which harms its master. With two replicas, the next master has a replica."""
    require_redis_server()
    with request.param(replicas=2) as topology:
        yield topology


@pytest.mark.parametrize("harm", ["kill", "freeze"])
def test_no_code_is_accepted_twice_while_a_master_fails_over(
    topology: SentinelSet | Cluster, harm: str, record_property: Callable[[str, str], None]
) -> None:
    caller = Caller(connector(topology.url), replicas=1)
    streams = [Traffic(caller, caller.enrol(new_owner())) for _ in range(4)]
    threads = [threading.Thread(target=stream.run) for stream in streams]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: all(len(stream.accepted) > 20 for stream in streams), "traffic")
        masters = [master_of(topology, stream.credential_id) for stream in streams]
        victim = masters[0]
        getattr(victim, harm)()
        harmed = time.monotonic()
        # The other users have other masters, which are not affected.
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
        MEASURED, f"{type(topology).__name__}, {harm}: back after {gap:.1f} s, {unavailable} times unavailable"
    )
    assert all(len(stream.accepted) == len(set(stream.accepted)) for stream in streams)


def gap_after(moments: list[float], harmed: float) -> float:
    """Return the longest time in seconds without an acceptance that began at or after the harm."""
    later = [harmed, *[moment for moment in moments if moment > harmed]]
    return max(after - before for before, after in pairwise(later))


def fail_over_with_stale_replicas(
    topology: SentinelSet | Cluster, credential_id: CredentialId, writes: Callable[[], None]
) -> None:
    """Let the master fail before any replica has the latest writes."""
    master, replicas = master_of(topology, credential_id), replicas_of(topology, credential_id)
    for replica in replicas:
        replica.freeze()
    # Otherwise the replica would read the writes from its socket.
    master.drop_replicas()
    writes()
    master.kill()
    for replica in replicas:
        replica.thaw()


def test_without_wait_a_stale_fail_over_makes_a_spent_code_valid_again(topology: SentinelSet | Cluster) -> None:
    """This shows that the next test would detect a lost commit."""
    caller = Caller(connector(topology.url))
    credential_id = caller.enrol(new_owner())
    wait_until(lambda: in_step(topology, credential_id), "the replicas")
    verdicts: list[Verdict] = []
    fail_over_with_stale_replicas(topology, credential_id, lambda: verdicts.append(caller.verify(credential_id, 0)))
    verdicts.append(verdict_after(caller, credential_id, 0))
    caller.gateway.close()
    assert verdicts == [Accepted(), Accepted()]


def test_with_wait_no_code_is_accepted_whose_commit_could_be_lost(topology: SentinelSet | Cluster) -> None:
    caller = Caller(connector(topology.url), replicas=1)
    credential_id = caller.enrol(new_owner())

    def refused() -> None:
        with deadline.within(1.0):
            assert timed(lambda: caller.verify(credential_id, 0)) < 2

    fail_over_with_stale_replicas(topology, credential_id, refused)
    verdicts = [verdict_after(caller, credential_id, 0), caller.verify(credential_id, 0)]
    caller.gateway.close()
    assert verdicts == [Accepted(), Rejected(Reason.REPLAYED, 5)]


def in_step(topology: SentinelSet | Cluster, credential_id: CredentialId) -> bool:
    """Return whether the replicas have the same record as the master."""
    value = master_of(topology, credential_id).ask("DUMP", key_of(credential_id))
    return all(dump_of(replica, credential_id) == value for replica in replicas_of(topology, credential_id))


def dump_of(replica: Node, credential_id: CredentialId) -> object:
    with replica.client() as client:
        if replica.is_in_cluster:
            client.execute_command("READONLY")
        return client.execute_command("DUMP", key_of(credential_id))


def verdict_after(caller: Caller, credential_id: CredentialId, counter: int) -> Verdict:
    wait_until(lambda: answers(lambda: caller.gateway.set(f"{key_of(credential_id)}:probe", "x")), "the fail-over")
    return caller.verify(credential_id, counter)


def test_a_frozen_master_does_not_delay_access_to_the_others() -> None:
    require_redis_server()
    with Cluster() as topology:
        for node in topology.nodes:
            # No replica takes over before the callers have failed.
            node.ask("CONFIG", "SET", "cluster-node-timeout", "600000")
        caller = Caller(connector(topology.url))
        credential_ids = [caller.enrol(new_owner()) for _ in range(64)]
        victim = topology.master_of(key_of(credential_ids[0]))
        behind = [
            credential_id for credential_id in credential_ids if topology.master_of(key_of(credential_id)) is victim
        ]
        beside = [
            credential_id for credential_id in credential_ids if topology.master_of(key_of(credential_id)) is not victim
        ]
        assert len(behind) > MAX_RETRYING_CALLERS
        victim.freeze()
        ending = threading.Event()

        def bother(credential_id: CredentialId) -> None:
            while not ending.is_set():
                answers(lambda: caller.repository.load(credential_id))

        threads = [
            threading.Thread(target=bother, args=(credential_id,))
            for credential_id in behind[: 2 * MAX_RETRYING_CALLERS]
        ]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: not answers(lambda: caller.repository.load(behind[0])), "the outage")
            results = [
                answers(lambda credential_id=credential_id: caller.repository.load(credential_id))
                for credential_id in beside * 10
            ]
        finally:
            ending.set()
            victim.thaw()
            for thread in threads:
                thread.join()
            caller.gateway.close()

    assert all(results)


def test_a_slot_without_a_node_makes_the_store_unavailable() -> None:
    require_redis_server()
    with Cluster() as topology:
        client = connector(topology.url)()
        assert isinstance(client, RedisCluster)
        caller = Caller(lambda: client)
        credential_id = caller.enrol(new_owner())
        # The client then knows no node of any slot.
        client._nodes.slots_cache.clear()

        with deadline.within(0.3):
            assert timed(lambda: caller.verify(credential_id, 0)) < 2
        caller.gateway.close()

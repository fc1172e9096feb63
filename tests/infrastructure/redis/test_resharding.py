"""Slots that move from one master to another while their credentials are in use."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from domain.owner import CredentialId, Factor, Owner
from domain.verdict import Accepted
from infrastructure.redis.client.url import connector
from infrastructure.redis.stores.credentials import key_of
from tests.infrastructure.redis.callers import Caller, new_owner
from tests.support.processes import wait_until
from tests.support.redis_topologies import Cluster, Node


@dataclass
class Move:
    """The move of one owner's slot to another node."""

    cluster: Cluster
    owner: Owner
    source: Node
    target: Node

    @property
    def slot(self) -> int:
        return self.cluster.slot(self.key(Factor.HOTP))

    def key(self, factor: Factor) -> str:
        return key_of(CredentialId(self.owner, factor))

    def begin(self) -> None:
        source, target = (str(node.ask("CLUSTER", "MYID"), "ascii") for node in (self.source, self.target))
        self.target.ask("CLUSTER", "SETSLOT", self.slot, "IMPORTING", source)
        self.source.ask("CLUSTER", "SETSLOT", self.slot, "MIGRATING", target)

    def carry(self, factor: Factor) -> None:
        self.source.ask("MIGRATE", "127.0.0.1", self.target.port, self.key(factor), 0, 5000)

    def end(self) -> None:
        target = str(self.target.ask("CLUSTER", "MYID"), "ascii")
        for node in (self.target, self.source):
            node.ask("CLUSTER", "SETSLOT", self.slot, "NODE", target)
        wait_until(
            lambda: self.cluster.master_of(self.key(Factor.HOTP)) is self.target,
            "the announcement of the move to all nodes",
        )


@pytest.fixture(params=[0, 1], ids=["without WAIT", "with WAIT"])
def caller(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Caller]:
    caller = Caller(connector(cluster.url), request.param)
    yield caller
    caller.gateway.close()


@pytest.fixture
def credential_id(caller: Caller) -> CredentialId:
    return caller.enrol(new_owner())


@pytest.fixture
def move(cluster: Cluster, credential_id: CredentialId) -> Move:
    source = cluster.master_of(key_of(credential_id))
    return Move(cluster, credential_id.owner, source, next(node for node in cluster.masters() if node is not source))


def test_a_credential_is_verified_before_during_and_after_its_move(
    caller: Caller, credential_id: CredentialId, move: Move
) -> None:
    move.begin()
    verdicts = [caller.verify(credential_id, 0)]
    move.carry(Factor.HOTP)
    verdicts += [caller.verify(credential_id, 1), caller.verify(credential_id, 2)]
    move.end()
    verdicts += [caller.verify(credential_id, 3)]
    assert verdicts == [Accepted()] * 4


def test_all_credentials_of_an_owner_are_read_while_half_of_them_have_moved(
    caller: Caller, credential_id: CredentialId, move: Move
) -> None:
    # A copy under another factor is an unreadable record.
    move.source.ask("COPY", move.key(Factor.HOTP), move.key(Factor.OTP))
    move.begin()
    move.carry(Factor.HOTP)
    assert all(caller.gateway.get_all([move.key(Factor.HOTP), move.key(Factor.OTP)]))


def test_all_credentials_of_an_owner_are_removed_while_half_of_them_have_moved(
    caller: Caller, credential_id: CredentialId, move: Move
) -> None:
    move.source.ask("COPY", move.key(Factor.HOTP), move.key(Factor.OTP))
    move.begin()
    move.carry(Factor.HOTP)
    caller.repository.forget(credential_id.owner)
    assert caller.repository.load_all(credential_id.owner).snapshots == {}


def test_a_key_is_followed_to_a_node_that_has_no_slot_yet(cluster: Cluster) -> None:
    caller = Caller(connector(cluster.url))
    credential_id = caller.enrol(new_owner())
    move = Move(cluster, credential_id.owner, cluster.master_of(key_of(credential_id)), cluster.add_empty())
    move.begin()
    move.carry(Factor.HOTP)
    assert caller.verify(credential_id, 0) == Accepted()
    move.end()
    assert caller.verify(credential_id, 1) == Accepted()
    caller.gateway.close()

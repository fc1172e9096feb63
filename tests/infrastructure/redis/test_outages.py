"""All servers of a topology are frozen, and every call still ends in time."""

import time
from collections.abc import Iterator

import pytest

from domain.owner import CredentialId
from domain.verdict import Accepted
from infrastructure.network import deadline
from infrastructure.redis.client.url import connector
from tests.conftest import require_redis_server
from tests.infrastructure.redis.callers import Caller, all_at_once, answers, new_owner, notice, timed
from tests.support.processes import wait_until
from tests.support.redis_topologies import Certificates, Cluster, SentinelSet

LIMIT = 5.0
"""Seconds."""


@pytest.fixture(scope="module", params=[SentinelSet, Cluster])
def topology(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[SentinelSet | Cluster]:
    """A topology with TLS, because a frozen server does not answer the handshake either."""
    require_redis_server()
    with request.param(certificates) as topology:
        yield topology


@pytest.fixture
def caller(topology: SentinelSet | Cluster) -> Iterator[Caller]:
    caller = Caller(connector(topology.url), replicas=1)
    wait_until(lambda: answers(lambda: caller.enrol(new_owner())), "the topology's recovery")
    yield caller
    caller.gateway.close()


@pytest.fixture
def credential_id(caller: Caller) -> CredentialId:
    return caller.enrol(new_owner())


@pytest.fixture
def frozen(topology: SentinelSet | Cluster, credential_id: CredentialId) -> Iterator[None]:
    """Freeze all servers during the test."""
    topology.freeze()
    yield
    topology.thaw()


@pytest.mark.usefixtures("frozen")
def test_a_verification_fails_in_time(caller: Caller, credential_id: CredentialId) -> None:
    assert timed(lambda: caller.verify(credential_id, 0)) < LIMIT


@pytest.mark.usefixtures("frozen")
def test_the_deadline_of_a_request_covers_all_its_operations(caller: Caller, credential_id: CredentialId) -> None:
    start = time.monotonic()
    with deadline.within(deadline.BUDGET):
        for _ in range(3):
            timed(lambda: caller.repository.load(credential_id))
    assert time.monotonic() - start < LIMIT


@pytest.mark.usefixtures("frozen")
def test_many_new_callers_fail_in_time(topology: SentinelSet | Cluster) -> None:
    caller = Caller(connector(topology.url))
    times = all_at_once([lambda: timed(caller.gateway.ping)] * 16)
    caller.gateway.close()
    assert max(times) < LIMIT


@pytest.mark.usefixtures("frozen")
def test_many_callers_fail_in_time_and_the_next_ones_faster(caller: Caller, credential_id: CredentialId) -> None:
    first = all_at_once([lambda: timed(lambda: caller.repository.load(credential_id))] * 16)
    second = all_at_once([lambda: timed(lambda: caller.repository.load(credential_id))] * 16)
    assert max(first) < LIMIT
    assert max(second) < LIMIT / 2


def test_the_service_recovers_without_a_restart(
    topology: SentinelSet | Cluster, caller: Caller, credential_id: CredentialId
) -> None:
    topology.freeze()
    notice(lambda: caller.repository.load(credential_id))
    topology.thaw()
    wait_until(lambda: answers(lambda: caller.repository.load(credential_id)), "the recovery")
    wait_until(lambda: answers(lambda: caller.gateway.set("open-mfa:test", "x")), "a writable master with its replica")
    assert caller.verify(credential_id, 0) == Accepted()

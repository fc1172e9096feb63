"""Everything of a topology frozen at once: whoever is asked, and however many have to be, the answer comes in time."""

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
def company(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[SentinelSet | Cluster]:
    """With TLS: its handshake is one more thing that a frozen server does not answer."""
    require_redis_server()
    with request.param(certificates) as company:
        yield company


@pytest.fixture
def caller(company: SentinelSet | Cluster) -> Iterator[Caller]:
    caller = Caller(connector(company.url), replicas=1)
    wait_until(lambda: answers(lambda: caller.enrol(new_owner())), "the topology's recovery")
    yield caller
    caller.gateway.close()


@pytest.fixture
def place(caller: Caller) -> CredentialId:
    return caller.enrol(new_owner())


@pytest.fixture
def frozen(company: SentinelSet | Cluster, place: CredentialId) -> Iterator[None]:
    """Only for so long as the test lasts."""
    company.freeze()
    yield
    company.thaw()


@pytest.mark.usefixtures("frozen")
def test_a_verification_is_told_in_time(caller: Caller, place: CredentialId) -> None:
    assert timed(lambda: caller.verify(place, 0)) < LIMIT


@pytest.mark.usefixtures("frozen")
def test_the_deadline_of_a_request_covers_all_that_it_asks(caller: Caller, place: CredentialId) -> None:
    start = time.monotonic()
    with deadline.within(deadline.BUDGET):
        for _ in range(3):
            timed(lambda: caller.repository.load(place))
    assert time.monotonic() - start < LIMIT


@pytest.mark.usefixtures("frozen")
def test_many_at_once_who_have_never_been_connected_are_told_in_time(company: SentinelSet | Cluster) -> None:
    caller = Caller(connector(company.url))
    times = all_at_once([lambda: timed(caller.gateway.ping)] * 16)
    caller.gateway.close()
    assert max(times) < LIMIT


@pytest.mark.usefixtures("frozen")
def test_many_at_once_are_told_in_time_and_the_next_ones_faster(caller: Caller, place: CredentialId) -> None:
    first = all_at_once([lambda: timed(lambda: caller.repository.load(place))] * 16)
    second = all_at_once([lambda: timed(lambda: caller.repository.load(place))] * 16)
    assert max(first) < LIMIT
    assert max(second) < LIMIT / 2


def test_it_heals_by_itself(company: SentinelSet | Cluster, caller: Caller, place: CredentialId) -> None:
    company.freeze()
    notice(lambda: caller.repository.load(place))
    company.thaw()
    wait_until(lambda: answers(lambda: caller.repository.load(place)), "the recovery")
    wait_until(
        lambda: answers(lambda: caller.gateway.set("open-mfa:test", "x")), "a master with its replica, to be written to"
    )
    assert caller.verify(place, 0) == Accepted()

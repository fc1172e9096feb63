"""A network that loses and delays responses: every commit is recognized, and none is carried out twice."""

import time
from collections.abc import Iterator

import pytest

from domain.hotp import HotpCredential
from domain.owner import CredentialId
from domain.verdict import Accepted, Reason, Rejected
from infrastructure.network import deadline
from infrastructure.redis.client.gateway import MAX_RETRYING_CALLERS
from infrastructure.redis.client.url import connector
from infrastructure.redis.stores.credentials import key_of
from tests.infrastructure.redis.callers import Caller, all_at_once, answers, new_owner, notice, timed
from tests.support.fakes import NOON
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Node, SentinelSet, free_ports
from tests.support.tcp_proxy import TcpProxy

SCRIPT = b"EVALSHA"


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[TcpProxy]:
    with TcpProxy(redis_server.port) as proxy:
        yield proxy


@pytest.fixture
def caller(proxy: TcpProxy) -> Iterator[Caller]:
    caller = Caller(connector(proxy.url))
    yield caller
    caller.gateway.close()


@pytest.fixture
def rival(redis_server: RedisServer) -> Iterator[Caller]:
    """Another caller, whose network works."""
    caller = Caller(connector(redis_server.url))
    yield caller
    caller.gateway.close()


@pytest.fixture
def credential_id(rival: Caller) -> CredentialId:
    return rival.enrol(new_owner())


def counter_of(caller: Caller, credential_id: CredentialId) -> int:
    state = caller.repository.load(credential_id).state
    assert isinstance(state, HotpCredential)
    return state.counter


def test_a_commit_whose_response_is_lost_is_recognized(
    proxy: TcpProxy, caller: Caller, credential_id: CredentialId
) -> None:
    caller.gateway.ping()
    proxy.lose_answer(SCRIPT)
    assert caller.verify(credential_id, 0) == Accepted()


def test_a_commit_whose_response_is_lost_is_carried_out_once(
    proxy: TcpProxy, caller: Caller, rival: Caller, credential_id: CredentialId
) -> None:
    caller.verify(credential_id, 0)
    proxy.lose_answer(SCRIPT)
    caller.verify(credential_id, 1)
    assert counter_of(rival, credential_id) == 2


def test_a_code_is_accepted_once_although_the_response_is_lost_and_a_rival_sends_it(
    proxy: TcpProxy, caller: Caller, rival: Caller, credential_id: CredentialId
) -> None:
    caller.gateway.ping()
    verdicts = []
    proxy.lose_answer(SCRIPT, lambda: verdicts.append(rival.verify(credential_id, 0)))
    verdicts.append(caller.verify(credential_id, 0))
    assert sorted(map(type, verdicts), key=str) == [Accepted, Rejected]


def test_a_commit_loses_if_another_one_follows_before_its_response_is_lost(
    proxy: TcpProxy, caller: Caller, rival: Caller, credential_id: CredentialId
) -> None:
    caller.gateway.ping()
    proxy.lose_answer(SCRIPT, lambda: rival.verify(credential_id, 1))
    assert caller.verify(credential_id, 0) == Rejected(Reason.REPLAYED, 5)


def test_a_commit_whose_response_is_lost_must_still_reach_its_replicas(sentinel_set: SentinelSet) -> None:
    """The retry finds its own write, on a connection that has written nothing."""
    lonely = Caller(connector(sentinel_set.url))
    credential_id = lonely.enrol(new_owner())
    with TcpProxy(sentinel_set.master().port) as proxy:
        caller = Caller(connector(proxy.url), replicas=1)
        caller.gateway.ping()
        for replica in sentinel_set.replicas():
            replica.freeze()
        try:
            proxy.lose_answer(SCRIPT)
            with deadline.within(0.8):
                timed(lambda: caller.verify(credential_id, 0))
        finally:
            for replica in sentinel_set.replicas():
                replica.thaw()
        caller.gateway.close()
    lonely.gateway.close()


def test_an_enrolment_whose_response_is_lost_is_not_a_conflict(proxy: TcpProxy, caller: Caller) -> None:
    caller.gateway.ping()
    proxy.lose_answer(SCRIPT)
    credential_id = caller.enrol(new_owner())
    assert caller.verify(credential_id, 0) == Accepted()


def test_a_removal_whose_response_is_lost_succeeds(
    proxy: TcpProxy, caller: Caller, credential_id: CredentialId
) -> None:
    revision = caller.repository.load(credential_id).revision
    proxy.lose_answer(SCRIPT)
    assert caller.repository.commit(credential_id, revision, None) is None


def test_a_lost_response_does_not_extend_a_session(proxy: TcpProxy, caller: Caller, rival: Caller) -> None:
    credential_id = rival.enrol(new_owner(), lifetime=1000)
    caller.repository.load(credential_id)
    proxy.lose_answer(SCRIPT)
    caller.verify(credential_id, 0)
    key = key_of(credential_id)
    assert rival.gateway._read(key, "EXPIRETIME", key) == NOON + 1000


def test_late_responses_end_at_the_deadline(proxy: TcpProxy, caller: Caller, credential_id: CredentialId) -> None:
    caller.gateway.ping()
    proxy.delay = 1.0
    assert timed(lambda: caller.repository.load(credential_id)) < 5


def test_responses_that_arrive_byte_by_byte_end_at_the_deadline(
    proxy: TcpProxy, caller: Caller, credential_id: CredentialId
) -> None:
    caller.gateway.ping()
    proxy.delay, proxy.drip = 0.2, True
    assert timed(lambda: caller.repository.load(credential_id)) < 5


def test_slow_responses_before_the_time_out_are_used(
    proxy: TcpProxy, caller: Caller, credential_id: CredentialId
) -> None:
    proxy.delay = 0.2
    assert caller.verify(credential_id, 0) == Accepted()


def test_a_vanished_host_costs_one_time_out_for_all_its_connections(
    proxy: TcpProxy, caller: Caller, credential_id: CredentialId
) -> None:
    proxy.delay = 0.1
    all_at_once([lambda: caller.repository.load(credential_id)] * 8)
    proxy.delay = 0.0
    proxy.silence()
    caller.repository.load(credential_id)
    start = time.monotonic()
    all_at_once([lambda: caller.repository.load(credential_id)] * 8)
    assert time.monotonic() - start < deadline.SOCKET_TIMEOUT


def test_a_name_is_followed_to_a_new_master_although_the_former_one_answers() -> None:
    """A managed Redis fails over like this: the former master becomes a replica, and the name gets another address."""
    first, second = free_ports(2)
    with (
        Node(first) as former,
        Node(second, "--replicaof", "127.0.0.1", str(first)) as latter,
        TcpProxy(first) as proxy,
    ):
        wait_until(lambda: latter.replication()["master_link_status"] == "up", "the first copy")
        caller = Caller(connector(proxy.url))
        credential_id = caller.enrol(new_owner())
        wait_until(lambda: latter.ask("DBSIZE") == 1, "the copy of the credential")
        latter.ask("REPLICAOF", "NO", "ONE")
        former.ask("REPLICAOF", "127.0.0.1", second)
        proxy.target = second
        assert caller.verify(credential_id, 0) == Accepted()
        caller.gateway.close()


def test_one_success_ends_an_outage_for_all_callers(
    proxy: TcpProxy, caller: Caller, credential_id: CredentialId
) -> None:
    caller.gateway.ping()
    proxy.delay = 1.0
    notice(lambda: caller.repository.load(credential_id))
    proxy.delay = 0.0
    # This number of callers may try during an outage. The first success ends it for all others.
    assert all(all_at_once([lambda: answers(lambda: caller.repository.load(credential_id))] * MAX_RETRYING_CALLERS))

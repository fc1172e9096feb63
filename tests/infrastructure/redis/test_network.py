"""A network that loses, delays and swallows: what was committed is known to be, and nothing is committed twice."""

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
    """Somebody else, whose network is good."""
    caller = Caller(connector(redis_server.url))
    yield caller
    caller.gateway.close()


@pytest.fixture
def place(rival: Caller) -> CredentialId:
    return rival.enrol(new_owner())


def counter_of(caller: Caller, place: CredentialId) -> int:
    state = caller.repository.load(place).state
    assert isinstance(state, HotpCredential)
    return state.counter


def test_a_commit_whose_answer_was_lost_is_known_to_have_landed(
    proxy: TcpProxy, caller: Caller, place: CredentialId
) -> None:
    caller.gateway.ping()
    proxy.lose_answer(SCRIPT)
    assert caller.verify(place, 0) == Accepted()


def test_a_commit_whose_answer_was_lost_has_moved_the_credential_once(
    proxy: TcpProxy, caller: Caller, rival: Caller, place: CredentialId
) -> None:
    caller.verify(place, 0)
    proxy.lose_answer(SCRIPT)
    caller.verify(place, 1)
    assert counter_of(rival, place) == 2


def test_a_code_is_accepted_once_although_the_answer_was_lost_and_a_rival_sent_it_meanwhile(
    proxy: TcpProxy, caller: Caller, rival: Caller, place: CredentialId
) -> None:
    caller.gateway.ping()
    verdicts = []
    proxy.lose_answer(SCRIPT, lambda: verdicts.append(rival.verify(place, 0)))
    verdicts.append(caller.verify(place, 0))
    assert sorted(map(type, verdicts), key=str) == [Accepted, Rejected]


def test_a_commit_that_was_followed_by_another_before_its_answer_was_lost_has_lost(
    proxy: TcpProxy, caller: Caller, rival: Caller, place: CredentialId
) -> None:
    caller.gateway.ping()
    proxy.lose_answer(SCRIPT, lambda: rival.verify(place, 1))
    assert caller.verify(place, 0) == Rejected(Reason.REPLAYED, 5)


def test_a_commit_whose_answer_was_lost_still_has_to_reach_its_replicas(sentinel_set: SentinelSet) -> None:
    """The one that is sent again finds the work done, on a connection that has written nothing yet."""
    lonely = Caller(connector(sentinel_set.url))
    place = lonely.enrol(new_owner())
    with TcpProxy(sentinel_set.master().port) as proxy:
        caller = Caller(connector(proxy.url), replicas=1)
        caller.gateway.ping()
        for replica in sentinel_set.replicas():
            replica.freeze()
        try:
            proxy.lose_answer(SCRIPT)
            with deadline.within(0.8):
                timed(lambda: caller.verify(place, 0))
        finally:
            for replica in sentinel_set.replicas():
                replica.thaw()
        caller.gateway.close()
    lonely.gateway.close()


def test_an_enrolment_whose_answer_was_lost_is_not_told_that_it_existed_already(
    proxy: TcpProxy, caller: Caller
) -> None:
    caller.gateway.ping()
    proxy.lose_answer(SCRIPT)
    place = caller.enrol(new_owner())
    assert caller.verify(place, 0) == Accepted()


def test_a_removal_whose_answer_was_lost_is_done(proxy: TcpProxy, caller: Caller, place: CredentialId) -> None:
    revision = caller.repository.load(place).revision
    proxy.lose_answer(SCRIPT)
    assert caller.repository.commit(place, revision, None) is None


def test_a_session_does_not_live_longer_because_an_answer_was_lost(
    proxy: TcpProxy, caller: Caller, rival: Caller
) -> None:
    place = rival.enrol(new_owner(), lifetime=1000)
    caller.repository.load(place)
    proxy.lose_answer(SCRIPT)
    caller.verify(place, 0)
    key = key_of(place)
    assert rival.gateway._read(key, "EXPIRETIME", key) == NOON + 1000


def test_answers_that_come_too_late_are_given_up_in_time(proxy: TcpProxy, caller: Caller, place: CredentialId) -> None:
    caller.gateway.ping()
    proxy.delay = 1.0
    assert timed(lambda: caller.repository.load(place)) < 5


def test_answers_that_come_in_drips_are_given_up_in_time(proxy: TcpProxy, caller: Caller, place: CredentialId) -> None:
    caller.gateway.ping()
    proxy.delay, proxy.drip = 0.2, True
    assert timed(lambda: caller.repository.load(place)) < 5


def test_answers_that_are_slow_but_in_time_are_good(proxy: TcpProxy, caller: Caller, place: CredentialId) -> None:
    proxy.delay = 0.2
    assert caller.verify(place, 0) == Accepted()


def test_a_host_that_vanished_costs_one_timeout_however_many_connections_led_to_it(
    proxy: TcpProxy, caller: Caller, place: CredentialId
) -> None:
    proxy.delay = 0.1
    all_at_once([lambda: caller.repository.load(place)] * 8)
    proxy.delay = 0.0
    proxy.silence()
    caller.repository.load(place)
    start = time.monotonic()
    all_at_once([lambda: caller.repository.load(place)] * 8)
    assert time.monotonic() - start < deadline.SOCKET_TIMEOUT


def test_a_name_that_leads_to_a_new_master_is_followed_although_the_old_one_answers_still() -> None:
    """As a managed Redis fails over: the old master lives on as a replica, and only the name moves."""
    first, second = free_ports(2)
    with (
        Node(first) as former,
        Node(second, "--replicaof", "127.0.0.1", str(first)) as latter,
        TcpProxy(first) as proxy,
    ):
        wait_until(lambda: latter.replication()["master_link_status"] == "up", "the first copy")
        caller = Caller(connector(proxy.url))
        place = caller.enrol(new_owner())
        wait_until(lambda: latter.ask("DBSIZE") == 1, "the copy of the credential")
        latter.ask("REPLICAOF", "NO", "ONE")
        former.ask("REPLICAOF", "127.0.0.1", second)
        proxy.target = second
        assert caller.verify(place, 0) == Accepted()
        caller.gateway.close()


def test_an_outage_that_everyone_knows_of_is_over_for_everyone_at_once(
    proxy: TcpProxy, caller: Caller, place: CredentialId
) -> None:
    caller.gateway.ping()
    proxy.delay = 1.0
    notice(lambda: caller.repository.load(place))
    proxy.delay = 0.0
    # As many as may try while the outage is known; the first success ends it for all others.
    assert all(all_at_once([lambda: answers(lambda: caller.repository.load(place))] * MAX_RETRYING_CALLERS))

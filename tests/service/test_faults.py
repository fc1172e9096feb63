"""Redis, or the service itself, fails during traffic (docs/reference/http.md, Conventions)."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import require_redis_server
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import Session
from tests.service.traffic import Traffic
from tests.service.wire import Wire, once, request
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

LONGEST_ANSWER = 5.0
"""The longest time in seconds until an answer, whatever has failed."""
CALLERS = 8
BREAKS: dict[str, tuple[Callable[[RedisServer], None], Callable[[RedisServer], None]]] = {
    "killed": (RedisServer.kill, RedisServer.start),
    "frozen": (RedisServer.freeze, RedisServer.thaw),
}


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    """A Redis that the test may stop."""
    require_redis_server()
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def own_service(own_redis: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=own_redis.url, **TWO_BY_EIGHT) as running:
        yield running


@pytest.fixture(scope="module", params=BREAKS)
def broken(request: pytest.FixtureRequest, own_redis: RedisServer, own_service: Service) -> tuple[Traffic, float]:
    """Traffic during a failure of Redis, and the time of its end."""
    harm, mend = BREAKS[request.param]
    with Traffic(own_service.port, CALLERS) as traffic:
        wait_until(lambda: len(traffic.calls) > 50, "traffic")
        harm(own_redis)
        wait_until(lambda: sum(call.status == 503 for call in traffic.calls) > 2 * CALLERS, "refusals")
        mend(own_redis)
        back = time.monotonic()
        wait_until(lambda: {c.caller for c in traffic.since(back) if c.status == 200} == set(range(CALLERS)), "healing")
    return traffic, back


def test_while_redis_is_broken_every_response_is_correct_or_503(broken: tuple[Traffic, float]) -> None:
    assert {call.status for call in broken[0].calls} == {200, 403, 503}


def test_while_redis_is_broken_every_response_arrives_within_five_seconds(broken: tuple[Traffic, float]) -> None:
    assert max(call.seconds for call in broken[0].calls) < LONGEST_ANSWER


def test_no_code_is_accepted_twice_while_redis_fails_and_returns(broken: tuple[Traffic, float]) -> None:
    assert set(broken[0].accepted().values()) == {1}


def test_the_service_recovers_without_a_restart_when_redis_returns(broken: tuple[Traffic, float]) -> None:
    traffic, back = broken

    assert min(call.began + call.seconds for call in traffic.since(back) if call.status == 200) - back < LONGEST_ANSWER


@pytest.mark.parametrize("callers", [4, 32])
def test_while_redis_is_frozen_the_service_still_reports_that_it_is_alive(
    own_redis: RedisServer, own_service: Service, callers: int
) -> None:
    sessions = [Session(own_service.port) for _ in range(callers)]
    raws = [session.verification("hotp", next(session.good_codes("hotp"))) for session in sessions]
    own_redis.freeze()
    try:
        with ExitStack() as stack:
            wires = [stack.enter_context(Wire(own_service.port)) for _ in raws]
            for wire, raw in zip(wires, raws, strict=True):
                wire.send(raw)
            wait_until(lambda: blocked_clients(own_redis) >= 4, "requests under way")
            health = [once(own_service.port, request("GET", "/healthz"), "GET") for _ in range(10)]
            waited = [wire.receive().seconds for wire in wires]
    finally:
        own_redis.thaw()

    assert {answer.status for answer in health} == {200}
    assert max(answer.seconds for answer in health) < 1
    assert max(waited) < LONGEST_ANSWER


def test_sigterm_loses_no_current_request(own_redis: RedisServer) -> None:
    # Half of a worker's threads may wait for Redis. All requests can wait, even if one worker gets them all.
    workers = {"WEB_CONCURRENCY": "2", "THREADS": "16"}
    with Service(OPEN_MFA_REDIS_URL=own_redis.url, **workers) as service, ThreadPoolExecutor(8) as pool:
        sessions = [Session(service.port) for _ in range(8)]
        raws = [session.verification("hotp", next(session.good_codes("hotp"))) for session in sessions]
        own_redis.freeze()
        try:
            answers = [pool.submit(once, service.port, raw) for raw in raws]
            wait_until(lambda: blocked_clients(own_redis) >= 8, "requests under way")
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: '"stopping"' in service.log.read_text(), "the signal's arrival")
        finally:
            own_redis.thaw()

        assert [answer.result().status for answer in answers] == [200] * 8
        assert service.process.wait(30) == 0


def blocked_clients(server: RedisServer) -> int:
    """Return the number of connections with bytes that a frozen Redis has not read."""
    port = f":{server.port:04X}"
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(port) and row[4].split(":")[1] != "00000000" for row in rows)


def test_sigterm_during_traffic_loses_no_request_that_was_sent_before(own_redis: RedisServer) -> None:
    with Service(OPEN_MFA_REDIS_URL=own_redis.url, **TWO_BY_EIGHT) as service:
        with Traffic(service.port, CALLERS) as traffic:
            wait_until(lambda: len(traffic.calls) > 100, "traffic")
            ended = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(30) == 0

        # Later requests find no listener, unless they connect at the moment in which a socket is closed.
        assert {call.status for call in traffic.calls if call.began < ended} == {200, 403}


def test_a_worker_that_is_killed_is_replaced_and_no_code_is_accepted_twice(own_redis: RedisServer) -> None:
    with Service(OPEN_MFA_REDIS_URL=own_redis.url, **TWO_BY_EIGHT) as service:
        with Traffic(service.port, CALLERS) as traffic:
            wait_until(lambda: len(traffic.calls) > 100, "traffic")
            os.kill(min(service.workers()), signal.SIGKILL)
            killed = time.monotonic()
            wait_until(lambda: len(traffic.since(killed)) > 200, "traffic afterwards")

        assert set(traffic.accepted().values()) == {1}

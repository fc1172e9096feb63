"""Slow clients do not prevent others from being served."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from presentation.http.server.connection import ClientSocket
from presentation.http.server.waiting import Reason
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.wire import Wire, once, request
from tests.support.redis_server import RedisServer
from tests.support.service import Service

THREADS = 2 * 8
HEALTH = request("GET", "/healthz")


@pytest.fixture(scope="module")
def own_service(redis_server: RedisServer) -> Iterator[Service]:
    """A service whose threads the tests may occupy."""
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **TWO_BY_EIGHT) as running:
        yield running


def test_silent_connections_take_no_threads(own_service: Service) -> None:
    with ExitStack() as stack:
        for _ in range(8 * THREADS):
            stack.enter_context(Wire(own_service.port))

        answers = [once(own_service.port, HEALTH, "GET") for _ in range(4)]

    assert [answer.status for answer in answers] == [200] * 4
    assert max(answer.seconds for answer in answers) < 1


def test_a_silent_connection_is_served_when_it_sends_a_request(own_service: Service) -> None:
    with Wire(own_service.port) as early:
        for _ in range(20):
            once(own_service.port, HEALTH, "GET")

        assert early.ask(HEALTH, "GET").status == 200


@pytest.mark.parametrize(
    "beginning",
    [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", request("POST", "/api/v1/session/totp/verify", {"code": "123456"})[:-3]],
    ids=["head", "body"],
)
def test_incomplete_requests_take_no_threads(own_service: Service, beginning: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(THREADS + 4):
            stack.enter_context(Wire(own_service.port)).send(beginning)

        answer = once(own_service.port, HEALTH, "GET")

    assert answer.status == 200
    assert answer.seconds < 2 * Reason.REQUEST.value + 2


@pytest.fixture
def sockets() -> Iterator[tuple[ClientSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ClientSocket(ours), theirs


def test_a_thread_does_not_wait_for_missing_bytes(sockets: tuple[ClientSocket, socket.socket]) -> None:
    client, theirs = sockets
    theirs.send(b"one more byte")

    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_thread_does_not_wait_for_a_client_that_reads_nothing(sockets: tuple[ClientSocket, socket.socket]) -> None:
    client, theirs = sockets
    answer = random.randbytes(1_000_000)
    for start in range(0, len(answer), 100_000):
        client.sendall(answer[start : start + 100_000])

    taken = b""
    while not client.deliver():
        taken += theirs.recv(65536)
    while len(taken) < len(answer):
        taken += theirs.recv(65536)
    assert taken == answer

"""Names of hosts: a resolver that hangs is one more thing that the deadline covers."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from infrastructure.network import deadline
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector
from tests.infrastructure.redis.callers import answers, timed
from tests.support.redis_server import RedisServer

getaddrinfo = socket.getaddrinfo


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A resolver that answers for no name before the test's end; the names that it was asked for.

    Addresses it reads at once, as the system's does.
    """
    asked: list[str] = []
    ended = threading.Event()

    def hang(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "127.0.0.1":
            return getaddrinfo(host, *arguments, **options)
        asked.append(host)
        ended.wait(30)
        return getaddrinfo("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield asked
    ended.set()


def test_a_resolver_that_hangs_is_waited_for_until_the_deadline(hanging: list[str]) -> None:
    gateway = Gateway(connector("redis://redis.example:6379"))

    with deadline.within(0.5):
        assert timed(gateway.ping) < 2
    assert hanging == ["redis.example"]


def test_a_resolver_that_hangs_is_asked_by_one_thread_a_name(hanging: list[str]) -> None:
    gateway = Gateway(connector("redis://redis.example:6379"))

    for _ in range(5):
        with deadline.within(0.1):
            timed(gateway.ping)

    assert len(hanging) == 1


def test_an_address_is_not_looked_up(hanging: list[str], redis_server: RedisServer) -> None:
    gateway = Gateway(connector(f"redis://127.0.0.1:{redis_server.port}"))

    assert answers(gateway.ping)
    assert hanging == []


def test_a_name_leads_to_its_address(redis_server: RedisServer) -> None:
    gateway = Gateway(connector(f"redis://localhost:{redis_server.port}"))

    assert answers(gateway.ping)


def test_a_name_that_leads_nowhere_is_no_store() -> None:
    gateway = Gateway(connector("redis://nowhere.invalid:6379"))

    with deadline.within(0.3):
        assert timed(gateway.ping) < 2

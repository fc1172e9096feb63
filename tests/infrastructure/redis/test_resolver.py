"""The deadline covers name resolution, and the explanations name it."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from application.errors import StoreUnavailable
from infrastructure.network import deadline
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector
from tests.infrastructure.redis.callers import answers, timed
from tests.support.redis_server import RedisServer

getaddrinfo = socket.getaddrinfo


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A resolver that resolves no name before the end of the test. It resolves IP addresses at once, as real ones do.

    The list contains the requested names.
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


def test_a_resolver_that_hangs_has_until_the_deadline(hanging: list[str]) -> None:
    gateway = Gateway(connector("redis://redis.example:6379"))

    with deadline.within(0.5):
        assert timed(gateway.ping) < 2
    assert hanging == ["redis.example"]


def test_a_resolver_that_hangs_is_named_in_the_explanation(hanging: list[str]) -> None:
    gateway = Gateway(connector("redis://hanging.example:6379"))

    with deadline.within(0.3), pytest.raises(StoreUnavailable, match="the DNS does not answer in time"):
        gateway.ping()


def test_an_ip_address_is_not_resolved(hanging: list[str], redis_server: RedisServer) -> None:
    gateway = Gateway(connector(f"redis://127.0.0.1:{redis_server.port}"))

    assert answers(gateway.ping)
    assert hanging == []


def test_a_name_is_resolved(redis_server: RedisServer) -> None:
    gateway = Gateway(connector(f"redis://localhost:{redis_server.port}"))

    assert answers(gateway.ping)


def test_a_name_without_an_address_is_named_in_the_explanation() -> None:
    # The first label is too long, so nobody asks the DNS, which could be slow.
    name = f"{'a' * 64}.example"
    gateway = Gateway(connector(f"redis://{name}:6379"))

    with deadline.within(1.0), pytest.raises(StoreUnavailable, match=rf"at {name}:6379 .*does not resolve"):
        gateway.ping()

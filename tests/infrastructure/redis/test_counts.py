"""Requests are counted with the next command on every topology."""

from collections.abc import Iterator

import pytest
from redis import Redis

from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import Client, Connect
from infrastructure.redis.stores.rate_limits import RedisRequestCounters
from tests.infrastructure.redis.callers import unique_letters


@pytest.fixture
def gateway(connect: Connect) -> Iterator[Gateway]:
    gateway = Gateway(connect)
    yield gateway
    gateway.close()


def flush_scripts(client: Client) -> None:
    if isinstance(client, Redis):
        client.script_flush()
    else:
        for name in client.masters():
            client.send_to(name, ("SCRIPT", "FLUSH"))


def test_a_count_does_not_change_the_result_of_the_command(gateway: Gateway) -> None:
    counters, counter, key, sums = RedisRequestCounters(gateway), unique_letters(), unique_letters(), list[int]()
    gateway.set(key, "value", lifetime=60)
    for _ in range(3):
        counters.count_with_next_command(counter, 60, sums.append)

        assert gateway.get(key) == b"value"
        assert gateway.get(key) == b"value"

    assert sums == [1, 2, 3]


def test_a_count_is_made_although_redis_has_forgotten_the_script(gateway: Gateway) -> None:
    counters, counter, sums = RedisRequestCounters(gateway), unique_letters(), list[int]()
    for _ in range(3):
        gateway.look(flush_scripts)
        counters.count_with_next_command(counter, 60, sums.append)
        gateway.get(unique_letters())

    assert sums == [1, 2, 3]

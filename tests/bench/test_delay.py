"""The delaying proxy delays answers, and changes nothing else."""

from time import perf_counter

import redis
from bench.servers import DelayedRedis

from tests.support.redis_server import RedisServer

DELAY = 20.0
"""Milliseconds."""


def test_every_answer_is_delayed_and_complete(redis_server: RedisServer) -> None:
    value = b"x" * 300_000
    with DelayedRedis(redis_server.port, DELAY) as proxy, redis.Redis.from_url(proxy.url) as client:
        client.set("bench:delay", value, ex=60)
        begun = perf_counter()
        answer = client.get("bench:delay")
        duration = perf_counter() - begun

    assert answer == value
    assert duration >= DELAY / 1000

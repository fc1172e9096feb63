"""The embedded store frees the memory of expired keys, as Redis does."""

import tracemalloc

from infrastructure.redis.client.pipeline import send
from tests.support.processes import wait_until
from tests.support.redis_clients import embedded_redis

MEGABYTE = 1_000_000


def test_the_memory_of_expired_keys_is_freed_although_nobody_reads_them() -> None:
    client = embedded_redis()
    send(client, [("PING",)])

    def held() -> int:
        send(client, [("PING",)])
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        send(client, [("SET", f"key-{index}", "x" * 100_000, "PX", 500) for index in range(100)])
        assert tracemalloc.get_traced_memory()[0] > 10 * MEGABYTE
        wait_until(lambda: held() < MEGABYTE, "the end of the expired keys")
    finally:
        tracemalloc.stop()

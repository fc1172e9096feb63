"""The embedded store, in the memory of this process. Only this module imports fakeredis, which loads slowly."""

from typing import Any

import fakeredis

from infrastructure.redis.client.pool import LeanPool
from infrastructure.redis.client.url import Connect


class _Embedded(fakeredis.FakeRedis):
    """fakeredis with INFO, which reports the version."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "INFO":
            return {"redis_version": f"fakeredis {fakeredis.__version__}"}
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # redis-py has no types here


def embedded() -> Connect:
    """Return a factory of clients of one new store, which runs the same commands and scripts as Redis."""
    client = _Embedded(connection_pool_class=LeanPool)
    return lambda: client

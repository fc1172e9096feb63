"""The store in this process's memory; apart from the rest, because only who needs fakeredis should have to load it."""

from typing import Any

import fakeredis

from infrastructure.redis.client.url import Connect


class _Embedded(fakeredis.FakeRedis):
    """fakeredis does not know INFO, from which the version is told."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "INFO":
            return {"redis_version": f"fakeredis {fakeredis.__version__}"}
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # redis-py has no types here


def embedded() -> Connect:
    """A store under the same commands and the same script as the real one."""
    client = _Embedded()
    return lambda: client

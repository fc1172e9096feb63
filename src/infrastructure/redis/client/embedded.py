"""The embedded store, in the memory of this process. Only this module imports fakeredis, which loads slowly."""

import time
from typing import Any, Final

import fakeredis
from hiredis import pack_command
from redis.exceptions import ResponseError

from infrastructure.redis.client.pool import LeanPool
from infrastructure.redis.client.url import Connect

SWEEP: Final = 1.0
"""Seconds between two sweeps of a connection."""

_DBSIZE: Final = pack_command(("DBSIZE",))


class _Connection(fakeredis.FakeRedisConnection):
    """fakeredis' connection with the methods that our pool and `send` use.

    Redis frees the memory of an expired key soon, but fakeredis only if somebody reads the key or counts all keys.
    Most sessions and counters are never read again, so any client could fill the memory.
    """

    _next_sweep = 0.0

    def ensure_connected(self) -> None:
        if not self.is_connected:
            self.connect()

    def exchange(self, packed: bytes, number: int) -> list[Any]:
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP
            self._exchange(_DBSIZE, 1)
        return self._exchange(packed, number)

    def _exchange(self, packed: bytes, number: int) -> list[Any]:
        self.send_packed_command([packed])  # type: ignore[no-untyped-call] # redis-py has no types here
        return [self._response() for _ in range(number)]

    def _response(self) -> Any:
        try:
            return self.read_response()
        except ResponseError as error:
            return error


class _Embedded(fakeredis.FakeRedis):
    """fakeredis with INFO, which reports the version."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "INFO":
            return {"redis_version": f"fakeredis {fakeredis.__version__}"}
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call] # likewise


def embedded() -> Connect:
    """Return a factory of clients of one new store, which runs the same commands and scripts as Redis."""
    client = _Embedded(connection_pool_class=LeanPool, connection_class=_Connection)
    return lambda: client

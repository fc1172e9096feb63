"""The embedded store, in the memory of this process. Only this module imports fakeredis, which loads slowly."""

from typing import Any

import fakeredis
from redis.exceptions import ResponseError

from infrastructure.redis.client.pool import LeanPool
from infrastructure.redis.client.url import Connect


class _Connection(fakeredis.FakeRedisConnection):
    """fakeredis' connection with the methods that our pool and `send` use."""

    def ensure_connected(self) -> None:
        if not self.is_connected:
            self.connect()

    def exchange(self, packed: bytes, number: int) -> list[Any]:
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

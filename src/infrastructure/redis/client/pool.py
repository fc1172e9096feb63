"""Connection pools without telemetry and without a check of the process id."""

import threading
from collections import deque
from typing import Any

from redis import ConnectionPool
from redis.sentinel import SentinelConnectionPool


class LeanPool(ConnectionPool):
    """A pool with the contract of redis-py's, at half of its cost.

    redis-py's own methods count connections for telemetry and look for a fork on every call, which takes longer than
    the rest of a command. Here, idle connections are in a `deque`, whose methods are atomic. A connection that is in
    use is in no list, so `disconnect` leaves it alone.
    """

    _spare: deque[Any]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._creating = threading.Lock()
        super().__init__(*arguments, **options)

    def reset(self) -> None:
        """Forget all connections. The constructor of redis-py's pool calls this."""
        super().reset()
        self._spare = deque()

    def get_connection(self, command_name: Any = None, *keys: Any, **options: Any) -> Any:  # noqa: ARG002 - the signature of redis-py
        """Return an open connection that holds no response. Raise `RedisError` if it can't be opened."""
        try:
            connection = self._spare.pop()
        except IndexError:
            with self._creating:
                connection = self.make_connection()
        try:
            connection.ensure_connected()
        except BaseException:
            connection.disconnect()
            self._spare.append(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back. Close it if its server is no longer the master."""
        if not self.owns_connection(connection):
            connection.disconnect()
        self._spare.append(connection)

    def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: ARG002 - the signature of redis-py
        """Close the idle connections. They stay in the pool, and open again when they are needed."""
        closed = []
        while self._spare:
            try:
                connection = self._spare.pop()
            except IndexError:
                # Another thread took the last one.
                break
            connection.disconnect()
            closed.append(connection)
        self._spare.extend(closed)


class LeanMasterPool(LeanPool, SentinelConnectionPool):
    """The same pool for the master that the Sentinels name."""

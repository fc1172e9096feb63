"""Redis Sentinel: which server is the master now."""

from collections.abc import Sequence
from typing import Any

from redis import ConnectionPool, Redis
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    InvalidResponse,
    NoPermissionError,
    ResponseError,
    TimeoutError,
)
from redis.sentinel import MasterNotFoundError, Sentinel


class _Master(Redis):
    """Closes the connections to the Sentinels with its own; redis-py leaves them to the garbage collector."""

    def close(self) -> None:
        super().close()
        pool: Any = self.connection_pool
        pool.sentinel_manager.close()


class Sentinels(Sentinel):
    """Asks the Sentinels in turn, beginning with the one that last knew.

    redis-py's own search moves that one to the front of a shared list. Threads that fail over together overwrite each
    other's moves, until the list names one Sentinel twice and another one never again.
    """

    def __init__(
        self, places: Sequence[tuple[str, int]], sentinel_options: dict[str, Any], master_options: dict[str, Any]
    ) -> None:
        super().__init__([], **master_options)  # type: ignore[no-untyped-call] # redis-py has no types here
        self.sentinels = [
            Redis.from_pool(ConnectionPool(host=host, port=port, **sentinel_options)) for host, port in places
        ]
        self._knowing = self.sentinels[0]

    def master(self, service: str) -> Redis:
        """A client for the master of a service, whichever server that is when it connects."""
        client: Redis = self.master_for(service, redis_class=_Master)  # type: ignore[no-untyped-call] # likewise
        return client

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return host and port.

        Raises:
            MasterNotFoundError: no Sentinel names a master. Its cause is the most telling failure of a Sentinel; it has
                no cause if a Sentinel answered that the master is down.
        """
        failures: list[Exception] = []
        for sentinel in sorted(self.sentinels, key=lambda each: each is not self._knowing):
            try:
                state: Any = sentinel.sentinel_master(service_name)
            except (ConnectionError, InvalidResponse, ResponseError, TimeoutError) as error:
                failures.append(error)
                continue
            if self.check_master_state(state, service_name):  # type: ignore[no-untyped-call] # likewise
                self._knowing = sentinel
                return state["ip"], state["port"]
        raise MasterNotFoundError("no Sentinel knows a master") from self._most_telling(failures)

    def _most_telling(self, failures: Sequence[Exception]) -> Exception | None:
        """Return a refusal; else None if a Sentinel described the master; else an answer rather than silence."""
        refused = [error for error in failures if isinstance(error, AuthenticationError | NoPermissionError)]
        if refused or len(failures) < len(self.sentinels):
            return next(iter(refused), None)
        return next((error for error in failures if isinstance(error, ResponseError)), failures[-1])

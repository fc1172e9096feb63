"""Redis Sentinel, which names the current master."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    InvalidResponse,
    NoPermissionError,
    ResponseError,
    TimeoutError,
)
from redis.sentinel import MasterNotFoundError, Sentinel

from infrastructure.network.address import Address
from infrastructure.redis.client.pool import LeanMasterPool, LeanPool


class _Master(Redis):
    """A client that also closes the connections to the Sentinels. redis-py leaves them to the garbage collector."""

    def close(self) -> None:
        super().close()
        pool: Any = self.connection_pool
        pool.sentinel_manager.close()


class Sentinels(Sentinel):
    """A search for the master that begins with the Sentinel that named it last.

    redis-py's own search moves that Sentinel to the front of a shared list. Threads that fail over together overwrite
    each other's moves, until the list contains one Sentinel twice and another one not at all.
    """

    def __init__(
        self, addresses: Sequence[Address], sentinel_options: dict[str, Any], master_options: dict[str, Any]
    ) -> None:
        super().__init__([], **master_options)  # type: ignore[no-untyped-call] # redis-py has no types here
        self.sentinels = [
            Redis.from_pool(LeanPool(host=host, port=port, **sentinel_options)) for host, port in addresses
        ]
        self._last = self.sentinels[0]

    def master(self, service: str) -> Redis:
        """Return a client for the master of a service. Each new connection leads to the current master."""
        client: Redis = self.master_for(  # type: ignore[no-untyped-call] # likewise
            service, redis_class=_Master, connection_pool_class=LeanMasterPool
        )
        return client

    def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return host and port of the master.

        Raises:
            MasterNotFoundError: no Sentinel names a master. Its cause is the most telling failure of a Sentinel; it has
                no cause if a Sentinel answered that the master is down.
        """
        failures: list[Exception] = []
        for sentinel in sorted(self.sentinels, key=lambda each: each is not self._last):
            try:
                state: Any = sentinel.sentinel_master(service_name)
            except (ConnectionError, InvalidResponse, ResponseError, TimeoutError) as error:
                failures.append(error)
                continue
            if self.check_master_state(state, service_name):  # type: ignore[no-untyped-call] # likewise
                self._last = sentinel
                return state["ip"], state["port"]
        raise MasterNotFoundError("no Sentinel knows a master") from self._most_telling(failures)

    def _most_telling(self, failures: Sequence[Exception]) -> Exception | None:
        """Return a refusal; else None if a Sentinel described the master; else a response rather than a time-out."""
        refused = [error for error in failures if isinstance(error, AuthenticationError | NoPermissionError)]
        if refused or len(failures) < len(self.sentinels):
            return next(iter(refused), None)
        return next((error for error in failures if isinstance(error, ResponseError)), failures[-1])

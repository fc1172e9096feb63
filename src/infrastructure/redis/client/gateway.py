"""The gateway to Redis: every command succeeds before the deadline, or the store is unavailable (ADR 29)."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from redis import Redis
from redis.exceptions import ConnectionError, NoScriptError, ReadOnlyError, TimeoutError, TryAgainError

from application.errors import StoreUnavailable
from application.ports.stores import StoreDescription
from infrastructure.network import deadline
from infrastructure.network.circuit_breaker import CircuitBreaker, TooManyCallers
from infrastructure.redis.client import deferred
from infrastructure.redis.client.cluster import Cluster
from infrastructure.redis.client.deferred import DeferredScript
from infrastructure.redis.client.error_kinds import ERRORS
from infrastructure.redis.client.explanations import TooFewReplicas, code_of, explain, server_of
from infrastructure.redis.client.pipeline import Command, send
from infrastructure.redis.client.script import Script
from infrastructure.redis.client.url import Client, Connect

T = TypeVar("T")

WAIT_MILLISECONDS: Final = 250
"""The time for which one WAIT blocks, well below the time-out of the socket. WAIT is retried until the deadline."""
MAX_RETRYING_CALLERS: Final = 4
"""Half of the usual threads of a worker."""
SCAN_COUNT: Final = 500
"""Keys in one step of a scan. A step blocks Redis for less than a millisecond."""
_BROKEN: Final = (ConnectionError, ReadOnlyError, TimeoutError)
"""Errors after which no connection can be trusted: the server may be gone, or it may no longer be the master."""
_READING: Final = "reading"
_WRITING: Final = "writing"
_DURABLE_WRITING: Final = "durable writing"
_REMOVING: Final = "removing"
"""The kinds of access, each of which can fail while the others work.

A replica without a master can be read. A master without enough replicas accepts writes that need not be durable. A full
Redis still removes keys, so a successful removal proves nothing about writes.
"""


class Gateway:
    """The commands that the service needs, on every topology of Redis.

    Every method raises `StoreUnavailable` if it fails before the deadline, or if Redis refuses the command.

    Args:
        connect: makes the client when it is first needed.
        replicas: the number of replicas that must have a write before it counts as done (`WAIT`).
        max_retrying_callers: the number of callers that may retry at the same time while Redis fails. The others fail
            at once.
        address: the address in the message of a failure. A failure of one server names that server instead.
    """

    def __init__(
        self,
        connect: Connect,
        replicas: int = 0,
        max_retrying_callers: int = MAX_RETRYING_CALLERS,
        address: str = "OPEN_MFA_REDIS_URL",
    ) -> None:
        self._address = address
        self._connect = connect
        self._replicas = replicas
        self._client: Client | None = None
        self._connecting = threading.Lock()
        self._retrying = threading.BoundedSemaphore(max_retrying_callers)
        # One for each node of a Cluster, because the failure of a node says nothing about the others.
        self._breakers: dict[tuple[str, str], CircuitBreaker] = {}

    def get(self, key: str) -> bytes | None:
        """Return the value of a key; None if there is no such key."""
        value: bytes | None = self._read(key, "GET", key)
        return value

    def get_all(self, keys: list[str]) -> list[bytes | None]:
        """Return the values of keys that share a hash tag."""
        if isinstance(self._client, Redis):
            together: list[bytes | None] = self._read(keys[0], "MGET", *keys)
            return together

        def read(client: Client) -> list[bytes | None]:
            try:
                values: list[bytes | None] = send_by_key(client, keys[0], [("MGET", *keys)])[0]
            except TryAgainError:
                # Their slot moves to another node, and only some of the keys have arrived there.
                return [send_by_key(client, key, [("GET", key)])[0] for key in keys]
            return values

        return self._run(read, _READING, keys[0])

    def set(self, key: str, value: str, lifetime: int | None = None) -> None:
        """Set a key. It expires after `lifetime` seconds; None for never."""
        command: Command = ("SET", key, value) if lifetime is None else ("SET", key, value, "EX", lifetime)
        self._run(lambda client: self._write(client, key, command), _DURABLE_WRITING, key)

    def refuses_writes(self, key: str) -> bool:
        """Return whether a durable write to the key's node has failed and none has succeeded since."""
        return self._breaker(_DURABLE_WRITING, key).refuses

    def delete(self, keys: list[str]) -> int:
        """Remove keys that share a hash tag, all at once, and return how many existed."""

        def remove(client: Client) -> int:
            try:
                count: int = self._write(client, keys[0], ("DEL", *keys))
            except TryAgainError:
                return sum(self._write(client, key, ("DEL", key)) for key in keys)
            return count

        return self._run(remove, _REMOVING, keys[0])

    def seconds_to_live(self, key: str) -> int:
        """Return the seconds until a key expires; 0 if it does not expire or does not exist."""
        seconds: int = self._read(key, "TTL", key)
        return max(0, seconds)

    def run_script(
        self,
        script: Script,
        key: str,
        *arguments: bytes | str | int,
        further: Sequence[str] = (),
        durable: bool = True,
    ) -> Any:
        """Run a script and return its result.

        It may run twice if a response is lost, so it must recognize that it has already run.

        Args:
            script: the script.
            key: its first key.
            arguments: its arguments.
            further: its other keys, with the same hash tag as the first.
            durable: whether its writes must survive a fail-over.
        """
        values = (1 + len(further), key, *further, *arguments)

        def run(client: Client) -> Any:
            try:
                return self._write(client, key, ("EVALSHA", script.sha, *values), durable=durable)
            except NoScriptError:
                # After SCRIPT FLUSH, a restart or a fail-over. EVAL loads the script again.
                return self._write(client, key, ("EVAL", script.text, *values), durable=durable)

        return self._run(run, _DURABLE_WRITING if durable else _WRITING, key)

    def defer(self, script: DeferredScript) -> None:
        """Run a script with the next command of this thread: in the same round trip if that is a read of one server.

        Only one script can wait, so a former one runs now.
        """
        self.run_deferred()
        deferred.defer(script)

    def run_deferred(self) -> None:
        """Run the script that waits, if there is one. Raise `StoreUnavailable`, or the error of its receiver."""
        script = deferred.take()
        if script is not None:
            script.receive(self.run_script(script.script, script.key, *script.arguments, durable=False))

    def scan(self, pattern: str) -> Iterator[str]:
        """Yield the keys that match a pattern, on all masters. Each step has its own deadline.

        A fail-over during the walk may hide some of them.
        """
        nodes = self._run(lambda client: client.masters() if isinstance(client, Cluster) else [""], _READING)
        for node in nodes:
            cursor = 0
            while True:
                command: Command = ("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
                step = partial(_send_to, node=node, command=command)
                cursor, keys = self._run(step, _READING)
                yield from (key.decode("utf-8", "replace") for key in keys)
                cursor = int(cursor)
                if cursor == 0:
                    break

    def ping(self) -> None:
        """Return if Redis answers; for a Cluster, if one of its nodes answers."""
        self._run(lambda client: _execute_anywhere(client, "PING"), _READING)

    def describe(self) -> StoreDescription:
        """Return the version and the clock of Redis; for a Cluster, those of one of its nodes."""
        info = self._run(lambda client: _execute_anywhere(client, "INFO", "server"), _READING)
        seconds, _ = self._run(lambda client: _execute_anywhere(client, "TIME"), _READING)
        return StoreDescription(str(info["redis_version"]), int(seconds))

    def look(self, inspection: Callable[[Client], T]) -> T:
        """Return the result of an inspection of the servers themselves. It may run more than once."""
        return self._run(inspection, _READING)

    def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            self._client.close()

    def _read(self, key: str, *command: str) -> Any:
        script = deferred.take() if isinstance(self._client, Redis) else None
        if script is None:
            return self._run(lambda client: send_by_key(client, key, [command])[0], _READING, key)
        # The failure of a write says nothing about other reads.
        result, value = self._run(partial(_send_both, script, command), _WRITING, key)
        script.receive(result)
        return value

    def _write(self, client: Client, key: str, command: Command, *, durable: bool = True) -> Any:
        """Send a write and its WAIT together, because WAIT covers only the writes of its own connection."""
        if not (self._replicas and durable):
            return send_by_key(client, key, [command])[0]
        result, reached = send_by_key(client, key, [command, ("WAIT", self._replicas, WAIT_MILLISECONDS)])
        if reached < self._replicas:
            raise TooFewReplicas(f"{reached} of {self._replicas} replicas have the write")
        return result

    def _run(self, operation: Callable[[Client], T], access: str, key: str | None = None) -> T:
        self.run_deferred()
        try:
            return self._breaker(access, key).call(
                lambda: operation(self._client or self._connected()), self._close_idle
            )
        except TooManyCallers:
            text = f"Redis at {self._address} does not answer, and too many requests are already waiting"
            raise StoreUnavailable(text) from None
        except ERRORS.all as error:
            server = server_of(error) or self._address
            raise StoreUnavailable(f"Redis at {server} {explain(error)} ({code_of(error)})") from error

    def _breaker(self, access: str, key: str | None) -> CircuitBreaker:
        client = self._client
        node = client.name_of(key) if key is not None and isinstance(client, Cluster) else ""
        breaker = self._breakers.get((access, node))
        return breaker or self._breakers.setdefault((access, node), CircuitBreaker(ERRORS, self._retrying))

    def _connected(self) -> Client:
        if self._client is None:
            if not self._connecting.acquire(timeout=deadline.left()):
                raise TimeoutError("another thread is still connecting")
            try:
                if self._client is None:
                    self._client = self._connect()
            finally:
                self._connecting.release()
        return self._client

    def _close_idle(self, error: Exception) -> None:
        """Close idle connections. Each might time out, or stay connected to a former master."""
        if isinstance(error, _BROKEN) and isinstance(self._client, Redis):
            self._client.connection_pool.disconnect(inuse_connections=False)


def send_by_key(client: Client, key: str, commands: Sequence[Command]) -> list[Any]:
    """Send commands together to the server that has the key, and return their responses. Raise `RedisError`."""
    return send(client, commands) if isinstance(client, Redis) else client.send(key, commands)


def _send_both(script: DeferredScript, read: Command, client: Client) -> list[Any]:
    """Send a script and a read together to one server."""
    try:
        return send_by_key(client, script.key, [script.command, read])
    except NoScriptError:
        return send_by_key(client, script.key, [script.command_with_text, read])


def _send_to(client: Client, node: str, command: Command) -> Any:
    return client.send_to(node, command) if isinstance(client, Cluster) else send(client, [command])[0]


def _execute_anywhere(client: Client, *command: str) -> Any:
    return client.execute_command(*command) if isinstance(client, Redis) else client.send_anywhere(command)

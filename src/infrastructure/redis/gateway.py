"""Redis, with a deadline: every command is done in time, or the store is unavailable."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, TypeVar

from redis import Redis, RedisCluster
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TimeoutError,
    TryAgainError,
)

from application.errors import StoreUnavailable
from infrastructure.redis import deadline
from infrastructure.redis.client import Client, Connect

T = TypeVar("T")

WAIT_MILLISECONDS: Final = 250
"""How long one WAIT blocks; well under the socket's time-out, and tried again until the deadline."""
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25


class _TooFewReplicas(RedisError):
    """The write is on the master, but not yet on as many replicas as it must be."""


_PASSING: Final = (
    AskError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    MovedError,
    ReadOnlyError,
    RedisClusterException,
    TimeoutError,
    TryAgainError,
    _TooFewReplicas,
)
"""What a fail-over or a restart ends by itself, so that trying again is worth while."""


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """What Redis says of itself: its version, and its clock in Unix seconds."""

    version: str
    time: int


class Script:
    """A Lua script of this package, known to Redis by its SHA-1 digest."""

    def __init__(self, name: str) -> None:
        self.text = files(__package__).joinpath(name).read_text("utf-8")
        # Not for security: EVALSHA names scripts so.
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Gateway:
    """The commands this service needs, on whatever kind of Redis there is.

    Every method raises `StoreUnavailable` when it could not be done before the deadline, or Redis refused it.

    Args:
        connect: makes the client, when it is first needed.
        replicas: how many replicas must have a write before it counts as done (`WAIT`).
    """

    def __init__(self, connect: Connect, replicas: int = 0) -> None:
        self._connect = connect
        self._replicas = replicas
        self._client: Client | None = None
        self._connecting = threading.Lock()
        self._failing = False

    def get(self, key: str) -> bytes | None:
        """The value of a key."""
        value: bytes | None = self._run(lambda client: _execute(client, "GET", key))
        return value

    def get_all(self, keys: list[str]) -> list[bytes | None]:
        """The values of keys that share a hash tag."""
        values: list[bytes | None] = self._run(lambda client: _execute(client, "MGET", *keys))
        return values

    def set(self, key: str, value: str) -> None:
        """Sets a key that does not expire."""
        self._run(lambda client: self._write(client, key, "SET", key, value))

    def delete(self, keys: list[str]) -> int:
        """Removes keys that share a hash tag, all at once; how many there were."""
        count: int = self._run(lambda client: self._write(client, keys[0], "DEL", *keys))
        return count

    def seconds_to_live(self, key: str) -> int:
        """Seconds until a key expires, 0 where it does not or there is none."""
        seconds: int = self._run(lambda client: client.ttl(key))
        return max(0, seconds)

    def run_script(self, script: Script, key: str, *arguments: bytes | str | int) -> Any:
        """Runs a script on one key.

        It may run twice when an answer is lost on the way, so it must recognize that it has already run.
        """

        def run(client: Client) -> Any:
            try:
                return self._write(client, key, "EVALSHA", script.sha, 1, key, *arguments)
            except NoScriptError:
                # SCRIPT FLUSH, a restart or a fail-over; EVAL makes the script known again.
                return self._write(client, key, "EVAL", script.text, 1, key, *arguments)

        return self._run(run)

    def ping(self) -> None:
        """Returns when Redis answers; on a Cluster, one of its nodes."""
        self._run(lambda client: _execute(client, "PING", **_any_node(client)))

    def describe(self) -> ServerDescription:
        """Version and clock of Redis; on a Cluster, of one of its nodes."""
        info = self._run(lambda client: _execute(client, "INFO", "server", **_any_node(client)))
        seconds, _ = self._run(lambda client: _execute(client, "TIME", **_any_node(client)))
        return ServerDescription(str(info["redis_version"]), int(seconds))

    def close(self) -> None:
        """Gives the connections back."""
        if self._client is not None:
            self._client.close()

    def _run(self, operation: Callable[[Client], T]) -> T:
        """Tries until the deadline; the longer it has failed, the longer the pause.

        When the budget of one request was used up in vain, the next ones try only once, until one succeeds: a Redis
        that is away must not keep every thread of the service waiting for it.
        """
        end = deadline.current()
        pause = _FIRST_PAUSE
        while True:
            try:
                result = operation(self._connected())
            except _PASSING as error:
                rest = pause * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret
                if self._failing or time.monotonic() + rest >= end:
                    self._failing = True
                    raise StoreUnavailable(f"Redis: {_kind(error)}") from error
                time.sleep(rest)
                pause = min(_LONGEST_PAUSE, pause * 2)
            except RedisError as error:
                raise StoreUnavailable(f"Redis: {_kind(error)}") from error
            else:
                self._failing = False
                return result

    def _connected(self) -> Client:
        if self._client is None:
            with self._connecting:
                if self._client is None:
                    self._client = self._connect()
        return self._client

    def _write(self, client: Client, key: str, *command: bytes | str | int) -> Any:
        if not self._replicas:
            return _execute(client, *command)
        if isinstance(client, Redis):
            return self._write_and_wait(client, command)
        try:
            return self._write_and_wait(_node_of(client, key), command)
        except MovedError as moved:
            client.nodes_manager.move_slot(moved)
            raise
        except AskError as ask:
            target = client.get_node(host=ask.host, port=ask.port)
            if target is None:
                client.nodes_manager.initialize()
                raise
            return self._write_and_wait(client.get_redis_connection(target), command, asking=True)
        except (ConnectionError, TimeoutError, ReadOnlyError):
            client.nodes_manager.initialize()
            raise

    def _write_and_wait(self, node: Redis, command: tuple[bytes | str | int, ...], asking: bool = False) -> Any:
        """The write and its WAIT travel together on one connection: WAIT knows only its own connection's writes."""
        pipeline = node.pipeline(transaction=False)
        if asking:
            pipeline.execute_command("ASKING")
        pipeline.execute_command(*command)
        pipeline.execute_command("WAIT", self._replicas, WAIT_MILLISECONDS)
        *_, result, reached = pipeline.execute(raise_on_error=False)
        for answer in (result, reached):
            if isinstance(answer, Exception):
                raise answer
        if reached < self._replicas:
            raise _TooFewReplicas(f"{reached} of {self._replicas} replicas have the write")
        return result


def _execute(client: Client, *command: bytes | str | int, **options: Any) -> Any:
    return client.execute_command(*command, **options)  # type: ignore[no-untyped-call] # redis-py types it nowhere


def _node_of(client: RedisCluster, key: str) -> Redis:
    node: Redis = client.get_redis_connection(client.get_node_from_key(key))
    return node


def _any_node(client: Client) -> dict[str, Any]:
    return {"target_nodes": RedisCluster.RANDOM} if isinstance(client, RedisCluster) else {}


def _kind(error: Exception) -> str:
    """What went wrong, without Redis' own words: they can repeat a command's arguments."""
    return str(error) if isinstance(error, _TooFewReplicas) else type(error).__name__

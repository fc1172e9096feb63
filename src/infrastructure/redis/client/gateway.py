"""Redis, with a deadline: every command is done in time, or the store is unavailable."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, TypeVar

from redis import Redis
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TimeoutError,
    TryAgainError,
)

from application.errors import StoreUnavailable
from infrastructure.network import deadline
from infrastructure.redis.client.cluster import Cluster
from infrastructure.redis.client.explanations import TooFewReplicas, code_of, explain, server_of
from infrastructure.redis.client.pipeline import Command, send
from infrastructure.redis.client.url import Client, Connect

T = TypeVar("T")

WAIT_MILLISECONDS: Final = 250
"""How long one WAIT blocks; well under the socket's time-out, and tried again until the deadline."""
PATIENT: Final = 4
"""Callers, half of a worker's usual threads."""
SCAN_COUNT: Final = 500
"""Keys that one step of a scan looks at: Redis does nothing else meanwhile, for less than a millisecond."""
_FIRST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25
_TRIAL: Final = 1.5
"""Seconds for an attempt while Redis is known to be away: enough to find a master though some Sentinels are silent."""


class _Kind(Enum):
    """What can be away while the others are not.

    A replica without its master can be read; a master without enough replicas can be written to by what need not last.
    """

    READING = auto()
    WRITING = auto()
    LASTING = auto()
    REMOVING = auto()
    """A full Redis still removes keys, so a removal says nothing about writes."""


_PASSING: Final = (
    AskError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MasterDownError,
    ReadOnlyError,
    RedisClusterException,
    TimeoutError,
    TryAgainError,
    TooFewReplicas,
)
"""What a fail-over or a restart ends by itself, so that trying again is worth while."""
_BROKEN: Final = (ConnectionError, ReadOnlyError, TimeoutError)
"""What puts all connections in doubt: the server may be gone, or no longer be the master that its name leads to."""


@dataclass(slots=True)
class _Outage:
    """What has failed, with no success since.

    Attributes:
        suspected: something timed out, or failed twice in a row.
        known: it was tried to the end of a request's budget, in vain.
        refused: the last operation failed, for any reason.
    """

    suspected: bool = False
    known: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """What Redis says of itself: its version, and its clock in Unix seconds."""

    version: str
    time: int


class Script:
    """A Lua script in a package, known to Redis by its SHA-1 digest."""

    def __init__(self, package: str, name: str) -> None:
        self.text = files(package).joinpath(name).read_text("utf-8")
        # Not for security: EVALSHA names scripts so.
        self.sha = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Gateway:
    """The commands this service needs, on whatever kind of Redis there is.

    Every method raises `StoreUnavailable` when it could not be done before the deadline, or Redis refused it.

    Args:
        connect: makes the client, when it is first needed.
        replicas: how many replicas must have a write before it counts as done (`WAIT`).
        patient: how many callers at once may sit out a failure; the others are told at once.
        where: what an operator should look at when it fails.
    """

    def __init__(
        self, connect: Connect, replicas: int = 0, patient: int = PATIENT, where: str = "OPEN_MFA_REDIS_URL"
    ) -> None:
        self._where = where
        self._connect = connect
        self._replicas = replicas
        self._client: Client | None = None
        self._connecting = threading.Lock()
        self._patience = threading.BoundedSemaphore(patient)
        # One for each node of a Cluster: that one is away says nothing of the others.
        self._outages: dict[tuple[_Kind, str], _Outage] = {}

    def get(self, key: str) -> bytes | None:
        """The value of a key."""
        value: bytes | None = self._read(key, "GET", key)
        return value

    def get_all(self, keys: list[str]) -> list[bytes | None]:
        """The values of keys that share a hash tag."""

        def read(client: Client) -> list[bytes | None]:
            try:
                values: list[bytes | None] = _ask(client, keys[0], [("MGET", *keys)])[0]
            except TryAgainError:
                # Their slot is on its way to another node, and so is only a part of them.
                return [_ask(client, key, [("GET", key)])[0] for key in keys]
            return values

        return self._run(read, _Kind.READING, keys[0])

    def set(self, key: str, value: str, lifetime: int | None = None) -> None:
        """Sets a key, to expire after so many seconds, None for never."""
        command: Command = ("SET", key, value) if lifetime is None else ("SET", key, value, "EX", lifetime)
        self._run(lambda client: self._write(client, key, *command), _Kind.LASTING, key)

    def refuses_writes(self, key: str) -> bool:
        """Return whether a lasting write to the key's node has failed and none has succeeded since."""
        outage = self._outage(_Kind.LASTING, key)
        return outage.suspected or outage.refused

    def delete(self, keys: list[str]) -> int:
        """Removes keys that share a hash tag, all at once; how many there were."""

        def remove(client: Client) -> int:
            try:
                count: int = self._write(client, keys[0], "DEL", *keys)
            except TryAgainError:
                return sum(self._write(client, key, "DEL", key) for key in keys)
            return count

        return self._run(remove, _Kind.REMOVING, keys[0])

    def seconds_to_live(self, key: str) -> int:
        """Seconds until a key expires, 0 where it does not or there is none."""
        seconds: int = self._read(key, "TTL", key)
        return max(0, seconds)

    def run_script(
        self,
        script: Script,
        key: str,
        *arguments: bytes | str | int,
        further: Sequence[str] = (),
        lasting: bool = True,
    ) -> Any:
        """Runs a script.

        It may run twice when an answer is lost on the way, so it must recognize that it has already run.

        Args:
            script: what to run.
            key: the script's first key.
            arguments: the script's arguments.
            further: its other keys, with the same hash tag as the first.
            lasting: whether what it writes must survive a fail-over.
        """
        values = (1 + len(further), key, *further, *arguments)

        def run(client: Client) -> Any:
            try:
                return self._write(client, key, "EVALSHA", script.sha, *values, lasting=lasting)
            except NoScriptError:
                # SCRIPT FLUSH, a restart or a fail-over; EVAL makes the script known again.
                return self._write(client, key, "EVAL", script.text, *values, lasting=lasting)

        return self._run(run, _Kind.LASTING if lasting else _Kind.WRITING, key)

    def scan(self, pattern: str) -> Iterator[str]:
        """The keys that match a pattern, on all masters; each of its steps has a deadline of its own.

        A fail-over meanwhile may hide some: only a walk in which nothing happened is complete.
        """
        nodes = self._run(lambda client: client.masters() if isinstance(client, Cluster) else [""], _Kind.READING)
        for node in nodes:
            cursor = 0
            while True:
                command: Command = ("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
                # Bound now: the loop goes on before the next step is taken.
                step = partial(_ask_node, node=node, command=command)
                cursor, keys = self._run(step, _Kind.READING)
                yield from (key.decode("utf-8", "replace") for key in keys)
                cursor = int(cursor)
                if cursor == 0:
                    break

    def ping(self) -> None:
        """Returns when Redis answers; on a Cluster, one of its nodes."""
        self._run(lambda client: _ask_anyone(client, "PING"), _Kind.READING)

    def describe(self) -> ServerDescription:
        """Version and clock of Redis; on a Cluster, of one of its nodes."""
        info = self._run(lambda client: _ask_anyone(client, "INFO", "server"), _Kind.READING)
        seconds, _ = self._run(lambda client: _ask_anyone(client, "TIME"), _Kind.READING)
        return ServerDescription(str(info["redis_version"]), int(seconds))

    def look(self, inspection: Callable[[Client], T]) -> T:
        """Return the result of an inspection of the servers themselves. It may run more than once."""
        return self._run(inspection, _Kind.READING)

    def close(self) -> None:
        """Gives the connections back."""
        if self._client is not None:
            self._client.close()

    def _read(self, key: str, *command: str) -> Any:
        return self._run(lambda client: _ask(client, key, [command])[0], _Kind.READING, key)

    def _outage(self, kind: _Kind, key: str | None) -> _Outage:
        client = self._client
        node = client.name_of(key) if key is not None and isinstance(client, Cluster) else ""
        return self._outages.setdefault((kind, node), _Outage())

    def _run(self, operation: Callable[[Client], T], kind: _Kind, key: str | None = None) -> T:
        """Tries until the deadline; the longer it has failed, the longer the pause.

        A Redis that is away must not keep every thread of the service waiting for it. So once it is suspected to be,
        only some callers at a time try at all, and the others are told at once; and when the budget of one was used up
        in vain, the next ones try only once. The first success ends that.
        """
        outage = self._outage(kind, key)
        with deadline.within(_TRIAL if outage.known else deadline.BUDGET) as end, ExitStack() as stack:
            pause, patient = _FIRST_PAUSE, False
            reason: Exception | None = None
            if outage.suspected:
                self._be_patient(stack)
                patient = True
            while True:
                try:
                    result = operation(self._connected())
                except AuthenticationError as error:
                    outage.refused = True
                    raise self._unavailable(error) from error
                except _PASSING as error:
                    self._doubt(error)
                    # The last attempt often has no time left: those before it know better what is wrong.
                    if reason is None or not isinstance(error, TimeoutError):
                        reason = error
                    rest = pause * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret
                    if outage.known or time.monotonic() + rest >= end:
                        outage.known = outage.refused = True
                        raise self._unavailable(reason) from reason
                    if not patient and (isinstance(error, TimeoutError) or pause > _FIRST_PAUSE):
                        outage.suspected = True
                        self._be_patient(stack)
                        patient = True
                    time.sleep(rest)
                    pause = min(_LONGEST_PAUSE, pause * 2)
                except RedisError as error:
                    outage.refused = True
                    raise self._unavailable(error) from error
                else:
                    outage.suspected = outage.known = outage.refused = False
                    return result

    def _be_patient(self, stack: ExitStack) -> None:
        """Takes one of the places of those who try on, until the stack unwinds. Raises where none is left."""
        if not self._patience.acquire(blocking=False):
            raise StoreUnavailable(f"Redis at {self._where} does not answer, and too many requests are already waiting")
        stack.callback(self._patience.release)

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"Redis at {server_of(error) or self._where} {explain(error)} ({code_of(error)})")

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

    def _doubt(self, error: Exception) -> None:
        """Closes idle connections: each would have to time out on its own, or lead to a master of the past for ever."""
        if isinstance(error, _BROKEN) and isinstance(self._client, Redis):
            self._client.connection_pool.disconnect(inuse_connections=False)

    def _write(self, client: Client, key: str, *command: bytes | str | int, lasting: bool = True) -> Any:
        """The write and its WAIT travel together on one connection: WAIT knows only its own connection's writes."""
        if not (self._replicas and lasting):
            return _ask(client, key, [command])[0]
        result, reached = _ask(client, key, [command, ("WAIT", self._replicas, WAIT_MILLISECONDS)])
        if reached < self._replicas:
            raise TooFewReplicas(f"{reached} of {self._replicas} replicas have the write")
        return result


def _ask(client: Client, key: str, commands: Sequence[Command]) -> list[Any]:
    return send(client, commands) if isinstance(client, Redis) else client.send(key, commands)


def _ask_node(client: Client, node: str, command: Command) -> Any:
    return client.send_to(node, command) if isinstance(client, Cluster) else send(client, [command])[0]


def _ask_anyone(client: Client, *command: str) -> Any:
    return client.execute_command(*command) if isinstance(client, Redis) else client.send_anywhere(command)

"""Sending commands together."""

from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis import Redis
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from infrastructure.redis.client.explanations import name_server

Command = tuple[bytes | str | int, ...]


def send(node: Redis, commands: Sequence[Command]) -> list[Any]:
    """Sends commands together on one connection; their answers.

    Raises:
        RedisError: the first error among the answers; the other commands were carried out all the same.
    """
    connection = _taken(node)
    try:
        if connection.is_connected and _spoilt(connection):
            connection.disconnect()
        if not connection.is_connected:
            # Not left to `send_packed_command`, which would not ask the Sentinels for the master.
            connection.connect()
        packed = [pack_command(command) for command in commands]  # type: ignore[arg-type] # it takes any length
        connection.send_packed_command([b"".join(packed)])
        answers = [_answer(connection) for _ in commands]
        if not node.connection_pool.owns_connection(connection):
            # To a server that is the master no more.
            connection.disconnect()
    except BaseException as error:
        # It may still hold the answer to a question that nobody waits for any more.
        connection.disconnect()
        name_server(error, _server_name(connection))
        raise
    finally:
        _give_back(node, connection)
    for answer in answers:
        if isinstance(answer, Exception):
            name_server(answer, _server_name(connection))
            raise answer
    return answers


def _taken(node: Redis) -> Any:
    """A connection of the pool's, open or not.

    Taken off the pool's own list, which `disconnect` goes through: what else its methods do, telemetry above all, costs
    more than a command. Under its own lock, so that nobody closes as idle what has just been taken.
    """
    pool = node.connection_pool
    with pool._lock:  # noqa: SLF001 - see above
        idle = pool._available_connections  # noqa: SLF001 - likewise
        return idle.pop() if idle else pool.make_connection()


def _give_back(node: Redis, connection: Any) -> None:
    pool = node.connection_pool
    with pool._lock:  # noqa: SLF001 - see `_taken`
        pool._available_connections.append(connection)  # noqa: SLF001 - likewise


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _spoilt(connection: Any) -> bool:
    """Whether it was closed by the server, or holds an answer to a question of the past."""
    try:
        return bool(connection.can_read())
    except (ConnectionError, TimeoutError):
        return True


def _server_name(connection: Any) -> str:
    """Return host and port; empty for a socket and for the embedded store."""
    return str(getattr(connection, "server_name", ""))

"""Commands that are sent together on one connection."""

from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis import Redis

from infrastructure.redis.client.explanations import name_server

Command = tuple[bytes | str | int, ...]


def send(node: Redis, commands: Sequence[Command]) -> list[Any]:
    """Send commands together on one connection and return their responses.

    Raises:
        RedisError: the first error among the responses. The other commands were still carried out.
    """
    pool: Any = node.connection_pool
    connection = pool.get_connection()
    try:
        packed = [pack_command(command) for command in commands]  # type: ignore[arg-type] # it takes any length
        responses: list[Any] = connection.exchange(b"".join(packed), len(packed))
    except BaseException as error:
        # The connection may still hold a response that nobody waits for.
        connection.disconnect()
        name_server(error, _server_name(connection))
        raise
    finally:
        pool.release(connection)
    for response in responses:
        if isinstance(response, Exception):
            name_server(response, _server_name(connection))
            raise response
    return responses


def _server_name(connection: Any) -> str:
    """Return host and port; empty for a Unix socket and for the embedded store."""
    return str(getattr(connection, "server_name", ""))

"""Sending commands together."""

from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

Command = tuple[bytes | str | int, ...]


def send(node: Redis, commands: Sequence[Command]) -> list[Any]:
    """Sends commands together on one connection; their answers.

    Raises:
        RedisError: the first error among the answers; the other commands were carried out all the same.
    """
    # Not through the client's own methods: their retries, callbacks and telemetry cost as much again as the command.
    pool = node.connection_pool
    connection = pool.get_connection()
    try:
        for command in commands:
            connection.send_command(*command)
        answers = [_answer(connection) for _ in commands]
    except BaseException:
        # It may still hold the answer to a question that nobody waits for any more.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error

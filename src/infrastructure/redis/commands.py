"""Sending commands together."""

from collections.abc import Sequence
from typing import Any

from redis import Redis

Command = tuple[bytes | str | int, ...]


def send(node: Redis, commands: Sequence[Command]) -> list[Any]:
    """Sends commands together on one connection; their answers.

    Raises:
        RedisError: the first error among the answers; the other commands were carried out all the same.
    """
    if len(commands) == 1:
        return [node.execute_command(*commands[0])]
    pipeline = node.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    answers = pipeline.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers

"""A script that runs with the next command of the same thread, so that it costs no round trip of its own."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from infrastructure.redis.client.pipeline import Command
from infrastructure.redis.client.script import Script


@dataclass(frozen=True, slots=True)
class DeferredScript:
    """A script with its key and its arguments.

    Attributes:
        script: the script. Its writes need not be durable.
        key: its only key.
        arguments: its arguments.
        receive: gets the result. If it raises an error, the caller of the next command gets that error.
    """

    script: Script
    key: str
    arguments: tuple[bytes | str | int, ...]
    receive: Callable[[Any], None]

    @property
    def command(self) -> Command:
        """Return the command that runs the script if Redis knows it."""
        return ("EVALSHA", self.script.sha, 1, self.key, *self.arguments)

    @property
    def command_with_text(self) -> Command:
        """Return the command that runs the script if Redis does not know it."""
        return ("EVAL", self.script.text, 1, self.key, *self.arguments)


_deferred: ContextVar[DeferredScript | None] = ContextVar("deferred script", default=None)


def defer(script: DeferredScript) -> None:
    """Let a script run with the next command of this thread."""
    _deferred.set(script)


def take() -> DeferredScript | None:
    """Return the script that waits, if there is one. It no longer waits."""
    script = _deferred.get()
    if script is not None:
        _deferred.set(None)
    return script

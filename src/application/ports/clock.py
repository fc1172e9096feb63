"""The port of the time."""

from typing import Protocol


class Clock(Protocol):
    """The time."""

    def now(self) -> int:
        """Return Unix time in whole seconds, rounded down."""

"""The log level that all workers of all instances share."""

from typing import Final, Literal, get_args

from application.ports.stores import LogLevels

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)


class SharedLogLevel:
    """Reads and sets the shared level. The default applies if none is set or the stored value is not a level."""

    def __init__(self, levels: LogLevels, default: Level) -> None:
        self._levels = levels
        self._default = default

    def read(self) -> Level:
        """Return the level. Raise `StoreUnavailable`."""
        stored = self._levels.read()
        return next((level for level in LEVELS if level == stored), self._default)

    def write(self, level: Level) -> None:
        """Set the level for all workers. Raise `StoreUnavailable`."""
        self._levels.write(level)

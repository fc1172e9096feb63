"""The log level that every worker of every instance follows."""

from typing import Final, Literal, get_args

from application.ports.stores import LogLevels

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)


class SharedLogLevel:
    """Reads and sets the shared level; where none is set or what is set is no level, the default holds."""

    def __init__(self, levels: LogLevels, default: Level) -> None:
        self._levels = levels
        self._default = default

    def read(self) -> Level:
        """Raises `StoreUnavailable`."""
        stored = self._levels.read()
        return next((level for level in LEVELS if level == stored), self._default)

    def write(self, level: Level) -> None:
        """Raises `StoreUnavailable`."""
        self._levels.write(level)

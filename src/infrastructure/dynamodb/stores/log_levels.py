"""The shared log level, one item."""

from typing import Final

from infrastructure.dynamodb.client.items import string, string_in
from infrastructure.dynamodb.client.table import Table

KEY: Final = "log-level"
_LEVEL: Final = "level"


class DynamoLogLevels:
    """Implements `LogLevels`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> str | None:
        """Return the level that was set for all workers; None if none was set. Raise `StoreUnavailable`."""
        item = self._table.get(KEY)
        return None if item is None else string_in(item, _LEVEL)

    def write(self, level: str) -> None:
        """Set the level for all workers. It does not expire. Raise `StoreUnavailable`."""
        self._table.put(KEY, {_LEVEL: string(level)})

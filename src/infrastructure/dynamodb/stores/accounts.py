"""The accounts of a tenant, found by a scan of the table, so that no index has to agree with the records.

An index by tenant would be read without strong consistency, and would cost another write with every verification.
"""

from typing import Final

from application.errors import InvalidCursor
from application.ports.stores import AccountsPart, OwnerCredentials
from domain.owner import Owner, OwnerKind
from infrastructure.dynamodb.client.items import KEY, string_in
from infrastructure.dynamodb.client.table import Page, Table
from infrastructure.dynamodb.stores.credentials import SCAN_SIZE, DynamoCredentialRepository
from infrastructure.dynamodb.stores.owner_item import PREFIX
from infrastructure.records.cursors import CursorCodec

MOST_STEPS: Final = 16
"""Steps of the scan for one part."""
_MARK: Final = b"dynamodb "
"""The beginning of the content of a cursor."""


class DynamoAccountDirectory:
    """Implements `AccountDirectory`. A part costs at most 16 steps, each of 500 items at most.

    Args:
        table: the table.
        credentials: reads the records.
        cursors: seals the positions.
    """

    def __init__(self, table: Table, credentials: DynamoCredentialRepository, cursors: CursorCodec) -> None:
        self._table = table
        self._credentials = credentials
        self._cursors = cursors

    def accounts(self, tenant: str, cursor: str | None, limit: int) -> AccountsPart:
        """Return at most `limit` accounts; see the port. Raise `InvalidCursor` or `StoreUnavailable`."""
        after = None if cursor is None else self._position(cursor, tenant)
        prefix, size = f"{PREFIX}{OwnerKind.ACCOUNT.value}:{tenant}:", limit
        found: dict[Owner, OwnerCredentials] = {}
        for _ in range(MOST_STEPS):
            page = self._table.scan(prefix, after, size)
            taken = _first(page, limit - len(found))
            found |= self._credentials.in_items(list(taken.items))
            after = taken.next
            if after is None or len(found) >= limit:
                break
            if 4 * len(page.items) < size:
                # A tenant with few of the items would otherwise need many requests.
                size = min(2 * size, SCAN_SIZE)
        return AccountsPart(found, None if after is None else self._cursors.seal(_MARK + after.encode(), tenant))

    def _position(self, cursor: str, tenant: str) -> str:
        content = self._cursors.open(cursor, tenant)
        if not content.startswith(_MARK):
            raise InvalidCursor
        return content.removeprefix(_MARK).decode()


def _first(page: Page, number: int) -> Page:
    """Return the first items of a page. The key of an item is also the position after it."""
    if len(page.items) <= number:
        return page
    items = page.items[:number]
    return Page(items, string_in(items[-1], KEY))

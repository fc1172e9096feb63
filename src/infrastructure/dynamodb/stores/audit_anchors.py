"""The anchors of the audit trail in DynamoDB: one item for each chain, and one item with the newest heads."""

from collections.abc import Iterator, Sequence
from typing import Final

from application.ports.audit_anchors import ANCHOR_LIFETIME
from application.ports.clock import Clock
from infrastructure.dynamodb.client.items import EXPIRES, is_current, number, string, string_in
from infrastructure.dynamodb.client.table import Table
from infrastructure.dynamodb.stores.credentials import SCAN_SIZE
from infrastructure.records.audit_heads import heads_in, with_head

PREFIX: Final = "audit-anchor:"
HEADS: Final = "audit-heads"
_TEXT: Final = "text"


class DynamoAuditAnchors:
    """Implements `AuditAnchors`.

    Args:
        table: the table.
        clock: the service's clock.
    """

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def write(self, chain: str, anchor: str, head: str) -> None:
        """Replace the anchor of a chain, and put its head first among the heads. Raise `StoreUnavailable`."""
        self._put(f"{PREFIX}{chain}", anchor)
        self._put(HEADS, with_head(self._heads(), chain, head))

    def heads(self) -> Sequence[str]:
        """Return the newest heads. Raise `StoreUnavailable`."""
        return heads_in(self._heads())

    def all(self) -> Iterator[str]:
        """Yield all anchors in no order. This reads the whole table. Raise `StoreUnavailable`."""
        after = None
        while True:
            page = self._table.scan(PREFIX, after, SCAN_SIZE)
            for item in page.items:
                anchor = string_in(item, _TEXT)
                if anchor is not None and is_current(item, self._clock.now()):
                    yield anchor
            after = page.next
            if after is None:
                return

    def _heads(self) -> str | None:
        item = self._table.get(HEADS)
        return None if item is None else string_in(item, _TEXT)

    def _put(self, key: str, text: str) -> None:
        self._table.put(key, {_TEXT: string(text), EXPIRES: number(self._clock.now() + ANCHOR_LIFETIME)})

"""The anchors of the audit trail in Redis: one key for each chain, and one key with the newest heads."""

from collections.abc import Iterator, Sequence
from typing import Final

from application.ports.audit_anchors import ANCHOR_LIFETIME
from infrastructure.records.audit_heads import heads_in, with_head
from infrastructure.redis.client.gateway import Gateway

KEY_PREFIX: Final = "open-mfa:audit-anchor:"
HEADS_KEY: Final = "open-mfa:audit-heads"


class RedisAuditAnchors:
    """Implements `AuditAnchors`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def write(self, chain: str, anchor: str, head: str) -> None:
        """Replace the anchor of a chain, and put its head first among the heads. Raise `StoreUnavailable`."""
        self._gateway.set(f"{KEY_PREFIX}{chain}", anchor, ANCHOR_LIFETIME)
        self._gateway.set(HEADS_KEY, with_head(self._heads(), chain, head), ANCHOR_LIFETIME)

    def heads(self) -> Sequence[str]:
        """Return the newest heads. Raise `StoreUnavailable`."""
        return heads_in(self._heads())

    def all(self) -> Iterator[str]:
        """Yield all anchors in no order. Raise `StoreUnavailable`."""
        for key in self._gateway.scan(f"{KEY_PREFIX}*"):
            anchor = self._gateway.get(key)
            if anchor is not None:
                yield anchor.decode("ascii", "replace")

    def _heads(self) -> str | None:
        text = self._gateway.get(HEADS_KEY)
        return None if text is None else text.decode("ascii", "replace")

"""The port of the anchors of the audit trail (ADR 43), which a store implements, too."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

ANCHOR_LIFETIME: Final = 400 * 86400
"""Seconds for which an anchor is kept after it was written. PCI DSS 4.0 (10.5.1) requires audit logs for 12 months."""
MOST_HEADS: Final = 24
"""The number of heads that a store keeps together."""


class AuditAnchors(Protocol):
    """The anchors of the audit trail: statements outside of the log about how far the chains of lines have come.

    Each chain has one anchor, a line of text, which expires after `ANCHOR_LIFETIME`. The newest heads are together.
    """

    def write(self, chain: str, anchor: str, head: str) -> None:
        """Replace the anchor of a chain, and put its head first among the heads.

        If several processes do this at the same moment, one of the heads may be missing.

        Args:
            chain: the id of the chain.
            anchor: the anchor.
            head: the head of the chain as a word that begins with the id of the chain.
        """

    def heads(self) -> Sequence[str]:
        """Return the newest heads, at most `MOST_HEADS`, one for each chain."""

    def all(self) -> Iterator[str]:
        """Yield all anchors in no order. An anchor that is replaced meanwhile may come twice."""

"""The chain of the audit trail, with the anchors of the store that the settings name."""

import re
import socket
from dataclasses import dataclass
from typing import Literal

from infrastructure.observability.audit_chain.anchoring import STORE_SECONDS, Anchoring, HeadReader
from infrastructure.observability.audit_chain.chain import AuditChain
from infrastructure.observability.audit_chain.run import ChainKeys
from infrastructure.observability.lines import Lines
from infrastructure.settings import Settings
from infrastructure.store import Store

LAMBDA_SECONDS = 0.3
"""Seconds for one attempt of a function to use the store for anchors, which delays a response."""
_LONGEST_SOURCE = 64

Kind = Literal["serve", "function", "command"]
"""The kind of a process that writes a chain."""


@dataclass(frozen=True, slots=True)
class ChainedAudit:
    """The chain of this process.

    Attributes:
        chain: the chain.
        anchoring: stores its anchors; None if there is no store.
    """

    chain: AuditChain
    anchoring: Anchoring | None

    def start(self) -> None:
        """Begin the chain, and anchor it until `stop`."""
        self.chain.renew()
        if self.anchoring is not None:
            self.anchoring.start()

    def before_request(self) -> None:
        """Begin a chain if one is due. For a process without threads between its requests."""
        self.chain.renew()

    def after_request(self) -> None:
        """Anchor the chain if that is due. For a process without threads between its requests."""
        if self.anchoring is not None:
            self.anchoring.anchor_if_due()

    def stop(self) -> None:
        """End the chain, and store its last anchor."""
        if self.anchoring is None:
            self.chain.end()
        else:
            self.anchoring.stop()


def chained_audit(settings: Settings, store: Store, lines: Lines, kind: Kind) -> ChainedAudit | None:
    """Return the chain; None without an audit key. It begins with its first line, or with `start`."""
    if settings.audit.key is None:
        return None
    source = re.sub(r"[^A-Za-z0-9._@-]", "-", f"{kind}@{socket.gethostname()}")[:_LONGEST_SOURCE]
    keys = ChainKeys(settings.audit.key, settings.audit.public_key, source)
    if settings.in_memory:
        return ChainedAudit(AuditChain(keys, lines), None)
    seconds = LAMBDA_SECONDS if kind == "function" else STORE_SECONDS
    heads = HeadReader(keys.audit_key, store.audit_anchors, seconds)
    chain = AuditChain(keys, lines, heads, waits_for_heads=kind == "command")
    return ChainedAudit(chain, Anchoring(keys.audit_key, chain, store.audit_anchors, lines, seconds=seconds))

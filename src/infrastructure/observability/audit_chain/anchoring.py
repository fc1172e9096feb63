"""Anchoring: a process stores how far its chain has come, and reads how far the others have come."""

import hmac
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Final

from application.errors import StoreUnavailable
from application.ports.audit_anchors import AuditAnchors
from application.request_context import FIELDS
from infrastructure.network import deadline
from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_chain.anchor import Anchor
from infrastructure.observability.audit_chain.chain import AuditChain, Heads
from infrastructure.observability.formats import rfc3339
from infrastructure.observability.lines import Lines

ANCHOR_SECONDS: Final = 60.0
"""The time between two anchors of a chain."""
STORE_SECONDS: Final = 2.0
"""Seconds for one attempt to use the store."""
WRITE_SECONDS: Final = 2.0
"""Seconds for which an anchor waits until its last line is written."""
_HEAD: Final = re.compile(
    r"([0-9a-f]{32}):(\d{1,7}):([0-9a-f]{32}):(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z):([0-9a-f]{64})"
)

_log = logging.getLogger("open_mfa.audit_chain")


class HeadReader:
    """Reads the heads of other chains from the store.

    Args:
        audit_key: the audit key.
        anchors: the anchors.
        seconds: the time within which the store must answer.
    """

    def __init__(self, audit_key: bytes, anchors: AuditAnchors, seconds: float = STORE_SECONDS) -> None:
        self._key = construction.heads_key(audit_key)
        self._anchors = anchors
        self._seconds = seconds

    def __call__(self) -> Heads | None:
        """Return the heads whose codes are right; None if the store does not answer."""
        try:
            with deadline.within(self._seconds):
                words = self._anchors.heads()
        except StoreUnavailable:
            return None
        now = rfc3339(time.time())
        heads: dict[str, tuple[int, str, str]] = {}
        for word in words[: construction.HEADS]:
            parts = _HEAD.fullmatch(word)
            if (
                parts
                and hmac.compare_digest(parts[5], head_code(self._key, word[: -len(parts[5])]))
                and parts[4] <= now
            ):
                heads[parts[1]] = int(parts[2]), parts[3], parts[4]
        return heads


def head_code(key: bytes, start: str) -> str:
    """Return the code of a head in the store."""
    return hmac.digest(key, start.encode("ascii"), "sha256").hex()


class Anchoring:
    """Stores the anchors of a chain. A failure of the store is logged once, and delays nothing but the next anchor.

    Args:
        audit_key: the audit key.
        chain: the chain.
        anchors: the store of anchors.
        lines: the queue that the chain writes to.
        seconds: the time within which the store must answer.
        clock: returns Unix time in seconds.
    """

    def __init__(
        self,
        audit_key: bytes,
        chain: AuditChain,
        anchors: AuditAnchors,
        lines: Lines,
        *,
        seconds: float = STORE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = construction.heads_key(audit_key)
        self._chain = chain
        self._anchors = anchors
        self._lines = lines
        self._seconds = seconds
        self._clock = clock
        self._stopped = threading.Event()
        self._anchored = ("", -1)
        self._attempted = float("-inf")
        self._failing = False
        self._storing = threading.Lock()

    def start(self) -> None:
        """Begin the chain, and anchor it at once and every minute until `stop`. The thread keeps no process alive."""
        self._chain.renew()
        threading.Thread(target=self._follow, name="audit-anchor", daemon=True).start()

    def stop(self) -> None:
        """End the chain, and store its last anchor."""
        self._stopped.set()
        self._chain.end()
        self.anchor_now()

    def anchor_now(self) -> None:
        """Store the anchors of ended chains and of the current one, if they have new lines."""
        with self._storing:
            self._attempted = self._clock()
            try:
                self._store_all()
            except StoreUnavailable as error:
                if not self._failing:
                    _log.warning("the audit trail cannot be anchored", extra={FIELDS: {"problem": str(error)}})
                self._failing = True
            else:
                self._failing = False

    def anchor_if_due(self) -> None:
        """Store the anchors, if the chain is new or if a minute has passed since the last attempt.

        This is for a process that has no thread between its requests. Its monotonic clock may stop, so the time of day
        counts.
        """
        is_new = self._chain.id not in {None, self._anchored[0]} and not self._failing
        if is_new or abs(self._clock() - self._attempted) >= ANCHOR_SECONDS:
            self.anchor_now()

    def _store_all(self) -> None:
        while self._chain.ended:
            anchor = self._chain.ended[0]
            if self._lines.flush(WRITE_SECONDS):
                self._store(anchor)
            self._chain.ended.popleft()
        current = self._chain.anchor()
        if current is not None and (current.chain, current.seq) != self._anchored and self._lines.flush(WRITE_SECONDS):
            self._store(current)

    def _store(self, anchor: Anchor) -> None:
        seq, check, last = anchor.head
        start = f"{anchor.chain}:{seq}:{check}:{last}:"
        with deadline.within(self._seconds):
            self._anchors.write(anchor.chain, anchor.text, start + head_code(self._key, start))
        self._anchored = anchor.chain, anchor.seq

    def _follow(self) -> None:
        while True:
            try:
                self._chain.renew()
                self.anchor_now()
            except Exception:  # noqa: BLE001 - without this thread, the process would never anchor again
                _log.exception("unexpected failure")
            if self._stopped.wait(ANCHOR_SECONDS):
                return

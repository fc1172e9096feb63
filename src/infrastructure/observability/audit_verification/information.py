"""What is known about chains before any code can be checked: their audit keys and their sealed secrets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_chain.anchor import Anchor
from infrastructure.observability.audit_verification.keys import Budget, BudgetSpent, ChainKeySequence, Secrets

MOST_PAIRS: Final = 8
"""The number of pairs that are considered for a chain. Somebody without a key can add any number."""
_STARTED: Final = f'"message":"{construction.STARTED}"'.encode()
_PAIR: Final = re.compile(
    rb'"chain_format":1,"key":"([0-9a-f]{16})",(?:"sealed":"([A-Za-z0-9+/]{107}=)",)?"source":"([A-Za-z0-9._@-]{1,64})"'
)


@dataclass(slots=True)
class Pair:
    """A key id and a sealed secret, from a line 0 or an anchor.

    Attributes:
        key_id: the id of the audit key.
        sealed: the sealed secret; None for a plain chain.
        first_key: the key of line 0 that follows; None if it is not usable.
        confirmed: whether a line 0 or an anchor has the right code under it.
        anchors: the anchors from which the pair comes.
    """

    key_id: str
    sealed: str | None
    first_key: bytes | None
    confirmed: bool
    anchors: list[Anchor]


class Information:
    """The pairs of all chains.

    Args:
        secrets: the keys of the auditor.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._pairs: dict[str, list[Pair]] = {}

    def add_line(self, data: bytes) -> None:
        """Consider a line that may be the first one of a chain."""
        end = construction.SEAL_FORM.search(data)
        if end is None or end[2] != b"0" or _STARTED not in data:
            return
        found = _PAIR.search(data)
        if found is None:
            return
        pair = self._pair(end[1].decode(), found[1].decode(), found[2].decode() if found[2] else None)
        if pair is not None and pair.first_key is not None and not pair.confirmed:
            start = data[: -construction.MAC_MEMBER]
            pair.confirmed = construction.line_mac(pair.first_key, start) == end[3].decode()

    def add_anchors(self, anchors: Iterable[Anchor], budget: Budget) -> None:
        """Consider the anchors of a chain."""
        for anchor in anchors:
            pair = self._pair(anchor.chain, anchor.key_id, anchor.sealed)
            if pair is None:
                continue
            pair.anchors.append(anchor)
            if anchor.seq >= construction.LIMIT:
                continue
            if pair.first_key is not None and not pair.confirmed:
                try:
                    key = ChainKeySequence(pair.first_key, budget).key(anchor.seq + 1)
                except BudgetSpent:
                    continue
                pair.confirmed = anchor.is_under(key)

    def of(self, chain: str) -> list[Pair]:
        """Return the usable pairs of a chain, confirmed ones first."""
        usable = [pair for pair in self._pairs.get(chain, ()) if pair.first_key is not None]
        return sorted(usable, key=lambda pair: not pair.confirmed)

    def _pair(self, chain: str, key_id: str, sealed: str | None) -> Pair | None:
        pairs = self._pairs.setdefault(chain, [])
        for pair in pairs:
            if (pair.key_id, pair.sealed) == (key_id, sealed):
                return pair
        if len(pairs) >= MOST_PAIRS:
            return None
        pairs.append(Pair(key_id, sealed, self._secrets.first_key(chain, key_id, sealed), confirmed=False, anchors=[]))
        return pairs[-1]


def source_in(data: bytes) -> str | None:
    """Return the source of a valid line 0."""
    found = _PAIR.search(data)
    return None if found is None else found[3].decode()

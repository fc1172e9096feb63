"""The keys of the lines of a chain, for lines in any order, with bounded memory and time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infrastructure.observability.audit_chain import construction

BLOCK: Final = 64
"""The number of keys between two keys that are kept."""
MOST_WASTED: Final = 1 << 26
"""The number of keys that may be computed for lines that turn out to be forged; about a minute."""


class BudgetSpent(Exception):
    """Too many keys were computed in vain."""


@dataclass(slots=True)
class Budget:
    """The work for forged lines, of all chains together."""

    left: int = MOST_WASTED


class ChainKeySequence:
    """The keys of a chain. Lines in ascending or descending order need about one computation each.

    Args:
        first: the key of line 0.
        budget: the work that may be in vain.
    """

    def __init__(self, first: bytes, budget: Budget) -> None:
        self._budget = budget
        self._starts = [first]
        self._block = 0
        self._keys = [first]
        self._spent = 0

    def key(self, number: int) -> bytes:
        """Return the key of a line. Raise `BudgetSpent`."""
        block, offset = divmod(number, BLOCK)
        if block != self._block:
            self._move_to(block)
        while len(self._keys) <= offset:
            self._keys.append(construction.next_key(self._keys[-1]))
        return self._keys[offset]

    def confirm(self) -> None:
        """Give back the work for the last key, because its line is genuine."""
        self._budget.left += self._spent
        self._spent = 0

    def _move_to(self, block: int) -> None:
        if block == self._block + 1 == len(self._starts) and len(self._keys) == BLOCK:
            self._starts.append(construction.next_key(self._keys[-1]))
        missing = (block + 1 - len(self._starts)) * BLOCK
        if missing > 0:
            if missing > self._budget.left:
                raise BudgetSpent
            self._budget.left -= missing
            self._spent += missing
        while len(self._starts) <= block:
            key = self._starts[-1]
            for _ in range(BLOCK):
                key = construction.next_key(key)
            self._starts.append(key)
        self._block = block
        self._keys = [self._starts[block]]


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys of the auditor.

    Attributes:
        audit_keys: the audit keys.
        private_keys: the private keys.
        by_id: the audit keys by their ids.
    """

    audit_keys: Sequence[bytes] = field(repr=False)
    private_keys: Sequence[bytes] = field(default=(), repr=False)
    by_id: Mapping[str, bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {construction.key_id(key): key for key in self.audit_keys})

    def first_key(self, chain: str, key_id: str, sealed: str | None) -> bytes | None:
        """Return the key of line 0; None if no audit key or no private key fits."""
        audit_key = self.by_id.get(key_id)
        if audit_key is None:
            return None
        if sealed is None:
            return construction.first_key(audit_key, chain, b"")
        for private_key in self.private_keys:
            try:
                return construction.first_key(audit_key, chain, construction.unseal(sealed, private_key, chain))
            except ValueError:
                continue
        return None

"""The item of an owner: all records of the owner together, so that one conditional write changes any of them (ADR 36).

| attribute | content |
|---|---|
| `id` | `owner:` and the owner, such as `owner:account:shop:alice` |
| `revision` | bytes that change with every write of the item |
| `expires` | the time after which DynamoDB may remove the item: the last end of its records; missing if one has none |
| `totp`, `hotp`, `otp`, `recovery-codes`, `authenticators` | a record, in the same form as in Redis |
| `totp-end`, … | the time at which that record expires; missing if it does not |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.owner import Owner, OwnerKind
from infrastructure.dynamodb.client.items import (
    EXPIRES,
    KEY,
    REMEMBERED,
    Item,
    binary,
    binary_in,
    number,
    number_in,
    string_in,
)
from infrastructure.dynamodb.client.table import Condition
from infrastructure.records.codec import REVISION_BYTES, new_revision
from infrastructure.records.owner_records import NAMES, NewRecord

PREFIX: Final = "owner:"
_REVISION: Final = "revision"


@dataclass(frozen=True, slots=True)
class OwnerItem:
    """The records of an owner, including expired ones that DynamoDB has not removed yet.

    Attributes:
        revision: the attribute with the revision of the item; None if there is no item.
        records: the records by name.
    """

    revision: Mapping[str, Any] | None = None
    records: Mapping[str, NewRecord] = field(default_factory=dict)

    @classmethod
    def of(cls, item: Item | None) -> "OwnerItem":
        """Return the records in an item. A malformed attribute becomes a record that can't be read."""
        if item is None:
            return cls()
        records = {}
        for name in NAMES:
            value = binary_in(item, name)
            if value is not None:
                records[name] = NewRecord(value, number_in(item, _end(name)))
        return cls(item.get(_REVISION), records)

    def values(self, now: int) -> dict[str, bytes | None]:
        """Return the values of all records by name; None for a missing or expired one."""
        return {name: self._value(name, now) for name in NAMES}

    def has(self, revisions: Mapping[str, bytes], now: int) -> bool:
        """Return whether records have these revisions; empty for a missing or expired record."""
        return all((self._value(name, now) or b"")[:REVISION_BYTES] == each for name, each in revisions.items())

    def has_any(self, revisions: Mapping[str, bytes]) -> bool:
        """Return whether one of the records has its revision, expired or not."""
        return any(name in self.records and self.records[name].revision == each for name, each in revisions.items())

    def changed(self, new: Mapping[str, NewRecord], now: int) -> "OwnerItem":
        """Return the item with new records, and without expired ones."""
        kept = {name: record for name, record in self.records.items() if self._value(name, now) is not None}
        return OwnerItem(binary(new_revision()), {**kept, **new})

    def without(self, name: str) -> "OwnerItem":
        """Return the item without one record."""
        return OwnerItem(
            binary(new_revision()), {each: record for each, record in self.records.items() if each != name}
        )

    def attributes(self, now: int) -> dict[str, dict[str, object]]:
        """Return the attributes of the item, without its key."""
        item: dict[str, dict[str, object]] = {_REVISION: {**(self.revision or {})}}
        for name, record in self.records.items():
            item[name] = {**binary(record.value)}
            if record.end is not None:
                item[_end(name)] = {**number(record.end)}
        ends = [record.end for record in self.records.values()]
        if None not in ends:
            item[EXPIRES] = {**number(max((end for end in ends if end is not None), default=now + REMEMBERED))}
        return item

    @property
    def is_unchanged(self) -> Condition:
        """The condition that the stored item is still this one."""
        names = {"#revision": _REVISION}
        if self.revision is None:
            return Condition("attribute_not_exists(#revision)", names)
        return Condition("#revision = :revision", names, {":revision": self.revision})

    def _value(self, name: str, now: int) -> bytes | None:
        record = self.records.get(name)
        return None if record is None or (record.end is not None and record.end <= now) else record.value


def empty_item() -> OwnerItem:
    """Return a new item without records."""
    return OwnerItem(binary(new_revision()))


def key_of(owner: Owner) -> str:
    """Return the key of the item of an owner."""
    return f"{PREFIX}{owner}"


def owner_of(item: Item) -> Owner | None:
    """Return the owner of an item; None if it is the item of no owner."""
    kind, colon, name = (string_in(item, KEY) or "").removeprefix(PREFIX).partition(":")
    return Owner(OwnerKind(kind), name) if colon and name and kind in list(OwnerKind) else None


def _end(name: str) -> str:
    return f"{name}-end"

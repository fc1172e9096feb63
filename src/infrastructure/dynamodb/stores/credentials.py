"""Credentials in DynamoDB, changed only by compare-and-set: a conditional put of the whole item of an owner."""

from collections.abc import Iterator, Mapping
from typing import Final

from application.ports.clock import Clock
from application.ports.stores import OwnerCredentials, Revision, Snapshot
from domain.owner import CredentialId, Owner
from domain.stored_state import StoredState
from infrastructure.dynamodb.client.items import EXPIRES, Item, number
from infrastructure.dynamodb.client.table import Table
from infrastructure.dynamodb.stores.owner_item import PREFIX, OwnerItem, empty_item, key_of, owner_of
from infrastructure.network import deadline
from infrastructure.records.codec import RecordCodec
from infrastructure.records.owner_records import (
    Changes,
    OwnerRecords,
    name_of,
    owner_revision,
    record_revision,
    sealed_in,
    to_reseal,
)

SCAN_SIZE: Final = 500
"""Items in one step of a walk."""
WRITE_TRIAL: Final = "write-trial"
"""The key of an item that shows whether writes are accepted. Nothing else uses it."""


class DynamoCredentialRepository:
    """Implements `SealedCredentialRepository`. A load costs one round trip, and so does a commit without a race."""

    def __init__(self, table: Table, codec: RecordCodec, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._records = OwnerRecords(codec, clock, lambda each: f"{key_of(each.owner)} {name_of(each)}")

    def load(self, credential_id: CredentialId) -> Snapshot:
        """Return the stored state. Raise `StoreUnavailable`, or `UnreadableRecord` for a value that is not a record."""
        return self._snapshot(self._item(credential_id.owner), credential_id)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner, read at once. Raise `StoreUnavailable`."""
        return self._owner_credentials(owner, self._item(owner))

    def in_items(self, items: list[Item]) -> dict[Owner, OwnerCredentials]:
        """Return the stored states in items of a scan, without owners whose records have all expired."""
        found = {}
        for item in items:
            owner = owner_of(item)
            if owner is not None:
                credentials = self._owner_credentials(owner, OwnerItem.of(item))
                if credentials.snapshots or credentials.unreadable:
                    found[owner] = credentials
        return found

    def commit(self, credential_id: CredentialId, revision: Revision, state: StoredState | None) -> Snapshot | None:
        """Replace the stored state by compare-and-set; see the port. Raise `StoreUnavailable`."""
        read = record_revision(revision)
        changes = self._records.changes(credential_id, read, state)
        winner = self._replace(credential_id.owner, _item_in(read.source), changes)
        return None if winner is None else self._snapshot(winner, credential_id)

    def commit_all(
        self, read: OwnerCredentials, states: Mapping[CredentialId, StoredState | None], *, exclusive: bool = False
    ) -> bool:
        """Replace several stored states by one compare-and-set; see the port. Raise `StoreUnavailable`."""
        changes = self._records.owner_changes(read, states, exclusive=exclusive)
        item = _item_in(owner_revision(read.revision).source)
        return self._replace(next(iter(states)).owner, item, changes) is None

    def require_writable(self, credential_id: CredentialId) -> None:  # noqa: ARG002 - see below
        """Raise `StoreUnavailable` while commits are refused.

        This costs a write only after a refused commit. The policy and the capacity apply to the whole table, so one
        item shows them for all credentials.
        """
        if self._table.refuses_writes:
            self._table.put(WRITE_TRIAL, {EXPIRES: number(self._clock.now())})

    def forget(self, owner: Owner) -> None:
        """Remove all records of the owner with one write. Raise `StoreUnavailable`.

        The write has a condition: without one, a copy that is carried out late would remove new credentials.
        """
        with deadline.within(deadline.BUDGET):
            while True:
                item, now = self._item(owner), self._clock.now()
                if self._table.put(key_of(owner), empty_item().attributes(now), item.is_unchanged):
                    return

    def discard(self, credential_id: CredentialId) -> None:
        """Remove a record, or an entry of the shared record. Raise `StoreUnavailable`."""
        name = name_of(credential_id)
        with deadline.within(deadline.BUDGET):
            while True:
                item, now = self._item(credential_id.owner), self._clock.now()
                value = item.values(now)[name]
                changes = self._records.without(value, credential_id) if credential_id.suffix else None
                new = item.without(name) if changes is None else item.changed(changes.new, now)
                if self._table.put(key_of(credential_id.owner), new.attributes(now), item.is_unchanged):
                    return

    def ids(self) -> Iterator[CredentialId]:
        """Yield the id of every stored credential, in no particular order. Raise `StoreUnavailable`.

        An id comes once. A credential that is created or removed during the walk may be missing.
        """
        after = None
        while True:
            page = self._table.scan(PREFIX, after, SCAN_SIZE)
            for item in page.items:
                owner = owner_of(item)
                for name, value in OwnerItem.of(item).values(self._clock.now()).items():
                    if owner is not None and value is not None:
                        yield from self._records.ids(owner, name, value)
            after = page.next
            if after is None:
                return

    def sealed_in(self, snapshot: Snapshot) -> list[bytes]:
        """Return the sealed values of a snapshot. Derived secrets have none."""
        return sealed_in(snapshot)

    def reseal(self, credential_id: CredentialId, snapshot: Snapshot) -> Snapshot | None:
        """Commit the same state with its secrets sealed under the first encryption key; see `commit`."""
        return self.commit(credential_id, to_reseal(snapshot), snapshot.state)

    def _item(self, owner: Owner) -> OwnerItem:
        return OwnerItem.of(self._table.get(key_of(owner)))

    def _snapshot(self, item: OwnerItem, credential_id: CredentialId) -> Snapshot:
        value = item.values(self._clock.now())[name_of(credential_id)]
        return self._records.snapshot(value, credential_id, item)

    def _owner_credentials(self, owner: Owner, item: OwnerItem) -> OwnerCredentials:
        return self._records.owner_credentials(owner, item.values(self._clock.now()), item)

    def _replace(self, owner: Owner, item: OwnerItem, changes: Changes) -> OwnerItem | None:
        """Replace records if none of those that were read has changed.

        A write whose response was lost may have been carried out. It may also be carried out later, unless another
        write comes first, because every write gives the item a new revision. So the write is repeated, and if its
        condition fails, the revisions of the records show whether it was this commit that changed the item.

        Args:
            owner: the owner.
            item: the item as it was read.
            changes: the new records, and the revisions that must not have changed.

        Returns:
            None if the records were replaced; otherwise the current item, and nothing was changed.
        """
        key, own = key_of(owner), {name: record.revision for name, record in changes.new.items()}
        with deadline.within(deadline.BUDGET):
            while item.has(changes.read, self._clock.now()):
                now = self._clock.now()
                if self._table.put(key, item.changed(changes.new, now).attributes(now), item.is_unchanged):
                    return None
                # Another commit of the same owner was faster, perhaps for other records.
                item = self._item(owner)
                if item.has_any(own):
                    return None
        return item


def _item_in(source: object) -> OwnerItem:
    if not isinstance(source, OwnerItem):
        raise TypeError("the revision is from another repository")
    return source

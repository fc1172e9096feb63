"""The records of one owner: which there are, the states that they contain, and the records of new states.

A store keeps a record under a name for each factor, and one more that all additional authenticators of the owner share.
It stores the bytes and compares revisions; everything else is the same for all stores.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from application.errors import UnreadableRecord
from application.ports.clock import Clock
from application.ports.stores import OwnerCredentials, Revision, Snapshot
from application.request_context import FIELDS
from domain.owner import CredentialId, Factor, Owner
from domain.stored_state import StoredState
from infrastructure.records.codec import REVISION_BYTES, CorruptRecord, RecordCodec
from infrastructure.records.shared_record import EntryChange, SharedRecord
from infrastructure.records.stored_secrets import Sealed

REMOVAL_REMEMBERED: Final = 10
"""Seconds for which a removal leaves its revision in the store. Callers stop retrying a commit earlier."""
SHARED: Final = "authenticators"
"""The name of the record that the additional authenticators of an owner share."""
NAMES: Final = (*(factor.value for factor in Factor), SHARED)
"""The names of the records of an owner."""
AUTHENTICATORS: Final = (Factor.TOTP.value, Factor.HOTP.value, SHARED)
"""The names of the records with HOTP and TOTP states."""
_NO_SHARED: Final = SharedRecord()

_log = logging.getLogger("open_mfa.store")


@dataclass(frozen=True, slots=True)
class RecordRevision:
    """The revision of a record and its sealed values.

    Attributes:
        revision: the first bytes of the record; empty if there is no record.
        sealed: the sealed values of the credential, so that a commit need not seal the same secrets again.
        shared: the record that contains the credential, for an additional authenticator.
        source: what the store has read, if it needs that for a commit.
    """

    revision: bytes
    sealed: tuple[Sealed, ...]
    shared: SharedRecord | None = None
    source: object = None


@dataclass(frozen=True, slots=True)
class OwnerRevision:
    """The revisions of all records of an owner.

    Attributes:
        revisions: the revisions by name; empty for a missing record.
        shared: the record of the additional authenticators; None if it is malformed.
        source: what the store has read, if it needs that for a commit.
    """

    revisions: Mapping[str, bytes]
    shared: SharedRecord | None
    source: object = None


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to store.

    Attributes:
        value: the bytes. They begin with a revision that no other record has.
        end: the time at which it expires, Unix time in seconds; None for never.
    """

    value: bytes = field(repr=False)
    end: int | None

    @property
    def revision(self) -> bytes:
        return self.value[:REVISION_BYTES]


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of one commit.

    Attributes:
        read: the revisions that must not have changed, by name of the record.
        new: the new records by name.
    """

    read: Mapping[str, bytes]
    new: Mapping[str, NewRecord]


class OwnerRecords:
    """Translates between the records of an owner and its states.

    Args:
        codec: the codec of records; it has the encryption keys.
        clock: the service's clock.
        key_of: returns the key under which the store keeps a credential, for the log.
    """

    def __init__(self, codec: RecordCodec, clock: Clock, key_of: Callable[[CredentialId], str]) -> None:
        self._codec = codec
        self._clock = clock
        self._key_of = key_of

    def snapshot(self, value: bytes | None, credential_id: CredentialId, source: object = None) -> Snapshot:
        """Return the state in the record of a credential. Raise `UnreadableRecord`."""
        try:
            if credential_id.suffix:
                return self._entry(SharedRecord.decode(value), credential_id, source)
            return self._single(value, credential_id, source)
        except CorruptRecord as error:
            raise self._unreadable(credential_id, error) from error

    def owner_credentials(
        self, owner: Owner, values: Mapping[str, bytes | None], source: object = None
    ) -> OwnerCredentials:
        """Return all states of an owner from the values of all its records, by name."""
        snapshots: dict[CredentialId, Snapshot] = {}
        unreadable = set()
        for credential_id in (CredentialId(owner, factor) for factor in Factor):
            try:
                snapshot = self.snapshot(values[name_of(credential_id)], credential_id, source)
            except UnreadableRecord:
                unreadable.add(credential_id)
            else:
                if snapshot.state is not None:
                    snapshots[credential_id] = snapshot
        shared: SharedRecord | None = _NO_SHARED
        if (value := values[SHARED]) is not None:
            shared = self._add_shared(owner, value, source, snapshots, unreadable)
        revisions = {name: (value or b"")[:REVISION_BYTES] for name, value in values.items()}
        return OwnerCredentials(snapshots, OwnerRevision(revisions, shared, source), frozenset(unreadable))

    def changes(self, credential_id: CredentialId, read: RecordRevision, state: StoredState | None) -> Changes:
        """Return the changes for a new state of one credential; None to remove it. Raise `UnreadableRecord`."""
        name = name_of(credential_id)
        if read.shared is None:
            new = self._new(state, read.sealed)
        else:
            new = self._new_shared(read.shared, [(credential_id, state, read.sealed)])
        return Changes({name: read.revision}, {name: new})

    def owner_changes(
        self, read: OwnerCredentials, states: Mapping[CredentialId, StoredState | None], *, exclusive: bool
    ) -> Changes:
        """Return the changes for several new states of one owner. Raise `UnreadableRecord`.

        Args:
            read: the credentials from which the new states follow.
            states: the new states; None to remove one.
            exclusive: whether no other HOTP or TOTP state may have changed or appeared either.
        """
        revision = owner_revision(read.revision)
        changes = [(each, state, _sealed(read.snapshots.get(each))) for each, state in states.items()]
        new = {name_of(each): self._new(state, sealed) for each, state, sealed in changes if not each.suffix}
        in_shared = [change for change in changes if change[0].suffix]
        if in_shared:
            if revision.shared is None:
                raise UnreadableRecord("a stored record is unreadable")
            new[SHARED] = self._new_shared(revision.shared, in_shared)
        names = dict.fromkeys([*new, *AUTHENTICATORS] if exclusive else new)
        return Changes({name: revision.revisions[name] for name in names}, new)

    def without(self, value: bytes | None, credential_id: CredentialId) -> Changes | None:
        """Return the changes that remove an entry of a shared record; None if nothing can be kept of the record."""
        try:
            shared = SharedRecord.decode(value)
            new = self._new_shared(shared, [(credential_id, None, ())])
        except (CorruptRecord, UnreadableRecord):
            return None
        return Changes({SHARED: shared.revision}, {SHARED: new})

    def ids(self, owner: Owner, name: str, value: bytes | None) -> Iterable[CredentialId]:
        """Return the ids in a record; if a shared record is malformed, an id that can't be loaded."""
        if name != SHARED:
            return [CredentialId(owner, Factor(name))]
        try:
            return SharedRecord.decode(value).ids(owner)
        except CorruptRecord:
            return [CredentialId(owner, Factor.TOTP).removed]

    def _single(self, value: bytes | None, credential_id: CredentialId, source: object) -> Snapshot:
        if value is None:
            return Snapshot(None, RecordRevision(b"", (), source=source))
        record = self._codec.decode(value, credential_id)
        return Snapshot(record.state, RecordRevision(record.revision, record.sealed, source=source))

    def _entry(self, shared: SharedRecord, credential_id: CredentialId, source: object) -> Snapshot:
        """Return the snapshot of one entry of a shared record. Raise `CorruptRecord`."""
        raw = shared.entries.get(credential_id.authenticator)
        if raw is None:
            return Snapshot(None, RecordRevision(shared.revision, (), shared, source))
        state, sealed = self._codec.state(raw, credential_id)
        return Snapshot(state, RecordRevision(shared.revision, sealed, shared, source))

    def _add_shared(
        self,
        owner: Owner,
        value: bytes,
        source: object,
        snapshots: dict[CredentialId, Snapshot],
        unreadable: set[CredentialId],
    ) -> SharedRecord | None:
        """Add the entries of a shared record to those of its owner. Return None if the record is malformed."""
        try:
            shared = SharedRecord.decode(value)
            ids = shared.ids(owner)
        except CorruptRecord as error:
            both = [CredentialId(owner, factor).removed for factor in (Factor.TOTP, Factor.HOTP)]
            unreadable.update(both)
            self._unreadable(both[0], error)
            return None
        for credential_id in ids:
            try:
                snapshots[credential_id] = self._entry(shared, credential_id, source)
            except CorruptRecord as error:
                unreadable.add(credential_id)
                self._unreadable(credential_id, error)
        return shared

    def _new(self, state: StoredState | None, sealed: tuple[Sealed, ...]) -> NewRecord:
        end = self._clock.now() + REMOVAL_REMEMBERED if state is None else state.expires_at
        return NewRecord(self._codec.encode(state, sealed), end)

    def _new_shared(self, shared: SharedRecord, changes: Sequence[EntryChange]) -> NewRecord:
        now = self._clock.now()
        try:
            value, end = shared.changed(self._codec, changes, now)
        except CorruptRecord as error:
            raise self._unreadable(changes[0][0], error) from error
        return NewRecord(value, now + REMOVAL_REMEMBERED if len(value) == REVISION_BYTES else end)

    def _unreadable(self, credential_id: CredentialId, error: CorruptRecord) -> UnreadableRecord:
        """Log an unreadable record, and return the error for it."""
        fields = {"key": self._key_of(credential_id), "problem": str(error)}
        _log.error("unreadable record", extra={FIELDS: fields})
        return UnreadableRecord("a stored record is unreadable")


def name_of(credential_id: CredentialId) -> str:
    """Return the name of the record that contains a credential."""
    return SHARED if credential_id.suffix else credential_id.factor.value


def record_revision(revision: Revision) -> RecordRevision:
    """Return the revision of a snapshot. Raise `TypeError` if another kind of repository made it."""
    if not isinstance(revision, RecordRevision):
        raise TypeError("the revision is from another repository")
    return revision


def owner_revision(revision: Revision) -> OwnerRevision:
    """Return the revision of all records of an owner. Raise `TypeError` if another kind of repository made it."""
    if not isinstance(revision, OwnerRevision):
        raise TypeError("the revision is from another repository")
    return revision


def sealed_in(snapshot: Snapshot) -> list[bytes]:
    """Return the sealed values of a snapshot. Derived secrets have none."""
    return [each.blob for each in record_revision(snapshot.revision).sealed]


def to_reseal(snapshot: Snapshot) -> RecordRevision:
    """Return the revision of a snapshot for a commit that seals its secrets again."""
    return replace(record_revision(snapshot.revision), sealed=())


def _sealed(snapshot: Snapshot | None) -> tuple[Sealed, ...]:
    return () if snapshot is None else record_revision(snapshot.revision).sealed

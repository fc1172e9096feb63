"""Credentials in Redis, changed only by compare-and-set.

Each credential has its own key, except for additional authenticators, which share one record of their owner.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from application.errors import UnreadableRecord
from application.ports.clock import Clock
from application.ports.stores import OwnerCredentials, Revision, Snapshot
from application.request_context import FIELDS
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.stored_state import StoredState
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.script import Script
from infrastructure.redis.stores.codec import REVISION_BYTES, CorruptRecord, RecordCodec
from infrastructure.redis.stores.shared_record import EntryChange, SharedRecord
from infrastructure.redis.stores.stored_secrets import Sealed

COMPARE_AND_SET: Final = Script("infrastructure.redis.stores", "compare_and_set.lua")
KEY_PREFIX: Final = "open-mfa"
REMOVAL_REMEMBERED: Final = 10
"""Seconds for which a removal leaves its revision in Redis. Callers stop retrying a commit earlier."""
_SHARED: Final = "authenticators"
"""The end of the key of the record that the additional authenticators of an owner share."""
_KEY: Final = re.compile(rf"{KEY_PREFIX}:\{{({'|'.join(OwnerKind)}):([^{{}}]+)\}}:({'|'.join([*Factor, _SHARED])})")

_log = logging.getLogger("open_mfa.store")


@dataclass(frozen=True, slots=True)
class RedisRevision:
    """The revision of a record and its sealed values.

    Attributes:
        revision: the first bytes of the record; empty if there is no record.
        sealed: the sealed values of the credential, so that a commit need not seal the same secrets again.
        shared: the record that contains the credential, for an additional authenticator.
    """

    revision: bytes
    sealed: tuple[Sealed, ...]
    shared: SharedRecord | None = None


@dataclass(frozen=True, slots=True)
class RedisOwnerRevision:
    """The revisions of all records of an owner.

    Attributes:
        revisions: the revisions by key; empty for a missing record.
        shared: the record of the additional authenticators; None if it is malformed.
    """

    revisions: Mapping[str, bytes]
    shared: SharedRecord | None


_NOTHING: Final = RedisRevision(b"", ())
_NO_SHARED: Final = SharedRecord()


class RedisCredentialRepository:
    """Implements `SealedCredentialRepository`. A load costs one round trip, and so does a commit."""

    def __init__(self, gateway: Gateway, codec: RecordCodec, clock: Clock) -> None:
        self._gateway = gateway
        self._codec = codec
        self._clock = clock

    def load(self, credential_id: CredentialId) -> Snapshot:
        """Return the stored state. Raise `StoreUnavailable`, or `UnreadableRecord` for a value that is not a record."""
        return self._loaded(self._gateway.get(key_of(credential_id)), credential_id)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner, read by one command. Raise `StoreUnavailable`."""
        return self.read_all(owner, self._gateway.get_all(keys_of(owner)))

    def read_all(self, owner: Owner, values: Sequence[bytes | None]) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner from the values of `keys_of`."""
        ids = [CredentialId(owner, factor) for factor in Factor]
        keys = keys_of(owner)
        snapshots: dict[CredentialId, Snapshot] = {}
        unreadable = set()
        for credential_id, value in zip(ids, values, strict=False):
            try:
                snapshot = self._snapshot(value, credential_id)
            except UnreadableRecord:
                unreadable.add(credential_id)
            else:
                if snapshot.state is not None:
                    snapshots[credential_id] = snapshot
        shared: SharedRecord | None = _NO_SHARED
        if values[-1] is not None:
            shared = self._add_shared(owner, values[-1], snapshots, unreadable)
        revisions = {key: (value or b"")[:REVISION_BYTES] for key, value in zip(keys, values, strict=True)}
        return OwnerCredentials(snapshots, RedisOwnerRevision(revisions, shared), frozenset(unreadable))

    def commit(self, credential_id: CredentialId, revision: Revision, state: StoredState | None) -> Snapshot | None:
        """Replace the stored state by compare-and-set; see the port. Raise `StoreUnavailable`."""
        read = _redis_revision(revision)
        if read.shared is None:
            value, end = self._record(state, read.sealed)
        else:
            value, end = self._shared_record(read.shared, [(credential_id, state, read.sealed)])
        arguments = (read.revision, value, _milliseconds(end))
        answer = self._gateway.run_script(COMPARE_AND_SET, key_of(credential_id), *arguments)
        return None if answer == 1 else self._loaded(answer or None, credential_id)

    def commit_all(
        self, read: OwnerCredentials, states: Mapping[CredentialId, StoredState | None], *, exclusive: bool = False
    ) -> bool:
        """Replace several stored states by one compare-and-set; see the port. Raise `StoreUnavailable`."""
        revision = read.revision
        if not isinstance(revision, RedisOwnerRevision):
            raise TypeError("the revision is from another repository")
        changes = [(each, state, _sealed(read.snapshots.get(each))) for each, state in states.items()]
        records = {key_of(each): self._record(state, sealed) for each, state, sealed in changes if not each.suffix}
        in_shared = [change for change in changes if change[0].suffix]
        if in_shared:
            if revision.shared is None:
                raise UnreadableRecord("a stored record is unreadable")
            records[key_of(in_shared[0][0])] = self._shared_record(revision.shared, in_shared)
        keys = list(records)
        if exclusive:
            keys += [key for key in _authenticator_keys(next(iter(states)).owner) if key not in records]
        arguments: list[bytes | int] = []
        for key in keys:
            value, end = records.get(key, (b"", None))
            arguments += [revision.revisions[key], value, _milliseconds(end)]
        answer: object = self._gateway.run_script(COMPARE_AND_SET, keys[0], *arguments, further=keys[1:])
        return answer == 1

    def require_writable(self, credential_id: CredentialId) -> None:
        """Raise `StoreUnavailable` while commits are refused.

        This costs a round trip only after a refused commit. It then commits a record to a key of the same slot that
        nothing else uses. The record expires in 1970, so Redis removes it at once.
        """
        if self._gateway.refuses_writes(key_of(credential_id)):
            trial = f"{KEY_PREFIX}:{{{credential_id.owner}}}:write-trial"
            self._gateway.run_script(COMPARE_AND_SET, trial, b"", bytes(REVISION_BYTES), 1)

    def forget(self, owner: Owner) -> None:
        """Remove all keys of the owner with one command. Raise `StoreUnavailable`."""
        self._gateway.delete(keys_of(owner))

    def discard(self, credential_id: CredentialId) -> None:
        """Remove a key, or an entry of the shared record. Raise `StoreUnavailable`."""
        key = key_of(credential_id)
        try:
            while credential_id.suffix:
                shared = SharedRecord.decode(self._gateway.get(key))
                value, end = self._shared_record(shared, [(credential_id, None, ())])
                if self._gateway.run_script(COMPARE_AND_SET, key, shared.revision, value, _milliseconds(end)) == 1:
                    return
        except CorruptRecord:
            pass  # Nothing can be kept of a malformed record.
        self._gateway.delete([key])

    def ids(self) -> Iterator[CredentialId]:
        """Yield the id of every stored credential, in no particular order. Raise `StoreUnavailable`.

        An id may come twice. A credential that is created or removed during the walk may be missing.
        """
        for key in self._gateway.scan(f"{KEY_PREFIX}:{{*}}:*"):
            credential_id = id_of(key)
            if credential_id is None:
                continue
            if credential_id.suffix:
                yield from self._ids_in_shared(credential_id.owner)
            else:
                yield credential_id

    def sealed_in(self, snapshot: Snapshot) -> list[bytes]:
        """Return the sealed values of a snapshot. Derived secrets have none."""
        return [each.blob for each in _redis_revision(snapshot.revision).sealed]

    def reseal(self, credential_id: CredentialId, snapshot: Snapshot) -> Snapshot | None:
        """Commit the same state with its secrets sealed under the first encryption key; see `commit`."""
        revision = replace(_redis_revision(snapshot.revision), sealed=())
        return self.commit(credential_id, revision, snapshot.state)

    def _loaded(self, value: bytes | None, credential_id: CredentialId) -> Snapshot:
        if not credential_id.suffix:
            return self._snapshot(value, credential_id)
        try:
            return self._entry(SharedRecord.decode(value), credential_id)
        except CorruptRecord as error:
            raise _unreadable(credential_id, error) from error

    def _snapshot(self, value: bytes | None, credential_id: CredentialId) -> Snapshot:
        if value is None:
            return Snapshot(None, _NOTHING)
        try:
            record = self._codec.decode(value, credential_id)
        except CorruptRecord as error:
            raise _unreadable(credential_id, error) from error
        return Snapshot(record.state, RedisRevision(record.revision, record.sealed))

    def _entry(self, shared: SharedRecord, credential_id: CredentialId) -> Snapshot:
        """Return the snapshot of one entry of a shared record. Raise `CorruptRecord`."""
        raw = shared.entries.get(credential_id.authenticator)
        if raw is None:
            return Snapshot(None, RedisRevision(shared.revision, (), shared))
        state, sealed = self._codec.state(raw, credential_id)
        return Snapshot(state, RedisRevision(shared.revision, sealed, shared))

    def _add_shared(
        self, owner: Owner, value: bytes, snapshots: dict[CredentialId, Snapshot], unreadable: set[CredentialId]
    ) -> SharedRecord | None:
        """Add the entries of a shared record to those of its owner. Return None if the record is malformed."""
        try:
            shared = SharedRecord.decode(value)
            ids = shared.ids(owner)
        except CorruptRecord as error:
            both = [CredentialId(owner, factor).removed for factor in (Factor.TOTP, Factor.HOTP)]
            unreadable.update(both)
            _unreadable(both[0], error)
            return None
        for credential_id in ids:
            try:
                snapshots[credential_id] = self._entry(shared, credential_id)
            except CorruptRecord as error:
                unreadable.add(credential_id)
                _unreadable(credential_id, error)
        return shared

    def _ids_in_shared(self, owner: Owner) -> list[CredentialId]:
        """Return the ids in a shared record; if it is malformed, an id that can't be loaded."""
        try:
            return SharedRecord.decode(self._gateway.get(shared_key(owner))).ids(owner)
        except CorruptRecord:
            return [CredentialId(owner, Factor.TOTP).removed]

    def _record(self, state: StoredState | None, sealed: tuple[Sealed, ...]) -> tuple[bytes, int | None]:
        """Return a record and the time at which it expires; None for never."""
        end = self._clock.now() + REMOVAL_REMEMBERED if state is None else state.expires_at
        return self._codec.encode(state, sealed), end

    def _shared_record(self, shared: SharedRecord, changes: Sequence[EntryChange]) -> tuple[bytes, int | None]:
        """Return a shared record with changed entries, and the time at which it expires; None for never."""
        now = self._clock.now()
        try:
            value, end = shared.changed(self._codec, changes, now)
        except CorruptRecord as error:
            raise _unreadable(changes[0][0], error) from error
        return value, now + REMOVAL_REMEMBERED if len(value) == REVISION_BYTES else end


def key_of(credential_id: CredentialId) -> str:
    """Return the key of a credential, such as `open-mfa:{session:…}:totp`.

    The hash tag keeps all keys of an owner in one slot of a Cluster.
    """
    if credential_id.suffix:
        return shared_key(credential_id.owner)
    return f"{KEY_PREFIX}:{{{credential_id.owner}}}:{credential_id.factor}"


def shared_key(owner: Owner) -> str:
    """Return the key of the record that the additional authenticators of an owner share."""
    return f"{KEY_PREFIX}:{{{owner}}}:{_SHARED}"


_NAMES: Final = (*(factor.value for factor in Factor), _SHARED)
"""The last parts of the keys of an owner."""


def keys_of(owner: Owner) -> list[str]:
    """Return the keys of all credentials of the owner."""
    prefix = f"{KEY_PREFIX}:{{{owner}}}:"
    return [prefix + name for name in _NAMES]


def id_of(key: str) -> CredentialId | None:
    """Return the id of the credential that a key belongs to; None if it is another key.

    For a shared record, this is the id of one of its entries.
    """
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    owner = Owner(OwnerKind(parts[1]), parts[2])
    return CredentialId(owner, Factor.TOTP).removed if parts[3] == _SHARED else CredentialId(owner, Factor(parts[3]))


def _unreadable(credential_id: CredentialId, error: CorruptRecord) -> UnreadableRecord:
    """Log an unreadable record, and return the error for it."""
    _log.error("unreadable record", extra={FIELDS: {"key": key_of(credential_id), "problem": str(error)}})
    return UnreadableRecord("a stored record is unreadable")


def _authenticator_keys(owner: Owner) -> list[str]:
    """Return the keys of all HOTP and TOTP states of an owner."""
    return [key_of(CredentialId(owner, Factor.TOTP)), key_of(CredentialId(owner, Factor.HOTP)), shared_key(owner)]


def _milliseconds(end: int | None) -> int:
    """Return an expiry as the script takes it: Unix time in milliseconds, 0 for never."""
    return 0 if end is None else end * 1000


def _sealed(snapshot: Snapshot | None) -> tuple[Sealed, ...]:
    return () if snapshot is None else _redis_revision(snapshot.revision).sealed


def _redis_revision(revision: Revision) -> RedisRevision:
    if not isinstance(revision, RedisRevision):
        raise TypeError("the revision is from another repository")
    return revision

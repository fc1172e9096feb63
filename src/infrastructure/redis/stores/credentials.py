"""Credentials in Redis, one key each, changed only by compare-and-set."""

import logging
import re
from collections.abc import Iterator, Sequence
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
from infrastructure.redis.stores.stored_secrets import Sealed

COMPARE_AND_SET: Final = Script("infrastructure.redis.stores", "compare_and_set.lua")
KEY_PREFIX: Final = "open-mfa"
REMOVAL_REMEMBERED: Final = 10
"""Seconds for which a removal leaves its revision in Redis. Callers stop retrying a commit earlier."""
_KEY: Final = re.compile(rf"{KEY_PREFIX}:\{{({'|'.join(OwnerKind)}):([^{{}}]+)\}}:({'|'.join(Factor)})")

_log = logging.getLogger("open_mfa.store")


@dataclass(frozen=True, slots=True)
class RedisRevision:
    """The revision of a record and its sealed values.

    Attributes:
        revision: the first bytes of the record; empty if there is no record.
        sealed: the sealed values of the record, so that a commit need not seal the same secrets again.
    """

    revision: bytes
    sealed: tuple[Sealed, ...]


_NOTHING: Final = RedisRevision(b"", ())


class RedisCredentialRepository:
    """Implements `SealedCredentialRepository`. A load costs one round trip, and so does a commit."""

    def __init__(self, gateway: Gateway, codec: RecordCodec, clock: Clock) -> None:
        self._gateway = gateway
        self._codec = codec
        self._clock = clock

    def load(self, credential_id: CredentialId) -> Snapshot:
        """Return the stored state. Raise `StoreUnavailable`, or `UnreadableRecord` for a value that is not a record."""
        return self._snapshot(self._gateway.get(key_of(credential_id)), credential_id)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner, read by one command. Raise `StoreUnavailable`."""
        return self.read_all(owner, self._gateway.get_all(keys_of(owner)))

    def read_all(self, owner: Owner, values: Sequence[bytes | None]) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner from the values of `keys_of`."""
        ids = [CredentialId(owner, factor) for factor in Factor]
        snapshots: dict[Factor, Snapshot] = {}
        unreadable = []
        for credential_id, value in zip(ids, values, strict=True):
            try:
                snapshot = self._snapshot(value, credential_id)
            except UnreadableRecord:
                unreadable.append(credential_id.factor)
            else:
                if snapshot.state is not None:
                    snapshots[credential_id.factor] = snapshot
        return OwnerCredentials(snapshots, frozenset(unreadable))

    def commit(self, credential_id: CredentialId, revision: Revision, state: StoredState | None) -> Snapshot | None:
        """Replace the stored state by compare-and-set; see the port. Raise `StoreUnavailable`."""
        read = _redis_revision(revision)
        value = self._codec.encode(state, read.sealed)
        end = self._clock.now() + REMOVAL_REMEMBERED if state is None else state.expires_at
        expiry = 0 if end is None else end * 1000
        answer = self._gateway.run_script(COMPARE_AND_SET, key_of(credential_id), read.revision, value, expiry)
        return None if answer == 1 else self._snapshot(answer or None, credential_id)

    def require_writable(self, credential_id: CredentialId) -> None:
        """Raise `StoreUnavailable` while commits are refused.

        This costs a round trip only after a refused commit. It then commits a record to a key of the same slot that
        nothing else uses. The record expires in 1970, so Redis removes it at once.
        """
        if self._gateway.refuses_writes(key_of(credential_id)):
            trial = f"{KEY_PREFIX}:{{{credential_id.owner}}}:write-trial"
            self._gateway.run_script(COMPARE_AND_SET, trial, b"", bytes(REVISION_BYTES), 1)

    def forget(self, owner: Owner, *factors: Factor) -> None:
        """Remove keys of the owner with one command. Raise `StoreUnavailable`."""
        self._gateway.delete([key_of(CredentialId(owner, factor)) for factor in factors or Factor])

    def ids(self) -> Iterator[CredentialId]:
        """Yield the id of every stored credential, in no particular order. Raise `StoreUnavailable`.

        An id may come twice. A credential that is created or removed during the walk may be missing.
        """
        for key in self._gateway.scan(f"{KEY_PREFIX}:{{*}}:*"):
            credential_id = id_of(key)
            if credential_id is not None:
                yield credential_id

    def sealed_in(self, snapshot: Snapshot) -> list[bytes]:
        """Return the sealed values of a snapshot. Derived secrets have none."""
        return [each.blob for each in _redis_revision(snapshot.revision).sealed]

    def reseal(self, credential_id: CredentialId, snapshot: Snapshot) -> Snapshot | None:
        """Commit the same state with its secrets sealed under the first encryption key; see `commit`."""
        revision = replace(_redis_revision(snapshot.revision), sealed=())
        return self.commit(credential_id, revision, snapshot.state)

    def _snapshot(self, value: bytes | None, credential_id: CredentialId) -> Snapshot:
        if value is None:
            return Snapshot(None, _NOTHING)
        try:
            record = self._codec.decode(value, credential_id)
        except CorruptRecord as error:
            _log.error("unreadable record", extra={FIELDS: {"key": key_of(credential_id), "problem": str(error)}})
            raise UnreadableRecord("a stored record is unreadable") from error
        return Snapshot(record.state, RedisRevision(record.revision, record.sealed))


def key_of(credential_id: CredentialId) -> str:
    """Return the key of a credential, such as `open-mfa:{session:…}:totp`.

    The hash tag keeps all keys of an owner in one slot of a Cluster.
    """
    return f"{KEY_PREFIX}:{{{credential_id.owner}}}:{credential_id.factor}"


def keys_of(owner: Owner) -> list[str]:
    """Return the keys of all credentials of the owner."""
    return [key_of(CredentialId(owner, factor)) for factor in Factor]


def id_of(key: str) -> CredentialId | None:
    """Return the id of the credential that a key belongs to; None if it is another key."""
    parts = _KEY.fullmatch(key)
    return CredentialId(Owner(OwnerKind(parts[1]), parts[2]), Factor(parts[3])) if parts else None


def _redis_revision(revision: Revision) -> RedisRevision:
    if not isinstance(revision, RedisRevision):
        raise TypeError("the revision is from another repository")
    return revision

"""Credentials in Redis, changed only by compare-and-set.

Each credential has its own key, except for additional authenticators, which share one record of their owner.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from application.ports.clock import Clock
from application.ports.stores import OwnerCredentials, Revision, Snapshot
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from domain.stored_state import StoredState
from infrastructure.records.codec import REVISION_BYTES, RecordCodec
from infrastructure.records.owner_records import (
    NAMES,
    SHARED,
    Changes,
    OwnerRecords,
    name_of,
    record_revision,
    sealed_in,
    to_reseal,
)
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.script import Script

COMPARE_AND_SET: Final = Script("infrastructure.redis.stores", "compare_and_set.lua")
KEY_PREFIX: Final = "open-mfa"
_KEY: Final = re.compile(rf"{KEY_PREFIX}:\{{({'|'.join(OwnerKind)}):([^{{}}]+)\}}:({'|'.join(NAMES)})")


class RedisCredentialRepository:
    """Implements `SealedCredentialRepository`. A load costs one round trip, and so does a commit."""

    def __init__(self, gateway: Gateway, codec: RecordCodec, clock: Clock) -> None:
        self._gateway = gateway
        self._records = OwnerRecords(codec, clock, key_of)

    def load(self, credential_id: CredentialId) -> Snapshot:
        """Return the stored state. Raise `StoreUnavailable`, or `UnreadableRecord` for a value that is not a record."""
        return self._records.snapshot(self._gateway.get(key_of(credential_id)), credential_id)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner, read by one command. Raise `StoreUnavailable`."""
        return self.read_all(owner, self._gateway.get_all(keys_of(owner)))

    def read_all(self, owner: Owner, values: Sequence[bytes | None]) -> OwnerCredentials:
        """Return the stored states of all credentials of the owner from the values of `keys_of`."""
        return self._records.owner_credentials(owner, dict(zip(NAMES, values, strict=True)))

    def commit(self, credential_id: CredentialId, revision: Revision, state: StoredState | None) -> Snapshot | None:
        """Replace the stored state by compare-and-set; see the port. Raise `StoreUnavailable`."""
        changes = self._records.changes(credential_id, record_revision(revision), state)
        winner = self._replace(credential_id.owner, changes)
        return None if winner is None else self._records.snapshot(winner or None, credential_id)

    def commit_all(
        self, read: OwnerCredentials, states: Mapping[CredentialId, StoredState | None], *, exclusive: bool = False
    ) -> bool:
        """Replace several stored states by one compare-and-set; see the port. Raise `StoreUnavailable`."""
        changes = self._records.owner_changes(read, states, exclusive=exclusive)
        return self._replace(next(iter(states)).owner, changes) is None

    def require_writable(self, credential_id: CredentialId) -> None:
        """Raise `StoreUnavailable` while commits are refused.

        This costs a round trip only after a refused commit. It then commits a record to a key of the same slot that
        nothing else uses. The record expires in 1970, so Redis removes it at once.
        """
        if self._gateway.refuses_writes(key_of(credential_id)):
            trial = _key(credential_id.owner, "write-trial")
            self._gateway.run_script(COMPARE_AND_SET, trial, b"", bytes(REVISION_BYTES), 1)

    def forget(self, owner: Owner) -> None:
        """Remove all keys of the owner with one command. Raise `StoreUnavailable`."""
        self._gateway.delete(keys_of(owner))

    def discard(self, credential_id: CredentialId) -> None:
        """Remove a key, or an entry of the shared record. Raise `StoreUnavailable`."""
        key = key_of(credential_id)
        while credential_id.suffix:
            changes = self._records.without(self._gateway.get(key), credential_id)
            if changes is None:
                break
            if self._replace(credential_id.owner, changes) is None:
                return
        self._gateway.delete([key])

    def ids(self) -> Iterator[CredentialId]:
        """Yield the id of every stored credential, in no particular order. Raise `StoreUnavailable`.

        An id may come twice. A credential that is created or removed during the walk may be missing.
        """
        for key in self._gateway.scan(f"{KEY_PREFIX}:{{*}}:*"):
            credential_id = id_of(key)
            if credential_id is not None:
                value = self._gateway.get(key) if credential_id.suffix else None
                yield from self._records.ids(credential_id.owner, name_of(credential_id), value)

    def sealed_in(self, snapshot: Snapshot) -> list[bytes]:
        """Return the sealed values of a snapshot. Derived secrets have none."""
        return sealed_in(snapshot)

    def reseal(self, credential_id: CredentialId, snapshot: Snapshot) -> Snapshot | None:
        """Commit the same state with its secrets sealed under the first encryption key; see `commit`."""
        return self.commit(credential_id, to_reseal(snapshot), snapshot.state)

    def _replace(self, owner: Owner, changes: Changes) -> bytes | None:
        """Replace records if none of those that were read has changed.

        Returns:
            None if the records were replaced; otherwise the first of the current ones, empty if there is none.
        """
        # The records that change come first, because the script returns the first one.
        names = dict.fromkeys([*changes.new, *changes.read])
        keys = [_key(owner, name) for name in names]
        arguments: list[bytes | int] = []
        for name in names:
            new = changes.new.get(name)
            arguments += [changes.read[name], *((b"", 0) if new is None else (new.value, _milliseconds(new.end)))]
        answer = self._gateway.run_script(COMPARE_AND_SET, keys[0], *arguments, further=keys[1:])
        if answer == 1:
            return None
        # Only 1 means that the records were replaced. Redis never sends another number.
        return answer if isinstance(answer, bytes) else b""


def key_of(credential_id: CredentialId) -> str:
    """Return the key of a credential, such as `open-mfa:{session:…}:totp`."""
    return _key(credential_id.owner, name_of(credential_id))


def shared_key(owner: Owner) -> str:
    """Return the key of the record that the additional authenticators of an owner share."""
    return _key(owner, SHARED)


def keys_of(owner: Owner) -> list[str]:
    """Return the keys of all credentials of the owner."""
    return [_key(owner, name) for name in NAMES]


def id_of(key: str) -> CredentialId | None:
    """Return the id of the credential that a key belongs to; None if it is another key.

    For a shared record, this is the id of one of its entries.
    """
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    owner = Owner(OwnerKind(parts[1]), parts[2])
    return CredentialId(owner, Factor.TOTP).removed if parts[3] == SHARED else CredentialId(owner, Factor(parts[3]))


def _key(owner: Owner, name: str) -> str:
    """Return the key of a record. The hash tag keeps all keys of an owner in one slot of a Cluster."""
    return f"{KEY_PREFIX}:{{{owner}}}:{name}"


def _milliseconds(end: int | None) -> int:
    """Return an expiry as the script takes it: Unix time in milliseconds, 0 for never."""
    return 0 if end is None else end * 1000

"""Credentials in Redis, one key each, changed only by compare-and-set."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from application.errors import UnreadableRecord
from application.ports.clock import Clock
from application.ports.stores import OwnerCredentials, Revision, Snapshot
from application.request_context import FIELDS
from domain.credential import StoredState
from domain.owner import CredentialId, Factor, Owner, OwnerKind
from infrastructure.redis.client.gateway import Gateway, Script
from infrastructure.redis.stores.codec import REVISION_BYTES, CorruptRecord, RecordCodec, Sealed

COMPARE_AND_SET: Final = Script("infrastructure.redis.stores", "compare_and_set.lua")
KEY_PREFIX: Final = "open-mfa"

_log = logging.getLogger("open_mfa.store")


@dataclass(frozen=True, slots=True)
class RedisRevision:
    """The state that was loaded; `revision` is empty where there was nothing."""

    revision: bytes
    sealed: tuple[Sealed, ...]


REMOVAL_REMEMBERED: Final = 10
"""Seconds that a removal leaves its revision behind: longer than a caller retries the same commit."""
_KEY: Final = re.compile(rf"{KEY_PREFIX}:\{{({'|'.join(OwnerKind)}):([^{{}}]+)\}}:({'|'.join(Factor)})")
_NOTHING: Final = RedisRevision(b"", ())


class RedisCredentialRepository:
    """Implements `CredentialRepository`: a load costs one round trip, a commit one."""

    def __init__(self, gateway: Gateway, codec: RecordCodec, clock: Clock) -> None:
        self._gateway = gateway
        self._codec = codec
        self._clock = clock

    def load(self, credential_id: CredentialId) -> Snapshot:
        """What lies in the place now. Raises `StoreUnavailable`, `UnreadableRecord` for a value that is no record."""
        return self._stored(self._gateway.get(key_of(credential_id)), credential_id)

    def load_all(self, owner: Owner) -> OwnerCredentials:
        """What lies in all places of the owner, by one command. Raises `StoreUnavailable`."""
        places = [CredentialId(owner, factor) for factor in Factor]
        values = self._gateway.get_all([key_of(place) for place in places])
        found: dict[Factor, Snapshot] = {}
        unreadable = []
        for place, value in zip(places, values, strict=True):
            try:
                stored = self._stored(value, place)
            except UnreadableRecord:
                unreadable.append(place.factor)
            else:
                if stored.state is not None:
                    found[place.factor] = stored
        return OwnerCredentials(found, frozenset(unreadable))

    def commit(self, credential_id: CredentialId, revision: Revision, state: StoredState | None) -> Snapshot | None:
        """Compare-and-set. Raises `StoreUnavailable`."""
        if not isinstance(revision, RedisRevision):
            raise TypeError("a revision of another repository")
        value = self._codec.encode(state, revision.sealed)
        end = self._clock.now() + REMOVAL_REMEMBERED if state is None else state.expires_at
        expiry = 0 if end is None else end * 1000
        answer = self._gateway.run_script(COMPARE_AND_SET, key_of(credential_id), revision.revision, value, expiry)
        return None if answer == 1 else self._stored(answer or None, credential_id)

    def require_writable(self, credential_id: CredentialId) -> None:
        """Raise `StoreUnavailable` while commits are refused.

        Only after a refused commit, this costs a round trip: a commit on a key of the same slot that nothing else uses.
        That record expires in 1970, so Redis removes it at once.
        """
        if self._gateway.refuses_writes(key_of(credential_id)):
            trial = f"{KEY_PREFIX}:{{{credential_id.owner}}}:write-trial"
            self._gateway.run_script(COMPARE_AND_SET, trial, b"", bytes(REVISION_BYTES), 1)

    def forget(self, owner: Owner, *factors: Factor) -> None:
        """Removes keys of the owner with one command. Raises `StoreUnavailable`."""
        self._gateway.delete([key_of(CredentialId(owner, factor)) for factor in factors or Factor])

    def places(self) -> Iterator[CredentialId]:
        """Every place in which something lies, of all owners, in no order.

        One may come twice, and one that is filled or emptied meanwhile may come or not. Raises `StoreUnavailable`.
        """
        for key in self._gateway.scan(f"{KEY_PREFIX}:{{*}}:*"):
            place = place_of(key)
            if place is not None:
                yield place

    def _stored(self, value: bytes | None, credential_id: CredentialId) -> Snapshot:
        if value is None:
            return Snapshot(None, _NOTHING)
        try:
            record = self._codec.decode(value, credential_id)
        except CorruptRecord as error:
            _log.error("unreadable record", extra={FIELDS: {"key": key_of(credential_id), "problem": str(error)}})
            raise UnreadableRecord("a stored record can't be read") from error
        return Snapshot(record.state, RedisRevision(record.revision, record.sealed))


def key_of(credential_id: CredentialId) -> str:
    """`open-mfa:{session:…}:totp`: the hash tag keeps everything of an owner in one Cluster slot."""
    return f"{KEY_PREFIX}:{{{credential_id.owner}}}:{credential_id.factor.value}"


def place_of(key: str) -> CredentialId | None:
    """The place that a key is of, None for what is no credential's."""
    parts = _KEY.fullmatch(key)
    return CredentialId(Owner(OwnerKind(parts[1]), parts[2]), Factor(parts[3])) if parts else None

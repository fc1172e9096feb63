"""The stores that the contract tests run on. A new store adds one branch to `open_rig`."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from domain.owner import CredentialId
from infrastructure.crypto.sealing import KeyRing
from infrastructure.dynamodb.client.items import EXPIRES, number_in
from infrastructure.dynamodb.store import DynamoStore
from infrastructure.dynamodb.stores.log_levels import KEY as DYNAMO_LOG_LEVEL
from infrastructure.dynamodb.stores.owner_item import key_of as owner_key_of
from infrastructure.records.codec import RecordCodec
from infrastructure.records.owner_records import name_of
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.store import RedisStore
from infrastructure.redis.stores.credentials import key_of
from infrastructure.redis.stores.log_levels import KEY as LOG_LEVEL
from infrastructure.store import Store
from tests.infrastructure.redis.topologies import TOPOLOGIES, connect_to
from tests.support.dynamodb import STAND_INS, open_table
from tests.support.fakes import FakeClock

STORES = (*(f"redis {topology}" for topology in TOPOLOGIES), *(f"dynamodb {name}" for name in STAND_INS))
SENDS_PER_HOUR = 12


@dataclass(frozen=True, slots=True)
class Rig:
    """A store under test.

    Attributes:
        store: the store.
        reopen: returns the same store with other encryption keys.
        expires_at: returns the time at which the store removes a record, Unix time in seconds; None for never. No port
            has such a query.
        remove_log_level: removes the log level, which would otherwise apply to the services of later tests.
    """

    store: Store
    reopen: Callable[[KeyRing], Store]
    expires_at: Callable[[CredentialId], int | None]
    remove_log_level: Callable[[], object]


def open_rig(name: str, keys: KeyRing, clock: FakeClock, request: pytest.FixtureRequest) -> Rig:
    """Return a store, opened as the service opens it."""
    kind, _, variant = name.partition(" ")
    return (_redis if kind == "redis" else _dynamodb)(variant, keys, clock, request)


def _redis(topology: str, keys: KeyRing, clock: FakeClock, request: pytest.FixtureRequest) -> Rig:
    gateway = Gateway(connect_to(topology, request))
    digest_key = secrets.token_hex(16)

    def reopen(keys: KeyRing) -> Store:
        return RedisStore(gateway, RecordCodec(keys), clock, digest_key=digest_key, sends_per_hour=SENDS_PER_HOUR)

    def expires_at(credential_id: CredentialId) -> int | None:
        key = key_of(credential_id)
        milliseconds: int = gateway._read(key, "PEXPIRETIME", key)
        assert milliseconds != -2, "there is no record"
        return None if milliseconds == -1 else milliseconds // 1000

    return Rig(reopen(keys), reopen, expires_at, lambda: gateway.delete([LOG_LEVEL]))


def _dynamodb(stand_in: str, keys: KeyRing, clock: FakeClock, request: pytest.FixtureRequest) -> Rig:
    table = open_table(request.getfixturevalue(stand_in).new_table())
    digest_key = secrets.token_hex(16)

    def reopen(keys: KeyRing) -> Store:
        return DynamoStore(table, RecordCodec(keys), clock, digest_key=digest_key, sends_per_hour=SENDS_PER_HOUR)

    def expires_at(credential_id: CredentialId) -> int | None:
        item = table.get(owner_key_of(credential_id.owner))
        assert item is not None, "there is no item"
        end = number_in(item, f"{name_of(credential_id)}-end")
        removal = number_in(item, EXPIRES)
        assert removal is None or (end is not None and removal >= end), "DynamoDB would remove the record too early"
        return end

    return Rig(reopen(keys), reopen, expires_at, lambda: table.delete(DYNAMO_LOG_LEVEL))

"""Many accounts with a TOTP credential each. Every secret is sealed for its own account, as after an enrolment."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import redis

from bench.servers import ENCRYPTION_KEYS
from domain.credential import Credential
from domain.owner import CredentialId, Factor, Owner
from infrastructure.crypto.sealing import EncryptionKey, KeyRing
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.stores.credentials import key_of

BATCH: Final = 5_000
TENANT: Final = "bench"
# As long as alice@example.com.
_ACCOUNT: Final = "%017d"


def fill(client: redis.Redis, key: bytes, record: bytes, count: int) -> None:
    """Store `count` accounts with the state of an enrolled one.

    Args:
        client: a client of the Redis.
        key: the key of the enrolled account's TOTP credential.
        record: its record.
        count: the number of accounts to store.
    """
    for first in range(0, count, BATCH):
        client.mset(dict(_records(key, record, range(first, min(first + BATCH, count)))))


def _records(key: bytes, record: bytes, numbers: range) -> Iterator[tuple[str, bytes]]:
    codec = RecordCodec(KeyRing((EncryptionKey.parse(ENCRYPTION_KEYS),)))
    account = key.decode().partition(f"account:{TENANT}:")[2].partition("}")[0]
    state = codec.decode(record, _id(account)).state
    if not isinstance(state, Credential):
        raise TypeError("the record is not a credential's")
    for number in numbers:
        credential_id = _id(_ACCOUNT % number)
        yield key_of(credential_id), codec.encode(replace(state, id=credential_id))


def _id(account: str) -> CredentialId:
    return CredentialId(Owner.of_account(TENANT, account), Factor.TOTP)

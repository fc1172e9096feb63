"""The stores that the settings can name. Each loads its client only if it is used: that takes a while."""

from typing import TYPE_CHECKING

from application.ports.clock import Clock
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.sealing import KeyRing
from infrastructure.records.codec import RecordCodec
from infrastructure.settings import Settings
from infrastructure.store import Store

if TYPE_CHECKING:
    from infrastructure.dynamodb.url import TableUrl
    from infrastructure.redis.client.url import Connect
    from infrastructure.redis.store import RedisStore


def open_store(settings: Settings, clock: Clock) -> Store:
    """Return the store that the settings name. It connects when it is first used."""
    table = settings.dynamodb.table
    return redis_store(settings, clock, _connect(settings)) if table is None else _table_store(settings, clock, table)


def redis_store(settings: Settings, clock: Clock, connect: "Connect") -> "RedisStore":
    """Return a store on a Redis client. Tests pass their own client."""
    from infrastructure.redis.client.gateway import Gateway  # noqa: PLC0415
    from infrastructure.redis.client.url import public_part  # noqa: PLC0415
    from infrastructure.redis.store import RedisStore  # noqa: PLC0415

    gateway = Gateway(
        connect,
        settings.redis.wait,
        max_retrying_callers=_retrying_callers(settings),
        address=public_part(settings.redis.url or ""),
    )
    return RedisStore(
        gateway,
        record_codec(settings),
        clock,
        digest_key=settings.keys.secret_key,
        sends_per_hour=settings.limits.sends_per_hour,
    )


def record_codec(settings: Settings) -> RecordCodec:
    """Return the codec of records, with the keys of the settings."""
    return RecordCodec(KeyRing(settings.keys.encryption_keys), HkdfDerivation(settings.keys.derivation_secret))


def store_name(settings: Settings) -> str:
    """Return the name of the store for people, without a password."""
    if settings.dynamodb.table is not None:
        return f"DynamoDB table {settings.dynamodb.table}"
    if settings.redis.url is None:
        return "memory"
    from infrastructure.redis.client.url import public_part  # noqa: PLC0415

    return f"Redis at {public_part(settings.redis.url)}"


def _table_store(settings: Settings, clock: Clock, url: "TableUrl") -> Store:
    # botocore is not installed with the service unless DynamoDB is used, and loading it takes half a second.
    from infrastructure.dynamodb.client.connection import Connection  # noqa: PLC0415
    from infrastructure.dynamodb.client.table import Table  # noqa: PLC0415
    from infrastructure.dynamodb.store import DynamoStore  # noqa: PLC0415

    return DynamoStore(
        Table(url, Connection(url), _retrying_callers(settings)),
        record_codec(settings),
        clock,
        digest_key=settings.keys.secret_key,
        sends_per_hour=settings.limits.sends_per_hour,
    )


def _retrying_callers(settings: Settings) -> int:
    """Return the number of callers that may wait for a failing store: half of the threads."""
    return max(2, settings.server.threads // 2)


def _connect(settings: Settings) -> "Connect":
    if settings.redis.url is not None:
        from infrastructure.redis.client.url import connector  # noqa: PLC0415

        return connector(settings.redis.url)
    # Loading fakeredis takes a sixth of a second.
    from infrastructure.redis.client.embedded import embedded  # noqa: PLC0415

    return embedded()

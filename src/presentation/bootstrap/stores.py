"""The stores that the settings can name."""

from application.ports.clock import Clock
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.sealing import KeyRing
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import Connect, connector, public_part
from infrastructure.redis.store import RedisStore
from infrastructure.redis.stores.codec import RecordCodec
from infrastructure.settings import Settings
from infrastructure.store import Store


def open_store(settings: Settings, clock: Clock) -> Store:
    """Return the store that the settings name. It connects when it is first used."""
    return redis_store(settings, clock, _connect(settings))


def redis_store(settings: Settings, clock: Clock, connect: Connect) -> RedisStore:
    """Return a store on a Redis client. Tests pass their own client."""
    gateway = Gateway(
        connect,
        settings.redis.wait,
        max_retrying_callers=max(2, settings.server.threads // 2),
        address=public_part(settings.redis.url or ""),
    )
    codec = RecordCodec(KeyRing(settings.keys.encryption_keys), HkdfDerivation(settings.keys.derivation_secret))
    return RedisStore(
        gateway, codec, clock, digest_key=settings.keys.secret_key, sends_per_hour=settings.limits.sends_per_hour
    )


def store_name(settings: Settings) -> str:
    """Return the name of the store for people, without a password."""
    return "memory" if settings.redis.url is None else f"Redis at {public_part(settings.redis.url)}"


def _connect(settings: Settings) -> Connect:
    if settings.redis.url is not None:
        return connector(settings.redis.url)
    # Loading fakeredis takes a sixth of a second.
    from infrastructure.redis.client.embedded import embedded  # noqa: PLC0415

    return embedded()

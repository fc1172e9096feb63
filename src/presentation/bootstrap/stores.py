"""The stores that the settings can name."""

from application.ports.clock import Clock
from infrastructure.crypto.derivation import HkdfDerivation
from infrastructure.crypto.sealing import KeyRing
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import Connect, connector, places_in
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
        settings.redis_wait,
        patient=max(2, settings.threads // 2),
        where=places_in(settings.redis_url or ""),
    )
    codec = RecordCodec(KeyRing(settings.encryption_keys), HkdfDerivation(settings.derivation_secret))
    return RedisStore(gateway, codec, clock, digest_key=settings.secret_key, sends_per_hour=settings.sends_per_hour)


def _connect(settings: Settings) -> Connect:
    if settings.redis_url is not None:
        return connector(settings.redis_url)
    # Loading fakeredis takes a sixth of a second.
    from infrastructure.redis.client.embedded import embedded  # noqa: PLC0415

    return embedded()

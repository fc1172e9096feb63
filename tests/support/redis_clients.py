"""Clients with the service's own connections, through which tests can also look at the stored keys."""

from redis import Redis

from infrastructure.redis.client.embedded import embedded
from infrastructure.redis.client.url import connector


def embedded_redis() -> Redis:
    """Return a client of a new embedded store."""
    client = embedded()()
    assert isinstance(client, Redis)
    return client


def redis_client(url: str) -> Redis:
    """Return a client of one server."""
    client = connector(url)()
    assert isinstance(client, Redis)
    return client

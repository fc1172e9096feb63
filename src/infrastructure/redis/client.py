"""Which Redis to talk to, and how: one URL for standalone, TLS, Unix socket, Sentinel and Cluster."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from infrastructure.redis.deadline import SOCKET_TIMEOUT

Client = Redis | RedisCluster
Connect = Callable[[], Client]

_SINGLE: Final = ("redis", "rediss", "unix")
_MANY: Final = ("redis+cluster", "rediss+cluster", "redis+sentinel", "rediss+sentinel")
_SENTINEL_PORT: Final = 26379
_REDIS_PORT: Final = 6379


class InvalidRedisUrl(ValueError):
    """The URL names no Redis; the message does not repeat it, for it may hold a password."""


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int


def embedded() -> Connect:
    """A store in this process's memory, under the same commands and the same script as the real one."""
    import fakeredis  # noqa: PLC0415 - it takes a third of a second, which a service with a Redis need not spend

    client = fakeredis.FakeRedis()
    return lambda: client


def connector(url: str) -> Connect:
    """How to make a client for the URL; no connection is made yet, so that the service starts while Redis is away.

    `redis://`, `rediss://` and `unix://` are redis-py's. `redis+cluster://h:p,h:p` and
    `redis+sentinel://h:p,h:p/service` (`rediss+…` with TLS) take several hosts; user and password stand before the
    first one, `ssl_ca_certs` and the like in the query, a database number after the service, and the Sentinels' own
    password as `sentinel_password`.

    Raises:
        InvalidRedisUrl: the URL can't be read.
    """
    scheme = urlsplit(url).scheme
    if scheme in _SINGLE:
        _options(url)
        return lambda: Redis.from_url(url, **_timeouts(retries=0))
    if scheme not in _MANY:
        raise InvalidRedisUrl(f"must start with one of {', '.join(f'{s}://' for s in (*_SINGLE, *_MANY))}")
    return _cluster(url) if scheme.endswith("+cluster") else _sentinel(url)


def _cluster(url: str) -> Connect:
    places, path, options = _several(url, _REDIS_PORT)
    if path:
        raise InvalidRedisUrl("a Cluster has one database only: nothing may follow its hosts")

    def connect() -> Client:
        nodes = [ClusterNode(place.host, place.port) for place in places]
        # One retry of redis-py's own, which is what makes it look at the topology again.
        return RedisCluster(startup_nodes=nodes, **options, **_timeouts(retries=1))

    return connect


def _sentinel(url: str) -> Connect:
    places, path, options = _several(url, _SENTINEL_PORT)
    service, _, database = path.partition("/")
    if not service:
        raise InvalidRedisUrl("the name of the service that the Sentinels watch must follow their hosts")
    if database:
        if not database.isdecimal():
            raise InvalidRedisUrl("the database must be a number")
        options["db"] = int(database)
    sentinel_options = {name: value for name, value in options.items() if name.startswith("ssl")}
    for name in ("username", "password"):
        if (value := options.pop(f"sentinel_{name}", None)) is not None:
            sentinel_options[name] = value

    def connect() -> Client:
        sentinels = Sentinel(
            [(place.host, place.port) for place in places],
            sentinel_kwargs=sentinel_options | _timeouts(retries=0),
            **options,
            **_timeouts(retries=0),
        )
        master: Redis = sentinels.master_for(service)
        return master

    return connect


def _several(url: str, default_port: int) -> tuple[list[_Place], str, dict[str, Any]]:
    """The hosts, the path, and the connection options of a URL with several hosts."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    scheme = parts.scheme.partition("+")[0]
    places = [_place(f"{scheme}://{host}", default_port) for host in hosts.split(",")]
    options = _options(f"{scheme}://{login}{at}host/?{parts.query}")
    for name in ("host", "port", "connection_class"):
        options.pop(name, None)
    if scheme == "rediss":
        options["ssl"] = True
    return places, parts.path.strip("/"), options


def _place(url: str, default_port: int) -> _Place:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise InvalidRedisUrl("every host must be host or host:port, separated by commas")
    return _Place(host, port or default_port)


def _options(url: str) -> dict[str, Any]:
    try:
        return dict(parse_url(url))
    except ValueError:
        raise InvalidRedisUrl("can't be read: check port, database and query") from None


def _timeouts(retries: int) -> dict[str, Any]:
    """Short time-outs and no waiting inside redis-py: waiting is the gateway's, under one deadline."""
    return {
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": SOCKET_TIMEOUT,
        "retry": Retry(NoBackoff(), retries),
    }

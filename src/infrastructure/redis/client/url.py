"""The Redis URL: one URL for a standalone server, TLS, a Unix socket, Sentinel and Cluster."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from redis import Redis

from infrastructure.network.address import Address
from infrastructure.network.urls import Url, options_in, split_url
from infrastructure.redis.client.cluster import Cluster
from infrastructure.redis.client.connection import (
    OPTIONS,
    MasterConnection,
    MasterTlsConnection,
    TcpConnection,
    TlsConnection,
    UnixConnection,
)
from infrastructure.redis.client.pool import LeanPool
from infrastructure.redis.client.sentinel import Sentinels

Client = Redis | Cluster
Connect = Callable[[], Client]

_REDIS_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
_UNIX_FORM: Final = (
    "a URL of a Unix socket has no host: write unix:// and the absolute path, such as unix:///run/redis.sock"
)


class InvalidRedisUrl(ValueError):
    """Raised if a URL names no Redis. The message does not repeat the URL, because it may contain a password."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a Redis URL.

    Attributes:
        scheme: in lower case.
        addresses: the hosts and ports; empty for a Unix socket.
        path: decoded, without its first slash.
        options: the options of the connections.
    """

    scheme: str
    addresses: list[Address]
    path: str
    options: dict[str, Any]

    @property
    def tls(self) -> bool:
        return self.scheme.startswith("rediss")


def connector(url: str) -> Connect:
    """Return a factory of clients for a URL. It does not connect yet, so the service can start before Redis.

    - `redis://host:port/database` and `rediss://…`, which is the same with TLS
    - `unix:///path/to/socket?db=database`
    - `redis+cluster://host:port,host:port`, `rediss+cluster://…`
    - `redis+sentinel://host:port,host:port/service/database`, `rediss+sentinel://…`

    `user:password@`, percent-encoded, is written before the first host, or both are in the query as `username` and
    `password`. The Sentinels have their own `sentinel_username` and `sentinel_password`. The TLS options are
    `ssl_ca_certs`, `ssl_ca_path`, `ssl_certfile`, `ssl_keyfile`, `ssl_password`, `ssl_cert_reqs`, `ssl_check_hostname`
    and `ssl_ciphers`, as in redis-py. IPv6 addresses are in brackets. The scheme may be in upper case.

    Raises:
        InvalidRedisUrl: the URL is not one of these.
    """
    parts = _split(url)
    default_port, connect = _KINDS[parts.scheme]
    if default_port is None and parts.hosts:
        raise InvalidRedisUrl(_UNIX_FORM)
    addresses = [] if default_port is None else [_address(host, default_port) for host in parts.hosts.split(",")]
    options = _options(parts.scheme, parts.query or "")
    login = {"username": parts.user, "password": parts.password}
    options = {name: value for name, value in login.items() if value} | options
    if parts.scheme.startswith("rediss"):
        options["context"] = _context({name: options.pop(name, None) for name in _TLS})
    return connect(_Parts(parts.scheme, addresses, unquote(parts.path).removeprefix("/"), options))


def _split(url: str) -> Url:
    try:
        return split_url(url, _KINDS)
    except ValueError as error:
        raise InvalidRedisUrl(str(error)) from None


def _address(text: str, default_port: int) -> Address:
    try:
        return Address.parse(text, default_port)
    except ValueError as error:
        raise InvalidRedisUrl(str(error)) from None


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in lower case. Raise `InvalidRedisUrl` if it is not a URL of Redis."""
    return _split(url).scheme


def public_part(url: str) -> str:
    """Return the part of a URL that may be shown: its hosts and ports, or the path of its socket."""
    try:
        parts = _split(url)
    except InvalidRedisUrl:
        return ""
    return parts.hosts or parts.path


def _single(parts: _Parts) -> Connect:
    if len(parts.addresses) > 1:
        raise InvalidRedisUrl("several hosts need redis+cluster:// or redis+sentinel://")
    ((host, port),) = parts.addresses
    connection = TlsConnection if parts.tls else TcpConnection
    options = _with_database(parts.options, parts.path) | {"host": host, "port": port}
    return lambda: Redis.from_pool(LeanPool(connection, **OPTIONS, **options))


def _unix(parts: _Parts) -> Connect:
    if not parts.path:
        raise InvalidRedisUrl(_UNIX_FORM)
    options = parts.options | {"path": f"/{parts.path}"}
    return lambda: Redis.from_pool(LeanPool(UnixConnection, **OPTIONS, **options))


def _cluster(parts: _Parts) -> Connect:
    if parts.path or "db" in parts.options:
        raise InvalidRedisUrl("a Cluster has only one database: write no path and no db after its hosts")
    connection = TlsConnection if parts.tls else TcpConnection
    return lambda: Cluster(parts.addresses, OPTIONS | parts.options | {"connection_class": connection})


def _sentinel(parts: _Parts) -> Connect:
    service, _, database = parts.path.partition("/")
    if not service:
        raise InvalidRedisUrl("the name of the service that the Sentinels watch must follow their hosts, after a slash")
    options = OPTIONS | _with_database(parts.options, database)
    # Sentinels have no databases, and their own log-in.
    login = {name: options.pop(f"sentinel_{name}", None) for name in ("username", "password")}
    sentinel_options = {name: value for name, value in options.items() if name != "db"} | login
    sentinel_options["connection_class"] = TlsConnection if parts.tls else TcpConnection
    options["connection_class"] = MasterTlsConnection if parts.tls else MasterConnection

    return lambda: Sentinels(parts.addresses, sentinel_options, options).master(service)


_KINDS: Final[dict[str, tuple[int | None, Callable[[_Parts], Connect]]]] = {
    "redis": (_REDIS_PORT, _single),
    "rediss": (_REDIS_PORT, _single),
    "unix": (None, _unix),
    "redis+cluster": (_REDIS_PORT, _cluster),
    "rediss+cluster": (_REDIS_PORT, _cluster),
    "redis+sentinel": (_SENTINEL_PORT, _sentinel),
    "rediss+sentinel": (_SENTINEL_PORT, _sentinel),
}


def _with_database(options: dict[str, Any], text: str) -> dict[str, Any]:
    return {"db": _database(text)} | options if text else options


def _options(scheme: str, query: str) -> dict[str, Any]:
    readers = dict(_ALWAYS)
    if scheme.startswith("rediss"):
        readers |= _TLS
    if scheme.endswith("+sentinel"):
        readers |= _SENTINEL
    try:
        return {name: readers[name](value) for name, value in options_in(query)}
    except (KeyError, ValueError):
        raise InvalidRedisUrl(f"the part after the ? must be name=value, with the names {', '.join(readers)}") from None


def _context(options: dict[str, Any]) -> ssl.SSLContext:
    """Return a context that trusts the authorities in the options, or the system's if there are none."""
    try:
        context = ssl.create_default_context(cafile=options["ssl_ca_certs"], capath=options["ssl_ca_path"])
        context.check_hostname = options["ssl_check_hostname"] is not False and options["ssl_cert_reqs"] != "none"
        context.verify_mode = _REQUIREMENTS[options["ssl_cert_reqs"] or "required"]
        if options["ssl_certfile"]:
            context.load_cert_chain(options["ssl_certfile"], options["ssl_keyfile"], options["ssl_password"])
        if options["ssl_ciphers"]:
            context.set_ciphers(options["ssl_ciphers"])
    except (OSError, ValueError):
        raise InvalidRedisUrl("the certificates, the key or the ciphers in the URL are unusable") from None
    return context


def _database(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise InvalidRedisUrl("the database must be a number")
    return int(text)


def _requirement(text: str) -> str:
    if text not in _REQUIREMENTS:
        raise ValueError(text)
    return text


def _yes_or_no(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]


_REQUIREMENTS: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_ALWAYS: Final[dict[str, Callable[[str], Any]]] = {"db": _database, "username": str, "password": str}
_SENTINEL: Final[dict[str, Callable[[str], Any]]] = {"sentinel_username": str, "sentinel_password": str}
_TLS: Final[dict[str, Callable[[str], Any]]] = {
    "ssl_ca_certs": str,
    "ssl_ca_path": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_password": str,
    "ssl_cert_reqs": _requirement,
    "ssl_check_hostname": _yes_or_no,
    "ssl_ciphers": str,
}

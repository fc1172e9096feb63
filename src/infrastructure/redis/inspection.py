"""What every master says of itself, for whoever has to set it up."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError
from redis.sentinel import SentinelConnectionPool

from infrastructure.redis.client import Client
from infrastructure.redis.commands import Command, send
from infrastructure.redis.gateway import Gateway

Ask = Callable[[Command], Any]
"""Sends one command to one server; the raw answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a server says of itself.

    Attributes:
        place: host and port, as the Sentinels or the Cluster name it; empty where only the URL does.
        is_replica: it takes no writes.
        replicas: how many it has.
        eviction_policy: what it removes when it is full.
        fullness: the part of its `maxmemory` that is in use; 0 where it has no limit.
        appends: whether it writes every change to its append-only file.
        snapshots: whether it is known to take snapshots.
        clock_ahead: seconds that its clock is ahead of ours, at least; negative where it is behind.
    """

    place: str
    version: str
    is_replica: bool
    replicas: int
    eviction_policy: str
    fullness: float
    appends: bool
    snapshots: bool
    clock_ahead: float


def inspect(gateway: Gateway, now: Callable[[], float]) -> list[Inspection]:
    """Looks at the only server, at the Sentinels' master, or at each of a Cluster's masters.

    Args:
        gateway: leads to them.
        now: our clock, Unix time in seconds.

    Raises:
        StoreUnavailable: one of them can't be asked.
    """
    return gateway.look(lambda client: [_inspect(place, ask, now) for place, ask in _masters(client)])


def _masters(client: Client) -> list[tuple[str, Ask]]:
    if isinstance(client, Redis):
        pool = client.connection_pool
        place = ":".join(map(str, pool.get_master_address())) if isinstance(pool, SentinelConnectionPool) else ""
        return [(place, lambda command: send(client, [command])[0])]
    return [(name, partial(client.send_to, name)) for name in sorted(client.masters())]


def _inspect(place: str, ask: Ask, now: Callable[[], float]) -> Inspection:
    info = _info(ask(("INFO",)))
    return Inspection(
        place=place,
        version=info.get("redis_version", ""),
        is_replica=info.get("role") == "slave",
        replicas=int(info.get("connected_slaves", 0)),
        eviction_policy=info.get("maxmemory_policy", ""),
        fullness=_fullness(info),
        appends=info.get("aof_enabled") == "1",
        snapshots=_takes_snapshots(ask, info),
        clock_ahead=_clock_ahead(ask, now),
    )


def _info(answer: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in answer.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _fullness(info: dict[str, str]) -> float:
    limit = int(info.get("maxmemory", 0))
    return int(info.get("used_memory", 0)) / limit if limit else 0.0


def _takes_snapshots(ask: Ask, info: dict[str, str]) -> bool:
    """By its configuration; where CONFIG is forbidden, as managed ones do, by the snapshots that it has taken."""
    try:
        _, schedule = ask(("CONFIG", "GET", "save"))
    except (ResponseError, ValueError):
        return info.get("rdb_saves", "0") != "0"
    return bool(schedule)


def _clock_ahead(ask: Ask, now: Callable[[], float]) -> float:
    """Its clock was read between two readings of ours; only what lies outside of both is the clocks' difference."""
    before = now()
    seconds, microseconds = ask(("TIME",))
    after = now()
    told = int(seconds) + int(microseconds) / 1e6
    return max(0.0, told - after) + min(0.0, told - before)

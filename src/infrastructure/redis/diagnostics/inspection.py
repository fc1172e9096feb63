"""Inspections of the Redis masters for operators: the report of each, and the commands that it refuses."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError
from redis.sentinel import SentinelConnectionPool

from infrastructure.network.address import Address
from infrastructure.redis.client.explanations import forbidden_command, is_unknown_command
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.pipeline import Command, send
from infrastructure.redis.client.url import Client
from infrastructure.redis.diagnostics.trial import NOTHING_REFUSED, Trial, try_out

Ask = Callable[[Command], Any]
"""Sends one command to one server and returns the raw response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The report of a server about itself, and the commands that it refuses.

    Attributes:
        node: the name of the master in a Cluster; empty for a single master.
        address: the host and the port that the Sentinels or the Cluster report; empty for the address in the URL.
        information: the values of INFO by name; None if the user may not run INFO.
        snapshots: whether it takes snapshots; None if this is unknown.
        clock_ahead: the least difference between its clock and ours in seconds, positive if it is ahead; None if the
            user may not run TIME.
        trial: the commands and keys that it refuses.
        unknown: names of the commands for reports that it does not know.
    """

    node: str
    address: str
    information: dict[str, str] | None
    snapshots: bool | None
    clock_ahead: float | None
    trial: Trial = NOTHING_REFUSED
    unknown: frozenset[str] = frozenset()

    @property
    def version(self) -> str:
        return self._value("redis_version")

    @property
    def is_replica(self) -> bool:
        """Whether it reports the role of a replica, which accepts no writes."""
        return self._value("role") == "slave"

    @property
    def replicas(self) -> int:
        """The number of its connected replicas."""
        return int(self._value("connected_slaves") or 0)

    @property
    def eviction_policy(self) -> str:
        """The policy by which it removes keys when it is full."""
        return self._value("maxmemory_policy")

    @property
    def fullness(self) -> float:
        """The fraction of `maxmemory` that is in use; 0 without a limit."""
        limit = int(self._value("maxmemory") or 0)
        return int(self._value("used_memory") or 0) / limit if limit else 0.0

    @property
    def appends(self) -> bool:
        """Whether it writes every change to its append-only file."""
        return self._value("aof_enabled") == "1"

    def _value(self, name: str) -> str:
        return (self.information or {}).get(name, "")


def inspect(gateway: Gateway, now: Callable[[], float]) -> list[Inspection]:
    """Inspect the only server, the master that the Sentinels name, or each master of a Cluster.

    Args:
        gateway: the gateway to them. It defines how many replicas must have a write.
        now: our clock, Unix time in seconds.

    Raises:
        StoreUnavailable: one of them does not answer.
    """
    inspections = gateway.look(lambda client: [_inspect(master, now) for master in _masters(client)])
    return [replace(each, trial=try_out(gateway, each.node)) for each in inspections]


class _Master(NamedTuple):
    node: str
    address: str
    ask: Ask


def _masters(client: Client) -> list[_Master]:
    if isinstance(client, Redis):
        pool = client.connection_pool
        address = str(Address(*pool.get_master_address())) if isinstance(pool, SentinelConnectionPool) else ""
        return [_Master("", address, lambda command: send(client, [command])[0])]
    return [_Master(name, address_of(name), partial(client.send_to, name)) for name in sorted(client.masters())]


def address_of(node: str) -> str:
    """Return the address of a node of a Cluster, whose name has no brackets around an IPv6 address."""
    host, _, port = node.rpartition(":")
    return str(Address(host, int(port)))


def _inspect(master: _Master, now: Callable[[], float]) -> Inspection:
    unknown: set[str] = set()

    def report(command: Command) -> Any:
        try:
            return master.ask(command)
        except ResponseError as error:
            if is_unknown_command(error):
                unknown.add(str(command[0]))
            raise

    information = _information(report)
    return Inspection(
        node=master.node,
        address=master.address,
        information=information,
        snapshots=_takes_snapshots(report, information),
        clock_ahead=_clock_ahead(report, now),
        unknown=frozenset(unknown),
    )


def _information(ask: Ask) -> dict[str, str] | None:
    try:
        answer: bytes = ask(("INFO",))
    except ResponseError as error:
        if _is_withheld(error):
            return None
        raise
    lines = (line.partition(":") for line in answer.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _is_withheld(error: ResponseError) -> bool:
    """Return whether the user may not run the command, or the server does not know it."""
    if isinstance(error, NoPermissionError):
        # SELECT is part of connecting. If it is forbidden, no other command works either.
        return forbidden_command(error) != "SELECT"
    return is_unknown_command(error)


def _takes_snapshots(ask: Ask, information: dict[str, str] | None) -> bool | None:
    """Return whether the server takes snapshots, from its configuration.

    Managed services forbid CONFIG. Then the number of snapshots since the start decides.
    """
    try:
        _, schedule = ask(("CONFIG", "GET", "save"))
    except (ResponseError, ValueError):
        return None if information is None else information.get("rdb_saves", "0") != "0"
    return bool(schedule)


def _clock_ahead(ask: Ask, now: Callable[[], float]) -> float | None:
    """Return the smallest possible difference of the clocks: theirs is read between two readings of ours."""
    before = now()
    try:
        seconds, microseconds = ask(("TIME",))
    except ResponseError:
        return None
    after = now()
    theirs = int(seconds) + int(microseconds) / 1e6
    return max(0.0, theirs - after) + min(0.0, theirs - before)

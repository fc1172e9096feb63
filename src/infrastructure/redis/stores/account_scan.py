"""One step of a scan of the keys for the accounts of a tenant, on any topology of Redis."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace
from redis.exceptions import ConnectionError, ResponseError

from domain.errors import InvalidValue
from domain.owner import Owner, OwnerKind
from infrastructure.redis.client.cluster import Cluster
from infrastructure.redis.client.pipeline import send
from infrastructure.redis.client.url import Client
from infrastructure.redis.stores.credentials import KEY_PREFIX
from infrastructure.redis.stores.scan_positions import Position, mark

_MOST_PROCESSES: Final = 3
"""Processes that may follow one another during a step."""
_KEY: Final = re.compile(rf"{KEY_PREFIX}:\{{{OwnerKind.ACCOUNT.value}:([^:{{}}]+):([^{{}}]+)\}}:.+")
_PROCESS: Final = re.compile(rb"^run_id:(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a step.

    Attributes:
        here: the position of the step.
        after: the position after the step; None at the end.
        owners: the accounts that have a key in this step and are not among those that a former page has returned.
    """

    here: Position
    after: Position | None
    owners: list[Owner]


def scan_step(client: Client, position: Position, tenant: str, size: int) -> Step:
    """Carry out one step of SCAN. Raise `RedisError`.

    A cursor of SCAN is valid only in the process that has returned it, because the order of the keys depends on a
    random number of the process. After a restart or a fail-over, the scan of this master begins again.

    Args:
        client: the client.
        position: the position of the step.
        tenant: the tenant.
        size: the number of keys. Redis may read some more.
    """
    masters = sorted(client.masters()) if isinstance(client, Cluster) else [""]
    left = [each for each in masters if mark(each) not in position.finished]
    if not left:
        return Step(position, None, [])
    here, cursor, keys = _scan(client, _on_master(client, position, left), tenant, size)
    owners = [each for each in _owners(keys, tenant) if mark(each.id) not in here.returned]
    if cursor:
        return Step(here, replace(here, cursor=cursor, returned=frozenset()), owners)
    after = Position(finished=here.finished | {mark(here.node)})
    return Step(here, after if len(left) > 1 else None, owners)


def _on_master(client: Client, position: Position, masters: list[str]) -> Position:
    """Return the position if its node is still one of these masters; otherwise the start of the first one."""
    if position.node in masters and position.process is not None:
        return position
    return Position(masters[0], _process(client, masters[0]), finished=position.finished)


def _scan(client: Client, position: Position, tenant: str, size: int) -> tuple[Position, int, list[bytes]]:
    """Return the position that was scanned, the next cursor, and the keys."""
    # The name of a tenant has no character with a meaning in a pattern.
    pattern = f"{KEY_PREFIX}:{{{OwnerKind.ACCOUNT.value}:{tenant}:*}}:*"
    for _ in range(_MOST_PROCESSES):
        ask = _asking(client, position.node)
        cursor, keys = ask("SCAN", position.cursor, "MATCH", pattern, "COUNT", size)
        process = position.process and _process(client, position.node)
        if process == position.process:
            return position, int(cursor), keys
        position = Position(position.node, process, finished=position.finished)
    raise ConnectionError("every answer comes from another process")


def _process(client: Client, node: str) -> str:
    """Return the id of a server's process; empty if Redis does not tell it."""
    try:
        answer: bytes = _asking(client, node)("INFO", "server")
    except ResponseError:
        # The user may lack the permission, and the embedded store has no such command.
        return ""
    told = _PROCESS.search(answer)
    return told[1].decode("ascii") if told else ""


def _asking(client: Client, node: str) -> Callable[..., Any]:
    """Return a function that sends a command to one master."""
    if isinstance(client, Cluster):
        return lambda *command: client.send_to(node, command)
    return lambda *command: send(client, [command])[0]


def _owners(keys: Iterable[bytes], tenant: str) -> list[Owner]:
    """Return the accounts of the tenant that keys belong to, each once. Other keys are ignored."""
    owners: dict[Owner, None] = {}
    for key in keys:
        parts = _KEY.fullmatch(key.decode("utf-8", "replace"))
        if parts and parts[1] == tenant:
            try:
                owners[Owner.of_account(tenant, parts[2])] = None
            except InvalidValue:
                continue
    return list(owners)

"""The accounts of a tenant, found by a scan of the keys, so that no index has to agree with the records."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace
from redis import Redis
from redis.exceptions import ClusterError, ResponseError

from application.ports.stores import AccountsPart, OwnerCredentials
from domain.owner import Owner
from infrastructure.redis.client.gateway import SCAN_COUNT, Gateway
from infrastructure.redis.client.pipeline import Command, send
from infrastructure.redis.client.url import Client
from infrastructure.redis.stores.account_scan import Step, scan_step
from infrastructure.redis.stores.credentials import RedisCredentialRepository, keys_of
from infrastructure.redis.stores.scan_positions import START, Position, PositionCodec, mark

MOST_STEPS: Final = 16
"""Steps of SCAN for one part. They suffice to halve the largest step until it reads one key."""


class RedisAccountDirectory:
    """Implements `AccountDirectory`. A part costs at most 16 steps of SCAN, each of about 500 keys at most.

    Args:
        gateway: the gateway to Redis.
        credentials: reads the records.
        positions: seals the positions.
    """

    def __init__(self, gateway: Gateway, credentials: RedisCredentialRepository, positions: PositionCodec) -> None:
        self._gateway = gateway
        self._credentials = credentials
        self._positions = positions

    def accounts(self, tenant: str, cursor: str | None, limit: int) -> AccountsPart:
        """Return at most `limit` accounts; see the port. Raise `InvalidCursor` or `StoreUnavailable`."""
        part = _Part(START if cursor is None else self._positions.open(cursor, tenant), limit)
        found: dict[Owner, OwnerCredentials] = {}
        for _ in range(MOST_STEPS):
            if part.next is None or part.is_complete:
                break
            step = partial(scan_step, position=part.next, tenant=tenant, size=part.size)
            found |= self._read(part.take(self._gateway.look(step)))
        return AccountsPart(found, None if part.next is None else self._positions.seal(part.next, tenant))

    def _read(self, owners: Sequence[Owner]) -> dict[Owner, OwnerCredentials]:
        """Return the stored states of owners whose keys are on one server."""
        if not owners:
            return {}
        groups = [keys_of(owner) for owner in owners]
        values = self._gateway.look(lambda client: _values(client, groups))
        if values is None:
            return {owner: self._credentials.load_all(owner) for owner in owners}
        return {owner: self._credentials.read_all(owner, each) for owner, each in zip(owners, values, strict=True)}


class _Part:
    """A part that grows step by step.

    Attributes:
        next: the position after the part; None at the end.
        size: the size of the next step.
        is_complete: whether the part needs no further step.
    """

    def __init__(self, position: Position, limit: int) -> None:
        self.next: Position | None = position
        self.size = limit
        self.is_complete = False
        self._limit = limit
        self._taken: set[Owner] = set()

    def take(self, step: Step) -> list[Owner]:
        """Return the accounts of a step that belong to this part."""
        fresh = [each for each in step.owners if each not in self._taken]
        if len(self._taken) + len(fresh) > self._limit:
            return self._take_too_many(step, fresh)
        self._taken.update(fresh)
        self.next = step.after
        self.is_complete = 2 * len(self._taken) >= self._limit
        if 4 * len(step.owners) < self.size:
            # A tenant with few of the keys would otherwise need many requests.
            self.size = min(2 * self.size, SCAN_COUNT)
        return fresh

    def _take_too_many(self, step: Step, fresh: list[Owner]) -> list[Owner]:
        if self._taken:
            # The next part begins with this step.
            self.is_complete = True
            return []
        if self.size > 1:
            # SCAN can return more keys than it was asked for. A smaller step returns fewer.
            self.next, self.size = step.here, self.size // 2
            return []
        # Redis can't divide this step, so the next part repeats it without the accounts of this one.
        taken = fresh[: self._limit]
        self.next = replace(step.here, returned=step.here.returned | {mark(each.id) for each in taken})
        self.is_complete = True
        return taken


def _values(client: Client, groups: Sequence[Sequence[str]]) -> list[list[bytes | None]] | None:
    """Return the values of groups of keys, read together; None if the groups are not on one node of a Cluster."""
    commands: list[Command] = [("MGET", *keys) for keys in groups]
    if isinstance(client, Redis):
        return send(client, commands)
    try:
        return client.send(groups[0][0], commands)
    except (ClusterError, ResponseError):
        # Slots are moving. Each group then needs its own redirections.
        return None

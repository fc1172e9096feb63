"""The properties of the table that the service depends on, and a trial of every operation that it uses."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from application.errors import StoreUnavailable
from infrastructure.dynamodb.client.errors import FORBIDDEN, DynamoError
from infrastructure.dynamodb.client.items import EXPIRES, number
from infrastructure.dynamodb.client.table import Condition, Table

LIFETIME: Final = 60
"""Seconds after which the item of a trial expires, in case it is interrupted."""
_PREFIX: Final = "doctor-trial:"
_UNKNOWN: Final = (FORBIDDEN, "UnknownOperationException")
"""Codes of a description that the service may not read, or that a stand-in does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The report about a table.

    Attributes:
        description: the description of the table; None if the service may not read it.
        time_to_live: the attribute by which DynamoDB removes items, empty if it removes none; None if this is unknown.
        recovery: whether the table can be restored to any time of the last weeks; None if this is unknown.
        forbidden: the operations that the policy does not allow.
        clock_ahead: the least difference between the clock of DynamoDB and ours in seconds, positive if it is ahead.
    """

    description: dict[str, Any] | None
    time_to_live: str | None
    recovery: bool | None
    forbidden: tuple[str, ...]
    clock_ahead: float

    @property
    def key(self) -> str:
        """The schema of the key, such as `id (S)`."""
        table = self.description or {}
        types = {each["AttributeName"]: each["AttributeType"] for each in table.get("AttributeDefinitions", [])}
        names = [each["AttributeName"] for each in table.get("KeySchema", [])]
        return ", ".join(f"{name} ({types.get(name)})" for name in names)

    @property
    def replicas(self) -> list[str]:
        """The other regions of a global table."""
        return sorted(each["RegionName"] for each in (self.description or {}).get("Replicas", []))


def inspect(table: Table, now: Callable[[], float]) -> Inspection:
    """Inspect a table. Nothing of the trial remains.

    Args:
        table: the table.
        now: our clock, Unix time in seconds.

    Raises:
        StoreUnavailable: the table does not exist, or DynamoDB does not answer or refuses all calls.
    """
    described = _described(table, "describe_table")
    life = _described(table, "describe_time_to_live")
    backups = _described(table, "describe_continuous_backups")
    forbidden = _forbidden(table, int(now()))
    return Inspection(
        description=None if described is None else described["Table"],
        time_to_live=None if life is None else _attribute(life["TimeToLiveDescription"]),
        recovery=None if backups is None else _recovers(backups["ContinuousBackupsDescription"]),
        forbidden=forbidden,
        clock_ahead=0.0 if "GetItem" in forbidden else _clock_ahead(table, now),
    )


def code_of(error: StoreUnavailable) -> str:
    """Return the code of the response that made the store unavailable; empty if there was none."""
    cause = error.__cause__
    return cause.code if isinstance(cause, DynamoError) else ""


def _described(table: Table, operation: str) -> dict[str, Any] | None:
    try:
        return table.call(operation)
    except StoreUnavailable as error:
        if code_of(error) in _UNKNOWN:
            return None
        raise


def _attribute(life: dict[str, Any]) -> str:
    enabled = life["TimeToLiveStatus"] in {"ENABLED", "ENABLING"}
    return str(life.get("AttributeName", "")) if enabled else ""


def _recovers(backups: dict[str, Any]) -> bool:
    return bool(backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED")


def _forbidden(table: Table, now: int) -> tuple[str, ...]:
    """Return the operations that the policy forbids, after one try of each on an item that nothing else uses."""
    key = f"{_PREFIX}{secrets.token_hex(8)}"
    expires = {EXPIRES: number(now + LIFETIME)}
    values = {":expires": number(now + LIFETIME)}
    any_item = Condition("attribute_not_exists(#none)", {"#none": "none", "#expires": EXPIRES}, values)
    trials: dict[str, Callable[[], object]] = {
        "PutItem": lambda: table.put(key, expires),
        "GetItem": lambda: table.get(key),
        "BatchGetItem": lambda: table.get_all([key]),
        "UpdateItem": lambda: table.update(key, "SET #expires = :expires", any_item),
        "Scan": lambda: table.call("scan", ConsistentRead=True, Limit=1),
        "DeleteItem": lambda: table.delete(key),
    }
    forbidden = []
    for name, trial in trials.items():
        try:
            trial()
        except StoreUnavailable as error:
            if code_of(error) != FORBIDDEN:
                raise
            forbidden.append(name)
    return tuple(forbidden)


def _clock_ahead(table: Table, now: Callable[[], float]) -> float:
    """Return the smallest possible difference of the clocks: theirs is a whole second between two readings of ours."""
    before = now()
    theirs = table.time(_PREFIX)
    after = now()
    return max(0.0, theirs - after) + min(0.0, theirs + 1 - before)

"""Attributes of items in the form of DynamoDB's protocol."""

from collections.abc import Mapping
from typing import Any, Final

Item = Mapping[str, Mapping[str, Any]]
"""The attributes of an item by name, each with its type."""

KEY: Final = "id"
"""The name of the partition key, a string. The table has no sort key."""
EXPIRES: Final = "expires"
"""The attribute after whose time DynamoDB may remove an item, Unix time in seconds. It may do so days later."""
REMEMBERED: Final = 1200
"""Seconds for which an item stays after its content was removed.

DynamoDB accepts a request for up to 15 minutes after its signature. If the item were missing, a first write that is
late could still be carried out after the removal.
"""


def string(value: str) -> dict[str, str]:
    """Return the attribute for a text."""
    return {"S": value}


def number(value: int) -> dict[str, str]:
    """Return the attribute for a whole number."""
    return {"N": str(value)}


def binary(value: bytes) -> dict[str, bytes]:
    """Return the attribute for bytes."""
    return {"B": value}


def string_in(item: Item, name: str) -> str | None:
    """Return the text of an attribute; None if there is none."""
    value = item.get(name, {}).get("S")
    return value if isinstance(value, str) else None


def number_in(item: Item, name: str) -> int | None:
    """Return the whole number of an attribute; None if there is none."""
    try:
        return int(item.get(name, {})["N"])
    except (KeyError, ValueError):
        return None


def binary_in(item: Item, name: str) -> bytes | None:
    """Return the bytes of an attribute; None if there is no such attribute; no bytes if it has another type."""
    if name not in item:
        return None
    value = item[name].get("B")
    return value if isinstance(value, bytes) else b""


def is_current(item: Item | None, now: float) -> bool:
    """Return whether an item exists and has not expired. DynamoDB keeps expired items for a while."""
    if item is None:
        return False
    end = number_in(item, EXPIRES)
    return end is None or end > now

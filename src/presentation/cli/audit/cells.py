"""The texts of a row: what happened, to whom, and from where. Control characters in them are escaped."""

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from presentation.cli.audit.times import time_of

EVENT, OWNER, FACTOR, ADDRESS, PURPOSE, KEY, REQUEST = range(7)
HEADINGS: Final = ("EVENT", "OWNER", "FACTOR", "ADDRESS", "PURPOSE", "KEY", "REQUEST")
_FIRST_OF_CHAIN: Final = "chain-started"
_DIGEST_SHOWN: Final = 12
"""The characters of a digest in a row. The options of the search accept the beginning of a digest."""


def cells_of(members: Mapping[str, Any], zone: tzinfo | None) -> tuple[str, ...]:
    """Return the texts for `HEADINGS`.

    Args:
        members: the members of the line.
        zone: the zone of the times; None for the zone of the machine.
    """
    texts = (
        _event(members, zone),
        _owner(members),
        members.get("authenticator", members.get("factor", "")),
        members.get("address", ""),
        members.get("purpose", ""),
        members.get("key", "") if names_api_key(members) else "",
        members.get("request_id", ""),
    )
    return tuple(printable(text) for text in texts)


def names_api_key(members: Mapping[str, Any]) -> bool:
    """Return whether the member `key` is the id of an API key. A chain begins with that of the audit key."""
    return members.get("message") != _FIRST_OF_CHAIN


def printable(value: object) -> str:
    """Return a value as text, with the characters escaped that a terminal would not show, or would obey."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text if text.isprintable() else json.dumps(text)[1:-1]


def _event(members: Mapping[str, Any], zone: tzinfo | None) -> str:
    event = members.get("message", "")
    match event:
        case "judged":
            return _outcome(members)
        case "locked":
            end = time_of(members.get("locked_until"))
            return "locked" if end is None else f"locked until {_end(end, members, zone)}"
        case "exported":
            incomplete = "" if members.get("complete") is True else ", incomplete"
            return f"exported {members.get('count')} as {members.get('format')}{incomplete}"
        case _:
            marks = [name for name in ("imported", "weak") if members.get(name) is True]
            return ", ".join([str(event), *marks])


def _outcome(members: Mapping[str, Any]) -> str:
    if members.get("outcome") == "accepted":
        return "accepted"
    reason = members.get("reason")
    if reason == "locked":
        return "refused: locked"
    left = members.get("attempts_left")
    return f"{reason}" if left is None else f"{reason}, {left} left"


def _end(end: datetime, members: Mapping[str, Any], zone: tzinfo | None) -> str:
    """Return the end of a lock: the time of day, and the date if it is another day."""
    end = end.astimezone(zone)
    begin = time_of(members.get("time"))
    is_same_day = begin is not None and begin.astimezone(zone).date() == end.date()
    return f"{end:%H:%M:%S}" if is_same_day else f"{end:%Y-%m-%d %H:%M:%S}"


def _owner(members: Mapping[str, Any]) -> str:
    for kind in ("session", "gate"):
        digest = members.get(kind)
        if isinstance(digest, str):
            return f"{kind} {digest if len(digest) <= _DIGEST_SHOWN else f'{digest[:_DIGEST_SHOWN]}…'}"
    return " ".join(str(members[name]) for name in ("tenant", "account") if members.get(name) is not None)

"""The members of valid lines of chains."""

import json
import re
from typing import Final

from infrastructure.observability.audit_verification.chain_state import Head

_HEAD_OF_LINE: Final = re.compile(
    rb'\{"time":"([^"]{1,40})","level":"[A-Z]*","logger":"open_mfa\.audit","message":"([a-z-]{1,40})"'
)


def time_of(data: bytes) -> str:
    """Return the time of a valid line."""
    found = _HEAD_OF_LINE.match(data)
    return "" if found is None else found[1].decode("ascii", "replace")


def message_of(data: bytes) -> str:
    """Return the message of a valid line."""
    found = _HEAD_OF_LINE.match(data)
    return "" if found is None else found[2].decode()


def store_failed_in(data: bytes) -> bool:
    """Return whether a valid line 0 has no heads."""
    return json.loads(data).get("heads") is None


def heads_in(data: bytes, chain: str) -> list[Head]:
    """Return the heads in the valid line 0 of a chain."""
    heads = json.loads(data).get("heads") or {}
    return [Head(other, seq, check, last, chain) for other, (seq, check, last) in heads.items()]

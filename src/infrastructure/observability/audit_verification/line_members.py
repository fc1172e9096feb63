"""The members of valid lines of chains."""

import json
import re
from typing import Any, Final

from infrastructure.observability.audit_chain import construction
from infrastructure.observability.audit_verification.chain_state import Head

_CHAIN: Final = re.compile(r"[0-9a-f]{32}")
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
    return _heads(data) is None


def heads_in(data: bytes, chain: str) -> list[Head]:
    """Return the heads in the valid line 0 of a chain. Somebody who has the keys can write other values; skip these."""
    heads = []
    for other, head in (_heads(data) or {}).items():
        match head:
            case [int(seq), str(check), str(last)] if 0 <= seq < construction.LIMIT and _CHAIN.fullmatch(other):
                heads.append(Head(other, seq, check, last, chain))
    return heads[: construction.HEADS]


def _heads(data: bytes) -> dict[str, Any] | None:
    try:
        heads = json.loads(data).get("heads")
    except (ValueError, RecursionError, AttributeError):
        return {}
    return heads if heads is None or isinstance(heads, dict) else {}

"""The tokens of sessions of the gate. Stores keep only their digests."""

import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

TOKEN_BYTES: Final = 32
"""256 bits."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """Return a random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digests_of(gate: str, tokens: Sequence[str]) -> list[str]:
    """Return the digests of the texts that have the form of a token. Each gate has its own.

    Args:
        gate: the name of the gate.
        tokens: any texts.
    """
    return [sha256((gate + token).encode()).hexdigest() for token in tokens if _TOKEN.fullmatch(token)]

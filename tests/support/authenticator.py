"""Codes of an authenticator."""

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Final

import pyotp

SPENT_CODES: Final = 11
"""The number of spent HOTP codes that the service recognizes, with default parameters."""


def hotp_codes(secret: str, first: int = 0) -> Iterator[str]:
    """Yield the codes from a counter on, each valid after the one before it is spent.

    One code in 90,000 has the digits of a recently spent one, and is a replay. Those are left out.
    """
    hotp = pyotp.HOTP(secret)
    spent: deque[str] = deque(maxlen=SPENT_CODES)
    for counter in count(first):
        code = hotp.at(counter)
        if code not in spent:
            yield code
        spent.append(code)

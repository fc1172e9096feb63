"""A second implementation of HOTP by RFC 4226 section 5.3, which shares no code with the service."""

import hmac
from functools import lru_cache


@lru_cache(100_000)
def hotp_value(key: bytes, counter: int, digits: int = 6, digest: str = "sha1") -> str:
    """Return HOTP(K, C) = Truncate(HMAC(K, C))."""
    mac = hmac.digest(key, counter.to_bytes(8, "big"), digest)
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)

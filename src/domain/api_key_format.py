"""The format of the API keys that the service generates: a prefix, a random part and a checksum.

`omfa_`, 32 random base62 characters (190 bits), and 6 base62 characters of a checksum. The prefix lets secret scanners
find a key that was published by mistake. The checksum distinguishes a mistyped key from an unknown one, without a list
of keys. It does not make a key harder to guess, and is no secret.
"""

import re
import string
from typing import Final
from zlib import crc32

from domain.errors import InvalidValue

PREFIX: Final = "omfa_"
ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
"""The digits of base62, in the order of their values."""
RANDOM_CHARACTERS: Final = 32
CHECKSUM_CHARACTERS: Final = 6
"""62^6 is greater than 2^32, so 6 characters hold every CRC-32."""
ENTROPY_BYTES: Final = 32
"""Bytes from which a key is made. 256 bits exceed 62^32 so far that all keys have the same probability up to 2^-65."""
PATTERN: Final = rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}}"
"""A regular expression for scanners: it matches every key, and almost nothing else."""


def api_key_of(entropy: bytes) -> str:
    """Return the API key of random bytes.

    Args:
        entropy: `ENTROPY_BYTES` random bytes.

    Raises:
        InvalidValue: the number of bytes is wrong.
    """
    if len(entropy) != ENTROPY_BYTES:
        raise InvalidValue(f"must be {ENTROPY_BYTES} bytes")
    text = PREFIX + _base62(int.from_bytes(entropy) % len(ALPHABET) ** RANDOM_CHARACTERS, RANDOM_CHARACTERS)
    return text + checksum_of(text)


def checksum_of(text: str) -> str:
    """Return the checksum of a key without its checksum: the CRC-32 (ISO 3309, as in zlib) of its ASCII in base62."""
    return _base62(crc32(text.encode()), CHECKSUM_CHARACTERS)


def has_prefix(text: str) -> bool:
    """Return whether a text begins like a key of this format."""
    return text.startswith(PREFIX)


def is_well_formed(text: str) -> bool:
    """Return whether a text is a key of this format, with the right checksum."""
    if re.fullmatch(PATTERN, text, re.ASCII) is None:
        return False
    return checksum_of(text[:-CHECKSUM_CHARACTERS]) == text[-CHECKSUM_CHARACTERS:]


def is_mistyped(text: str) -> bool:
    """Return whether a text begins like a key of this format, but is incomplete, too long or has a wrong checksum."""
    return has_prefix(text) and not is_well_formed(text)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))

"""Parsers of values. Each returns the value of a text, or raises an error whose message never repeats the text."""

import base64
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from limits import RateLimitItem, parse_many

from domain.api_key_format import ENTROPY_BYTES, PREFIX, api_key_of, is_mistyped
from domain.owner import TENANT, TENANT_RULE
from domain.secret import LONGEST_SECRET, SHORTEST_SECRET, SharedSecret
from infrastructure.crypto.sealing import KEY_BYTES, EncryptionKey

SHORTEST_KEY: Final = 32
"""Characters of a key that cannot be guessed."""
LONGEST_DOMAIN: Final = 253
"""Characters (RFC 1035, section 2.3.4)."""
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_TRUE: Final = ("true", "t", "yes", "y", "on", "1")
_FALSE: Final = ("false", "f", "no", "n", "off", "0")

C = TypeVar("C", bound=str)


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """Parses a whole number. Both bounds are allowed values."""

    low: int
    high: int

    def __call__(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = self.low - 1
        if not self.low <= number <= self.high:
            raise ValueError(f"must be a whole number from {self.low} to {self.high}")
        return number


@dataclass(frozen=True, slots=True)
class Choice(Generic[C]):
    """Parses one of several words."""

    options: tuple[C, ...]

    def __call__(self, text: str) -> C:
        for option in self.options:
            if option == text:
                return option
        raise ValueError(f"must be one of {', '.join(self.options)}")


def boolean(text: str) -> bool:
    """Return whether the text means true. Words may be in lower case, in upper case or capitalized."""
    for words, value in ((_TRUE, True), (_FALSE, False)):
        if any(text in {word, word.upper(), word.capitalize()} for word in words):
            return value
    raise ValueError("must be true or false")


def utf8(text: str) -> str:
    """Return the text if UTF-8 can encode it. Bytes that are not UTF-8 arrive as lone surrogates (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be UTF-8") from None
    return text


def checked_by(check: Callable[[str], object]) -> Callable[[str], str]:
    """Return a parser that returns the text as it is, unless the check raises an error."""

    def parse(text: str) -> str:
        check(text)
        return text

    return parse


def random_text() -> str:
    """Return a random text of 256 bits."""
    return secrets.token_urlsafe(KEY_BYTES)


def random_api_key() -> str:
    """Return a random API key."""
    return api_key_of(secrets.token_bytes(ENTROPY_BYTES))


def audit_key(text: str) -> bytes:
    """Return the 32 bytes of a key in base64."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"must be the base64 of {KEY_BYTES} bytes; `open-mfa audit new-keys` prints one")
    return key


def audit_public_key(text: str) -> bytes:
    """Return the 32 bytes of a public key of X25519 in base64."""
    key = audit_key(text)
    try:
        # Some values are no usable key: their shared secrets are always 0 (RFC 7748, section 6.1).
        X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(key))
    except ValueError:
        raise ValueError("must be a public key of X25519; `open-mfa audit new-keys` prints one") from None
    return key


def encryption_keys(text: str) -> tuple[EncryptionKey, ...]:
    """Return the keys of `id:base64-of-32-bytes,…`."""
    keys = []
    for number, part in enumerate(text.split(","), start=1):
        try:
            keys.append(EncryptionKey.parse(part.strip()))
        except ValueError as error:
            raise ValueError(f"key number {number}: {error}") from None
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("each key must have a different id")
    return tuple(keys)


def api_keys(text: str) -> tuple[tuple[str, str], ...]:
    """Return the tenants and keys of `tenant:key,…`. An empty text has none."""
    keys = []
    for number, part in enumerate(text.split(",") if text else (), start=1):
        tenant, colon, key = part.strip().partition(":")
        if not colon or not re.fullmatch(TENANT, tenant):
            raise ValueError(f"key number {number} must be tenant:key, and the tenant {TENANT_RULE}")
        if len(key) < SHORTEST_KEY or not (key.isascii() and key.isprintable()) or " " in key:
            raise ValueError(f"key number {number} must have at least {SHORTEST_KEY} characters, ASCII without spaces")
        if is_mistyped(key):
            raise ValueError(f"key number {number} begins with {PREFIX}, but is mistyped: its checksum is wrong")
        keys.append((tenant, key))
    if len({key for _, key in keys}) != len(keys):
        raise ValueError("contains the same key twice, but each key must belong to one tenant only")
    return tuple(keys)


def rate_limits(text: str) -> tuple[RateLimitItem, ...]:
    """Return the limits of a text such as `25 per 30 seconds`, none for `off`."""
    if text.strip().lower() == "off":
        return ()
    try:
        limits = tuple(parse_many(text))
    except ValueError:
        limits = ()
    if not limits or any(limit.amount < 1 for limit in limits):
        raise ValueError('must be a limit such as "25 per 30 seconds", or "off"')
    return limits


def text_secret(text: str) -> SharedSecret:
    """Return a shared secret whose key is the UTF-8 of the text."""
    key = utf8(text).encode()
    if len(text) < SHORTEST_SECRET or len(key) > LONGEST_SECRET:
        raise ValueError(f"must have at least {SHORTEST_SECRET} characters and at most {LONGEST_SECRET} bytes")
    return SharedSecret(key)


def cookie_domain(text: str) -> str:
    """Return a domain that browsers accept for a cookie."""
    # If the last label begins with a digit, the text may be an IP address. Browsers refuse cookies for a single label.
    if len(text) > LONGEST_DOMAIN or not re.fullmatch(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}", text):
        raise ValueError("must be a domain in lower-case ASCII, such as example.com")
    return text


def path_prefix(text: str) -> str:
    """Return a path that begins with a slash and does not end with one, or an empty text."""
    segments = text.split("/")[1:]
    if not re.fullmatch(r"(?:/[A-Za-z0-9._~-]+)*", text) or {".", ".."} & set(segments):
        raise ValueError(
            "must begin with a slash, such as /mfa, must not end with one, and may contain only slashes, letters,"
            ' digits and the characters "._~-"'
        )
    return text


def user_name(text: str) -> str:
    """Return a user name for HTTP Basic, where a colon ends the name (RFC 7617, section 2)."""
    if ":" in utf8(text):
        raise ValueError("must not contain a colon, which ends the name in HTTP Basic")
    return text

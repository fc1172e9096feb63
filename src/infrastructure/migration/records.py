"""Conversion of the fields of a record, for all formats. No message repeats a value, because it may be a secret."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, Final, ParamSpec

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal
from domain.errors import DomainError, InvalidSecret, InvalidValue
from domain.hotp import NEXT_COUNTER
from domain.parameters import (
    DEFAULT_DIGITS,
    DEFAULT_INTERVAL,
    HashAlgorithm,
    HotpParameters,
    TotpParameters,
    check_name,
)
from domain.secret import base32_bytes
from domain.totp import DRIFT

P = ParamSpec("P")

_DIGITS: Final = re.compile("[0-9]{1,20}")
_HEXADECIMAL: Final = re.compile("(?:[0-9A-Fa-f]{2})+")


class InvalidRecord(Exception):
    """A record can't be imported. The message is the reason; it contains no secret."""


def read_or_refuse(
    read: Callable[Concatenate[str, P], ImportedAuthenticator], place: str, *arguments: P.args, **options: P.kwargs
) -> ImportedRecord:
    """Return the record that `read` returns for its place in the file, or a refusal with the reason that it raises."""
    try:
        return read(place, *arguments, **options)
    except (InvalidRecord, DomainError) as error:
        return Refusal(place, str(error))


def algorithm_of(text: str) -> HashAlgorithm:
    """Return the hash algorithm with a name such as `SHA1`, `sha-256` or `HmacSHA512`; SHA-1 for an empty text.

    SHA-1 is the default of RFC 4226, RFC 6238 and the Key URI Format. The length of the secret tells nothing.
    """
    name = text.strip().upper().replace("-", "").removeprefix("HMAC")
    try:
        return HashAlgorithm(name or HashAlgorithm.SHA1)
    except ValueError:
        raise InvalidRecord("the algorithm is none of SHA1, SHA256 and SHA512") from None


def whole(name: str, text: str) -> int:
    """Return a whole number that is not negative."""
    digits = text.strip()
    if not _DIGITS.fullmatch(digits):
        raise InvalidRecord(f"{name} must be a whole number")
    return int(digits)


def next_after_shown(counter: int | None) -> int | None:
    """Return the next counter of an authenticator whose file has the counter of the code that it showed last.

    The other system can have accepted that code. If it was never shown, one code is lost, which the look-ahead covers.
    """
    return None if counter is None else counter + 1


def hexadecimal_secret(text: str) -> bytes:
    """Return the bytes of a secret in hexadecimal digits."""
    digits = text.strip()
    if not digits:
        raise InvalidRecord("there is no secret")
    if not _HEXADECIMAL.fullmatch(digits):
        raise InvalidRecord("the secret must be an even number of hexadecimal digits")
    return bytes.fromhex(digits)


def base32_secret(text: str) -> bytes:
    """Return the bytes of a secret in base32."""
    if not text:
        raise InvalidRecord("there is no secret")
    try:
        return base32_bytes(text)
    except InvalidSecret as error:
        raise InvalidRecord(f"the secret {error}") from None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecordFields:
    """The fields of a record, in the units of the file formats.

    Attributes:
        type: `totp` or `hotp`.
        secret: the raw bytes.
        algorithm: see `algorithm_of`.
        digits: None for the default of all formats, 6.
        period: seconds, for TOTP; None for the default of all formats, 30.
        counter: the next counter, for HOTP. It has no default, because spent codes would be valid again.
        drift: time steps that the authenticator's clock is ahead of ours (negative: behind), for TOTP.
        account: the account; empty if the record names none.
        serial: the serial number of the token, if it has one.
        label: the account name for the authenticator.
        issuer: the issuer for the authenticator.
    """

    type: str
    secret: bytes
    algorithm: HashAlgorithm = HashAlgorithm.SHA1
    digits: int | None = None
    period: int | None = None
    counter: int | None = None
    drift: int = 0
    account: str = ""
    serial: str = ""
    label: str = ""
    issuer: str = ""


def authenticator_of(place: str, fields: RecordFields) -> ImportedAuthenticator:
    """Return the authenticator of a record. Raise `InvalidRecord` or `InvalidValue`."""
    if not fields.secret:
        raise InvalidRecord("there is no secret")
    digits = DEFAULT_DIGITS if fields.digits is None else fields.digits
    counter = None
    parameters: HotpParameters | TotpParameters
    match fields.type.lower():
        case "totp":
            interval = DEFAULT_INTERVAL if fields.period is None else fields.period
            parameters = TotpParameters(fields.algorithm, digits, interval)
            DRIFT.check("the drift", fields.drift)
        case "hotp":
            parameters = HotpParameters(fields.algorithm, digits)
            counter = _next_counter(fields.counter)
        case _:
            raise InvalidRecord("the type is neither TOTP nor HOTP")
    return ImportedAuthenticator(
        place,
        parameters,
        fields.secret,
        fields.account or None,
        serial=fields.serial or None,
        label=display_name(fields.label),
        issuer=display_name(fields.issuer),
        counter=counter,
        drift=fields.drift if counter is None else 0,
    )


def _next_counter(counter: int | None) -> int:
    if counter is None:
        raise InvalidRecord("an HOTP secret needs its next counter, and the record has none")
    NEXT_COUNTER.check("the counter", counter)
    return counter


def display_name(text: str) -> str | None:
    """Return a label, an issuer or a name for display; None if there is none, or if it can't be displayed.

    It does not affect codes, so it is no reason to refuse a record.
    """
    try:
        return check_name(text.strip())
    except InvalidValue:
        return None


def split_label(text: str, issuer: str) -> tuple[str, str]:
    """Return the account name and the issuer of a label in the Key URI Format, `Issuer:account name`."""
    prefix, colon, rest = text.partition(":")
    if not colon:
        return text.strip(), issuer.strip()
    return rest.strip(), issuer.strip() or prefix.strip()

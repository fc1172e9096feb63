"""The values in the element `Data` of a key: the secret and numbers, plain or encrypted (RFC 6030 section 4.1)."""

import re
from typing import Final
from xml.etree.ElementTree import Element

from domain.parameters import Range
from infrastructure.migration.formats.pskc.elements import Unusable, binary, local, only, require_known, text_of, whole
from infrastructure.migration.formats.pskc.protection import Protection

_LONGEST_NUMBER: Final = 8
"""Bytes of an encrypted number (RFC 6030 section 11, longDataType)."""
_SIGNED_NUMBER: Final = 4
"""Bytes of an encrypted number that can be negative (RFC 6030 section 11, intDataType)."""
_AMBIGUOUS_DIGITS: Final = 2
_DIGITS: Final = re.compile(rb"-?[0-9]{1,20}")


def secret(element: Element, protection: Protection) -> bytes:
    """Return the raw bytes of a secret.

    Raises:
        Unusable: the value can't be used, or is plain in a container with an encryption key.
        UnreadableFile: the key or the passphrase is wrong.
    """
    plain = _plain_value(element)
    if plain is None:
        return protection.open(element)
    if protection.is_encrypted:
        raise Unusable("the secret is not encrypted, although the file has an encryption key")
    return binary(plain)


def number(data: Element, name: str, bounds: Range, protection: Protection) -> int | None:
    """Return a number from `Data`; None if it is missing.

    Raises:
        Unusable: the value can't be used, is ambiguous or out of range.
        InvalidValue: the value is plain and out of range.
        UnreadableFile: the key or the passphrase is wrong.
    """
    element = only(data, name)
    if element is None:
        return None
    plain = _plain_value(element)
    if plain is not None:
        value = whole(text_of(plain), name)
        bounds.check(name, value)
        return value
    possible = _readings(protection.open(element), bounds)
    if len(possible) > 1:
        raise Unusable(f"{name} is ambiguous: decimal digits or a binary number")
    if not possible:
        raise Unusable(f"{name} must be a whole number from {bounds.low} to {bounds.high}")
    return possible.pop()


def _readings(value: bytes, bounds: Range) -> set[int]:
    """Return the numbers within the bounds that an encrypted value can mean.

    Some files contain decimal digits and others big-endian bytes, of any length. A counter that is read too low would
    make former codes valid again. Three digits are no binary number, because it would be above three million.
    """
    digits = _DIGITS.fullmatch(value)
    readings = {int(value)} if digits else set()
    if 1 <= len(value) <= (_AMBIGUOUS_DIGITS if digits else _LONGEST_NUMBER):
        readings.add(int.from_bytes(value, "big", signed=bounds.low < 0 and len(value) == _SIGNED_NUMBER))
    return {each for each in readings if bounds.low <= each <= bounds.high}


def _plain_value(element: Element) -> Element | None:
    require_known(element, local(element), ("PlainValue", "EncryptedValue", "ValueMAC"))
    plain = only(element, "PlainValue")
    if plain is not None and len(element) > 1:
        raise Unusable("a value must be either plain or encrypted")
    return plain

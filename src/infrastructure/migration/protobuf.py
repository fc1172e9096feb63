"""The wire format of Protocol Buffers, as far as the export of Google Authenticator uses it.

A message is a sequence of fields: a key with the field's number and its wire type, and a value. The wire types are
0 (variable-length integer), 1 (eight bytes), 2 (length and bytes) and 5 (four bytes).
"""

from typing import Final

Fields = dict[int, list[int | bytes]]
"""The values by the number of their field, in their order."""

_MOST_FIELDS: Final = 10_000
_MOST_VARINT_BYTES: Final = 10
_FIXED: Final = {1: 8, 5: 4}


class InvalidMessage(Exception):
    """The bytes are not a message. The message of this error contains none of them."""


def fields_of(message: bytes) -> Fields:
    """Return the fields of a message.

    Raises:
        InvalidMessage: it ends in the middle of a field, has an unknown wire type, or has too many fields.
    """
    fields: Fields = {}
    position = 0
    for _ in range(_MOST_FIELDS):
        if position == len(message):
            return fields
        key, position = _varint(message, position)
        value, position = _value(message, position, key & 7)
        fields.setdefault(key >> 3, []).append(value)
    raise InvalidMessage("the data has too many fields")


def integer_in(fields: Fields, number: int) -> int | None:
    """Return the last integer in a field, as Protocol Buffers define it; None if the field is not set."""
    values = fields.get(number)
    if values is None:
        return None
    value = values[-1]
    if not isinstance(value, int):
        raise InvalidMessage("a field of the data is not a number")
    return value


def bytes_in(fields: Fields, number: int) -> bytes:
    """Return the last bytes in a field; no bytes if the field is not set."""
    value = fields.get(number, [b""])[-1]
    if not isinstance(value, bytes):
        raise InvalidMessage("a field of the data is not a text")
    return value


def _value(message: bytes, position: int, wire_type: int) -> tuple[int | bytes, int]:
    if wire_type == 0:
        return _varint(message, position)
    if wire_type in _FIXED:
        length = _FIXED[wire_type]
    elif wire_type == 2:  # noqa: PLR2004 - the wire type of a length and bytes
        length, position = _varint(message, position)
    else:
        raise InvalidMessage("the data has a field of an unknown kind")
    end = position + length
    if end > len(message):
        raise InvalidMessage("the data ends in the middle of a field")
    return message[position:end], end


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return a number of 64 bits, and the position after it."""
    value = 0
    for count, byte in enumerate(message[position : position + _MOST_VARINT_BYTES]):
        value |= (byte & 127) << (7 * count)
        if byte < 128:  # noqa: PLR2004 - the last byte of a number has no highest bit
            return value & (2**64 - 1), position + count + 1
    raise InvalidMessage("the data ends in the middle of a number, or has a number of more than 64 bits")

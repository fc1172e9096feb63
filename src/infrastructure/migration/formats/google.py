"""The export of Google Authenticator: `otpauth-migration://` URIs, one in each line.

The parameter `data` is base64 of a message in Protocol Buffers. A large export is several QR codes, each with its
number and the number of all. They may come in any order.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import BinaryIO, Final
from urllib.parse import parse_qs, urlsplit

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal
from domain.parameters import HashAlgorithm
from infrastructure.migration.lines import lines_of
from infrastructure.migration.protobuf import Fields, InvalidMessage, bytes_in, fields_of, integer_in
from infrastructure.migration.records import (
    InvalidRecord,
    RecordFields,
    authenticator_of,
    next_after_shown,
    read_or_refuse,
    split_label,
)

_ENTRIES, _BATCH_SIZE, _BATCH_INDEX, _BATCH_ID = 1, 3, 4, 5
_SECRET, _NAME, _ISSUER, _ALGORITHM, _DIGITS, _TYPE, _COUNTER = 1, 2, 3, 4, 5, 6, 7
# 0 is the value of a field that is not set.
_ALGORITHMS: Final = {0: HashAlgorithm.SHA1, 1: HashAlgorithm.SHA1, 2: HashAlgorithm.SHA256, 3: HashAlgorithm.SHA512}
_DIGIT_COUNTS: Final = {0: 6, 1: 6, 2: 8}
_TYPES: Final = {0: "totp", 1: "hotp", 2: "totp"}
_MOST_BATCHES: Final = 1000
_MOST_INCOMPLETE: Final = 10_000
"""Exports of which batches are missing. More would need much memory."""


class GoogleMigrationReader:
    """Implements `AuthenticatorReader`."""

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield the records, and a refusal for each missing batch; see the port."""
        missing: dict[int, set[int]] = {}
        for line in lines_of(stream, "google-migration"):
            if isinstance(line, Refusal):
                yield line
                continue
            place, text = line
            if text.startswith("#"):
                continue
            try:
                message = fields_of(_data(text))
                _note_batch(message, missing)
                entries = _entries(message)
            except (InvalidRecord, InvalidMessage) as error:
                yield Refusal(place, str(error))
                continue
            for number, entry in enumerate(entries, 1):
                where = f"{place}, entry {number}"
                yield read_or_refuse(_record, where, entry)
        for batches in missing.values():
            for index in sorted(batches):
                yield Refusal(f"QR code {index + 1}", "the file lacks this QR code of an export of several QR codes")


def _data(text: str) -> bytes:
    try:
        parts = urlsplit(text)
        values = parse_qs(parts.query, strict_parsing=True, max_num_fields=8)
    except ValueError:
        raise InvalidRecord("the line is not a well-formed URI") from None
    if parts.scheme != "otpauth-migration" or list(values) != ["data"] or len(values["data"]) != 1:
        raise InvalidRecord("the line is not an otpauth-migration URI with the parameter data")
    # Base64 contains +, which means a space in a query that is not percent-encoded.
    data = values["data"][0].replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRecord("the parameter data is not base64") from None


def _note_batch(message: Fields, missing: dict[int, set[int]]) -> None:
    """Remember which batches of the message's export are missing."""
    size = integer_in(message, _BATCH_SIZE) or 1
    index = integer_in(message, _BATCH_INDEX) or 0
    export = integer_in(message, _BATCH_ID) or 0
    if not 0 <= index < size <= _MOST_BATCHES:
        raise InvalidRecord("the number of the QR code is out of range")
    if size == 1:
        return
    if len(missing) >= _MOST_INCOMPLETE and export not in missing:
        raise InvalidRecord("too many exports in this file are incomplete")
    missing.setdefault(export, set(range(size))).discard(index)


def _entries(message: Fields) -> list[bytes]:
    entries = [each for each in message.get(_ENTRIES, ()) if isinstance(each, bytes)]
    if not entries or len(entries) < len(message[_ENTRIES]):
        raise InvalidRecord("the data contains no authenticators")
    return entries


def _record(place: str, entry: bytes) -> ImportedAuthenticator:
    try:
        fields = fields_of(entry)
        algorithm = _ALGORITHMS.get(integer_in(fields, _ALGORITHM) or 0)
        digits = _DIGIT_COUNTS.get(integer_in(fields, _DIGITS) or 0)
        account, issuer = split_label(bytes_in(fields, _NAME).decode(), bytes_in(fields, _ISSUER).decode())
        if algorithm is None:
            raise InvalidRecord("the algorithm is none of SHA1, SHA256 and SHA512")
        if digits is None:
            raise InvalidRecord("the number of digits is neither 6 nor 8")
        found = RecordFields(
            type=_TYPES.get(integer_in(fields, _TYPE) or 0, ""),
            secret=bytes_in(fields, _SECRET),
            algorithm=algorithm,
            digits=digits,
            # Google Authenticator increments the counter, and then shows the code.
            counter=next_after_shown(integer_in(fields, _COUNTER)),
            account=account,
            label=account,
            issuer=issuer,
        )
    except InvalidMessage as error:
        raise InvalidRecord(str(error)) from None
    except UnicodeDecodeError:
        raise InvalidRecord("the name or the issuer is not UTF-8") from None
    return authenticator_of(place, found)

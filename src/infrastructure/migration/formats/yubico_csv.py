"""The CSV of Yubico: the logs of the YubiKey Personalization Tool, and the output of YubiKey Manager.

The traditional format has event type, time, slot, public ID, private ID, secret, two access codes, three flags of the
public ID, digits, the moving factor seed, and five more flags. The Yubico format has serial number, public ID, private
ID (for OATH-HOTP the moving factor seed), secret, access code and time. It does not contain the digits; YubiKeys use
six unless they are configured otherwise.
"""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal
from infrastructure.migration.lines import cells_of, lines_of
from infrastructure.migration.records import (
    InvalidRecord,
    RecordFields,
    authenticator_of,
    hexadecimal_secret,
    read_or_refuse,
    whole,
)

_START: Final = "logging start"
_SEED: Final = re.compile("[0-9]{1,7}")
"""The moving factor seed of OATH-HOTP: a multiple of 16 below 2**20. A private ID has 12 digits."""
_HOTP_SECRET: Final = 40
"""Hexadecimal digits. An AES key has 32."""


class YubicoCsvReader:
    """Implements `AuthenticatorReader`."""

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield the records; see the port."""
        for line in lines_of(stream, "yubico"):
            if isinstance(line, Refusal):
                yield line
                continue
            place, text = line
            cells = cells_of(text)
            if text.startswith("#") or (cells and cells[0].lower() == _START):
                continue
            yield read_or_refuse(_record, place, cells)


def _record(place: str, cells: Sequence[str]) -> ImportedAuthenticator:
    cells = [*cells, *[""] * (18 - len(cells))]
    event = cells[0].lower()
    if event == "oath-hotp":
        return _hotp(place, cells[3], cells[5], whole("digits", cells[11]), cells[12])
    if event.startswith(("yubico otp", "static password", "challenge-response")):
        raise InvalidRecord(_unsupported(event))
    if not re.fullmatch("[0-9]{1,20}", cells[0]):
        raise InvalidRecord("the line is in neither format of Yubico")
    if _SEED.fullmatch(cells[2]) and len(cells[3]) == _HOTP_SECRET:
        return _hotp(place, cells[0], cells[3], None, cells[2])
    raise InvalidRecord(_unsupported("yubico otp" if cells[2] else "static password"))


def _hotp(place: str, serial: str, secret: str, digits: int | None, seed: str) -> ImportedAuthenticator:
    fields = RecordFields(
        type="hotp",
        secret=hexadecimal_secret(secret),
        digits=digits,
        counter=whole("the moving factor seed", seed) if seed else None,
        account=serial,
        serial=serial,
    )
    return authenticator_of(place, fields)


def _unsupported(event: str) -> str:
    if event.startswith("yubico otp"):
        return "Yubico OTP is not supported: its codes are encrypted with AES, and are neither HOTP nor TOTP"
    return "static passwords and challenge-response are not supported: they are neither HOTP nor TOTP"

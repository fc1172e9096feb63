"""The OATH CSV of privacyIDEA and LinOTP.

A line has serial number, seed in hexadecimal, type, digits, and period (TOTP) or counter (HOTP). LinOTP adds the hash
algorithm. This service adds the account. privacyIDEA begins version 2 with `# version: 2`, and each of its lines with
user, resolver and realm. A line of column names may come first, change the order of the columns, and add the drift.
"""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal, UnreadableFile
from infrastructure.migration.lines import cells_of, lines_of
from infrastructure.migration.records import (
    InvalidRecord,
    RecordFields,
    algorithm_of,
    authenticator_of,
    hexadecimal_secret,
    read_or_refuse,
    whole,
)

_COLUMNS: Final = ("serial", "seed", "type", "digits", "period|counter", "algorithm", "account")
_USER_COLUMNS: Final = ("account", "resolver", "realm")
_NAMED_COLUMNS: Final = ("drift",)
"""Columns that only a line of column names adds."""
_NAMES: Final = {
    "key": "seed",
    "otpkey": "seed",
    "secret": "seed",
    "otplen": "digits",
    "otp length": "digits",
    "counter": "period|counter",
    "period": "period|counter",
    "time step": "period|counter",
    "timestep": "period|counter",
    "hashlib": "algorithm",
    "user": "account",
} | {name: name for name in (*_COLUMNS, *_USER_COLUMNS, *_NAMED_COLUMNS)}
_TYPES: Final = {"totp": "totp", "hotp": "hotp", "hmac": "hotp", "": "hotp"}
"""`hmac` is LinOTP's name of HOTP. In both systems, HOTP is the default."""
_VERSION: Final = re.compile(r"#\s*version:\s*(\w+)")


class OathCsvReader:
    """Implements `AuthenticatorReader`."""

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield the records; see the port."""
        columns: Sequence[str] = _COLUMNS
        first = True
        for line in lines_of(stream, "csv"):
            if isinstance(line, Refusal):
                yield line
                continue
            place, text = line
            if text.startswith("#"):
                columns = _columns_of_version(text) if first else columns
                continue
            cells = cells_of(text)
            names = _header(cells) if first else None
            first = False
            if names is not None:
                columns = names
                continue
            yield read_or_refuse(_record, place, cells, columns)


def _columns_of_version(comment: str) -> Sequence[str]:
    version = _VERSION.match(comment)
    if version is None:
        return _COLUMNS
    if version[1] == "2":
        return (*_USER_COLUMNS, *_COLUMNS[:-1])
    if version[1] == "1":
        return _COLUMNS
    raise UnreadableFile("the first line names a version other than 1 and 2")


def _header(cells: Sequence[str]) -> Sequence[str] | None:
    names = [_NAMES.get(cell.lower(), "") for cell in cells]
    if "serial" not in names or "seed" not in names:
        return None
    if "" in names:
        raise UnreadableFile(f"column {names.index('') + 1} has an unknown name")
    if len(set(names)) < len(names):
        raise UnreadableFile("two columns have the same name or meaning")
    return names


def _record(place: str, cells: Sequence[str], columns: Sequence[str]) -> ImportedAuthenticator:
    if not cells:
        raise InvalidRecord("the line is not CSV: check the quotation marks")
    if any(cells[len(columns) :]):
        raise InvalidRecord(f"the line has more than {len(columns)} columns")
    names = (*_COLUMNS, *_USER_COLUMNS, *_NAMED_COLUMNS)
    values = dict.fromkeys(names, "") | dict(zip(columns, cells, strict=False))
    kind = _TYPES.get(values["type"].lower())
    if kind is None:
        raise InvalidRecord("the type is neither TOTP nor HOTP")
    factor = values["period|counter"]
    number = whole("the period or counter", factor) if factor else None
    fields = RecordFields(
        type=kind,
        secret=hexadecimal_secret(values["seed"]),
        algorithm=algorithm_of(values["algorithm"]),
        digits=whole("digits", values["digits"]) if values["digits"] else None,
        period=number if kind == "totp" else None,
        counter=number if kind != "totp" else None,
        drift=_drift(values["drift"]) if kind == "totp" else 0,
        account=values["account"] or values["serial"],
        serial=values["serial"],
    )
    return authenticator_of(place, fields)


def _drift(text: str) -> int:
    """Return the drift in time steps; 0 for an empty cell."""
    if not text:
        return 0
    return -whole("the drift", text[1:]) if text.startswith("-") else whole("the drift", text)

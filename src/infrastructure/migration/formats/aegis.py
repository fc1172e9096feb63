"""The plain-text export of Aegis: one JSON document, which has to fit in memory."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder

from application.ports.migration import ImportedAuthenticator, ImportedRecord, UnreadableFile
from infrastructure.migration.records import (
    InvalidRecord,
    RecordFields,
    algorithm_of,
    authenticator_of,
    base32_secret,
    next_after_shown,
    read_or_refuse,
)

LARGEST_FILE: Final = 32 * 2**20
"""Bytes. The icons of entries make up most of a vault."""
_VAULT_VERSION: Final = 1
_CONTENT_VERSIONS: Final = range(1, 4)


_NULL: Final = Raw(b"null")


class _Header(Struct):
    slots: Raw = _NULL
    params: Raw = _NULL


class _Vault(Struct):
    version: int
    header: _Header
    db: Raw


class _Content(Struct):
    version: int
    entries: list[Raw]


class _Info(Struct):
    secret: str
    algo: str
    digits: int
    period: int | None = None
    counter: int | None = None


class _Kind(Struct):
    type: str


class _Entry(Struct):
    info: _Info
    name: str = ""
    issuer: str = ""


_VAULT: Final = Decoder(_Vault)
_CONTENT: Final = Decoder(_Content)
_KIND: Final = Decoder(_Kind)
_ENTRY: Final = Decoder(_Entry)
_UNREADABLE: Final = (MsgspecError, RecursionError, UnicodeDecodeError)


class AegisReader:
    """Implements `AuthenticatorReader`."""

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield the records; see the port."""
        text = stream.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise UnreadableFile(f"the file is larger than {LARGEST_FILE // 2**20} MiB")
        for number, entry in enumerate(_content(text).entries, 1):
            place = f"entry {number}"
            yield read_or_refuse(_record, place, entry)


def _content(text: bytes) -> _Content:
    try:
        vault = _VAULT.decode(text)
        encrypted = any(bytes(part) != b"null" for part in (vault.header.slots, vault.header.params))
        if encrypted or bytes(vault.db).lstrip().startswith(b'"'):
            raise UnreadableFile("the vault is encrypted: export it from Aegis without encryption")
        content = _CONTENT.decode(vault.db)
    except _UNREADABLE:
        raise UnreadableFile("the file is not an export of Aegis in JSON") from None
    if vault.version != _VAULT_VERSION or content.version not in _CONTENT_VERSIONS:
        raise UnreadableFile("the version of this export of Aegis is unknown")
    return content


def _record(place: str, text: Raw) -> ImportedAuthenticator:
    try:
        kind = _KIND.decode(text).type.lower()
        if kind not in {"totp", "hotp"}:
            raise InvalidRecord(
                "the type is neither TOTP nor HOTP; Steam, Yandex and mOTP have algorithms of their own"
            )
        entry = _ENTRY.decode(text)
    except _UNREADABLE:
        raise InvalidRecord("the entry is not well-formed") from None
    if kind == "totp" and entry.info.period is None:
        raise InvalidRecord("there is no period")
    fields = RecordFields(
        type=kind,
        secret=base32_secret(entry.info.secret),
        algorithm=algorithm_of(entry.info.algo),
        digits=entry.info.digits,
        period=entry.info.period,
        # Aegis increments the counter, and then shows the code.
        counter=next_after_shown(entry.info.counter),
        account=entry.name.strip(),
        label=entry.name,
        issuer=entry.issuer,
    )
    return authenticator_of(place, fields)

"""The formats that can be read and written. A new format is one module and one line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from application.ports.migration import AuthenticatorReader, AuthenticatorWriter, UnreadableFile
from infrastructure.migration.formats.aegis import AegisReader
from infrastructure.migration.formats.google import GoogleMigrationReader
from infrastructure.migration.formats.jsonl import KEY_BYTES, JsonLinesReader, JsonLinesWriter
from infrastructure.migration.formats.oath_csv import OathCsvReader
from infrastructure.migration.formats.otpauth import OtpauthReader, OtpauthWriter
from infrastructure.migration.formats.pskc import PskcReader, PskcWriter
from infrastructure.migration.formats.yubico_csv import YubicoCsvReader


@dataclass(frozen=True, slots=True, repr=False)
class FileSecrets:
    """The secrets that open or seal a file. `repr` does not show them.

    Attributes:
        key: the pre-shared key; None without `--key`.
        passphrase: the passphrase; None without `--passphrase`.
    """

    key: bytes | None = None
    passphrase: bytes | None = None


def _without_secrets(reader: Callable[[], AuthenticatorReader]) -> Callable[[FileSecrets], AuthenticatorReader]:
    """Return a function that makes the reader of a format without encryption, and refuses secrets."""

    def make(secrets: FileSecrets) -> AuthenticatorReader:
        if secrets != FileSecrets():
            raise UnreadableFile("files of this format are not encrypted, and take neither a key nor a passphrase")
        return reader()

    return make


def _jsonl_reader(secrets: FileSecrets) -> AuthenticatorReader:
    return JsonLinesReader(_file_key(secrets))


def _jsonl_writer(secrets: FileSecrets) -> AuthenticatorWriter:
    return JsonLinesWriter(_file_key(secrets))


def _file_key(secrets: FileSecrets) -> bytes | None:
    if secrets.passphrase is not None:
        raise UnreadableFile("files of this format have a key instead of a passphrase")
    if secrets.key is not None and len(secrets.key) != KEY_BYTES:
        raise UnreadableFile(f"the key must have {KEY_BYTES} bytes")
    return secrets.key


def _pskc_reader(secrets: FileSecrets) -> AuthenticatorReader:
    return PskcReader(secrets.key, secrets.passphrase)


def _pskc_writer(secrets: FileSecrets) -> AuthenticatorWriter:
    return PskcWriter(_file_key(secrets))


def _otpauth_writer(secrets: FileSecrets) -> AuthenticatorWriter:
    if secrets != FileSecrets():
        raise UnreadableFile("files of this format can't be encrypted")
    return OtpauthWriter()


READERS: Final[Mapping[str, Callable[[FileSecrets], AuthenticatorReader]]] = {
    "csv": _without_secrets(OathCsvReader),
    "yubico": _without_secrets(YubicoCsvReader),
    "otpauth": _without_secrets(OtpauthReader),
    "google-migration": _without_secrets(GoogleMigrationReader),
    "aegis": _without_secrets(AegisReader),
    "jsonl": _jsonl_reader,
    "pskc": _pskc_reader,
}
"""The readers by the name of their format. They raise `UnreadableFile` for secrets of the wrong kind or length."""

WRITERS: Final[Mapping[str, Callable[[FileSecrets], AuthenticatorWriter]]] = {
    "jsonl": _jsonl_writer,
    "pskc": _pskc_writer,
    "otpauth": _otpauth_writer,
}
"""The writers by the name of their format. Without a secret, they write plain text."""

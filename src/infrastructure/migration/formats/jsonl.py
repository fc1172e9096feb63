"""The JSON lines of this service, encrypted or plain.

The first line names the format. Each following line has its number and a stored state, and the last line has the number
of states. An encrypted file has its own key, derived from the operator's key and a random salt. The nonce of a line
consists of its number and a mark of the last line, and the first line is associated data. So every change shows, and so
does every line that is moved, repeated or missing, even at the end (the construction STREAM of Hoang, Reyhanitabar,
Rogaway and Vizár, 2015). A plain file ends with a SHA-256 digest, which shows damage, but not forgery.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final, Literal, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import MsgspecError, Raw, Struct
from msgspec.json import Decoder, Encoder

from application.ports.migration import ImportedRecord, ImportedState, Refusal, UnreadableFile
from domain.errors import DomainError
from domain.stored_state import StoredState
from infrastructure.migration.lines import lines_of
from infrastructure.migration.state_members import AnyState
from infrastructure.migration.states import json_form, state_of

KEY_BYTES: Final = 32
_SALT_BYTES: Final = 32
_VERSION: Final = 1
_CIPHER: Final = "AES-256-GCM"


_NOTHING: Final = Raw()


class _Header(Struct, forbid_unknown_fields=True, omit_defaults=True):
    format: Literal["open-mfa"] = "open-mfa"
    version: int = 0
    cipher: str | None = None
    salt: bytes = b""


class _Line(Struct, forbid_unknown_fields=True, omit_defaults=True):
    line: int
    state: Raw = _NOTHING
    sealed: bytes = b""
    end: Raw = _NOTHING


class _End(Struct, forbid_unknown_fields=True, omit_defaults=True):
    states: int
    sha256: bytes = b""


Kind = TypeVar("Kind")
_ENCODE: Final = Encoder().encode
_HEADER: Final = Decoder(_Header)
_LINE: Final = Decoder(_Line)
_STATE: Final[Decoder[AnyState]] = Decoder(AnyState)
_END: Final = Decoder(_End)
_UNREADABLE: Final = (MsgspecError, RecursionError, UnicodeDecodeError)


class JsonLinesWriter:
    """Implements `AuthenticatorWriter`.

    Args:
        key: 32 bytes that seal the file; None for plain text.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def write(self, states: Iterable[StoredState], stream: BinaryIO) -> int:
        """Write all states; see the port. Raise `ValueError` for a one-time code."""
        salt = b"" if self._key is None else os.urandom(_SALT_BYTES)
        header = _ENCODE(_Header(version=_VERSION, cipher=None if self._key is None else _CIPHER, salt=salt))
        # The signature of the format begins with this member, so it is written although it has its default.
        header = b'{"format":"open-mfa",' + header.removeprefix(b"{")
        sealing = None if self._key is None else _Sealing(self._key, salt, header)
        digest = hashlib.sha256()

        def put(line: bytes) -> None:
            digest.update(line + b"\n")
            stream.write(line + b"\n")

        put(header)
        number = 1
        for state in states:
            number += 1
            text = _ENCODE(json_form(state))
            line = _Line(number, state=Raw(text)) if sealing is None else _sealed(sealing, number, text, last=False)
            put(_ENCODE(line))
        number += 1
        if sealing is None:
            end = _Line(number, end=Raw(_ENCODE(_End(number - 2, digest.digest()))))
        else:
            end = _sealed(sealing, number, _ENCODE(_End(number - 2)), last=True)
        put(_ENCODE(end))
        return number - 2


class JsonLinesReader:
    """Implements `AuthenticatorReader`.

    Args:
        key: 32 bytes that open the file; None for a file in plain text.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def read(self, stream: BinaryIO) -> Iterator[ImportedRecord]:
        """Yield the records; see the port."""
        lines = lines_of(stream, "jsonl")
        header = _text(next(lines))
        opening = self._opening(header)
        digest = hashlib.sha256(header + b"\n")
        number = 1
        for line in lines:
            number += 1
            place, text = f"line {number}", _text(line)
            found = _decoded(_LINE, text)
            if found is None or found.line != number:
                raise UnreadableFile(f"{place} is damaged, or lines before it are missing, repeated or out of order")
            state, end = opening(found, number)
            if end is not None:
                self._check_end(end, number, digest, lines)
                return
            digest.update(text + b"\n")
            yield _record(place, state)
        raise UnreadableFile("the end of the file is missing. The records before it are genuine")

    def _opening(self, header: bytes) -> Callable[[_Line, int], tuple[bytes, bytes | None]]:
        """Return the function that opens a line, and returns the state or the end."""
        found = _decoded(_HEADER, header)
        if found is None:
            raise UnreadableFile("the first line is not that of an export of Open-MFA")
        if found.version != _VERSION:
            raise UnreadableFile("the file is of a version that this service does not know")
        if found.cipher is None:
            if self._key is not None:
                raise UnreadableFile("the file is not encrypted: import it without a key if you trust its source")
            return _open_plain
        if found.cipher != _CIPHER:
            raise UnreadableFile("the file is encrypted with an unknown cipher")
        if self._key is None:
            raise UnreadableFile("the file is encrypted, and needs its key")
        return _Sealing(self._key, found.salt, header).open

    def _check_end(self, text: bytes, number: int, digest: "hashlib._Hash", rest: Iterator[object]) -> None:
        end = _decoded(_END, text)
        expected = digest.digest() if self._key is None else b""
        if end is None or end.states != number - 2 or end.sha256 != expected:
            raise UnreadableFile(f"line {number} shows that lines before it have been changed")
        if next(rest, None) is not None:
            raise UnreadableFile(f"there are lines after the end in line {number}")


class _Sealing:
    """Seals and opens the lines of one file, whose first line is `header`."""

    def __init__(self, key: bytes, salt: bytes, header: bytes) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, salt, b"open-mfa export").derive(key)
        self._cipher = AESGCM(derived)
        self._header = header

    def seal(self, number: int, text: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(number, last=last), text, self._header)

    def open(self, line: _Line, number: int) -> tuple[bytes, bytes | None]:
        for last in (False, True):
            try:
                text = self._cipher.decrypt(self._nonce(number, last=last), line.sealed, self._header)
            except InvalidTag:
                continue
            return (b"", text) if last else (text, None)
        raise UnreadableFile(
            "the key does not open the file"
            if number == 2  # noqa: PLR2004 - the first sealed line
            else f"line {number} has been changed, or lines before it are missing, repeated or out of order"
        )

    @staticmethod
    def _nonce(number: int, *, last: bool) -> bytes:
        return number.to_bytes(8, "big") + int(last).to_bytes(4, "big")


def _sealed(sealing: _Sealing, number: int, text: bytes, *, last: bool) -> _Line:
    return _Line(number, sealed=sealing.seal(number, text, last=last))


def _open_plain(line: _Line, number: int) -> tuple[bytes, bytes | None]:
    state, end = bytes(line.state), bytes(line.end)
    if bool(state) is bool(end):
        raise UnreadableFile(f"line {number} is damaged")
    return state, end or None


def _record(place: str, text: bytes) -> ImportedRecord:
    try:
        return ImportedState(place, state_of(_STATE.decode(text)))
    except DomainError as error:
        return Refusal(place, f"a value is out of range: {error}")
    except _UNREADABLE:
        return Refusal(place, "the state is not well-formed, or comes from a newer version of this service")


def _text(line: tuple[str, str] | Refusal) -> bytes:
    if isinstance(line, Refusal):
        raise UnreadableFile(f"{line.place}: {line.reason}")
    return line[1].encode()


def _decoded(decoder: Decoder[Kind], text: bytes) -> Kind | None:
    try:
        return decoder.decode(text)
    except _UNREADABLE:
        return None

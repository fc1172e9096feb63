"""The protection of the values in a container: encryption and MAC, RFC 6030 section 6."""

import hmac
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_unwrap_with_padding

from application.ports.migration import UnreadableFile
from infrastructure.migration.formats.pskc.elements import Unusable, binary, only, required, text_of
from infrastructure.migration.formats.pskc.names import (
    CBC_KEY_BYTES,
    HMAC_HASHES,
    PADDED_WRAP_KEY_BYTES,
    WRAP_KEY_BYTES,
    XENC,
)

_BLOCK: Final = 16
"""Bytes. The block size of AES."""
_UNWRAP: Final = {
    **dict.fromkeys(WRAP_KEY_BYTES, aes_key_unwrap),
    **dict.fromkeys(PADDED_WRAP_KEY_BYTES, aes_key_unwrap_with_padding),
}
_KEY_BYTES: Final = CBC_KEY_BYTES | WRAP_KEY_BYTES | PADDED_WRAP_KEY_BYTES
DOES_NOT_OPEN: Final = "the key or the passphrase is wrong, or the file was changed"
"""The only message about a value that does not open, so that it does not reveal which check has failed."""


@dataclass(frozen=True, slots=True, repr=False)
class Mac:
    """The MAC of encrypted values: the name of a hash function, and the key of the HMAC. `repr` does not show it."""

    hash_name: str
    key: bytes

    def fits(self, data: bytes, mac: bytes) -> bool:
        """Return whether `mac` is the MAC of the data."""
        return hmac.compare_digest(hmac.digest(self.key, data, self.hash_name), mac)


class Protection:
    """Opens the encrypted values of a container.

    A value that does not open before any other value has opened means that the key is wrong, and the whole file is
    refused. Later, it means that this value was changed.

    Args:
        key: the encryption key; None for a container without encryption.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self._mac: Mac | None = None
        self._proven = False

    @property
    def is_encrypted(self) -> bool:
        """Return whether the container has an encryption key. Its secrets must be encrypted then."""
        return self._key is not None

    def set_mac(self, method: Element) -> None:
        """Set the MAC of all values from the element `MACMethod`. Raise `UnreadableFile`.

        Files with wrapped values may have a `MACMethod` without an algorithm. Values with a MAC are then refused.
        """
        algorithm = method.get("Algorithm")
        if algorithm is None:
            return
        hash_name = HMAC_HASHES.get(algorithm)
        if hash_name is None:
            raise UnreadableFile("the algorithm in MACMethod is not supported")
        try:
            encrypted = required(method, "MACKey")
            self._mac = Mac(hash_name, self._decrypted(encrypted))
        except Unusable as error:
            raise UnreadableFile(f"MACMethod can't be used: {error}") from None

    def open(self, value: Element) -> bytes:
        """Return the plaintext of an element with the children `EncryptedValue` and, unless it is wrapped, `ValueMAC`.

        The MAC is computed over the initialization vector and the ciphertext, and checked before anything is decrypted.

        Raises:
            Unusable: the value does not open, or is protected in a way that is not supported.
            UnreadableFile: no value has opened yet, and this one does not open either.
        """
        encrypted = required(value, "EncryptedValue")
        mac = only(value, "ValueMAC")
        if mac is None and _algorithm(encrypted) not in _UNWRAP:
            raise Unusable("an encrypted value has no ValueMAC")
        if mac is not None:
            self._check(_cipher_value(encrypted), binary(mac))
        return self._decrypted(encrypted)

    def _check(self, data: bytes, mac: bytes) -> None:
        if self._mac is None:
            raise Unusable("a value has a ValueMAC, but the file does not say how it is computed")
        if not self._mac.fits(data, mac):
            raise self._failure(DOES_NOT_OPEN)
        self._proven = True

    def _decrypted(self, encrypted: Element) -> bytes:
        algorithm, data = _algorithm(encrypted), _cipher_value(encrypted)
        if self._key is None:
            raise self._failure("a value is encrypted, but the file has no EncryptionKey")
        if len(self._key) != _KEY_BYTES[algorithm]:
            needed, given = _KEY_BYTES[algorithm] * 8, len(self._key) * 8
            raise self._failure(f"the file needs a key of {needed} bits, and the key has {given}")
        try:
            if algorithm not in _UNWRAP:
                return _without_padding(self._key, data)
            plain = _UNWRAP[algorithm](self._key, data)
        except (InvalidUnwrap, ValueError):
            raise self._failure(DOES_NOT_OPEN) from None
        self._proven = True
        return plain

    def _failure(self, reason: str) -> Exception:
        return Unusable(reason) if self._proven else UnreadableFile(reason)


def _algorithm(encrypted: Element) -> str:
    method = required(encrypted, "EncryptionMethod", XENC)
    algorithm = method.get("Algorithm", "")
    if algorithm not in _KEY_BYTES or len(method) or text_of(method):
        raise Unusable("the encryption algorithm is not supported")
    return algorithm


def _cipher_value(encrypted: Element) -> bytes:
    return binary(required(required(encrypted, "CipherData", XENC), "CipherValue", XENC))


def _without_padding(key: bytes, data: bytes) -> bytes:
    """Return the plaintext of AES-CBC. The last byte is the length of the padding (XML Encryption section 5.2).

    Raises:
        ValueError: the data has a wrong length, or the padding is invalid.
    """
    if len(data) < 2 * _BLOCK:
        raise ValueError("too short")
    decryptor = Cipher(AES(key), CBC(data[:_BLOCK])).decryptor()
    plain = decryptor.update(data[_BLOCK:]) + decryptor.finalize()
    if not 1 <= plain[-1] <= _BLOCK:
        raise ValueError("invalid padding")
    return plain[: -plain[-1]]

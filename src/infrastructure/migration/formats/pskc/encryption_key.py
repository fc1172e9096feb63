"""The encryption key of a container: pre-shared, or derived from a passphrase (RFC 6030 sections 6.1 and 6.2)."""

import hashlib
from typing import Final
from xml.etree.ElementTree import Element

from application.ports.migration import UnreadableFile
from infrastructure.migration.formats.pskc.elements import Unusable, binary, only, only_local, text_of, whole
from infrastructure.migration.formats.pskc.names import HMAC_HASHES, PBKDF2, XENC11

MOST_ITERATIONS: Final = 10_000_000
"""More take longer than ten seconds, and would make the command hang."""
LONGEST_SALT: Final = 1024
"""Bytes."""
_KEY_LENGTHS: Final = (16, 24, 32)
"""Bytes. The key lengths of AES."""


def encryption_key(element: Element, key: bytes | None, passphrase: bytes | None) -> bytes:
    """Return the key that the element `EncryptionKey` describes.

    Args:
        element: the element.
        key: the pre-shared key.
        passphrase: the passphrase.

    Raises:
        UnreadableFile: the key or the passphrase is missing, or the element describes another kind of key.
    """
    try:
        derived = only(element, "DerivedKey", XENC11)
        if derived is not None:
            return _derived(derived, passphrase)
    except Unusable as error:
        raise UnreadableFile(f"EncryptionKey can't be used: {error}") from None
    if any(child.tag.endswith(("}X509Data", "}KeyValue", "}EncryptedKey")) for child in element):
        raise UnreadableFile("the file is encrypted under a public key, which is not supported")
    if key is None:
        raise UnreadableFile("the file is encrypted with a pre-shared key: name its file with --key")
    return key


def _derived(derived: Element, passphrase: bytes | None) -> bytes:
    """Return the key that PBKDF2 derives from the passphrase (RFC 8018 section 5.2)."""
    method = only(derived, "KeyDerivationMethod", XENC11)
    if method is None or method.get("Algorithm") not in PBKDF2:
        raise Unusable("the key derivation is not supported")
    # Files have these elements in three namespaces, or in none.
    parameters = _part(method, "PBKDF2-params")
    salt = binary(_part(_part(parameters, "Salt"), "Specified"))
    iterations = whole(text_of(_part(parameters, "IterationCount")), "IterationCount")
    length = whole(text_of(_part(parameters, "KeyLength")), "KeyLength")
    hash_name = _hash_name(only_local(parameters, "PRF"))
    if not 1 <= len(salt) <= LONGEST_SALT or length not in _KEY_LENGTHS:
        raise Unusable("the salt or the length of the key is out of range")
    if not 1 <= iterations <= MOST_ITERATIONS:
        raise Unusable(f"the iteration count must be 1 to {MOST_ITERATIONS:,}")
    if passphrase is None:
        raise UnreadableFile("the file is encrypted with a passphrase: give it with --passphrase")
    return hashlib.pbkdf2_hmac(hash_name, passphrase, salt, iterations, length)


def _part(parent: Element, name: str) -> Element:
    child = only_local(parent, name)
    if child is None:
        raise Unusable(f"{name} is missing")
    return child


def _hash_name(prf: Element | None) -> str:
    """Return the hash function of the pseudorandom function. The default is HMAC-SHA-1 (RFC 8018 appendix A.2).

    python-pskc writes the algorithm as text instead of an attribute.
    """
    algorithm = "" if prf is None else prf.get("Algorithm") or text_of(prf)
    if not algorithm:
        return "sha1"
    if algorithm not in HMAC_HASHES:
        raise Unusable("the pseudorandom function is not supported")
    return HMAC_HASHES[algorithm]

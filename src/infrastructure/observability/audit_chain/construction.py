"""The construction: keys, codes and the forms of lines. The page docs/explanation/audit-trail.md defines it.

All functions are pure, except `seal`, which draws a key pair.
"""

import base64
import hmac
import re
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
LIMIT: Final = 1 << 20
"""The largest number of lines in a chain, so that a verifier computes few keys."""
MAC_MEMBER: Final = 74
"""The bytes of the last member and the brace, `,"mac":"…"}`."""
HEADS: Final = 24
"""The largest number of heads, so that the first line is shorter than `PIPE_BUF` and is written in one piece."""
FORMAT: Final = 1
"""The version of the construction."""
STARTED: Final = "chain-started"
ENDED: Final = "chain-ended"
"""The messages of the first line of a chain, and of its last one after a regular end."""
SEAL_FORM: Final = re.compile(rb',"chain":"([0-9a-f]{32})","seq":(0|[1-9][0-9]{0,6}),"mac":"([0-9a-f]{64})"\}\Z')
"""The end of each line of a chain."""
_CHAIN_INFO: Final = b"open-mfa audit chain 1 "
_SECRET_INFO: Final = b"open-mfa audit secret 1 "
_KEY_ID_INFO: Final = b"open-mfa audit key id 1"
_HEADS_INFO: Final = b"open-mfa audit heads 1"
_NEXT: Final = b"\x01"
_ANCHOR: Final = b"\x02"
_CHECK: Final = b"\x03"
_CHECK_BYTES: Final = 16
_SHA256: Final = "sha256"
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def first_key(audit_key: bytes, chain: str, secret: bytes) -> bytes:
    """Return the key of the first line of a chain.

    Args:
        audit_key: the audit key.
        chain: the id of the chain.
        secret: the secret of a sealed chain; empty for any other chain.
    """
    return _derived(audit_key, secret, _CHAIN_INFO + chain.encode("ascii"), KEY_BYTES)


def next_key(key: bytes) -> bytes:
    """Return the key of the line after that of a key."""
    return hmac.digest(key, _NEXT, _SHA256)


def line_mac(key: bytes, start: bytes) -> str:
    """Return the code of a line.

    Args:
        key: the key of the line.
        start: the bytes of the line before `,"mac":`.
    """
    return hmac.digest(key, start, _SHA256).hex()


def anchor_mac(key: bytes, start: bytes) -> str:
    """Return the code of an anchor.

    Args:
        key: the key of the line after the last one that the anchor covers.
        start: the bytes of the anchor before `,"mac":`.
    """
    return hmac.digest(key, _ANCHOR + start, _SHA256).hex()


def key_check(key: bytes) -> str:
    """Return a value that only this key yields. It does not reveal the key.

    Args:
        key: the key of the line after the last one that a head names.
    """
    return hmac.digest(key, _CHECK, _SHA256)[:_CHECK_BYTES].hex()


def key_id(audit_key: bytes) -> str:
    """Return the id of an audit key, which does not reveal it."""
    return _derived(audit_key, b"", _KEY_ID_INFO, 8).hex()


def heads_key(audit_key: bytes) -> bytes:
    """Return the key that authenticates the heads in the store, which a new chain lists."""
    return _derived(audit_key, b"", _HEADS_INFO, KEY_BYTES)


def seal(secret: bytes, public_key: bytes, chain: str) -> str:
    """Return the secret of a chain, encrypted for the auditor (RFC 9180, base mode)."""
    sealed = _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(public_key), _secret_info(chain))
    return base64.b64encode(sealed).decode("ascii")


def unseal(sealed: str, private_key: bytes, chain: str) -> bytes:
    """Return the secret of a chain. Raise `ValueError` unless it was sealed for this key and this chain."""
    try:
        raw = base64.b64decode(sealed, validate=True)
        return _SUITE.decrypt(raw, X25519PrivateKey.from_private_bytes(private_key), _secret_info(chain))
    except (InvalidTag, ValueError):
        raise ValueError("the sealed secret does not open with this private key") from None


def _secret_info(chain: str) -> bytes:
    return _SECRET_INFO + chain.encode("ascii")


def _derived(audit_key: bytes, material: bytes, info: bytes, length: int) -> bytes:
    """Return HKDF-SHA-256 (RFC 5869) with the audit key as the salt."""
    return HKDF(SHA256(), length, salt=audit_key, info=info).derive(material)


def public_key(private_key: bytes) -> bytes:
    """Return the public key of the auditor's private key."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()

"""The writer of PSKC containers."""

import base64
import hmac
import os
import re
from collections.abc import Iterable
from typing import BinaryIO, Final, assert_never
from xml.sax.saxutils import escape, quoteattr  # only functions that write

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from domain.credential import Status
from domain.hotp import HotpCredential
from domain.stored_state import AnySecretCredential, StoredState
from domain.totp import NO_STEP, TotpCredential
from infrastructure.migration.formats.pskc.names import AES256_CBC, DS, HMAC_SHA256, HOTP, PSKC, TOTP, XENC

_BLOCK_BYTES: Final = 16
_MAC_KEY_BYTES: Final = 32
_START: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<KeyContainer Version="1.0" xmlns="{PSKC}" xmlns:ds="{DS}" xmlns:xenc="{XENC}">
"""
_END: Final = "</KeyContainer>\n"
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""XML 1.0 section 2.2."""


class PskcWriter:
    """Implements `AuthenticatorWriter`. It writes confirmed HOTP and TOTP credentials, and skips other states.

    A pending credential would become a confirmed one, because PSKC does not distinguish them. `Time` is the last spent
    time step. PSKC has no place for wrong codes, locks, former secrets and recovery codes.

    Secrets are encrypted with AES-256-CBC, and authenticated with HMAC-SHA-256 under a random key (RFC 6030 section
    6.1). Counters, time steps and accounts are plain, as in figure 6, because some readers decrypt only
    secrets. So the file shows whether a secret was changed, but not whether it was moved to another account.

    Args:
        key: the pre-shared key, 32 bytes; None for a file with plain secrets.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def write(self, states: Iterable[StoredState], stream: BinaryIO) -> int:
        """Write the container, and return the number of its key packages."""
        encryption = None if self._key is None else _Encryption(self._key)
        stream.write(_START.encode())
        if encryption is not None:
            stream.write(encryption.head.encode())
        written = 0
        for state in states:
            if isinstance(state, AnySecretCredential) and state.status is Status.CONFIRMED:
                stream.write(_key_package(state, encryption).encode())
                written += 1
        stream.write(_END.encode())
        return written


class _Encryption:
    """The encryption and the MAC of one file."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._mac_key = os.urandom(_MAC_KEY_BYTES)

    @property
    def head(self) -> str:
        """Return the elements `EncryptionKey` and `MACMethod`."""
        mac_key = f"<MACKey>{_encrypted(self._seal(self._mac_key))}</MACKey>"
        return (
            " <EncryptionKey><ds:KeyName>Pre-shared key</ds:KeyName></EncryptionKey>\n"
            f' <MACMethod Algorithm="{HMAC_SHA256}">{mac_key}</MACMethod>\n'
        )

    def value(self, plain: bytes) -> str:
        """Return the elements `EncryptedValue` and `ValueMAC`. The MAC includes the initialization vector."""
        sealed = self._seal(plain)
        mac = hmac.digest(self._mac_key, sealed, "sha256")
        return f"<EncryptedValue>{_encrypted(sealed)}</EncryptedValue><ValueMAC>{_base64(mac)}</ValueMAC>"

    def _seal(self, plain: bytes) -> bytes:
        """Return the initialization vector and the ciphertext."""
        vector = os.urandom(_BLOCK_BYTES)
        padder = PKCS7(_BLOCK_BYTES * 8).padder()
        encryptor = Cipher(AES256(self._key), CBC(vector)).encryptor()
        return vector + encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def _encrypted(sealed: bytes) -> str:
    value = f"<xenc:CipherData><xenc:CipherValue>{_base64(sealed)}</xenc:CipherValue></xenc:CipherData>"
    return f'<xenc:EncryptionMethod Algorithm="{AES256_CBC}"/>{value}'


def _key_package(credential: AnySecretCredential, encryption: _Encryption | None) -> str:
    """Return the element `KeyPackage`. Its children have the order of the schema, RFC 6030 section 11."""
    parameters = credential.parameters
    secret = credential.secret.key
    match credential:
        case HotpCredential():
            algorithm, moving_factor = HOTP, _plain("Counter", credential.counter)
        case TotpCredential():
            algorithm, moving_factor = TOTP, _time(credential)
        case _:
            assert_never(credential)
    return "".join(
        (
            f" <KeyPackage><Key Id={quoteattr(_xml(_key_id(credential)))} Algorithm={quoteattr(algorithm)}>",
            _text("Issuer", credential.issuer),
            f"<AlgorithmParameters><Suite>HMAC-{parameters.algorithm.value}</Suite>",
            f'<ResponseFormat Length="{parameters.digits}" Encoding="DECIMAL"/></AlgorithmParameters>',
            _text("FriendlyName", credential.name),
            "<Data>",
            _plain("Secret", _base64(secret)) if encryption is None else f"<Secret>{encryption.value(secret)}</Secret>",
            moving_factor,
            f"</Data>{_text('UserId', credential.id.owner.account)}</Key></KeyPackage>\n",
        )
    )


def _key_id(credential: AnySecretCredential) -> str:
    return f"{credential.id.owner.account}/{credential.id.authenticator}"


def _time(credential: TotpCredential) -> str:
    step, interval, drift = credential.last_step, credential.parameters.interval, credential.drift
    return "".join(
        (
            "" if step == NO_STEP else _plain("Time", step),
            _plain("TimeInterval", interval),
            _plain("TimeDrift", drift) if drift else "",
        )
    )


def _plain(name: str, value: int | str) -> str:
    return f"<{name}><PlainValue>{value}</PlainValue></{name}>"


def _text(name: str, text: str | None) -> str:
    return "" if text is None else f"<{name}>{escape(_xml(text))}</{name}>"


def _xml(text: str) -> str:
    """Return the text without the few characters that XML can't express."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

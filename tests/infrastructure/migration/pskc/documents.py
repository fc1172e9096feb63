"""PSKC containers for tests, and their records."""

import base64
import io
from typing import Final

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal
from infrastructure.migration.formats.pskc import PskcReader
from tests.support.fakes import NOON, FakeClock

SECRET: Final = b"12345678901234567890"
"""The secret of RFC 4226 appendix D, and of the figures of RFC 6030."""
NAMESPACES: Final = (
    'xmlns="urn:ietf:params:xml:ns:keyprov:pskc" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
    ' xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:xenc11="http://www.w3.org/2009/xmlenc11#"'
    ' xmlns:pkcs5="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#"'
)
EIGHT_DIGITS: Final = '<ResponseFormat Length="8" Encoding="DECIMAL"/>'
PLAIN_SECRET: Final = f"<Secret><PlainValue>{base64.b64encode(SECRET).decode()}</PlainValue></Secret>"
FIRST_COUNTER: Final = "<Counter><PlainValue>0</PlainValue></Counter>"


def container(*packages: str, head: str = "", version: str = "1.0", tail: str = "") -> str:
    """Return a container with these key packages."""
    return f'<KeyContainer Version="{version}" {NAMESPACES}>{head}{"".join(packages)}{tail}</KeyContainer>'


def package(
    *,
    algorithm: str = "hotp",
    parameters: str = EIGHT_DIGITS,
    secret: str = PLAIN_SECRET,
    data: str = FIRST_COUNTER,
    device: str = "<SerialNo>987654321</SerialNo>",
    rest: str = "",
) -> str:
    """Return a key package, by default that of figure 3 of RFC 6030 without the optional elements."""
    uri = algorithm if ":" in algorithm else f"urn:ietf:params:xml:ns:keyprov:pskc:{algorithm}"
    return (
        f'<KeyPackage><DeviceInfo>{device}</DeviceInfo><Key Id="12345678" Algorithm="{uri}">'
        f"<AlgorithmParameters>{parameters}</AlgorithmParameters><Data>{secret}{data}</Data>{rest}</Key></KeyPackage>"
    )


def read(
    document: str | bytes, key: bytes | None = None, passphrase: bytes | None = None, now: int = NOON
) -> list[ImportedRecord]:
    """Return all records of a document."""
    data = document.encode() if isinstance(document, str) else document
    return list(PskcReader(key, passphrase, FakeClock(now)).read(io.BytesIO(data)))


def read_one(
    document: str | bytes, key: bytes | None = None, passphrase: bytes | None = None, now: int = NOON
) -> ImportedAuthenticator:
    """Return the only record of a document, which must be an authenticator."""
    (record,) = read(document, key, passphrase, now)
    assert isinstance(record, ImportedAuthenticator), record
    return record


def refusal(document: str | bytes, key: bytes | None = None, passphrase: bytes | None = None, now: int = NOON) -> str:
    """Return the reason for which the only record of a document is refused."""
    (record,) = read(document, key, passphrase, now)
    assert isinstance(record, Refusal)
    return record.reason

"""Files of other systems, as these systems write them, and functions that read them."""

import base64
import io
from collections.abc import Iterable
from urllib.parse import quote

from application.ports.migration import ImportedAuthenticator, ImportedRecord, Refusal
from infrastructure.migration.registry import READERS, FileSecrets

SEED = "3132333435363738393031323334353637383930"
"""The secret of RFC 4226 appendix D in hexadecimal digits."""
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SECRET = b"12345678901234567890"

CSV = f"""\
OATH0001, {SEED}, TOTP, 6, 30
OATH0002, {SEED}, hotp, 8, 7
# a comment

OATH0003,{SEED},totp,8,60,sha256
OATH0004,{SEED},totp,,,SHA512,alice
"""
YUBICO = f"""\
LOGGING START,11.12.13 18:55
Yubico OTP,12/11/2013 11:10,1,vvgutbiedkvi,ab86c04de6a3,d26a7c0f85fdda28bd816e406342b214,,,0,0,0,0,0,0,0,0,0,0
OATH-HOTP,11.12.13 18:55,1,cccccccccccc,,{SEED},,,0,0,0,6,0,0,0,0,0,0
OATH-HOTP,11.12.13 18:56,2,cccccccccccd,,{SEED},,,0,0,0,8,16,0,0,0,0,0
Static Password,11.12.13 19:08,1,,d5a3d50327dc,0e8e37b0e38b314a56748c030f58d21d,,,0,0,0,0,0,0,0,0,0,0
508326,,0,{SEED},,2013-12-12T08:41:07,
508327,cccccccccccc,83cebdfb7b93,a47c5bf9c152202f577be6721c0113af,,2013-12-12T08:43:17,
508328,,,9e2fd386224a7f77e9b5aee775464033,,2013-12-12T08:44:34,
"""
OTPAUTH = f"""\
otpauth://totp/Example:alice@example.com?secret={BASE32}&issuer=Example&algorithm=SHA256&digits=8&period=60
otpauth://hotp/bob?secret={BASE32}&counter=5
"""
AEGIS = f"""\
{{
    "version": 1,
    "header": {{"slots": null, "params": null}},
    "db": {{
        "version": 3,
        "entries": [
            {{"type": "totp", "uuid": "3ae6f1ad-2e65-4ed2-a953-1ec0dff2386d", "name": "Mason", "issuer": "Deno",
              "note": "", "favorite": false, "icon": null, "groups": [],
              "info": {{"secret": "{BASE32}", "algo": "SHA1", "digits": 6, "period": 30}}}},
            {{"type": "hotp", "uuid": "03e572f2-8ebd-44b0-a57e-e958af74815d", "name": "Benjamin",
              "issuer": "Air Canada", "icon": null,
              "info": {{"secret": "{BASE32}", "algo": "SHA256", "digits": 7, "counter": 50}}}},
            {{"type": "steam", "uuid": "5b11ae3b-6fc3-4d46-8ca7-cf0aea7de920", "name": "Sophia", "issuer": "Boeing",
              "icon": null, "info": {{"secret": "{BASE32}", "algo": "SHA1", "digits": 5, "period": 30}}}}
        ]
    }}
}}
"""


def records(name: str, text: str | bytes, secrets: FileSecrets | None = None) -> list[ImportedRecord]:
    """Return the records of a file."""
    data = text.encode() if isinstance(text, str) else text
    return list(READERS[name](secrets or FileSecrets()).read(io.BytesIO(data)))


def only(name: str, text: str | bytes) -> ImportedAuthenticator:
    """Return the only record of a file, which must be an authenticator."""
    (record,) = records(name, text)
    assert isinstance(record, ImportedAuthenticator), record
    return record


def reason(name: str, text: str | bytes) -> str:
    """Return the reason for which the only record of a file is refused."""
    (record,) = records(name, text)
    assert isinstance(record, Refusal)
    return record.reason


def varint(value: int) -> bytes:
    """Return a number as Protocol Buffers encode it."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def message(fields: Iterable[tuple[int, int | bytes]]) -> bytes:
    """Return a message of Protocol Buffers."""
    encoded = b""
    for number, value in fields:
        if isinstance(value, int):
            encoded += varint(number << 3) + varint(value)
        else:
            encoded += varint(number << 3 | 2) + varint(len(value)) + value
    return encoded


def google_entry(**changes: int | bytes | None) -> bytes:
    """Return an entry of an export of Google Authenticator. A change to None leaves the field out."""
    fields: dict[str, int | bytes | None] = {
        "secret": SECRET,
        "name": b"Example:alice@example.com",
        "issuer": b"Example",
        "algorithm": 1,
        "digits": 1,
        "type": 2,
        "counter": None,
    }
    numbered = enumerate((fields | changes).values(), 1)
    return message([(number, value) for number, value in numbered if value is not None])


def google_uri(*entries: bytes, size: int = 1, index: int = 0, export: int = 1234) -> str:
    """Return a QR code of an export of Google Authenticator."""
    fields: list[tuple[int, int | bytes]] = [(1, entry) for entry in entries]
    data = message([*fields, (2, 1), (3, size), (4, index), (5, export)])
    return f"otpauth-migration://offline?data={quote(base64.b64encode(data), safe='')}\n"


GOOGLE = google_uri(google_entry(), google_entry(type=1, counter=3, digits=2), size=2) + google_uri(
    google_entry(algorithm=3, name=b"bob", issuer=b""), size=2, index=1
)
FILES = {"csv": CSV, "yubico": YUBICO, "otpauth": OTPAUTH, "google-migration": GOOGLE, "aegis": AEGIS}
"""A file of each format without encryption."""

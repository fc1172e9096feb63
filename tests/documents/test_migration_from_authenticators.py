"""The guides to migrate from apps and hardware tokens run on files as the apps and the vendors write them."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
import segno
from pskc import PSKC

from tests.documents.migration import KEY, LONG_KEY, OTHER_KEY, WEAK_KEY, Authenticator, Guide, check_hotp, check_totp
from tests.infrastructure.migration.files import google_entry, google_uri
from tests.support.redis_server import RedisServer

ZBARIMG = """
import zxingcpp
from PIL import Image
assert sys.argv[1:3] == ["--quiet", "--raw"]
for name in sys.argv[3:]:
    (found,) = zxingcpp.read_barcodes(Image.open(name).convert("L"))
    print(found.text)
"""


def qr_code(text: str) -> bytes:
    picture = io.BytesIO()
    segno.make(text.strip(), error="l").save(picture, kind="png", scale=4, border=4)
    return picture.getvalue()


def google_export(guide: Guide) -> None:
    """Write the QR codes of an export of more than ten entries."""
    first = [
        google_entry(secret=KEY, name=b"alice@example.com", issuer=b"Shop"),
        google_entry(secret=OTHER_KEY, name=b"bob@example.com", issuer=b"Shop", type=1, counter=5),
        google_entry(secret=WEAK_KEY, name=b"carol@example.com", issuer=b"Shop"),
        google_entry(secret=KEY, name=b"alice@mail.example", issuer=b"Mail"),
    ]
    second = [google_entry(secret=LONG_KEY, name=b"Shop:dave@example.com", issuer=b"Shop", algorithm=2, digits=2)]
    guide.write("export-1.png", qr_code(google_uri(*first, size=2)))
    guide.write("export-2.png", qr_code(google_uri(*second, size=2, index=1)))
    names = ("alice", "bob", "carol", "dave")
    guide.write("accounts.csv", "".join(f"{name}@example.com,{name}\n" for name in names))
    guide.stand_in("zbarimg", ZBARIMG)


def test_entries_of_google_authenticator_move(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-google-authenticator", tmp_path, redis_server)
    google_export(guide)
    guide.run("zbarimg")

    assert guide.imported(".venv/bin/open-mfa import", status=1) == "3 imported, 0 already present, 2 refused"
    assert [*guide.refused()] == ["line 1, entry 3", "line 1, entry 4"]
    check_totp(guide, "alice", Authenticator(KEY))
    check_hotp(guide, "bob", Authenticator(OTHER_KEY), 6)
    check_totp(guide, "dave", Authenticator(LONG_KEY, 8, "sha256"))


def test_a_missing_qr_code_of_google_authenticator_is_named(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-google-authenticator", tmp_path, redis_server)
    google_export(guide)
    (tmp_path / "export-2.png").unlink()
    guide.run("zbarimg")
    guide.imported(".venv/bin/open-mfa import", status=1)

    assert "QR code 2" in guide.refused()


def aegis_entry(name: str, issuer: str, key: bytes, kind: str = "totp", **info: Any) -> dict[str, Any]:
    """Return an entry of a vault as Aegis 3 writes it."""
    secret = base64.b32encode(key).decode().rstrip("=")
    factor = {"counter": 5} if kind == "hotp" else {"period": 30}
    return {
        "type": kind,
        "uuid": "3ae6f1ad-2e65-4ed2-a953-1ec0dff2386d",
        "name": name,
        "issuer": issuer,
        "note": "",
        "favorite": False,
        "icon": None,
        "info": {"secret": secret, "algo": "SHA1", "digits": 6} | factor | info,
        "groups": [],
    }


AEGIS_CONTENT = {
    "version": 3,
    "entries": [
        aegis_entry("alice", "Shop", KEY),
        aegis_entry("bob@example.com", "Shop", OTHER_KEY, "hotp"),
        aegis_entry("carol", "Shop", LONG_KEY, algo="SHA256", digits=8, period=60),
        aegis_entry("dave", "Shop", KEY, "steam", digits=5),
        aegis_entry("erin", "Shop", WEAK_KEY),
        aegis_entry("alice", "Mail", OTHER_KEY),
    ],
    "groups": [],
    "icons_optimized": True,
}


def check_aegis(guide: Guide) -> None:
    guide.run("jq '.db.entries")

    assert guide.imported(".venv/bin/open-mfa import", status=1) == "3 imported, 0 already present, 2 refused"
    assert [*guide.refused()] == ["entry 4", "entry 5"]
    check_totp(guide, "alice", Authenticator(KEY))
    check_hotp(guide, "bob@example.com", Authenticator(OTHER_KEY), 6)
    check_totp(guide, "carol", Authenticator(LONG_KEY, 8, "sha256", 60))


def test_entries_of_aegis_move(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-aegis", tmp_path, redis_server)
    vault = {"version": 1, "header": {"slots": None, "params": None}, "db": AEGIS_CONTENT}
    guide.write("aegis-export.json", json.dumps(vault, indent=4))

    check_aegis(guide)


def test_decrypted_entries_of_aegis_move(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-aegis", tmp_path, redis_server)
    guide.write("decrypt.py", f"print({json.dumps(json.dumps(AEGIS_CONTENT))})")
    guide.run("python3 decrypt.py")

    check_aegis(guide)


def vendor_file(key: bytes) -> bytes:
    """Return an encrypted PSKC file, written by another library."""
    container = PSKC()
    common = {"manufacturer": "oath.FT", "response_encoding": "DECIMAL", "response_length": 6}
    hotp, totp = "urn:ietf:params:xml:ns:keyprov:pskc:hotp", "urn:ietf:params:xml:ns:keyprov:pskc:totp"
    container.add_key(id="1", serial="1000133508267", secret=KEY, algorithm=totp, time_interval=30, **common)
    container.add_key(id="2", serial="1000133508268", secret=OTHER_KEY, algorithm=hotp, counter=5, **common)
    container.add_key(id="3", serial="1000133508269", secret=KEY, algorithm=totp, time_interval=30, **common)
    container.encryption.setup_preshared_key(algorithm="aes128-cbc", key=key)
    written = io.BytesIO()
    container.write(written)
    return written.getvalue()


@pytest.fixture
def tokens(tmp_path: Path, redis_server: RedisServer) -> Guide:
    """Return the guide to hardware tokens, of which two are given out."""
    guide = Guide("migrate-from-hardware-tokens", tmp_path, redis_server)
    guide.write("accounts.csv", next(text for text in guide.text.split("```\n") if text.startswith("serial,account")))
    return guide


def test_tokens_of_an_encrypted_pskc_file_are_imported(tokens: Guide) -> None:
    tokens.write("tokens.xml", vendor_file(bytes(range(16))))
    tokens.write("key.txt", bytes(range(16)).hex())

    result = tokens.imported(".venv/bin/open-mfa import tokens.xml", status=1)
    assert result == "2 imported, 0 already present, 1 refused"
    assert [*tokens.refused()] == ["key package 3"]
    check_totp(tokens, "alice", Authenticator(KEY))
    check_hotp(tokens, "bob", Authenticator(OTHER_KEY), 5)


@pytest.mark.parametrize("base32", [False, True])
def test_tokens_of_a_csv_file_are_imported(base32: bool, tokens: Guide) -> None:
    def seed(key: bytes) -> str:
        return base64.b32encode(key).decode() if base32 else key.hex()

    lines = [
        f"1000133508267, {seed(KEY)}, totp, 6, 30",
        f"1000133508268, {seed(OTHER_KEY)}, hotp, 6, 5",
        f"1000133508269, {seed(LONG_KEY)}, totp, 6, 60, sha256",
        f"1000133508267, {seed(WEAK_KEY)}, hotp, 6, 0",
    ]
    tokens.write("base32.csv" if base32 else "tokens.csv", "\n".join(lines))
    if base32:
        tokens.run(".venv/bin/python -c")

    result = tokens.imported(".venv/bin/open-mfa import tokens.csv", status=1)
    assert result == "2 imported, 0 already present, 2 refused"
    assert [*tokens.refused()] == ["line 3", "line 4"]
    check_totp(tokens, "alice", Authenticator(KEY))
    check_hotp(tokens, "bob", Authenticator(OTHER_KEY), 5)

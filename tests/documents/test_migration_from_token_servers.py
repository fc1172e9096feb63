"""The guides to migrate from privacyIDEA and LinOTP run on an export and a database as these systems write them."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tests.documents.migration import KEY, LONG_KEY, OTHER_KEY, WEAK_KEY, Authenticator, Guide, check_hotp, check_totp
from tests.support.redis_server import RedisServer

IMPORT = ".venv/bin/open-mfa import"


def privacyidea_token(serial: str, kind: str, key: bytes, owner: str, **changes: Any) -> dict[str, Any]:
    """Return a token as privacyIDEA 3.14 exports it in YAML."""
    info = {"hashlib": "sha1", "tokenkind": "software", "creation_date": "2026-11-27T21:24:35+00:00"}
    if kind == "totp":
        info |= {"timeStep": "30", "timeShift": "-12.0", "timeWindow": "180"}
    token: dict[str, Any] = {
        "serial": serial,
        "type": kind,
        "otpkey": key.hex(),
        "description": "",
        "otplen": 6,
        "maxfail": 10,
        "failcount": 0,
        "counter": 60_000_000 if kind == "totp" else 5,
        "window": 10,
        "active": True,
        "revoked": False,
        "locked": False,
        "rollout_state": "enrolled",
        "_hashed_pin": "$argon2id$v=19$m=102400,t=9,p=8$c2FsdA$aGFzaA",
        "owner": owner,
        "info_list": info | changes.pop("info", {}),
    }
    return token | changes


def test_tokens_of_privacyidea_move(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-privacyidea", tmp_path, redis_server)
    tokens = [
        privacyidea_token("TOTP0001", "totp", KEY, "alice@example"),
        privacyidea_token("OATH0002", "hotp", OTHER_KEY, "alice@example", rollout_state=""),
        privacyidea_token(
            "TOTP0003",
            "totp",
            LONG_KEY,
            "bob@example.com@example",
            otplen=8,
            info={"hashlib": "sha256", "timeStep": "60"},
        ),
        privacyidea_token("TOTP0004", "totp", KEY, "carol@example", info={"timeShift": "80.0"}),
        privacyidea_token("TOTP0005", "totp", WEAK_KEY, "dave@example"),
        privacyidea_token("TOTP0006", "totp", KEY, "erin smith@example"),
        privacyidea_token("TOTP0007", "totp", KEY, "frank@example", info={"timeShift": "700"}),
        privacyidea_token("TOTP0008", "totp", KEY, "grace@example", rollout_state="verify"),
        privacyidea_token("TOTP0009", "totp", KEY, "heidi@example", revoked=True),
        privacyidea_token("PIPU0010", "push", b"", "ivan@example"),
        privacyidea_token("TOTP0011", "totp", OTHER_KEY, "alice@another"),
        privacyidea_token("TOTP0012", "totp", OTHER_KEY, "n/a"),
    ]
    guide.write("export.yaml", yaml.safe_dump(tokens))
    guide.stand_in("pi-tokenjanitor", "Path(sys.argv[-1]).write_text(Path('export.yaml').read_text())")
    guide.save('"""Convert the tokens of a realm', "privacyidea_csv.py")
    guide.run("pi-tokenjanitor find")
    guide.run(".venv/bin/python privacyidea_csv.py")

    assert guide.imported(IMPORT, status=1) == "4 imported, 0 already present, 3 refused"
    assert [*guide.refused()] == ["line 6", "line 7", "line 8"]
    check_totp(guide, "alice", Authenticator(KEY))
    check_hotp(guide, "alice", Authenticator(OTHER_KEY), 5)
    check_totp(guide, "bob@example.com", Authenticator(LONG_KEY, 8, "sha256", 60))
    check_totp(guide, "carol", Authenticator(KEY), drift=3)


ENCRYPTION_KEYS = bytes(range(96))
"""The three keys of LinOTP. The first one encrypts seeds."""
TOKEN_TABLE = """
CREATE TABLE "Token" (
    "LinOtpTokenId" INTEGER NOT NULL PRIMARY KEY, "LinOtpTokenSerialnumber" VARCHAR(40) NOT NULL UNIQUE,
    "LinOtpTokenType" VARCHAR(30), "LinOtpTokenInfo" VARCHAR(2000), "LinOtpUserid" VARCHAR(320),
    "LinOtpOtpLen" INTEGER, "LinOtpKeyEnc" VARCHAR(1024), "LinOtpKeyIV" VARCHAR(32), "LinOtpIsactive" BOOLEAN,
    "LinOtpCount" INTEGER)
"""
MYSQL = """
import sqlite3
query = sys.argv[sys.argv.index("-e") + 1]
for (value,) in sqlite3.connect("linotp.db").execute(query):
    print(value)
"""


def encrypted(key: bytes, *, version: int) -> tuple[str, str]:
    """Return a seed and its initialization vector as LinOTP stores them."""
    text = key.hex().encode().hex().encode()
    if version == 2:
        text += b"\x01\x02"
        text += bytes(-len(text) % 16)
    else:
        missing = 16 - len(text) % 16
        text += bytes([missing]) * missing
    iv = os.urandom(16)
    cipher = Cipher(AES(ENCRYPTION_KEYS[:32]), CBC(iv)).encryptor()
    return (cipher.update(text) + cipher.finalize()).hex(), iv.hex()


def linotp_database(path: Path, version: int) -> None:
    totp = json.dumps({"timeWindow": "300", "timeShift": "0", "timeStep": "30", "hashlib": "sha1"}, indent=0)
    shifted = json.dumps({"timeWindow": "300", "timeShift": "-120.0", "timeStep": "60", "hashlib": "sha256"})
    tokens = [
        ("LSTO0001", "TOTP", totp, "1001", 6, KEY, True, 60_000_000),
        ("OATH0002", "HMAC", json.dumps({"hashlib": "sha1"}), "1001", 6, OTHER_KEY, True, 5),
        ("LSTO0003", "totp", shifted, "1002", 8, LONG_KEY, True, 0),
        ("LSTO0004", "totp", totp, "1003", 6, KEY, False, 0),
        ("LSTO0005", "totp", totp, "", 6, KEY, True, 0),
        ("LSTO0006", "totp", totp, "1006", 6, KEY, True, 0),
        ("LSPU0007", "push", "", "1002", 6, KEY, True, 0),
    ]
    with sqlite3.connect(path) as database:
        database.execute(TOKEN_TABLE)
        for number, (serial, kind, info, user, digits, key, active, count) in enumerate(tokens):
            row = (number, serial, kind, info, user, digits, *encrypted(key, version=version), active, count)
            database.execute(f"INSERT INTO Token VALUES ({','.join('?' * 10)})", row)


def shown_by_linotp(users: dict[str, str]) -> str:
    """Return the answer of `/admin/show`."""
    data = [
        {"LinOtp.TokenSerialnumber": serial, "LinOtp.Isactive": True, "User.userid": "1", "User.username": name}
        for serial, name in users.items()
    ]
    value = {"resultset": {"tokens": len(data), "pages": 1, "page": 0}, "data": data}
    return json.dumps({"version": "LinOTP 3.2", "jsonrpc": "2.0", "result": {"status": True, "value": value}, "id": 1})


@pytest.mark.parametrize("version", [2, 3])
def test_tokens_of_linotp_move(version: int, tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-linotp", tmp_path, redis_server)
    linotp_database(tmp_path / "linotp.db", version)
    users = {"LSTO0001": "alice", "OATH0002": "alice", "LSTO0003": "bob@example.com", "LSTO0005": ""}
    guide.write("show.json", shown_by_linotp(users | {"LSTO0006": "/:no user info:/"}))
    guide.write("encKey", ENCRYPTION_KEYS)
    guide.stand_in("mysql", MYSQL)
    guide.save('"""Decrypt tokens of LinOTP', "linotp_csv.py")
    guide.run("mysql --batch")
    guide.run("jq -r '.result")
    guide.run(".venv/bin/python linotp_csv.py")

    assert guide.imported(IMPORT, status=1) == "3 imported, 0 already present, 1 refused"
    assert [*guide.refused()] == ["line 5"]
    check_totp(guide, "alice", Authenticator(KEY))
    check_hotp(guide, "alice", Authenticator(OTHER_KEY), 5)
    check_totp(guide, "bob@example.com", Authenticator(LONG_KEY, 8, "sha256", 60), drift=-2)


def test_a_wrong_key_of_linotp_stops_the_conversion(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-linotp", tmp_path, redis_server)
    linotp_database(tmp_path / "linotp.db", 3)
    guide.write("encKey", ENCRYPTION_KEYS[32:])
    guide.stand_in("mysql", MYSQL)
    guide.save('"""Decrypt tokens of LinOTP', "linotp_csv.py")
    guide.run("mysql --batch")

    guide.run(".venv/bin/python linotp_csv.py", status=1)
    assert KEY.hex() not in guide.read("tokens.csv")

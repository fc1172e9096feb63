"""The guides to migrate from django-otp and Vault run on devices and keys as these systems write them."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.documents.migration import KEY, LONG_KEY, OTHER_KEY, WEAK_KEY, Authenticator, Guide, check_hotp, check_totp
from tests.support.redis_server import RedisServer

IMPORT = ".venv/bin/open-mfa import"


def django_device(kind: str, number: int, user: str, key: bytes, **changes: Any) -> dict[str, Any]:
    """Return a device as `dumpdata` of django-otp 1.7 writes it."""
    fields: dict[str, Any] = {
        "user": [user],
        "name": "default",
        "confirmed": True,
        "throttling_failure_timestamp": None,
        "throttling_failure_count": 0,
        "created_at": "2026-11-27T21:00:04.107Z",
        "last_used_at": None,
        "key": key.hex(),
    }
    if kind == "totp":
        fields |= {"step": 30, "t0": 0, "digits": 6, "tolerance": 1, "drift": 0, "last_t": 59_000_000}
    else:
        fields |= {"digits": 6, "tolerance": 5, "counter": 5}
    return {"model": f"otp_{kind}.{kind}device", "pk": number, "fields": fields | changes}


def test_devices_of_django_otp_move(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-django-otp", tmp_path, redis_server)
    devices = [
        django_device("totp", 1, "alice", KEY),
        django_device("totp", 2, "bob@example.com", LONG_KEY, digits=8, step=60, drift=-2),
        django_device("totp", 3, "carol", KEY, confirmed=False),
        django_device("totp", 4, "carol", KEY, t0=86_400),
        django_device("totp", 5, "dave", WEAK_KEY),
        django_device("totp", 6, "a/b", KEY),
        django_device("hotp", 1, "alice", OTHER_KEY),
    ]
    guide.write("export.json", json.dumps(devices))
    guide.stand_in("python", "Path(sys.argv[-1]).write_text(Path('export.json').read_text())")
    guide.save('"""Convert devices of django-otp', "django_csv.py")
    guide.run("python manage.py dumpdata")
    guide.run("python3 django_csv.py")

    assert guide.imported(IMPORT, status=1) == "3 imported, 0 already present, 2 refused"
    assert [*guide.refused()] == ["line 4", "line 5"]
    check_totp(guide, "alice", Authenticator(KEY))
    check_hotp(guide, "alice", Authenticator(OTHER_KEY), 5)
    check_totp(guide, "bob@example.com", Authenticator(LONG_KEY, 8, period=60), drift=-2)


MOUNT = "9d2c6c6e-6f7e-8d3b-9d0f-2f6f3d1c0f55"
VAULT = f"""
import json
keys = json.loads(Path("storage.json").read_text())
match sys.argv[1:]:
    case ["secrets", "list", "-detailed", "-format=json"]:
        print(json.dumps({{"sys/": {{"uuid": "0", "type": "system"}}, "totp/": {{"uuid": "{MOUNT}", "type": "totp"}}}}))
    case ["list", "-format=json", "sys/raw/logical/{MOUNT}/key"]:
        print(json.dumps(sorted(keys)))
    case ["read", "-field=value", path] if path.startswith("sys/raw/logical/{MOUNT}/key/"):
        print(json.dumps(keys[path.rpartition("/")[2]]))
    case _:
        sys.exit(2)
"""


def vault_key(key: bytes, **changes: Any) -> dict[str, Any]:
    """Return a key as the secrets engine stores it. Keys that it has not generated are padded."""
    entry = {"key": base64.b32encode(key).decode(), "issuer": "The Shop", "account_name": "Alice Example", "period": 30}
    return entry | {"algorithm": 0, "digits": 6, "skew": 1} | changes


def test_keys_of_vault_move(tmp_path: Path, redis_server: RedisServer) -> None:
    guide = Guide("migrate-from-vault", tmp_path, redis_server)
    keys = {
        "alice": vault_key(KEY),
        "bob@example.com": vault_key(LONG_KEY, issuer="", period=60, algorithm=1, digits=8),
        "carol": vault_key(WEAK_KEY),
        "dave": vault_key(KEY, period=600),
    }
    guide.write("storage.json", json.dumps(keys))
    guide.stand_in("vault", VAULT)
    guide.run("uuid=$(vault secrets list")

    assert guide.imported(IMPORT, status=1) == "2 imported, 0 already present, 2 refused"
    assert [*guide.refused()] == ["line 3", "line 4"]
    check_totp(guide, "alice", Authenticator(KEY))
    check_totp(guide, "bob@example.com", Authenticator(LONG_KEY, 8, "sha256", 60))

"""The commands of the general guide to migrate run unchanged."""

import base64
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.documents.migration import KEY, OTHER_KEY, Authenticator, Guide, require_programs
from tests.service.accounts import API_KEYS, KEYS, Account
from tests.support.documents import block, page
from tests.support.redis_server import RedisServer
from tests.support.service import Service


def test_a_file_is_imported_its_accounts_are_counted_and_its_counters_exported(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    guide = Guide("migrate", tmp_path, redis_server)
    guide.write("tokens.csv", f"T1,{KEY.hex()},totp\nT2,{OTHER_KEY.hex()},hotp,6,5\n")

    assert guide.imported(".venv/bin/open-mfa import tokens.csv") == "2 imported, 0 already present, 0 refused"
    assert guide.run(".venv/bin/open-mfa account list") == "2\n"
    guide.run(".venv/bin/open-mfa export")
    assert "counter=5" in guide.read("counters.txt")


def test_the_code_that_an_authenticator_shows_after_the_import_is_replayed(tmp_path: Path) -> None:
    require_programs()
    shown = Authenticator(KEY).totp(int(time.time()))
    command = block(page("how-to/migrate"), "curl -s -H").replace("492039", shown)
    with Service(**KEYS) as service:
        Account(service.port, "alice").enrol("totp", secret=base64.b32encode(KEY).decode(), confirmed=True)
        command = command.replace("http://127.0.0.1:8080", service.base)
        environment = {"PATH": "/usr/bin:/bin", "KEY": API_KEYS["shop"]}
        done = subprocess.run(
            ["bash", "-euc", command], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )

    assert '"replayed"' in done.stdout


def test_all_accounts_of_a_tenant_are_deleted_before_a_second_import() -> None:
    names: dict[str, Any] = {}
    exec(block(page("how-to/list-accounts"), "import requests", "python"), names)
    exec(block(page("how-to/migrate"), "from urllib.parse", "python"), names)
    with Service(**KEYS) as service:
        others = Account(service.port, "alice", "forum")
        others.enrol("totp")
        for name in ("alice", "auth0%7C5f7c8ec7"):
            Account(service.port, name).enrol("totp")

        names["delete_all_accounts"](service.base, API_KEYS["shop"])

        assert names["account_ids"](service.base, API_KEYS["shop"]) == set()
        assert names["account_ids"](service.base, API_KEYS["forum"]) == {"alice"}

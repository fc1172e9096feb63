"""The commands of the guide to a deployment without containers, and the function that lists accounts, run unchanged."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from tests.conftest import require_redis_server
from tests.service.accounts import API_KEYS, KEYS, Account
from tests.support.command_line import COMMAND
from tests.support.documents import block, page
from tests.support.processes import free_port, listens, spawn, stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service


def test_the_service_starts_with_the_commands_and_the_doctor_finds_nothing(tmp_path: Path) -> None:
    require_redis_server()
    port = free_port()
    commands = block(page("how-to/deploy-without-containers"), "export OPEN_MFA_SECRET_KEY")
    with RedisServer("--appendonly", "yes", "--maxmemory-policy", "noeviction") as redis:
        commands = commands.replace("redis://127.0.0.1:6379", redis.url)
        start, install = re.findall(
            r"^((?:export .*\n)+)(make install && .venv/bin/open-mfa serve)$", commands, re.MULTILINE
        )[0]
        script = tmp_path / "script"
        script.write_text(
            f"{start}{COMMAND} doctor >{tmp_path}/findings; echo $? >{tmp_path}/status\nexec {COMMAND} serve\n"
        )
        process = spawn(["bash", "-eu", str(script)], tmp_path / "log", {"PORT": str(port), "HOST": "127.0.0.1"})
        try:
            wait_until(lambda: listens(port), "the service's start", tmp_path / "log")
            ready = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code
        finally:
            stop(process)

    assert install
    assert ready == 200
    assert (tmp_path / "status").read_text() == "0\n", (tmp_path / "findings").read_text()


def test_the_function_that_lists_accounts_returns_all_of_them() -> None:
    listing: dict[str, Any] = {}
    exec(block(page("how-to/list-accounts"), "import requests", "python"), listing)
    names = {f"auth0|{number}" for number in range(40)}
    with Service(**KEYS) as service:
        for name in names:
            assert Account(service.port, quote(name, safe="")).send("POST", "totp", {}).status == 201

        assert listing["account_ids"](service.base, API_KEYS["shop"]) == names

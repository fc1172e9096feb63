"""The service and the commands read secrets from files, as the guide describes."""

import re
import stat
import subprocess
from pathlib import Path

import pytest
import requests

from infrastructure.settings import FILE_VARIABLES
from tests.support.command_line import COMMAND, run
from tests.support.documents import block, page
from tests.support.processes import free_port, listens, spawn, stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS

KEY = "k" * 40


def files(directory: Path, **secrets: str) -> dict[str, str]:
    """Return the required settings with these secrets in files."""
    settings = {name: text for name, text in SETTINGS.items() if name not in secrets}
    for name, text in secrets.items():
        (directory / name).write_text(f"{text}\n")
        settings[f"{name}_FILE"] = str(directory / name)
    return settings


def test_the_service_starts_with_the_commands_of_the_guide(tmp_path: Path) -> None:
    port = free_port()
    commands = block(page("how-to/keep-secrets-in-files"), "umask").replace("open-mfa serve", f"exec {COMMAND} serve")
    script = tmp_path / "script"
    script.write_text(f"cd {tmp_path}\n{commands}")
    process = spawn(["bash", "-eu", str(script)], tmp_path / "log", {"PORT": str(port), "HOST": "127.0.0.1"})
    try:
        wait_until(lambda: listens(port), "the service's start", tmp_path / "log")
        answer = requests.post(f"http://127.0.0.1:{port}/api/v1/session/totp", timeout=5)
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    finally:
        stop(process)

    assert answer.status_code == 201
    secrets = [file.read_bytes().strip() for file in (tmp_path / "secrets").iterdir()]
    assert [secret for secret in secrets if secret in environment] == []
    assert len(secrets) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "secrets").iterdir()} == {0o600}


def test_the_commands_read_the_store_and_the_keys_from_files(tmp_path: Path) -> None:
    with RedisServer() as redis:
        settings = files(
            tmp_path,
            OPEN_MFA_REDIS_URL=redis.url,
            OPEN_MFA_API_KEYS=f"shop:{KEY}",
            OPEN_MFA_ENCRYPTION_KEYS=SETTINGS["OPEN_MFA_ENCRYPTION_KEYS"],
        )

        listed = run("account", "list", **settings)
        found = run("doctor", **settings)

    assert (listed.returncode, listed.stderr) == (0, "")
    assert "OPEN_MFA_API_KEYS (shop)" in found.stdout
    assert KEY not in found.stdout + found.stderr


def test_the_examples_of_the_guide_name_variables_that_exist(tmp_path: Path) -> None:
    guide = page("how-to/keep-secrets-in-files")
    stack = tmp_path / "compose.yml"
    stack.write_text(block(guide, "services:", "yaml"))
    check = [Path(COMMAND).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", stack]

    checked = subprocess.run(check, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout
    assert set(re.findall(r"OPEN_MFA_\w+", guide)) <= {*FILE_VARIABLES.values()}


@pytest.mark.parametrize("command", [["serve"], ["doctor"], ["account", "list"], ["reseal"]])
def test_a_missing_file_stops_every_command_with_its_name(command: list[str], tmp_path: Path) -> None:
    settings = files(tmp_path, OPEN_MFA_SECRET_KEY=KEY)
    (tmp_path / "OPEN_MFA_SECRET_KEY").unlink()

    done = run(*command, **settings)

    assert done.returncode == 1
    expected = rf"OPEN_MFA_SECRET_KEY_FILE: The file {tmp_path}/OPEN_MFA_SECRET_KEY cannot be read: No such file"
    assert re.search(expected, done.stdout + done.stderr)

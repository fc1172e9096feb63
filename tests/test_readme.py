"""The commands and examples of the README and of the guide for applications run unchanged."""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
import requests

from tests.support.command_line import COMMAND
from tests.support.documents import ROOT, block, page, section
from tests.support.processes import free_port, listens, spawn, stop, wait_until
from tests.support.service import Service

README = (ROOT / "README.md").read_text()
SESSION = section(README, "A first session")
APPLICATION = page("how-to/enrol-accounts")
KEY = "an API key of the tests with 40 characters".replace(" ", "-")


@pytest.fixture(scope="module")
def second_factor() -> Iterator[Any]:
    """Yield the client of the guide, connected to a running service."""
    code = block(APPLICATION, "from urllib", "python")
    module: dict[str, Any] = {}
    exec(code, module)
    with Service(OPEN_MFA_API_KEYS=f"shop:{KEY}") as service:
        yield module["SecondFactor"](service.base, KEY)


def test_the_first_session_of_the_readme_runs_unchanged(tmp_path: Path) -> None:
    enrol, show, verify = re.findall(r"```sh\n(curl .*?)```", SESSION, re.DOTALL)
    samples = [json.loads(sample) for sample in re.findall(r"```json\n(.*?)```", SESSION, re.DOTALL)]
    with Service() as service:

        def run(command: str) -> str:
            command = command.replace("http://127.0.0.1:8080", service.base)
            done = subprocess.run(["bash", "-ec", command], cwd=tmp_path, capture_output=True, text=True, check=True)
            return done.stdout

        enrolled = json.loads(run(enrol))
        run(show)
        code = pyotp.TOTP(enrolled["secret"]).now()
        verify = verify.replace("492 039", f"{code[:3]} {code[3:]}")
        first, second = json.loads(run(verify)), json.loads(run(verify))

    assert (tmp_path / "qr.png").read_bytes().startswith(b"\x89PNG")
    assert first == {"verified": True, "factor": "totp", "status": "confirmed"}
    assert (second["status"], second["reason"]) == (403, "replayed")
    assert [sample.keys() for sample in samples] == [enrolled.keys(), first.keys(), second.keys()]


def test_the_readme_is_short_and_has_no_wide_table() -> None:
    lines = README.splitlines()

    assert len(lines) <= 150
    assert [line for line in lines if line.startswith("|") and len(line) > 120] == []


def test_every_directory_in_the_readme_exists() -> None:
    named = re.findall(r"^(src/\w+|tests|docs|bench|tools|deploy) ", README, re.MULTILINE)

    assert named
    assert [path for path in named if not (ROOT / path).is_dir()] == []


def test_the_application_in_curl_runs_unchanged(tmp_path: Path) -> None:
    commands = block(APPLICATION, "call()")
    with Service(OPEN_MFA_API_KEYS=f"shop:{KEY}") as service:
        script = commands.replace("http://127.0.0.1:8080", service.base)
        first, rest = script.split("call -d", 1)
        environment = {"PATH": os.environ["PATH"], "KEY": KEY}

        def run(part: str, **codes: str) -> str:
            return subprocess.run(
                ["bash", "-ec", part], cwd=tmp_path, env=environment | codes, capture_output=True, text=True, check=True
            ).stdout

        enrolled = json.loads(run(first).splitlines()[0])
        totp = pyotp.TOTP(enrolled["secret"])
        preamble = "\n".join(first.splitlines()[:2])
        now = time.time()
        statuses = run(f"{preamble}\ncall -d{rest}", CODE=totp.at(now), NEXT=totp.at(now + 30))

    assert (tmp_path / "alice.png").read_bytes().startswith(b"\x89PNG")
    assert re.findall(r"^[0-9]{3}$", statuses, re.MULTILINE) == ["200", "201", "200", "200"]


def test_the_commands_create_a_key_and_print_it(tmp_path: Path) -> None:
    commands = block(APPLICATION, "export OPEN_MFA_API_KEYS")
    (paste,) = re.findall(r"`(KEY=)`", APPLICATION)
    port = free_port()
    script = tmp_path / "script"
    commands = commands.replace(".venv/bin/open-mfa", COMMAND)
    script.write_text(commands.replace("make run", f"exec {COMMAND} serve"))
    environment = {
        "OPEN_MFA_ENV": "development",
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "OPEN_MFA_GATE_SHOW_QR": "false",
    }
    process = spawn(["bash", "-eu", str(script)], tmp_path / "log", environment)
    try:
        wait_until(lambda: listens(port), "the service's start", tmp_path / "log")
        (line,) = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith(paste)]
        call = f'{line}; curl -s -H "Authorization: Bearer $KEY" http://127.0.0.1:{port}/api/v1/accounts/alice'
        done = subprocess.run(["bash", "-euc", call], capture_output=True, text=True, check=True)
    finally:
        stop(process)

    assert json.loads(done.stdout)["factors"] == []


def test_the_command_prints_the_newest_of_several_keys(tmp_path: Path) -> None:
    (find,) = re.findall(r"^(echo \"KEY=.*?\") +#", APPLICATION, re.MULTILINE)

    done = subprocess.run(
        ["bash", "-euc", find],
        env={"OPEN_MFA_API_KEYS": "shop:OLD,shop:NEW"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "KEY=NEW\n"


def test_the_application_in_python_runs_unchanged(second_factor: Any) -> None:
    factor = second_factor
    totp = pyotp.TOTP(factor.enrol("alice@example.com")["secret"])
    picture = factor.qr_code("alice@example.com")
    now = time.time()

    assert not factor.is_enrolled("alice@example.com")
    assert picture.startswith(b"\x89PNG")
    assert factor.confirm("alice@example.com", totp.at(now))
    assert factor.is_enrolled("alice@example.com")
    assert not factor.challenge("alice@example.com", totp.at(now))
    assert factor.challenge("alice@example.com", totp.at(now + 30))
    assert factor.challenge("alice@example.com", factor.recovery_codes("alice@example.com")[0])
    assert not factor.challenge("nobody", totp.at(now))
    for no_code in ("", "12345", "my code", "1" * 11, None):
        assert not factor.challenge("alice@example.com", no_code)


def test_the_application_in_python_imports_a_secret(second_factor: Any) -> None:
    secret = pyotp.random_base32()
    account = "imported@example.com"

    assert second_factor.import_totp(account, secret, digits=8)
    assert second_factor.is_enrolled(account)
    assert not second_factor.challenge(account, pyotp.TOTP(secret, digits=8).now())
    assert not second_factor.import_totp(account, secret, digits=8)
    with pytest.raises(requests.HTTPError):
        second_factor.import_totp(account, "not base32")


@pytest.mark.parametrize("account", ["alice smith", "..", ".", "", "a/b", "é", "a" * 256, "a?b", "a#b", "a%2fb"])
def test_the_application_in_python_raises_for_an_invalid_account_id(second_factor: Any, account: str) -> None:
    for ask in (
        lambda: second_factor.challenge(account, "123456"),
        lambda: second_factor.challenge(account, "no code"),
        lambda: second_factor.confirm(account, "123456"),
        lambda: second_factor.is_enrolled(account),
        lambda: second_factor.enrol(account),
        lambda: second_factor.recovery_codes(account),
        lambda: second_factor.qr_code(account),
    ):
        with pytest.raises(requests.HTTPError):
            ask()

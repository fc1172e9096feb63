"""The README says what is true: its settings are the settings, its commands work as they stand."""

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pyotp

from tests.support.service import Service
from tests.support.setting_names import setting_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SESSION = README.partition("## A first session")[2].partition("\n## ")[0]
APPLICATION = README.partition("## Use it from your application")[2].partition("\n## ")[0]
KEY = "an API key of the tests with 40 characters".replace(" ", "-")


def settings_of_the_table() -> set[str]:
    table = README.partition("## Settings")[2].partition("##")[0]
    names = [
        cell for row in re.findall(r"^\|([^|]*)\|", table, re.MULTILINE) for cell in re.findall(r"`([A-Z_]+)`", row)
    ]
    return set(names)


def test_the_table_lists_every_setting_there_is() -> None:
    assert settings_of_the_table() == setting_names()


def test_the_first_session_runs_as_it_is_written(tmp_path: Path) -> None:
    enrol, show, verify = re.findall(r"```sh\n(curl .*?)```", SESSION, re.DOTALL)
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


def test_every_path_that_it_names_exists() -> None:
    named = re.findall(r"^(src/\w+|tests|docs/adr|bench) ", README, re.MULTILINE)

    assert named
    assert [path for path in named if not (ROOT / path).is_dir()] == []


def test_the_application_in_curl_runs_as_it_is_written(tmp_path: Path) -> None:
    (commands,) = re.findall(r"```sh\n(call\(\) .*?)```", APPLICATION, re.DOTALL)
    with Service(OPEN_MFA_API_KEYS=f"shop:{KEY}") as service:
        script = commands.replace("http://127.0.0.1:8080", service.base).replace(
            "curl -s", "curl -s -w '\\n%{http_code}\\n'"
        )
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


def test_the_application_in_python_runs_as_it_is_written() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", APPLICATION, re.DOTALL)
    module: dict[str, Any] = {}
    exec(code, module)
    with Service(OPEN_MFA_API_KEYS=f"shop:{KEY}") as service:
        factor = module["SecondFactor"](service.base, KEY)
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

"""The README says what is true: its settings are the settings, its commands work as they stand."""

import json
import re
import subprocess
from pathlib import Path

import pyotp

from tests.support.service import Service

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def settings_of_the_table() -> set[str]:
    table = README.partition("## Settings")[2].partition("##")[0]
    names = [
        cell for row in re.findall(r"^\|([^|]*)\|", table, re.MULTILINE) for cell in re.findall(r"`([A-Z_]+)`", row)
    ]
    return set(names)


def settings_of_the_code() -> set[str]:
    code = (ROOT / "src/infrastructure/settings.py").read_text()
    return set(re.findall(r'(?:env\.\w+\(\s*|_whole\(env, )"([A-Z_]+)"', code))


def test_the_table_lists_every_setting_there_is() -> None:
    assert settings_of_the_table() == settings_of_the_code()


def test_the_first_session_runs_as_it_is_written(tmp_path: Path) -> None:
    enrol, show, verify = re.findall(r"```sh\n(curl .*?)```", README, re.DOTALL)
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

"""The tutorials work as written."""

import json
import re
import subprocess
from pathlib import Path

import pyotp

from tests.support.command_line import COMMAND
from tests.support.documents import page
from tests.support.service import Service


def test_the_first_session_runs_unchanged(tmp_path: Path) -> None:
    tutorial = page("tutorials/first-session")
    start, *steps = re.findall(r"```sh\n(.*?)```", tutorial, re.DOTALL)
    assert start == "make run\n"
    with Service() as service:

        def run(command: str) -> list[str]:
            script = command.replace("http://127.0.0.1:8080", service.base).replace(".venv/bin/open-mfa", COMMAND)
            done = subprocess.run(
                ["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30
            )
            return done.stdout.splitlines()

        enrol, show, compute, verify, guess, clean_up = steps
        (enrolled,) = run(enrol)
        run(show)
        picture = (tmp_path / "qr.png").read_bytes()
        (code,) = run(compute)
        totp = pyotp.TOTP(json.loads(enrolled)["secret"])
        verify = verify.replace("492 039", f"{code[:3]} {code[3:]}")
        first, second = (json.loads(line) for line in [*run(verify), *run(verify)])
        guesses = [json.loads(line) for line in run(guess)]
        run(clean_up)
        after = service.browser().get(f"{service.api}/session", timeout=5).json()

    assert picture.startswith(b"\x89PNG")
    assert totp.verify(code, valid_window=1)
    assert first == {"verified": True, "factor": "totp", "status": "confirmed"}
    assert (second["status"], second["reason"]) == (403, "replayed")
    assert [each["status"] for each in guesses] == [403] * 5 + [429]
    assert [each.get("attempts_left") for each in guesses] == [4, 3, 2, 1, 0, None]
    assert after["factors"] == []
    assert [*tmp_path.iterdir()] == []

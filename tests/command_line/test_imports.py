"""Commands that need no settings load neither the settings nor the adapters that parse them."""

import subprocess
import sys

import pytest

HEAVY = ("infrastructure.settings", "redis", "limits", "email_validator", "smtplib", "flask", "gunicorn")
PROGRAM = f"""
import sys
from presentation.bootstrap.command_line import main
status = main(sys.argv[1:])
print([name for name in {HEAVY!r} if name in sys.modules])
sys.exit(status)
"""


@pytest.mark.parametrize(
    "arguments", [("code", "totp", "--secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), ("key",)], ids=["code", "key"]
)
def test_a_command_without_settings_loads_no_adapters(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_doctor_loads_its_adapters() -> None:
    environment = {"PATH": "/usr/bin:/bin", "OPEN_MFA_ENV": "development"}
    command = [sys.executable, "-c", PROGRAM, "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    assert "'infrastructure.settings', 'redis', 'limits'" in done.stdout.splitlines()[-1]

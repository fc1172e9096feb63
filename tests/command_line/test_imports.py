"""Commands load only what they need: no settings or adapters without settings, and no web framework with a store."""

import subprocess
import sys

import pytest

from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS

HEAVY = (
    "infrastructure.settings",
    "redis",
    "limits",
    "email_validator",
    "smtplib",
    "flask",
    "marshmallow",
    "flasgger",
    "gunicorn",
)
AUDIT_LINE = '{"time":"2026-11-28T01:02:03.456Z","logger":"open_mfa.audit","message":"judged","account":"alice"}'
PROGRAM = f"""
import sys
from presentation.bootstrap.command_line import main
status = main(sys.argv[1:])
print([name for name in {HEAVY!r} if name in sys.modules])
sys.exit(status)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("code", "totp", "--secret", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
        ("key",),
        ("api-key", "new", "--id", "web", "--scope", "verify"),
        ("audit", "search", "--account", "alice", "/dev/stdin"),
    ],
    ids=["code", "key", "api-key", "audit search"],
)
def test_a_command_without_settings_loads_no_adapters(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, input=AUDIT_LINE, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_the_doctor_loads_its_adapters() -> None:
    environment = {"PATH": "/usr/bin:/bin", "OPEN_MFA_ENV": "development"}
    command = [sys.executable, "-c", PROGRAM, "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    assert "'infrastructure.settings', 'redis', 'limits'" in done.stdout.splitlines()[-1]


def test_a_command_with_a_store_loads_no_web_framework(redis_server: RedisServer) -> None:
    environment = SETTINGS | {"OPEN_MFA_REDIS_URL": redis_server.url, "OPEN_MFA_API_KEYS": f"shop:{'k' * 32}"}
    command = [sys.executable, "-c", PROGRAM, "account", "show", "alice"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)

    assert done.stdout.splitlines()[-1] == "['infrastructure.settings', 'redis', 'limits', 'smtplib']"

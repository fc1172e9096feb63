"""The command line, as it is called."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("open-mfa"))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = {"PATH": "/usr/bin:/bin"}
    return subprocess.run([COMMAND, *arguments], env=path | environment, capture_output=True, text=True, check=False)


def test_serve_without_settings_names_them_and_ends() -> None:
    done = run("serve")

    assert done.returncode == 1
    assert "OPEN_MFA_SECRET_KEY" in done.stderr
    assert "OPEN_MFA_ENCRYPTION_KEYS" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_wrong_usage() -> None:
    assert run("dance").returncode == 2


def test_no_command_is_wrong_usage() -> None:
    assert run().returncode == 2


def test_help_lists_the_commands() -> None:
    done = run("--help")

    assert done.returncode == 0
    assert "serve" in done.stdout


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout.strip() == f"open-mfa {version('open-mfa')}"

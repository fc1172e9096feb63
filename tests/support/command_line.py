"""`open-mfa`, run as a process or, faster, in this process."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from presentation.bootstrap.command_line import main

COMMAND = str(Path(sys.executable).with_name("open-mfa"))
MISSING_OATHTOOL = (
    "oathtool is not installed, so no code was compared with another program's (Debian: apt-get install oathtool)"
)


def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process, with only these environment variables."""
    path = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [COMMAND, *arguments], env=path | environment, input=stdin, capture_output=True, text=True, check=False
    )


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, without standard input. It takes a twentieth of the time."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else -1
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def printed(*arguments: str) -> str:
    """Return the output of a command that must succeed, run in this process."""
    done = called(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def has_oathtool() -> bool:
    return shutil.which("oathtool") is not None


def require_oathtool() -> None:
    """Fail the test in CI and skip it elsewhere, if oathtool is not installed."""
    if has_oathtool():
        return
    if os.environ.get("CI"):
        pytest.fail(MISSING_OATHTOOL, pytrace=False)
    pytest.skip(MISSING_OATHTOOL)

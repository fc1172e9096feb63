"""Guides whose commands run, and authenticators whose secrets they import."""

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.presentation.api import API_KEYS, Account
from tests.support.command_line import COMMAND, require_oathtool
from tests.support.documents import block, page, rows
from tests.support.fakes import FakeClock
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS

KEY = bytes.fromhex("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334")
OTHER_KEY = bytes.fromhex("00112233445566778899aabbccddeeff01234567")
LONG_KEY = bytes(range(32))
WEAK_KEY = bytes(range(10))
MISSING_JQ = "jq is not installed, so no guide to migrate was tested (Debian: apt-get install jq)"


def require_programs() -> None:
    """Fail the test in CI and skip it elsewhere, if oathtool or jq is not installed."""
    require_oathtool()
    if shutil.which("jq") is not None:
        return
    if os.environ.get("CI"):
        pytest.fail(MISSING_JQ, pytrace=False)
    pytest.skip(MISSING_JQ)


class Guide:
    """A page whose commands run in a directory, with stand-ins for the programs of the other system."""

    def __init__(self, name: str, directory: Path, server: RedisServer) -> None:
        require_programs()
        with server.client() as client:
            client.flushall()
        self.text = page(f"how-to/{name}")
        self.directory = directory
        self.server = server
        self.started = int(time.time())
        self._programs = directory / "bin"
        self._programs.mkdir()

    def save(self, beginning: str, name: str) -> None:
        """Save a script of the page, as its reader does."""
        self.write(name, block(self.text, beginning, "python"))

    def write(self, name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        (self.directory / name).write_bytes(data)

    def read(self, name: str) -> str:
        return (self.directory / name).read_text()

    def stand_in(self, program: str, script: str) -> None:
        """Replace a program of the other system. The script is in Python and runs in the guide's directory."""
        path = self._programs / program
        path.write_text(f"#!{sys.executable}\nimport sys\nfrom pathlib import Path\n{script}")
        path.chmod(0o755)

    def run(self, beginning: str, status: int = 0) -> str:
        """Run the commands of a block, and return their output. The status is that of the last one."""
        script = block(self.text, beginning)
        script = script.replace(".venv/bin/open-mfa", COMMAND).replace(".venv/bin/python", sys.executable)
        environment = SETTINGS | {
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "OPEN_MFA_REDIS_URL": self.server.url,
            "OPEN_MFA_API_KEYS": ",".join(f"{name}:{key}" for name, key in API_KEYS.items()),
        }
        done = subprocess.run(
            ["bash", "-uo", "pipefail", "-c", script],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout

    def imported(self, beginning: str, status: int = 0) -> str:
        """Run the import, first as a dry run, and return the result."""
        dry, result = self.run(beginning, status).splitlines()
        assert dry.replace("would be imported", "imported") == result
        return result.partition(": ")[2]

    def refused(self) -> dict[str, str]:
        """Return the reasons of the refused records by their place. Fail if the page does not explain one of them."""
        with (self.directory / "refused.csv").open(newline="") as stream:
            reasons = {row["place"]: row["reason"] for row in csv.DictReader(stream)}
        table = self.text[self.text.index("| reason |") :]
        explained = [each for row in rows(table) for each in row[0].split(", ")]
        patterns = [re.escape(text).replace("…", ".*") for text in explained]
        for reason in reasons.values():
            assert any(re.match(pattern, reason) for pattern in patterns), f"the page does not explain: {reason}"
        return reasons


@dataclass(frozen=True)
class Authenticator:
    """An authenticator, with codes of oathtool. It has a counter (HOTP) or a period (TOTP)."""

    key: bytes
    digits: int = 6
    algorithm: str = "sha1"
    period: int = 30

    def totp(self, at: int) -> str:
        return self._code(f"--totp={self.algorithm}", f"--time-step-size={self.period}s", f"--now=@{at}")

    def hotp(self, counter: int) -> str:
        return self._code("--hotp", f"--counter={counter}")

    def _code(self, *options: str) -> str:
        command = ["oathtool", *options, f"--digits={self.digits}", "-"]
        done = subprocess.run(command, input=self.key.hex(), capture_output=True, text=True, check=True)
        return done.stdout.strip()


def answer(account: Account, code: str) -> str:
    """Return `accepted`, or the reason for which a challenge refuses a code."""
    response = account.post("challenge", {"code": code})
    return "accepted" if response.status_code == 200 else str(response.get_json()["reason"])


def check_totp(guide: Guide, name: str, authenticator: Authenticator, drift: int = 0) -> None:
    """Assert that no code is good in both systems, and that later codes are accepted.

    `drift` is the number of time steps by which the clock of the authenticator is ahead.
    """
    clock = FakeClock(guide.started)
    account = Account(guide.server.service_client(), clock).named(name)
    ahead = drift * authenticator.period
    shown = [authenticator.totp(clock.time + ahead + step * authenticator.period) for step in (-1, 0, 1)]

    assert [answer(account, code) for code in shown] == ["replayed"] * 3, name
    # All time steps up to now are spent, also those that an authenticator whose clock is behind has not reached.
    clock.advance((3 + max(0, -drift)) * authenticator.period)
    assert answer(account, authenticator.totp(clock.time + ahead)) == "accepted", name
    assert answer(account, authenticator.totp(clock.time + ahead)) == "replayed", name


def check_hotp(guide: Guide, name: str, authenticator: Authenticator, counter: int) -> None:
    """Assert that the codes before a counter are spent, and that its code is accepted once."""
    account = Account(guide.server.service_client(), FakeClock(guide.started)).named(name)

    assert answer(account, authenticator.hotp(counter - 1)) == "replayed", name
    assert answer(account, authenticator.hotp(counter)) == "accepted", name
    assert answer(account, authenticator.hotp(counter)) == "replayed", name

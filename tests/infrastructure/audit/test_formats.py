"""Lines keep their codes through the formats of journald, Docker, Kubernetes, Compose and CloudWatch."""

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.infrastructure.audit.trail import Process, kinds, verified

LINES = [line.decode().rstrip("\n") for line in Process().write(5, account='jürgen "x" \\ \t 🔑').lines]
TIME = "2026-11-28T03:40:00.000000000Z"


def docker(line: str) -> str:
    return json.dumps({"log": f"{line}\n", "stream": "stderr", "time": TIME})


def cri(line: str) -> str:
    return f"{TIME} stderr F {line}"


def cri_in_two_parts(line: str) -> str:
    return f"{TIME} stderr P {line[:100]}\n{TIME} stderr F {line[100:]}"


def compose(line: str) -> str:
    return f"app-1  | {line}"


def journal_json(line: str) -> str:
    return json.dumps({"__CURSOR": "s=1", "_SYSTEMD_UNIT": "open-mfa.service", "PRIORITY": "6", "MESSAGE": line})


def journal_short(line: str) -> str:
    return f"Nov 28 03:40:00 host open-mfa[42]: {line}"


def journal_export(line: str) -> str:
    return f"__CURSOR=s=1\n_SYSTEMD_UNIT=open-mfa.service\nMESSAGE={line}\n"


def cloudwatch(line: str) -> str:
    return f"2026-11-28T03:40:00.000Z {line}"


FORMATS = [str, docker, cri, cri_in_two_parts, compose, journal_json, journal_short, journal_export, cloudwatch]


@pytest.mark.parametrize("wrapped", FORMATS)
def test_lines_keep_their_codes(wrapped: Callable[[str], str]) -> None:
    content = "".join(f"{wrapped(line)}\n" for line in LINES).encode()
    assert verified(content).is_intact
    assert verified(content).lines == len(LINES)
    assert verified(gzip.compress(content)).is_intact
    changed = content.replace(b"2026-11-28T03:20:01", b"2026-11-28T03:20:02", 1)
    assert changed != content
    assert "changed" in kinds(verified(changed))


@pytest.mark.parametrize("wrapped", FORMATS)
def test_a_removed_line_is_found_in_every_format(wrapped: Callable[[str], str]) -> None:
    content = "".join(f"{wrapped(line)}\n" for line in (*LINES[:2], *LINES[3:])).encode()
    assert kinds(verified(content)) == {"gap"}


@pytest.mark.skipif(shutil.which("journalctl") is None, reason="no journalctl")
@pytest.mark.parametrize("output", ["json", "short", "short-iso", "cat", "export"])
def test_lines_keep_their_codes_through_the_real_journal(output: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    journal = tmp_path_factory.mktemp("journal") / "open-mfa.journal"
    remote = shutil.which("systemd-journal-remote", path="/usr/lib/systemd:/lib/systemd:/usr/bin")
    if remote is None:
        pytest.skip("no systemd-journal-remote, which writes a journal without a system")
    entries = "".join(
        f"__REALTIME_TIMESTAMP={1_795_836_000_000_000 + number}\n__MONOTONIC_TIMESTAMP={number + 1}\n"
        f"_BOOT_ID={'0' * 31}1\n_HOSTNAME=host\nSYSLOG_IDENTIFIER=open-mfa\nMESSAGE={line}\n\n"
        for number, line in enumerate(LINES)
    )
    subprocess.run([remote, "-o", str(journal), "-"], input=entries, text=True, check=True, capture_output=True)
    content = subprocess.run(
        ["journalctl", "--file", str(journal), "-o", output, "--no-pager"], check=True, capture_output=True
    ).stdout
    assert verified(content).is_intact
    assert verified(content).lines == len(LINES)

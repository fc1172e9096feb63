"""The commands of the guides to the audit trail run unchanged, and each finds the lines that its question is about."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.command_line.audit_trail import judged, sample
from tests.support.command_line import COMMAND
from tests.support.documents import page, section

GUIDE = page("how-to/search-the-audit-trail")
QUESTIONS = re.findall(
    r"^(open-mfa audit search .* (?:service\.)?log)$", section(GUIDE, "Questions and commands"), re.MULTILINE
)
LOOK_UP = re.findall(r"^(open-mfa audit search .* log)$", page("how-to/look-something-up"), re.MULTILINE)
FOUND = {
    "--event locked": "locked",
    "--outcome accepted": "accepted",
    "--count-by address": "203.0.113.7",
    "--count-by account": "alice@example.com",
    "--count-by event": "judged",
    "--event removed": "removed",
    "--outcome replayed": "replayed",
    "--account alice@example.com": "alice@example.com",
    "--request-id": "5f0c",
    "--since 02:00 --until 04:00": "night",
}
"""A part of each command, and a part of what it must find. The first one that fits counts."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    now = datetime.now(UTC)
    two = now.replace(hour=2, minute=0, second=0, microsecond=0)
    last_two = two if two < now else two - timedelta(days=1)
    lines = [judged(now - timedelta(days=30), account="former", reason="wrong"), *sample(now)]
    lines += [judged(last_two, account="night", key="web"), judged(now, request_id="5f0c…", key="other")]
    for name in ("log", "service.log", "service.log.1.gz"):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "open-mfa").symlink_to(COMMAND)
    return tmp_path


def output(command: str, directory: Path) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=directory,
        env={"PATH": f"{directory}:/usr/bin:/bin", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout


def test_the_guide_has_the_questions() -> None:
    assert (len(QUESTIONS), len(LOOK_UP)) == (10, 3)


@pytest.mark.parametrize("command", [*QUESTIONS, *LOOK_UP])
def test_each_command_finds_what_its_question_is_about(command: str, directory: Path) -> None:
    expected = next(found for part, found in FOUND.items() if part in command)

    printed = output(command, directory)

    assert expected in printed
    assert "former" not in printed


def test_a_log_can_be_piped_to_the_command(directory: Path) -> None:
    (follow,) = re.findall(r"^tail .*$", GUIDE, re.MULTILINE)

    assert "replayed" in output(follow.replace(" -f ", " "), directory)
    assert "accepted" in output("cat log | open-mfa audit search", directory)

"""The command line has help for each command, and its errors repeat no secret."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from infrastructure.settings.parsers import random_api_key
from tests.command_line.audit_trail import sample
from tests.support.command_line import COMMAND, called, run

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NEED_SETTINGS = {"serve": 1, "reseal": 1, "account": 1, "doctor": 1, "import": 1, "export": 1, "audit anchors": 1} | {
    "audit verify": 2
}
"""The commands that need settings, and their exit status without them."""
COMMANDS = [
    [],
    ["serve"],
    ["code"],
    ["code", "totp"],
    ["code", "hotp"],
    ["uri"],
    ["uri", "totp"],
    ["uri", "hotp"],
    ["qr"],
    ["key"],
    ["reseal"],
    ["account"],
    ["account", "show"],
    ["account", "unlock"],
    ["account", "list"],
    ["account", "delete"],
    ["import"],
    ["export"],
    ["audit"],
    ["audit", "search"],
    ["audit", "verify"],
    ["audit", "anchors"],
    ["audit", "new-keys"],
    ["api-key"],
    ["api-key", "new"],
    ["api-key", "check"],
    ["tenants"],
    ["tenants", "check"],
    ["doctor"],
]
WRONG = {
    "a secret instead of a command": [SECRET],
    "a secret instead of a kind": ["code", SECRET],
    "a secret without its option": ["code", "totp", "--key", "x", SECRET],
    "a misspelt option": ["code", "totp", "--key", "x", f"--secert={SECRET}"],
    "an abbreviated option": ["code", "totp", "--key", "x", f"--sec={SECRET}"],
    "a value for an option without one": ["code", "totp", f"--help={SECRET}"],
    "a secret that is not base32": ["code", "totp", "--secret", f"{SECRET}1"],
    "a secret that is too short": ["uri", "totp", "--label", "alice", "--secret", SECRET[:16]],
    "a secret instead of a number": ["code", "totp", "--key", "x", "--digits", SECRET],
    "no URI": ["code", "totp", "--uri", f"otpauth:{SECRET}"],
    "a URI that can't be parsed": ["code", "totp", "--uri", f"otpauth://[totp?secret={SECRET}"],
    "a URI with a bad secret": ["code", "totp", "--uri", f"otpauth://totp/a?secret={SECRET}1"],
    "a URI with a bad parameter": ["code", "totp", "--uri", f"otpauth://totp/a?secret={SECRET}&digits=11"],
    "a URI of the other kind": ["code", "totp", "--uri", f"otpauth://hotp/a?secret={SECRET}&counter=1"],
    "two secrets": ["code", "totp", "--key", SECRET, "--secret", SECRET],
    "no secret": ["code", "totp"],
    "an empty secret": ["code", "totp", "--key", ""],
    "no counter": ["code", "hotp", "--secret", SECRET],
    "a user without a server secret": ["code", "totp", "--key", SECRET, "--user-id", "1"],
    "a server secret without a user": ["code", "totp", "--server-secret", SECRET],
    "a picture of an unknown kind": ["qr", SECRET, "-o", "picture.gif"],
    "a label with a colon": ["uri", "totp", "--label", "a:b"],
    "an unusable id": ["key", "--id", "a key"],
    "no command": [],
}


def test_serve_without_settings_names_them_and_exits() -> None:
    done = run("serve")

    assert done.returncode == 1
    assert "OPEN_MFA_SECRET_KEY" in done.stderr
    assert "OPEN_MFA_ENCRYPTION_KEYS" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_prints_one_line_that_repeats_no_secret(arguments: list[str]) -> None:
    done = called(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "--help" in done.stderr
    assert SECRET not in done.stderr


def test_a_misspelt_option_is_named() -> None:
    assert "--secert" in called("code", "totp", "--key", "x", f"--secert={SECRET}").stderr


def test_a_missing_file_is_refused_without_its_name_which_may_be_a_secret() -> None:
    done = called("code", "totp", "--key", f"@{SECRET}")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "No such file" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_a_sentence_and_an_example(command: list[str]) -> None:
    done = called(*command, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {' '.join(['open-mfa', *command])} ")
    assert done.stdout.split("\n\n")[1].endswith(".")
    examples = re.findall(r"^  open-mfa (.+)$", done.stdout.partition("examples:\n")[2], re.MULTILINE)
    assert all(each.split()[: len(command)] == command or " | open-mfa " in each for each in examples)
    assert examples


def test_help_lists_every_command_in_the_tests_above() -> None:
    listed = re.findall(r"^    ([a-z-]+) ", called("--help").stdout, re.MULTILINE)

    assert sorted(listed) == sorted(command[0] for command in COMMANDS if len(command) == 1)


def test_the_version_is_that_of_the_package() -> None:
    assert called("--version").stdout.strip() == f"open-mfa {version('open-mfa')}"


def test_wrong_usage_is_the_exit_status_of_the_process() -> None:
    assert run("dance").returncode == 2


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_example_in_the_help_is_accepted(command: list[str], tmp_path: Path) -> None:
    key = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    for name in ("secret.txt", "serversecret", "key.txt", "export.jsonl"):
        (tmp_path / name).write_text(key)
    kind = "hotp" if "hotp" in command else "totp"
    (tmp_path / "web.key").write_text(random_api_key())
    (tmp_path / "tenants.toml").write_text('[shop]\nissuer = "Shop"\n')
    (tmp_path / "uri.txt").write_text(f"otpauth://{kind}/alice?secret={SECRET}&counter=1")
    for name in ("service.log", "service.log.1.gz"):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in sample(datetime.now(UTC))))
    (tmp_path / "open-mfa").symlink_to(COMMAND)
    examples = re.findall("^  (open-mfa .+)$", called(*command, "--help").stdout, re.MULTILINE)

    for example in examples:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", example],
            # An example with "-" reads standard input, which pytest replaces by an empty file.
            input=key,
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        needing = [status for name, status in NEED_SETTINGS.items() if example.startswith(f"open-mfa {name}")]
        if example.endswith("--help"):
            needing = []
        assert done.returncode == (needing[0] if needing else 0), done.stderr
        assert "usage:" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--version"], ["code", "totp", "--key", "x"], ["key"], ["uri", "totp", "--label", "a"]], ids=" ".join
)
def test_a_command_without_a_store_loads_no_server_and_no_redis_client(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from presentation.bootstrap.command_line import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print({'flask', 'gunicorn', 'marshmallow', 'redis'} & sys.modules.keys(), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)

    assert done.stderr == "set()\n"

"""`open-mfa api-key` creates keys that the service accepts, and checks them."""

import os
import pty
import stat
import subprocess
import termios
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.api_key import Scope, digest_of
from domain.api_key_format import is_well_formed
from infrastructure.tenants.tenants_file import TenantsFile
from tests.support.command_line import COMMAND, called, run
from tests.support.processes import wait_until

NEW = ("api-key", "new", "--id", "web", "--scope", "verify")
OTHER_FORMAT = "k" * 32


def new(*options: str) -> subprocess.CompletedProcess[str]:
    done = called(*NEW, *options)
    assert done.returncode == 0, done.stderr
    return done


def test_standard_output_contains_only_the_key() -> None:
    done = new("--tenant", "shop")

    key = done.stdout.removesuffix("\n")
    assert is_well_formed(key)
    assert key not in done.stderr


def test_each_key_is_new() -> None:
    assert new().stdout != new().stdout


def test_standard_error_is_a_tenants_file_with_the_digest_of_the_key() -> None:
    done = new("--tenant", "shop", "--expires", "2035-06-30")

    assert tomllib.loads(done.stderr) == {
        "shop": {
            "keys": [
                {
                    "id": "web",
                    "sha256": digest_of(done.stdout.strip()).hex(),
                    "scopes": ["verify"],
                    "expires": date(2035, 6, 30),
                }
            ]
        }
    }


@pytest.mark.parametrize("tenant", ["shop", "a.b-c_D", "7", "-", "."])
@pytest.mark.parametrize("scope", Scope)
def test_the_service_reads_the_lines(tenant: str, scope: Scope) -> None:
    done = called("api-key", "new", "--id", "a.b-c_D", "--scope", scope, "--tenant", tenant)

    (key,) = TenantsFile.parse(done.stderr).tables[tenant].keys
    assert (key.key.id, key.key.digest, key.key.scope) == ("a.b-c_D", digest_of(done.stdout.strip()), scope)


def test_lines_can_be_appended_to_a_tenants_file() -> None:
    lines = new("--tenant", "shop").stderr + called(*NEW[:3], "batch", *NEW[4:], "--tenant", "shop").stderr

    assert [key.key.id for key in TenantsFile.parse(f'[shop]\nissuer = "Shop"\n{lines}').tables["shop"].keys] == [
        "web",
        "batch",
    ]


def test_without_a_tenant_the_lines_name_none() -> None:
    assert tomllib.loads(new().stderr).keys() == {"id", "sha256", "scopes"}


def test_with_a_file_the_key_is_only_in_it_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    done = new("--tenant", "shop", "-o", str(tmp_path / "web.key"))

    key = (tmp_path / "web.key").read_text().removesuffix("\n")
    assert stat.S_IMODE((tmp_path / "web.key").stat().st_mode) == 0o600
    assert key not in done.stdout + done.stderr
    assert TenantsFile.parse(done.stdout).tables["shop"].keys[0].key.digest == digest_of(key)
    assert done.stderr == ""


def test_a_file_that_exists_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "web.key"
    file.write_text("the key of yesterday")

    done = called(*NEW, "-o", str(file))

    assert (done.returncode, done.stdout) == (1, "")
    assert file.read_text() == "the key of yesterday"


def test_a_number_of_days_counts_from_today_in_utc() -> None:
    before = datetime.now(UTC).date()
    expires = tomllib.loads(new("--expires", "90d").stderr)["expires"]

    assert before + timedelta(90) <= expires <= datetime.now(UTC).date() + timedelta(90)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--expires", "2020-01-01"],
        ["--expires", "0d"],
        ["--expires", "9999d"],
        ["--expires", "soon"],
        ["--expires", "90"],
        ["--scope", "admin"],
        ["--id", ""],
        ["--id", "a b"],
        ["--id", 'a"b'],
        ["--id", "a" * 33],
        ["--tenant", "a/b"],
        ["--tenant", ""],
    ],
)
def test_a_key_that_the_service_would_refuse_is_wrong_usage(wrong: list[str]) -> None:
    done = called(*NEW, *wrong)

    assert (done.returncode, done.stdout) == (2, "")


def check(text: str) -> subprocess.CompletedProcess[str]:
    return run("api-key", "check", stdin=text)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "  "])
def test_a_key_is_well_formed_and_its_digest_is_that_of_the_tenants_file(ending: str) -> None:
    created = new()

    done = check(f"{created.stdout.strip()}{ending}")

    verdict, digest = done.stdout.splitlines()
    assert (done.returncode, verdict) == (0, "well-formed: the checksum is right")
    assert digest in created.stderr.splitlines()


def test_a_key_in_another_format_has_no_checksum() -> None:
    done = check(OTHER_FORMAT)

    assert done.returncode == 0
    assert done.stdout.startswith("in another format")
    assert digest_of(OTHER_FORMAT).hex() in done.stdout


@pytest.mark.parametrize(
    ("text", "verdict"), [("omfa_" + "x" * 38, "mistyped"), ("omfa_", "mistyped"), ("k" * 31, "too short")]
)
def test_a_key_that_is_mistyped_or_too_short_is_refused_without_a_digest(text: str, verdict: str) -> None:
    done = check(text)

    assert done.returncode == 1
    assert done.stdout.startswith(verdict)
    assert "sha256" not in done.stdout


def test_no_output_repeats_a_key() -> None:
    for text in (new().stdout.strip(), OTHER_FORMAT, "omfa_" + "x" * 38):
        done = check(text)
        assert text not in done.stdout + done.stderr


@pytest.mark.parametrize("text", ["", "\n"])
def test_a_missing_key_is_refused(text: str) -> None:
    done = check(text)

    assert (done.returncode, done.stdout) == (1, "")


def test_a_terminal_does_not_show_the_key_that_is_typed() -> None:
    key = new().stdout.strip()
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "api-key", "check"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wait_until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, "the prompt", patience=10)
        os.write(keyboard, f"{key}\n".encode())
        printed, prompt = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(terminal)
        os.close(keyboard)

    assert prompt.startswith(b"API key: ")
    assert printed.startswith(b"well-formed")
    assert key.encode() not in printed + prompt


def test_lines_can_be_appended_to_a_file_without_a_line_break_at_its_end(tmp_path: Path) -> None:
    lines = new("--tenant", "shop", "-o", str(tmp_path / "web.key")).stdout

    assert [key.key.id for key in TenantsFile.parse(f'[shop]\nissuer = "Shop"{lines}').tables["shop"].keys] == ["web"]

"""The command line, as it is called: its commands, its help, and how it says that something is wrong."""

from importlib.metadata import version

import pytest

from tests.support.command_line import called, run

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
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
    ["doctor"],
]
WRONG = {
    "a secret where a command belongs": [SECRET],
    "a secret where a kind belongs": ["code", SECRET],
    "a secret without its option": ["code", "totp", "--key", "x", SECRET],
    "an option misspelt": ["code", "totp", "--key", "x", f"--secert={SECRET}"],
    "an option cut short": ["code", "totp", "--key", "x", f"--sec={SECRET}"],
    "a value for what takes none": ["code", "totp", f"--help={SECRET}"],
    "a secret that is not base32": ["code", "totp", "--secret", f"{SECRET}1"],
    "a secret that is too short": ["uri", "totp", "--label", "alice", "--secret", SECRET[:16]],
    "a secret for a number": ["code", "totp", "--key", "x", "--digits", SECRET],
    "a URI that is none": ["code", "totp", "--uri", f"otpauth:{SECRET}"],
    "a URI that can't be taken apart": ["code", "totp", "--uri", f"otpauth://[totp?secret={SECRET}"],
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


def test_serve_without_settings_names_them_and_ends() -> None:
    done = run("serve")

    assert done.returncode == 1
    assert "OPEN_MFA_SECRET_KEY" in done.stderr
    assert "OPEN_MFA_ENCRYPTION_KEYS" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_told_in_one_line_that_repeats_no_secret(arguments: list[str]) -> None:
    done = called(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "--help" in done.stderr
    assert SECRET not in done.stderr


def test_a_misspelt_option_is_named() -> None:
    assert "--secert" in called("code", "totp", "--key", "x", f"--secert={SECRET}").stderr


def test_a_file_that_is_not_there_is_refused_without_repeating_what_may_be_a_secret() -> None:
    done = called("code", "totp", "--key", f"@{SECRET}")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "No such file" in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_there_is_help_everywhere(command: list[str]) -> None:
    done = called(*command, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: {' '.join(['open-mfa', *command])} ")
    # More than the usage and the options: a sentence that says what it does.
    assert done.stdout.split("\n\n")[1].endswith(".")


def test_help_lists_the_commands() -> None:
    listed = called("--help").stdout

    assert [name for (name,) in filter(lambda path: len(path) == 1, COMMANDS) if f"    {name} " not in listed] == []


def test_the_version_is_the_packages() -> None:
    assert called("--version").stdout.strip() == f"open-mfa {version('open-mfa')}"


def test_wrong_usage_is_the_exit_status_of_the_process() -> None:
    assert run("dance").returncode == 2

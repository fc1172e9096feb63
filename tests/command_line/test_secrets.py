"""A secret from standard input or a file is not visible to other processes."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.domain.test_rfc_vectors import RFC_4226, RFC_4226_SEED
from tests.support.command_line import COMMAND, called, run
from tests.support.processes import wait_until

KEY = RFC_4226_SEED.decode()
HOTP = ["code", "hotp", "--counter", "0", "--key"]


def seen(pid: int) -> bytes:
    """Return what other processes can read: the arguments, and with the same user also the environment."""
    return b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))


def through_standard_input(_directory: Path) -> tuple["subprocess.Popen[bytes]", Callable[[], object]]:
    process = subprocess.Popen([COMMAND, *HOTP, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    return process, lambda: process.stdin.write(f"{KEY}\n".encode())


def through_a_file(directory: Path) -> tuple["subprocess.Popen[bytes]", Callable[[], object]]:
    """Use a named pipe, so that the process is still running while the test inspects it."""
    file = directory / "key"
    os.mkfifo(file)
    process = subprocess.Popen([COMMAND, *HOTP, f"@{file}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return process, lambda: file.write_text(f"{KEY}\n")


@pytest.mark.parametrize("start", [through_standard_input, through_a_file])
def test_the_process_list_shows_no_secret(
    start: Callable[[Path], tuple["subprocess.Popen[bytes]", Callable[[], object]]], tmp_path: Path
) -> None:
    process, tell = start(tmp_path)

    # At first, a process has no arguments.
    wait_until(lambda: b"--counter" in seen(process.pid), "the command's start")
    before = seen(process.pid)
    tell()
    printed, _ = process.communicate(timeout=30)

    assert KEY.encode() not in before
    assert printed.decode().strip() == RFC_4226[0]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_end_of_the_line_does_not_belong_to_the_secret(end: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(f"{KEY}{end}".encode())

    assert called(*HOTP, f"@{file}").stdout.strip() == RFC_4226[0]


def test_a_file_may_hold_a_key_of_any_bytes(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(128, 160)))
    (tmp_path / "same").write_text("QCAYFA4EQWDIPCEJRKFYZDMOR6IJDEUTSSKZNF4YTGNJXHE5T2PQ====")

    raw = called(*HOTP, f"@{tmp_path / 'key'}")
    base32 = called("code", "hotp", "--counter", "0", "--secret", f"@{tmp_path / 'same'}")

    assert raw.returncode == base32.returncode == 0
    assert raw.stdout == base32.stdout


@pytest.mark.parametrize("command", [["code", "totp", "--uri"], ["qr"]])
def test_a_uri_that_is_not_utf_8_is_wrong_usage(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "uri").write_bytes(b"otpauth://totp/\xff")

    done = called(*command, f"@{tmp_path / 'uri'}")

    assert done.returncode == 2
    assert "must be UTF-8" in done.stderr


@pytest.mark.parametrize("option", ["--secret", "--key", "--uri", "--server-secret"])
def test_an_empty_standard_input_is_wrong_usage(option: str) -> None:
    done = run("code", "totp", option, "-")

    assert done.returncode == 2
    assert "must not be empty" in done.stderr

"""The QR code of `open-mfa qr` can be scanned."""

from pathlib import Path

import pytest

from tests.support import pictures
from tests.support.command_line import COMMAND, called, printed, run
from tests.support.terminal import printed_on_terminal, qr_text

URI = "otpauth://totp/Example%20%26%20Co:alice%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&period=30"


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_a_terminal_shows_a_black_on_white_code_in_both_themes(dark: bool) -> None:
    assert qr_text(printed_on_terminal([COMMAND, "qr", URI]), dark=dark) == URI


def test_without_colours_the_code_is_inverted_on_a_light_terminal() -> None:
    blocks = printed("qr", URI)

    assert "\x1b" not in blocks
    assert qr_text(blocks, dark=True) == URI
    assert qr_text(blocks, dark=False) is None
    assert qr_text(blocks, dark=False, inverted=True) == URI


def test_the_code_fits_a_window_of_80_columns() -> None:
    assert max(map(len, printed("qr", URI).splitlines())) <= 80


def test_a_png_can_be_scanned(tmp_path: Path) -> None:
    printed("qr", URI, "-o", str(tmp_path / "code.PNG"))

    assert pictures.qr_text((tmp_path / "code.PNG").read_bytes()) == URI


def test_an_svg_has_the_type_svg(tmp_path: Path) -> None:
    printed("qr", URI, "-o", str(tmp_path / "code.svg"))

    assert b"<svg" in (tmp_path / "code.svg").read_bytes()


def test_only_the_owner_can_read_the_picture(tmp_path: Path) -> None:
    printed("qr", URI, "-o", str(tmp_path / "code.png"))

    assert (tmp_path / "code.png").stat().st_mode & 0o077 == 0


def test_the_uri_can_be_piped_from_another_command() -> None:
    assert qr_text(run("qr", "-", stdin=f"{URI}\n").stdout, dark=True) == URI


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("totp", ["--label", "alice", "--interval", "60", "--digest", "sha256"]),
        ("hotp", ["--label", "alice", "--counter", "7", "--digits", "8", "--issuer", "Example & Co"]),
    ],
)
def test_qr_builds_the_same_uri_as_the_command_uri(kind: str, arguments: list[str]) -> None:
    arguments = [*arguments, "--key", "a secret that is not base32"]

    assert qr_text(printed("qr", kind, *arguments), dark=True) == printed("uri", kind, *arguments)


def test_a_key_alone_is_a_totp_secret() -> None:
    text = qr_text(printed("qr", "--key", "12345678901234567890"), dark=True)

    assert text is not None
    assert text.startswith("otpauth://totp/Open-MFA:account?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&")


@pytest.mark.parametrize("wrong", [[], ["totp", "--key", "short"], [URI, "--key", "12345678901234567890"]])
def test_either_a_uri_or_a_secret_is_required(wrong: list[str]) -> None:
    assert called("qr", *wrong).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "environment", "what"),
    [
        (["x" * 3000], {}, "too long"),
        (["x", "-o", "/nowhere/code.png"], {}, "No such file"),
        (["x"], {"PYTHONIOENCODING": "latin-1"}, "encoding"),
    ],
)
def test_a_code_that_cannot_be_drawn_is_refused(arguments: list[str], environment: dict[str, str], what: str) -> None:
    done = run("qr", *arguments, **environment)

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert what in done.stderr

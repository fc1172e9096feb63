"""PSKC files on the command line: with a key, a passphrase, the wrong ones, and an export that is imported again."""

import json
from pathlib import Path

import pytest

from tests.command_line.test_import import account_of, count, environment
from tests.infrastructure.migration.pskc.documents import container, package
from tests.infrastructure.migration.pskc.test_rfc_figures import FIGURE_6, FIGURE_7_HEAD, FIGURE_7_SECRET, KEY
from tests.support.command_line import run
from tests.support.redis_server import RedisServer

FIGURE_7 = container(package(secret=FIGURE_7_SECRET), head=FIGURE_7_HEAD)


@pytest.fixture
def settings(redis_server: RedisServer) -> dict[str, str]:
    with redis_server.client() as client:
        client.flushall()
    return environment(redis_server)


@pytest.mark.parametrize(
    ("document", "option", "value"), [(FIGURE_6, "--key", KEY.hex()), (FIGURE_7, "--passphrase", "qwerty")]
)
def test_an_encrypted_file_is_imported(
    document: str, option: str, value: str, settings: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "tokens.xml"
    file.write_text(document)
    command = ("import", str(file), "--tenant", "shop", "--format", "pskc", option, "-")
    done = run(*command, stdin=f"{value}\n", **settings)

    assert done.returncode == 0, done.stderr
    (factor,) = json.loads(account_of(settings, "987654321"))["factors"]
    assert (factor["factor"], factor["status"], factor["counter"], factor["digits"]) == ("hotp", "confirmed", 0, 8)


@pytest.mark.parametrize(
    ("document", "options", "message"),
    [
        (FIGURE_6, ("--key", KEY[::-1].hex()), "the key or the passphrase is wrong, or the file was changed"),
        (FIGURE_6, (), "name its file with --key"),
        (FIGURE_7, ("--passphrase", "azerty"), "the key or the passphrase is wrong, or the file was changed"),
        (FIGURE_7, (), "give it with --passphrase"),
        ("serial,secret", (), "not well-formed XML"),
        (f"<!DOCTYPE a>{FIGURE_6}", ("--key", KEY.hex()), "DTD"),
    ],
)
def test_a_wrong_key_passphrase_or_format_changes_nothing(
    document: str, options: tuple[str, ...], message: str, settings: dict[str, str], redis_server: RedisServer
) -> None:
    done = run("import", "-", "--tenant", "shop", "--format", "pskc", *options, stdin=document, **settings)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Nothing was imported" in done.stderr
    assert "Traceback" not in done.stderr
    with redis_server.client() as client:
        assert count(client) == 0


def test_an_export_that_is_imported_again_is_already_present(settings: dict[str, str]) -> None:
    key = ("--key", bytes(range(32)).hex())
    common = ("--tenant", "shop", "--format", "pskc")
    totp = package(algorithm="totp", device="<SerialNo>1</SerialNo>", data="")
    first = run("import", "-", *common, stdin=container(package(), totp), **settings)
    exported = run("export", *common, *key, **settings)
    again = run("import", "-", *common, *key, stdin=exported.stdout, **settings)

    assert (first.returncode, exported.returncode, again.returncode) == (0, 0, 0)
    assert "0 imported, 2 already present, 0 refused" in again.stdout

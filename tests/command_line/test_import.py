"""`open-mfa import` on a real Redis."""

import base64
import io
import json
import os
import pty
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from infrastructure.migration.formats.jsonl import JsonLinesWriter
from infrastructure.migration.registry import READERS
from presentation.cli.import_file import FORMATS
from tests.domain.examples import hotp, totp
from tests.infrastructure.migration.files import BASE32, CSV, FILES, SECRET, SEED
from tests.support.command_line import COMMAND, run
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS

API_KEY = "an-API-key-of-the-tests-that-is-long-enough"
KEY = bytes(range(32))
MANY = 2000


@pytest.fixture
def settings(redis_server: RedisServer) -> dict[str, str]:
    with redis_server.client() as client:
        client.flushall()
    return environment(redis_server)


def environment(server: RedisServer) -> dict[str, str]:
    return SETTINGS | {"OPEN_MFA_REDIS_URL": server.url, "OPEN_MFA_API_KEYS": f"shop:{API_KEY}"}


def imported(
    name: str, text: str | bytes, settings: dict[str, str], *options: str
) -> subprocess.CompletedProcess[bytes]:
    """Import a file from standard input."""
    data = text.encode() if isinstance(text, str) else text
    command = [COMMAND, "import", "-", "--tenant", "shop", "--format", name, *options]
    path = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=path | settings, input=data, capture_output=True, check=False)


def account_of(settings: dict[str, str], name: str) -> str:
    return run("account", "show", name, **settings).stdout


def lines(count: int) -> str:
    """Return a CSV file in which the seeds follow from the serial numbers."""
    return "".join(f"T{number:06d},{number:040x},totp,6,30\n" for number in range(count))


def count(client: redis.Redis) -> int:
    size: int = client.dbsize()  # type: ignore[assignment] # not awaitable here
    return size


def test_every_format_has_a_reader() -> None:
    assert sorted(FORMATS) == sorted(READERS)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_imported_and_then_present(name: str, settings: dict[str, str]) -> None:
    expected = {
        "csv": (0, "4 imported, 0 already present, 0 refused", "0 imported, 4 already present, 0 refused"),
        "yubico": (1, "3 imported, 0 already present, 4 refused", "0 imported, 3 already present, 4 refused"),
        "otpauth": (0, "2 imported, 0 already present, 0 refused", "0 imported, 2 already present, 0 refused"),
        "google-migration": (0, "3 imported, 0 already present, 0 refused", "0 imported, 3 already present, 0 refused"),
        "aegis": (1, "2 imported, 0 already present, 1 refused", "0 imported, 2 already present, 1 refused"),
    }
    status, first, second = expected[name]
    done, again = imported(name, FILES[name], settings), imported(name, FILES[name], settings)

    assert (done.returncode, again.returncode) == (status, status)
    assert first in done.stdout.decode()
    assert second in again.stdout.decode()


@pytest.mark.parametrize("name", FILES)
def test_no_output_contains_a_secret(name: str, settings: dict[str, str]) -> None:
    done = imported(name, FILES[name], settings)

    for form in (SEED, BASE32, SECRET.decode(), base64.b64encode(SECRET).decode()):
        assert form.encode() not in done.stdout + done.stderr


def test_an_imported_account_counts_at_once(settings: dict[str, str]) -> None:
    imported("csv", CSV, settings)

    assert '"status": "confirmed"' in account_of(settings, "OATH0001")


def test_an_import_is_audited(settings: dict[str, str]) -> None:
    done = imported("csv", CSV, settings)

    assert done.stderr.decode().count('"message":"enrolled"') == 4
    assert done.stderr.decode().count('"imported":true') == 4


def test_a_dry_run_changes_nothing(settings: dict[str, str], redis_server: RedisServer) -> None:
    done = imported("csv", CSV, settings, "--dry-run")

    assert done.returncode == 0
    assert done.stdout == b"4 records: 4 would be imported, 0 already present, 0 refused\n"
    with redis_server.client() as client:
        assert count(client) == 0


def test_refused_records_are_written_to_a_file(settings: dict[str, str], tmp_path: Path) -> None:
    refused = tmp_path / "refused.csv"
    done = imported("csv", f"{CSV}T5,xyz,totp\n", settings, "--refused", str(refused))

    assert done.returncode == 1
    assert refused.read_text() == "place,reason\nline 7,the secret must be an even number of hexadecimal digits\n"
    assert b"line 7" not in done.stderr


def test_the_imported_file_is_not_overwritten(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    file.write_text(CSV)
    done = run("import", str(file), "--tenant", "shop", "--format", "csv", "--refused", str(file), **settings)

    assert done.returncode == 1
    assert file.read_text() == CSV


def test_refused_records_are_reported_on_standard_error(settings: dict[str, str]) -> None:
    done = imported("csv", "T5,xyz,totp\n", settings)

    assert done.stderr == b"line 1: the secret must be an even number of hexadecimal digits\n"


def test_a_map_gives_the_accounts(settings: dict[str, str], tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_text("serial,account\nOATH0001,alice@example.com\n")
    done = imported("csv", CSV, settings, "--map", f"@{accounts}")

    assert "1 imported, 0 already present, 3 refused" in done.stdout.decode()
    assert "confirmed" in account_of(settings, "alice@example.com")


@pytest.mark.parametrize("text", ["OATH0001\n", "OATH0001,a\nOATH0001,b\n", "OATH0001,\n", '"', "\udcff"])
def test_a_bad_map_stops_the_import(settings: dict[str, str], tmp_path: Path, text: str) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_bytes(text.encode(errors="surrogateescape"))
    done = imported("csv", CSV, settings, "--map", f"@{accounts}")

    assert (done.returncode, done.stdout) == (1, b"")
    assert b"map" in done.stderr


def test_weak_secrets_are_imported_only_explicitly(settings: dict[str, str]) -> None:
    text = f"T1,{SEED[:20]},totp,6,30\n"

    assert imported("csv", text, settings).returncode == 1
    assert imported("csv", text, settings, "--weak-secrets", "accept").returncode == 0
    assert '"weak": true' in account_of(settings, "T1")


def export(key: bytes | None) -> bytes:
    stream = io.BytesIO()
    JsonLinesWriter(key).write([totp(), hotp(7)], stream)
    return stream.getvalue()


def test_an_encrypted_export_is_imported_with_its_key(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "key"
    for text in (base64.b64encode(KEY), KEY.hex().encode()):
        file.write_bytes(text + b"\n")
        done = imported("jsonl", export(KEY), settings, "--key", f"@{file}")

        assert done.returncode == 0
    assert b"2 already present" in done.stdout


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (export(KEY), ("--key", base64.b64encode(bytes(32)).decode()), b"the key does not open the file"),
        (export(KEY), (), b"needs its key"),
        (export(KEY), ("--key", "short"), b"the key must be base64 or hexadecimal digits"),
        (export(None), ("--key", base64.b64encode(KEY).decode()), b"not encrypted"),
        (FILES["otpauth"].encode(), (), b"looks like otpauth"),
        (b"", (), b"the file is empty"),
    ],
)
def test_a_wrong_key_or_format_changes_nothing(
    data: bytes, options: tuple[str, ...], expected: bytes, settings: dict[str, str], redis_server: RedisServer
) -> None:
    done = imported("jsonl", data, settings, *options)

    assert (done.returncode, done.stdout) == (1, b"")
    assert expected in done.stderr
    assert b"Traceback" not in done.stderr
    with redis_server.client() as client:
        assert count(client) == 0


def test_a_missing_end_is_reported_after_the_genuine_records(settings: dict[str, str]) -> None:
    cut = b"".join(export(KEY).splitlines(keepends=True)[:2])
    done = imported("jsonl", cut, settings, "--key", base64.b64encode(KEY).decode())

    assert done.returncode == 1
    assert b"the end of the file is missing" in done.stderr
    assert b"1 imported" in done.stderr


def test_an_unknown_tenant_is_refused(settings: dict[str, str]) -> None:
    done = imported("csv", CSV, settings | {"OPEN_MFA_API_KEYS": f"bank:{API_KEY}"})

    assert done.returncode == 1
    assert b"the tenants are bank" in done.stderr


def test_a_missing_file_and_a_directory_are_refused(settings: dict[str, str], tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        done = run("import", str(path), "--tenant", "shop", "--format", "csv", **settings)

        assert done.returncode == 1
        assert "can't read" in done.stderr


def test_standard_input_can_be_named_only_once(settings: dict[str, str]) -> None:
    done = imported("pskc", "", settings, "--passphrase", "-")

    assert done.returncode == 2
    assert b"only one argument can be -" in done.stderr


def importing(path: Path, settings: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [COMMAND, "import", str(path), "--tenant", "shop", "--format", "csv"]
    environ = {"PATH": "/usr/bin:/bin"} | settings
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "many.csv"
    path.write_text(lines(MANY).replace(f"{0:040x}", f"{MANY:040x}"))
    return path


def totals(output: bytes) -> tuple[int, int, int]:
    """Return how many records were imported, present and refused."""
    words = output.decode().replace(",", "").split()
    return int(words[2]), int(words[4]), int(words[7])


def test_a_killed_import_can_be_repeated(many: Path, settings: dict[str, str], redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        for part in (1, 2):
            process = importing(many, settings)
            wait_until(lambda part=part: count(client) >= part * MANY // 4, "a part of the import")  # type: ignore[misc] # the type of a default is unknown
            process.kill()
            process.communicate()
        assert count(client) < MANY
        before = count(client)
        process = importing(many, settings)
        output, _ = process.communicate()

        assert process.returncode == 0
        assert count(client) == MANY
        assert totals(output) == (MANY - before, before, 0)


def test_two_imports_at_once_have_the_result_of_one(
    many: Path, settings: dict[str, str], redis_server: RedisServer
) -> None:
    processes = [importing(many, settings) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert sum(totals(output)[0] for output in outputs) == MANY
    with redis_server.client() as client:
        assert count(client) == MANY


def test_two_imports_at_once_add_each_authenticator_of_an_account_once(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    path = tmp_path / "several.csv"
    path.write_text("".join(f"T{n},{n + 1:040x},totp,6,30,sha1,user{n // 5}\n" for n in range(300)))
    processes = [importing(path, settings) for _ in range(2)]
    outputs = [process.communicate()[0] for process in processes]
    listed = run("account", "list", "--all", **settings).stdout

    assert [process.returncode for process in processes] == [0, 0]
    assert sum(totals(output)[0] for output in outputs) == 300
    numbers = {each["id"]: each["authenticators"] for each in map(json.loads, listed.splitlines())}
    assert numbers == {f"user{number}": 5 for number in range(60)}


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_an_import_whose_redis_goes_away_says_how_far_it_came(many: Path, own_redis: RedisServer) -> None:
    process = importing(many, environment(own_redis))
    with own_redis.client() as client:
        wait_until(lambda: count(client) >= MANY // 4, "a part of the import")
    own_redis.kill()
    output, errors = process.communicate()
    own_redis.start()

    assert (process.returncode, output) == (1, b"")
    last = errors.decode().splitlines()[-1]
    assert last.startswith("open-mfa: Redis at")
    assert "So far, " in last
    assert "Run the command again to continue" in last
    again = importing(many, environment(own_redis))
    output, _ = again.communicate()
    done, present, refused = totals(output)
    assert (again.returncode, done + present, refused) == (0, MANY, 0)
    said = int(last.split("So far, ")[1].split()[0].replace(",", ""))
    assert present - said in {0, 1}, "at most the record under way was stored without being counted"


def test_progress_is_shown_on_a_terminal_only(many: Path, settings: dict[str, str]) -> None:
    reading, writing = pty.openpty()
    termios.tcsetwinsize(writing, (24, 120))
    command = [COMMAND, "import", str(many), "--tenant", "shop", "--format", "csv"]
    environ = {"PATH": "/usr/bin:/bin", "TERM": "xterm"} | settings
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    shown = b""
    try:
        while piece := os.read(reading, 65536):
            shown += piece
    except OSError:
        pass  # Linux reports the end of a terminal as an error.
    os.close(reading)
    process.communicate()
    piped = importing(many, settings).communicate()[1]

    assert process.returncode == 0
    assert b"per second" in shown
    assert b" left" in shown
    assert shown.count(b'"message":"enrolled"') == MANY
    assert b"per second" not in piped

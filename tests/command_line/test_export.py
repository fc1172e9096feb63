"""`open-mfa export`, and the import of its files into an empty store."""

import base64
import io
import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import requests
from pskc import PSKC

from tests.support.command_line import COMMAND, called, run
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS, Service

API_KEY = "an-API-key-of-the-tests-that-is-long-enough"
KEY = bytes(range(32))
OTHER_KEY = f"other:{base64.b64encode(bytes([7] * 32)).decode()}"
FORMATS = "jsonl", "pskc", "otpauth"


@pytest.fixture
def settings(redis_server: RedisServer) -> dict[str, str]:
    with redis_server.client() as client:
        client.flushall()
    keys = f"shop:{API_KEY},bank:{API_KEY}2"
    return SETTINGS | {"OPEN_MFA_REDIS_URL": redis_server.url, "OPEN_MFA_API_KEYS": keys}


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "key.txt"
    path.write_text(base64.b64encode(KEY).decode() + "\n")
    return f"@{path}"


class Accounts:
    """The accounts of a service: alice with every factor, bob with a pending secret, and alice of another tenant."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.hotp = self.post("alice", "hotp", initial_counter=41).json()["secret"]
        assert self.verify(41) == 200
        self.totp = self.post("alice", "totp", secret=pyotp.random_base32(), confirmed=True).json()["secret"]
        self.recovery_codes = self.post("alice", "recovery-codes").json()["codes"]
        self.one_time_code = self.post("alice", "otp").json()["code"]
        self.pending = self.post("bob", "totp").json()["secret"]
        self.foreign = self.post("alice", "totp", key=f"{API_KEY}2").json()["secret"]
        wrong = "0" * 6 if self.one_time_code != "0" * 6 else "1" * 6
        self.post("alice", "otp/verify", code=wrong)

    @property
    def secrets(self) -> list[str]:
        """All texts that neither an encrypted file nor a message may contain."""
        raw = [base64.b32decode(each) for each in (self.hotp, self.totp, self.pending, self.foreign)]
        texts = [self.hotp, self.totp, self.pending, self.foreign, self.one_time_code, *self.recovery_codes]
        return texts + [each.hex() for each in raw] + [base64.b64encode(each).decode() for each in raw]

    def post(self, account: str, path: str, key: str = API_KEY, **body: object) -> requests.Response:
        return requests.post(
            f"{self._service.api}/accounts/{account}/{path}",
            json=body,
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
        )

    def verify(self, counter: int) -> int:
        return self.post("alice", "hotp/verify", code=pyotp.HOTP(self.hotp).at(counter)).status_code

    def guess(self) -> int:
        wrong = {pyotp.HOTP(self.hotp).at(counter) for counter in range(100)}
        code = next(text for text in (f"{number:06d}" for number in range(1000)) if text not in wrong)
        return self.post("alice", "hotp/verify", code=code).status_code


@pytest.fixture
def accounts(settings: dict[str, str]) -> Iterator[Accounts]:
    with Service(**settings) as service:
        yield Accounts(service)


def audit_lines(stderr: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    return [line for line in lines if line["logger"] == "open_mfa.audit"]


def test_a_copy_of_the_own_format_bypasses_neither_a_lock_nor_the_replay_protection(
    settings: dict[str, str], accounts: Accounts, key_file: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    assert [accounts.guess() for _ in range(5)] == [403] * 5
    file = str(tmp_path / "shop.jsonl")
    common = ("--tenant", "shop", "--format", "jsonl", "--key", key_file)

    done = run("export", *common, "-o", file, **settings)
    assert done.returncode == 0, done.stderr
    with redis_server.client() as client:
        client.flushall()
    assert accounts.verify(42) == 404
    imported = run("import", file, *common, **settings)

    assert imported.returncode == 0, imported.stderr
    assert accounts.verify(42) == 429, "the lock came along"
    assert run("account", "unlock", "alice", "--tenant", "shop", **settings).returncode == 0
    assert (accounts.verify(41), accounts.verify(42)) == (403, 200), "so did the counter"
    used, unused = accounts.recovery_codes[:2]
    assert accounts.post("alice", "recovery-codes/verify", code=used).status_code == 200
    assert accounts.post("alice", "recovery-codes/verify", code=unused).status_code == 200
    assert accounts.post("alice", "otp/verify", code=accounts.one_time_code).status_code == 404


@pytest.mark.parametrize("form", ["jsonl", "pskc"])
def test_an_encrypted_export_shows_no_secret(
    settings: dict[str, str], accounts: Accounts, key_file: str, form: str
) -> None:
    done = run("export", "--tenant", "shop", "--format", form, "--key", key_file, **settings)

    assert done.returncode == 0, done.stderr
    assert not [secret for secret in accounts.secrets if secret in done.stdout + done.stderr]
    assert not re.search("bank|foreign", done.stdout)


def test_pskc_has_the_confirmed_secrets_and_their_counters(
    settings: dict[str, str], accounts: Accounts, key_file: str
) -> None:
    done = run("export", "--tenant", "shop", "--format", "pskc", "--key", key_file, **settings)
    pskc = PSKC(io.BytesIO(done.stdout.encode()))
    pskc.encryption.key = KEY
    found = {key.algorithm.rpartition(":")[2]: (key.userid, key.secret, key.counter) for key in pskc.keys}

    assert found == {
        "hotp": ("alice", base64.b32decode(accounts.hotp), 42),
        "totp": ("alice", base64.b32decode(accounts.totp), None),
    }
    assert all(key.check() for key in pskc.keys)
    assert re.search(r"2 accounts: 2 records exported; \d others have no place in this format", done.stderr)


@pytest.mark.parametrize("form", FORMATS)
def test_a_plain_export_is_a_new_file_that_only_its_owner_can_read(
    settings: dict[str, str], accounts: Accounts, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "plain"
    command = ("export", "--tenant", "shop", "--format", form, "--plain", "-o", str(file))
    done = run(*command, **settings)
    first = file.read_bytes()

    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert any(secret.encode() in first for secret in accounts.secrets)
    assert accounts.foreign.encode() not in first

    again = run(*command, **settings)
    assert (again.returncode, file.read_bytes()) == (1, first)
    assert "File exists" in again.stderr


def test_a_link_is_not_followed(settings: dict[str, str], tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    done = run("export", "--tenant", "shop", "--format", "jsonl", "--plain", "-o", str(link), **settings)

    assert done.returncode == 1
    assert not target.exists()


def test_every_export_has_one_audit_line(settings: dict[str, str], accounts: Accounts, key_file: str) -> None:
    done = run("export", "--tenant", "shop", "--format", "pskc", "--key", key_file, **settings)
    (line,) = audit_lines(done.stderr)

    assert {name: line[name] for name in ("message", "tenant", "format", "count", "complete")} == {
        "message": "exported",
        "tenant": "shop",
        "format": "pskc",
        "count": 2,
        "complete": True,
    }


def test_an_incomplete_export_is_removed_audited_and_refused(
    settings: dict[str, str], key_file: str, tmp_path: Path
) -> None:
    file = tmp_path / "shop.jsonl"
    nowhere = settings | {"OPEN_MFA_REDIS_URL": "redis://127.0.0.1:9"}
    done = run("export", "--tenant", "shop", "--format", "jsonl", "--key", key_file, "-o", str(file), **nowhere)

    assert done.returncode == 1
    assert "The export is incomplete" in done.stderr
    assert [line["complete"] for line in audit_lines(done.stderr)] == [False]
    assert not file.exists()


def test_unreadable_records_are_reported(settings: dict[str, str], accounts: Accounts, key_file: str) -> None:
    other = settings | {"OPEN_MFA_ENCRYPTION_KEYS": OTHER_KEY}
    done = run("export", "--tenant", "shop", "--format", "jsonl", "--key", key_file, **other)

    assert done.returncode == 1
    assert "can't be read" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_reported(settings: dict[str, str], accounts: Accounts, key_file: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, "export", "--tenant", "shop", "--format", "jsonl", "--key", key_file],
            env={"PATH": "/usr/bin:/bin"} | settings,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert "can't write to standard output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--format", "jsonl"), 2, "one of the arguments --key --plain is required"),
        (("--format", "jsonl", "--plain"), 2, "--plain requires -o FILE"),
        (("--format", "jsonl", "--plain", "--key", "AAAA"), 2, "not allowed with argument"),
        (("--format", "csv", "--plain"), 2, "invalid choice"),
        (("--format", "otpauth", "--key", base64.b64encode(KEY).decode()), 1, "can't be encrypted"),
        (("--format", "pskc", "--key", "c2VjcmV0"), 1, "the key must"),
        (("--format", "pskc", "--key", base64.b64encode(bytes(16)).decode()), 1, "32 bytes"),
        (("--format", "pskc", "--key", "@/nowhere/key"), 1, "can't read the file"),
    ],
)
def test_wrong_use_is_refused_without_repeating_the_key(arguments: tuple[str, ...], status: int, message: str) -> None:
    done = called("export", "--tenant", "shop", *arguments)

    assert done.returncode == status
    assert message in done.stderr
    assert "c2VjcmV0" not in done.stderr

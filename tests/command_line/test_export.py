"""`open-mfa export`, and the import of its files into an empty store."""

import base64
import io
import json
import re
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
import requests
from pskc import PSKC

from domain.credential import Lifecycle
from domain.failures import Failures
from domain.owner import CredentialId, Factor, Owner
from domain.secret import SharedSecret
from domain.stored_state import StoredState
from domain.totp import TotpCredential
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector
from infrastructure.redis.stores.credentials import RedisCredentialRepository
from tests.domain.examples import ALICE, BOB, KEYS, hotp, one_time_code, recovery_codes, totp
from tests.support.command_line import COMMAND, called, run
from tests.support.fakes import FakeClock
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


LIFE = Lifecycle(created_at=1, expires_at=None, confirmed_at=2)
HOTP = replace(hotp(42), lifecycle=LIFE, secret=SharedSecret(b"the HOTP secret of a"), initial_counter=41)
TOTP = replace(totp(), lifecycle=LIFE, secret=SharedSecret(b"the TOTP secret of a"))
PENDING = replace(totp(), id=CredentialId(BOB, Factor.TOTP), secret=SharedSecret(b"the pending secret b"))
BANK = CredentialId(Owner.of_account("bank", "alice"), Factor.TOTP)
FOREIGN = replace(TOTP, id=BANK, secret=SharedSecret(b"the secret of a bank"))
STATES: tuple[StoredState, ...] = (HOTP, TOTP, PENDING, FOREIGN, one_time_code(failures=Failures(2)), recovery_codes())


def spellings(secret: SharedSecret) -> list[str]:
    return [secret.base32, secret.key.hex(), base64.b64encode(secret.key).decode()]


SECRETS = [text for state in (HOTP, TOTP, PENDING, FOREIGN) for text in spellings(state.secret)]
"""All texts that neither an encrypted file nor a message may contain."""


@pytest.fixture
def repository(settings: dict[str, str], redis_server: RedisServer) -> Iterator[RedisCredentialRepository]:
    """The credentials of the service, under the key of `SETTINGS`."""
    gateway = Gateway(connector(redis_server.url), 0)
    yield RedisCredentialRepository(gateway, RecordCodec(KEYS), FakeClock())
    gateway.close()


@pytest.fixture
def stored(repository: RedisCredentialRepository) -> None:
    for state in STATES:
        assert repository.commit(state.id, repository.load(state.id).revision, state) is None


def audit_lines(stderr: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    return [line for line in lines if line["logger"] == "open_mfa.audit"]


class Phone:
    """A HOTP authenticator of alice, and her recovery codes, over the API."""

    def __init__(self, service: Service) -> None:
        self._url = f"{service.api}/accounts/alice"
        self._secret = self.post("hotp", initial_counter=41).json()["secret"]

    def post(self, path: str, **body: object) -> requests.Response:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        return requests.post(f"{self._url}/{path}", json=dict(body), headers=headers, timeout=10)

    def verify(self, counter: int) -> int:
        return self.post("hotp/verify", code=pyotp.HOTP(self._secret).at(counter)).status_code

    def guess(self) -> int:
        good = {pyotp.HOTP(self._secret).at(counter) for counter in range(100)}
        code = next(text for text in (f"{number:06d}" for number in range(1000)) if text not in good)
        return self.post("hotp/verify", code=code).status_code


def test_a_copy_of_the_own_format_bypasses_neither_a_lock_nor_the_replay_protection(
    settings: dict[str, str], key_file: str, tmp_path: Path, redis_server: RedisServer
) -> None:
    file = str(tmp_path / "shop.jsonl")
    common = ("--tenant", "shop", "--format", "jsonl", "--key", key_file)
    with Service(**settings) as service:
        phone = Phone(service)
        used, unused = phone.post("recovery-codes").json()["codes"][:2]
        assert phone.post("recovery-codes/verify", code=used).status_code == 200
        issued = phone.post("otp").json()["code"]
        assert [phone.verify(41), *(phone.guess() for _ in range(5))] == [200, *[403] * 5]

        exported = run("export", *common, "-o", file, **settings)
        with redis_server.client() as client:
            client.flushall()
        assert (exported.returncode, phone.verify(42)) == (0, 404)
        imported = run("import", file, *common, **settings)

        assert imported.returncode == 0, imported.stderr
        assert phone.verify(42) == 429, "the lock came along"
        assert run("account", "unlock", "alice", "--tenant", "shop", **settings).returncode == 0
        assert (phone.verify(41), phone.verify(42)) == (403, 200), "so did the counter"
        assert phone.post("recovery-codes/verify", code=used).status_code == 403
        assert phone.post("recovery-codes/verify", code=unused).status_code == 200
        assert phone.post("otp/verify", code=issued).status_code == 404


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("form", ["jsonl", "pskc"])
def test_an_encrypted_export_shows_no_secret(settings: dict[str, str], key_file: str, form: str) -> None:
    done = run("export", "--tenant", "shop", "--format", form, "--key", key_file, **settings)

    assert done.returncode == 0, done.stderr
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
    assert not re.search("bank|foreign", done.stdout)


@pytest.mark.usefixtures("stored")
def test_pskc_has_the_confirmed_secrets_and_their_counters(settings: dict[str, str], key_file: str) -> None:
    done = run("export", "--tenant", "shop", "--format", "pskc", "--key", key_file, **settings)
    pskc = PSKC(io.BytesIO(done.stdout.encode()))
    pskc.encryption.key = KEY
    found = {key.algorithm.rpartition(":")[2]: (key.userid, key.secret, key.counter) for key in pskc.keys}

    assert found == {
        "hotp": ("alice", HOTP.secret.key, 42),
        "totp": ("alice", TOTP.secret.key, None),
    }
    assert all(key.check() for key in pskc.keys)
    assert re.search(r"2 accounts: 2 records exported; \d others have no place in this format", done.stderr)


@pytest.mark.usefixtures("stored")
def test_several_authenticators_of_an_account_survive_an_export_and_an_import(
    settings: dict[str, str], key_file: str, repository: RedisCredentialRepository, redis_server: RedisServer
) -> None:
    tablet = CredentialId.of_authenticator(ALICE, "totp-7k2m9q4x8d")
    second = replace(TOTP, id=tablet, name="tablet", secret=SharedSecret(b"the secret of tablet"))
    assert repository.commit(tablet, repository.load(tablet).revision, second) is None
    common = ("--tenant", "shop", "--key", key_file)

    pskc = PSKC(io.BytesIO(run("export", *common, "--format", "pskc", **settings).stdout.encode()))
    exported = run("export", *common, "--format", "jsonl", **settings)
    with redis_server.client() as client:
        client.flushall()
    imported = run("import", "-", *common, "--format", "jsonl", stdin=exported.stdout, **settings)

    assert {(key.id, key.friendly_name) for key in pskc.keys} == {
        ("alice/hotp", None),
        ("alice/totp", None),
        ("alice/totp-7k2m9q4x8d", "tablet"),
    }
    assert (exported.returncode, imported.returncode) == (0, 0), imported.stderr
    state = repository.load(tablet).state
    assert isinstance(state, TotpCredential)
    assert (state.secret.key, state.name) == (second.secret.key, "tablet")
    assert repository.load(TOTP.id).state is not None


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("form", FORMATS)
def test_a_plain_export_is_a_new_file_that_only_its_owner_can_read(
    settings: dict[str, str], tmp_path: Path, form: str
) -> None:
    file = tmp_path / "plain"
    command = ("export", "--tenant", "shop", "--format", form, "--plain", "-o", str(file))
    done = run(*command, **settings)
    first = file.read_bytes()

    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert any(secret.encode() in first for secret in SECRETS)
    assert not any(text.encode() in first for text in spellings(FOREIGN.secret))

    again = run(*command, **settings)
    assert (again.returncode, file.read_bytes()) == (1, first)
    assert "File exists" in again.stderr


def test_a_link_is_not_followed(settings: dict[str, str], tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    done = run("export", "--tenant", "shop", "--format", "jsonl", "--plain", "-o", str(link), **settings)

    assert done.returncode == 1
    assert not target.exists()


@pytest.mark.usefixtures("stored")
def test_every_export_has_one_audit_line(settings: dict[str, str], key_file: str) -> None:
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


@pytest.mark.usefixtures("stored")
def test_unreadable_records_are_reported(settings: dict[str, str], key_file: str) -> None:
    other = settings | {"OPEN_MFA_ENCRYPTION_KEYS": OTHER_KEY}
    done = run("export", "--tenant", "shop", "--format", "jsonl", "--key", key_file, **other)

    assert done.returncode == 1
    assert "can't be read" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.usefixtures("stored")
def test_a_full_disk_is_reported(settings: dict[str, str], key_file: str) -> None:
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

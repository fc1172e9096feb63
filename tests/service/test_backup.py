"""Backup and restore with redis-cli, as docs/operations.md says (its commands, run for real)."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
import redis

from tests.conftest import require_redis_server
from tests.service.accounts import KEYS, Account
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    require_redis_server()
    if shutil.which("redis-cli") is None:
        pytest.fail("redis-cli is missing (Debian: apt-get install redis-tools)")
    return tmp_path / "open-mfa.rdb"


def alice(service: Service) -> Account:
    return Account(service.port, "alice")


def take(server: RedisServer, backup: Path) -> None:
    subprocess.run(["redis-cli", "-u", server.url, "--rdb", str(backup)], check=True, capture_output=True)


@contextlib.contextmanager
def restored(backup: Path) -> Iterator[RedisServer]:
    """A new server from the backup, which then writes its append-only file again."""
    server = RedisServer("--appendonly", "no", "--dbfilename", "dump.rdb")
    shutil.copy(backup, server.directory / "dump.rdb")
    with server:
        with contextlib.closing(server.client()) as client:
            client.config_set("appendonly", "yes")
            wait_until(lambda: written(client), "the append-only file")
        yield server


def written(client: redis.Redis) -> bool:
    state = client.info("persistence")
    return (
        bool(state["aof_enabled"])
        and not state["aof_rewrite_in_progress"]
        and state["aof_last_bgrewrite_status"] == "ok"
    )


def test_what_was_enrolled_and_what_was_spent_is_back(backup: Path) -> None:
    with RedisServer() as first, Service(OPEN_MFA_REDIS_URL=first.url, **KEYS) as service:
        totp = pyotp.TOTP(alice(service).send("POST", "totp", {}).document["secret"])
        spent = totp.at(int(time.time()))
        assert alice(service).submit("totp/verify", spent).status == 200
        recovery = alice(service).send("POST", "recovery-codes", {}).document["codes"]
        assert alice(service).submit("recovery-codes/verify", recovery[0]).status == 200
        assert alice(service).submit("challenge", recovery[0]).status == 403
        take(first, backup)

    with restored(backup) as second, Service(OPEN_MFA_REDIS_URL=second.url, **KEYS) as service:
        answers = [alice(service).submit("challenge", code).status for code in (spent, recovery[0], recovery[1])]
        factors = {each["factor"]: each for each in alice(service).send("GET").document["factors"]}
        second.restart()
        after = alice(service).send("GET").document["factors"]

    assert answers == [403, 403, 200]
    assert factors["totp"]["status"] == "confirmed"
    assert [each["factor"] for each in after] == list(factors), "and it is kept by its own append-only file"


def test_what_was_spent_after_the_backup_is_good_again(backup: Path) -> None:
    """Not what anyone wants, but so it is, and the guide says what to do."""
    with RedisServer() as first, Service(OPEN_MFA_REDIS_URL=first.url, **KEYS) as service:
        hotp = pyotp.HOTP(alice(service).send("POST", "hotp", {}).document["secret"])
        take(first, backup)
        assert alice(service).submit("hotp/verify", hotp.at(0)).status == 200

    with restored(backup) as second, Service(OPEN_MFA_REDIS_URL=second.url, **KEYS) as service:
        assert alice(service).submit("hotp/verify", hotp.at(0)).status == 200


def test_without_the_encryption_key_a_backup_opens_nothing(backup: Path) -> None:
    with RedisServer() as first, Service(OPEN_MFA_REDIS_URL=first.url, **KEYS) as service:
        totp = pyotp.TOTP(alice(service).send("POST", "totp", {}).document["secret"])
        take(first, backup)
    other = {"OPEN_MFA_ENCRYPTION_KEYS": "test:" + "A" * 43 + "="}

    with restored(backup) as second, Service(OPEN_MFA_REDIS_URL=second.url, **KEYS, **other) as service:
        answer = alice(service).submit("totp/verify", totp.now())

    assert answer.status == 503
    assert totp.secret.encode() not in backup.read_bytes()

"""The tamper-evident audit trail of the real service, with a real Redis, under `open-mfa audit verify`."""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.observability.audit_chain import construction
from tests.support.processes import stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

COMMAND = str(Path(sys.executable).with_name("open-mfa"))
KEY = base64.b64encode(bytes(range(32))).decode()
PRIVATE_KEY = bytes(range(64, 96))
PUBLIC_KEY = base64.b64encode(construction.public_key(PRIVATE_KEY)).decode()
API_KEY = "k" * 32
INTACT, TAMPERED, NOTHING = 0, 1, 3


@pytest.fixture
def empty_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def service(empty_redis: RedisServer) -> Service:
    return Service(
        OPEN_MFA_REDIS_URL=empty_redis.url,
        OPEN_MFA_API_KEYS=f"shop:{API_KEY}",
        OPEN_MFA_AUDIT_KEY=KEY,
        OPEN_MFA_AUDIT_PUBLIC_KEY=PUBLIC_KEY,
        WEB_CONCURRENCY="2",
    )


def ran(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the settings of the service. Its lines go to the log of the service."""
    with service.log.open("a") as log:
        return subprocess.run(
            [COMMAND, *arguments],
            env=os.environ | service.settings,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=False,
        )


def verified(service: Service, *options: str) -> subprocess.CompletedProcess[str]:
    key = base64.b64encode(PRIVATE_KEY).decode()
    return ran(service, "audit", "verify", "--private-key", key, *options, str(service.log))


def enrol(service: Service, *accounts: str) -> None:
    for account in accounts:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        response = service.browser().post(f"{service.api}/accounts/{account}/totp", headers=headers, json={})
        assert response.status_code == 201


def chains(service: Service, message: str) -> list[str]:
    return [line["chain"] for line in service.lines() if line.get("message") == message]


def anchors(server: RedisServer) -> set[str]:
    return {key.decode().rpartition(":")[2] for key in server.client().keys("open-mfa:audit-anchor:*")}


def test_a_trail_of_workers_commands_and_a_restart_is_intact(service: Service, empty_redis: RedisServer) -> None:
    with service:
        enrol(service, *(f"ann-{number}" for number in range(8)))
        assert ran(service, "account", "unlock", "ann-1").returncode == 0
        stop(service.process)
        service.start()
        enrol(service, "bob")
        stop(service.process)
        result = verified(service)

        # Two workers before and two after the restart, and the command.
        assert len(set(chains(service, "chain-started"))) == 5
        assert set(chains(service, "chain-ended")) == set(chains(service, "chain-started")) == anchors(empty_redis)
        assert (result.returncode, result.stdout.partition(":")[0]) == (INTACT, "INTACT"), result.stdout

        content = service.log.read_bytes()
        service.log.write_bytes(content.replace(b'"account":"ann-3"', b'"account":"eve-3"'))
        changed = verified(service)
        assert changed.returncode == TAMPERED
        number = next(n for n, line in enumerate(content.splitlines(), start=1) if b'"account":"ann-3"' in line)
        assert f"service.log:{number}: changed" in changed.stdout


def test_a_killed_worker_is_reported_and_its_chain_is_intact(service: Service, empty_redis: RedisServer) -> None:
    with service:
        wait_until(lambda: len(anchors(empty_redis)) == 2, "the first anchors", service.log)
        enrol(service, "ann")
        killed = service.workers()
        for worker in killed:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(anchors(empty_redis)) == 4, "the anchors of new workers", service.log)
        wait_until(service.answers, "the new workers", service.log)
        enrol(service, "bob")
        stop(service.process)
        result = verified(service)

        assert result.returncode == INTACT, result.stdout
        assert "Not ended: 2 chains" in result.stdout


def test_a_removed_end_is_not_taken_for_a_crash(service: Service) -> None:
    with service:
        enrol(service, "ann", "bob", "cleo")
        stop(service.process)
        lines = service.log.read_text().splitlines(keepends=True)
        chain = next(line["chain"] for line in service.lines() if line.get("account") == "cleo")
        of_chain = [line for line in lines if f'"chain":"{chain}"' in line]
        for removed in of_chain[-1:], of_chain[-2:], of_chain:
            service.log.write_text("".join(line for line in lines if line not in removed))
            result = verified(service)
            assert result.returncode == TAMPERED
            kind = "missing-chain" if removed == of_chain else "truncated"
            assert f"{kind}: chain {chain}" in result.stdout


def test_the_service_serves_while_the_store_fails_and_anchors_later(service: Service, empty_redis: RedisServer) -> None:
    with service:
        wait_until(lambda: len(anchors(empty_redis)) == 2, "the first anchors", service.log)
        enrol(service, "ann")
        empty_redis.freeze()
        try:
            stop(service.process)
        finally:
            empty_redis.thaw()
        assert len(chains(service, "chain-ended")) == 2
        assert verified(service).returncode == INTACT


def test_a_log_of_another_key_is_not_verified(service: Service) -> None:
    with service:
        enrol(service, "ann")
        stop(service.process)
        other = base64.b64encode(bytes(32)).decode()
        result = verified(service, "--key", other, "--no-anchors")
        assert result.returncode == TAMPERED
        assert "unknown-key" in result.stdout


def test_without_the_store_the_command_tells_what_to_do(service: Service) -> None:
    service.log.write_text("")
    without = {name: text for name, text in service.settings.items() if name != "OPEN_MFA_REDIS_URL"}
    service.settings = without
    result = verified(service)
    assert result.returncode == 2
    assert "--anchors FILE or --no-anchors" in service.log.read_text()
    assert verified(service, "--no-anchors").returncode == NOTHING


GUIDE = Path(__file__).parents[2] / "docs/how-to/verify-the-audit-trail.md"


def test_the_commands_of_the_guide_verify_a_service(empty_redis: RedisServer, tmp_path: Path) -> None:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    new_keys, keep_private_key, export, verify, *_ = (textwrap.dedent(block) for block in blocks)
    settings = {"OPEN_MFA_REDIS_URL": empty_redis.url, "OPEN_MFA_API_KEYS": f"shop:{API_KEY}"}

    def run(script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(COMMAND).parent}:{os.environ['PATH']}"
        environment = {**os.environ, **environ, "PATH": path}
        return subprocess.run(
            ["bash", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    assert run(new_keys).returncode == 0
    assert run(keep_private_key).returncode == 0
    first, second, *_ = (tmp_path / "keys.txt").read_text().splitlines()
    with Service(**settings, **dict(line.split("=", 1) for line in (first, second))) as service:
        enrol(service, "ann", "bob")
        stop(service.process)
        assert run(export, **service.settings).returncode == 0
        shutil.copy(service.log, tmp_path / "service.log")
    done = run(verify)
    assert (done.returncode, done.stderr) == (INTACT, ""), done.stdout
    log = tmp_path / "service.log"
    log.write_text("".join(line for line in log.read_text().splitlines(keepends=True) if '"bob"' not in line))
    assert run(verify).returncode == TAMPERED

"""`open-mfa doctor` reports the faults of settings, secrets and real servers."""

import base64
import contextlib
import re
import secrets
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from infrastructure.crypto.sealing import EncryptionKey
from infrastructure.delivery.smtp import SmtpServer
from infrastructure.redis.diagnostics.inspection import Inspection
from infrastructure.settings import Administrator, Mail, Settings, WebhookReceiver
from infrastructure.tenants.tenants_file import TenantsFile
from presentation.cli.doctor.delivery import check_delivery
from presentation.cli.doctor.diagnosis import diagnose
from presentation.cli.doctor.finding import Grade
from presentation.cli.doctor.redis import check_master, check_transport
from presentation.cli.doctor.secrets import check_secrets, secrets_in
from tests.conftest import require_redis_server
from tests.support.command_line import run
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Certificates, Cluster, Node, SentinelSet, free_ports
from tests.support.settings import settings_with

MUST, WARNING, OK = Grade.MUST_CHANGE, Grade.WARNING, Grade.OK
STRONG = secrets.token_urlsafe(32)


@pytest.fixture(scope="module", autouse=True)
def real_redis() -> None:
    require_redis_server()


@pytest.fixture(scope="module")
def sentinel_set() -> Iterator[SentinelSet]:
    with SentinelSet() as sentinels:
        yield sentinels


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as nodes:
        yield nodes


def settings(redis_url: str | None, **others: object) -> Settings:
    keys = (EncryptionKey("k1", secrets.token_bytes(32)),)
    values: dict[str, object] = {"encryption_keys": keys, "secret_key": STRONG, "redis_url": redis_url} | others
    return settings_with(**values)


def found(grade: Grade, diagnosed: Settings, now: Callable[[], float] = time.time) -> list[str]:
    return [finding.text for finding in diagnose(diagnosed, now) if finding.grade is grade]


def environment(**others: str) -> dict[str, str]:
    keys = f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"
    return {"OPEN_MFA_SECRET_KEY": STRONG, "OPEN_MFA_ENCRYPTION_KEYS": keys} | others


def test_without_a_fault_every_line_and_the_exit_status_are_ok(redis_server: RedisServer) -> None:
    with contextlib.closing(redis_server.client()) as client:
        client.flushall()
    admin = {"OPEN_MFA_ADMIN_USER": "admin", "OPEN_MFA_ADMIN_PASSWORD": "tin whistles over wet slate"}
    done = run("doctor", **environment(OPEN_MFA_REDIS_URL=redis_server.url, **admin))

    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if not line.startswith("ok  ")] == []
    with contextlib.closing(redis_server.client()) as client:
        assert f"is version {client.info('server')['redis_version']}\n" in done.stdout


def test_an_unreadable_record_is_a_finding_and_no_line_of_a_log(redis_server: RedisServer) -> None:
    with contextlib.closing(redis_server.client()) as client:
        client.flushall()
        client.set("open-mfa:{account:shop:ann}:totp", b"not a record")
        done = run("doctor", **environment(OPEN_MFA_REDIS_URL=redis_server.url))
        client.flushall()

    assert done.stderr == ""
    assert "may be among 1 unreadable records" in done.stdout


def test_all_faults_are_reported_at_once() -> None:
    with RedisServer("--appendonly", "no", "--maxmemory-policy", "allkeys-lru") as server:
        weak = settings(server.url, secret_key="change-me", administrator=Administrator("admin", "admin"))
        must = found(MUST, weak, lambda: time.time() - 5)

    about = ["SECRET_KEY", "ADMIN_PASSWORD", "allkeys-lru", "appendonly", "clock"]
    assert [[word in text for text in must].count(True) for word in about] == [1, 1, 1, 1, 1]
    assert len(must) == len(about)


def test_a_finding_that_must_change_sets_the_exit_status_and_repeats_no_secret() -> None:
    password = "hunter2-hunter2"
    with RedisServer("--requirepass", "another") as server:
        url = server.url.replace("//", f"//:{password}@")
        material = base64.b64encode(b"A" * 32).decode()
        done = run(
            "doctor",
            **environment(
                OPEN_MFA_REDIS_URL=url,
                OPEN_MFA_SECRET_KEY="swordfish",
                OPEN_MFA_ENCRYPTION_KEYS=f"k1:{material}",
                OPEN_MFA_ADMIN_USER="root",
                OPEN_MFA_ADMIN_PASSWORD="tuesday",
            ),
        )

    assert done.returncode == 1
    assert done.stdout.count("must change  ") == 4
    assert "refuses the user or the password" in done.stdout
    assert [text for text in (password, "swordfish", material, "AAAA", "tuesday") if text in done.stdout] == []
    assert done.stderr == ""


def test_all_invalid_settings_are_reported() -> None:
    done = run("doctor", OPEN_MFA_REDIS_URL="mysql://somewhere", PORT="many")

    assert done.returncode == 1
    lines = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("must change")]
    assert lines == ["OPEN_MFA_ENCRYPTION_KEYS:", "OPEN_MFA_REDIS_URL:", "OPEN_MFA_SECRET_KEY:", "PORT:"]


def test_an_unknown_setting_is_a_warning(redis_server: RedisServer) -> None:
    done = run("doctor", **environment(OPEN_MFA_REDIS_URL=redis_server.url, OPEN_MFA_REDIS_WIAT="1"))

    assert done.returncode == 0
    assert "warning      OPEN_MFA_REDIS_WIAT is not a setting of this version; did you mean OPEN_MFA_REDIS_WAIT?" in (
        done.stdout.splitlines()
    )


def test_the_embedded_store_must_change_in_production_only() -> None:
    production, development = run("doctor", **environment()), run("doctor", OPEN_MFA_ENV="development")

    assert (production.returncode, development.returncode) == (1, 0)
    assert "must change  OPEN_MFA_REDIS_URL is not set" in production.stdout
    assert production.stdout.count("OPEN_MFA_REDIS_URL") == 1
    assert "ok           OPEN_MFA_REDIS_URL is not set" in development.stdout


def test_standalone_mode_is_a_warning_that_says_what_a_restart_loses() -> None:
    diagnosed = run("doctor", OPEN_MFA_ENV="standalone", OPEN_MFA_GATE_SECRET_TEXT=STRONG)

    assert diagnosed.returncode == 0, diagnosed.stdout
    lines = [line for line in diagnosed.stdout.splitlines() if "OPEN_MFA_ENV=standalone" in line]
    assert len(lines) == 1
    assert lines[0].startswith("warning      OPEN_MFA_ENV=standalone keeps the state in memory: a restart ends ")


def test_in_development_findings_for_production_are_warnings() -> None:
    with RedisServer("--appendonly", "no", "--maxmemory-policy", "allkeys-lru") as server:
        weak = settings(server.url, environment="development", secret_key="dev")

        assert found(MUST, weak) == []
        assert len(found(WARNING, weak)) == 3


def test_an_unreachable_redis_and_a_missing_tls_are_both_reported() -> None:
    where = f"unknown.invalid:{free_port()}"
    unreachable, unprotected = found(MUST, settings(f"redis://{where}"))

    assert unreachable.startswith(f"Redis at {where} can't be reached")
    assert unprotected.startswith(f"OPEN_MFA_REDIS_URL leads to {where} without TLS")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random"])
def test_every_policy_that_evicts_must_change(policy: str) -> None:
    with RedisServer("--maxmemory-policy", policy) as server:
        (text,) = found(MUST, settings(server.url))

    assert policy in text
    assert "set noeviction" in text


def test_a_redis_that_is_nearly_full_is_a_warning() -> None:
    with RedisServer() as server, contextlib.closing(server.client()) as client:
        # SETRANGE fills the memory without a large command, whose buffer Redis would release during the test.
        client.setrange("filling", 10**7, "x")
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory", used * 2)
        assert found(WARNING, settings(server.url)) == found(MUST, settings(server.url)) == []

        client.config_set("maxmemory", int(used / 0.85))
        (soon,) = found(WARNING, settings(server.url))
        client.config_set("maxmemory", used // 2)
        (now,) = found(MUST, settings(server.url))

    assert re.search(r"has used 8\d% of its memory", soon)
    assert "is full" in now


def test_snapshots_alone_are_a_warning() -> None:
    with RedisServer("--appendonly", "no", "--save", "3600 1") as server:
        assert found(MUST, settings(server.url)) == []
        (text,) = found(WARNING, settings(server.url))

    assert "last snapshot" in text


def test_without_config_the_last_snapshot_shows_that_snapshots_are_on() -> None:
    with RedisServer("--appendonly", "no") as server, contextlib.closing(server.client()) as client:
        client.execute_command("ACL", "SETUSER", "default", "-config")
        (before,) = found(MUST, settings(server.url))
        client.save()
        after = found(MUST, settings(server.url))

    assert "loses all data" in before
    assert after == []


@pytest.mark.parametrize("off", [-1.5, 1.5, 3600])
def test_a_clock_more_than_a_second_off_must_change(redis_server: RedisServer, off: float) -> None:
    (text,) = found(MUST, settings(redis_server.url), lambda: time.time() - off)

    assert f"{off:+.1f}"[:-1] in text  # the duration of the command may change the last digit
    assert "NTP" in text


@pytest.mark.parametrize("off", [-0.9, 0.9])
def test_a_clock_less_than_a_second_off_is_ok(redis_server: RedisServer, off: float) -> None:
    assert found(MUST, settings(redis_server.url), lambda: time.time() - off) == []


def test_a_slow_response_does_not_count_as_a_wrong_clock(redis_server: RedisServer) -> None:
    readings = count(time.time() - 30, 60)

    assert found(MUST, settings(redis_server.url), lambda: next(readings)) == []


def test_behind_sentinels_the_master_is_checked(sentinel_set: SentinelSet) -> None:
    (text,) = found(MUST, settings(sentinel_set.url))

    assert text.startswith(f"Redis at 127.0.0.1:{sentinel_set.master().port} loses all data")


def test_a_remote_master_of_local_sentinels_needs_tls(sentinel_set: SentinelSet, redis_server: RedisServer) -> None:
    # On Linux, 0.0.0.0 leads to this machine, but it is not a loopback address.
    sentinel_set.sentinels[0].ask("SENTINEL", "MONITOR", "away", "0.0.0.0", str(redis_server.port), "1")
    url, _, _ = sentinel_set.url.partition(",")

    (text,) = found(MUST, settings(f"{url}/away"))

    assert text.startswith(f"OPEN_MFA_REDIS_URL leads to 0.0.0.0:{redis_server.port} without TLS")


def test_a_replica_must_change(sentinel_set: SentinelSet) -> None:
    replica = sentinel_set.replicas()[0]

    assert any("is a replica" in text for text in found(MUST, settings(replica.url)))


def test_fewer_replicas_than_redis_wait_requires_must_change(sentinel_set: SentinelSet) -> None:
    def wanting(replicas: int) -> list[str]:
        must = found(MUST, settings(sentinel_set.url, redis_wait=replicas))
        return [text for text in must if "OPEN_MFA_REDIS_WAIT" in text]

    assert wanting(2) == []
    assert len(wanting(3)) == 1


def test_every_master_of_a_cluster_is_checked(cluster: Cluster) -> None:
    one = cluster.masters()[1]
    one.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")

    must = found(MUST, settings(cluster.url))

    (evicting,) = [text for text in must if "volatile-lru" in text]
    assert evicting.startswith(f"Redis at 127.0.0.1:{one.port} may evict")
    volatile = {text.split()[2] for text in must if "loses all data" in text}
    assert volatile == {f"127.0.0.1:{master.port}" for master in cluster.masters()}


def test_tls_is_ok() -> None:
    with Certificates() as certificates, Node(free_ports(1)[0], tls=certificates) as node:
        url = f"rediss://127.0.0.1:{node.port}{certificates.query}"
        texts = [finding.text for finding in diagnose(settings(url))]

    assert "OPEN_MFA_REDIS_URL uses TLS" in texts
    assert any("is version" in text for text in texts)


def test_a_unix_socket_needs_no_tls(tmp_path: Path) -> None:
    with RedisServer("--unixsocket", str(tmp_path / "socket")):
        assert found(MUST, settings(f"unix://{tmp_path / 'socket'}")) == []


@pytest.mark.parametrize("address", ["127.0.0.1:6379", "localhost", "LOCALHOST:6379", "[::1]:6379", "127.9.9.9"])
def test_a_loopback_address_needs_no_tls(address: str) -> None:
    assert check_transport("redis://", {address}, MUST).grade is OK


@pytest.mark.parametrize(
    "address", ["redis:6379", "10.0.0.7:6379", "[2001:db8::1]:6379", "localhost.example", "0.0.0.0"]
)
def test_any_other_address_needs_tls(address: str) -> None:
    assert check_transport("redis+cluster://", {"127.0.0.1:6379", address}, MUST).grade is MUST
    assert check_transport("rediss+cluster://", {"127.0.0.1:6379", address}, MUST).grade is OK


@pytest.mark.parametrize(
    ("version", "grade"), [("2.8.0", MUST), ("6.0.16", MUST), ("6.2.0", OK), ("7.0.15", OK), ("10.0.1", OK), ("", MUST)]
)
def test_redis_must_be_6_2_or_newer(version: str, grade: Grade) -> None:
    information = {"redis_version": version, "maxmemory_policy": "noeviction", "aof_enabled": "1"}
    server = Inspection(node="", address="", information=information, snapshots=False, clock_ahead=0.0)

    first, *others = check_master(server, 0, MUST)

    assert first.grade is grade
    assert {finding.grade for finding in others} == {OK}


@pytest.mark.parametrize(
    ("name", "url", "grade"),
    [
        ("SMTP", "smtp://mail.example.com", MUST),
        ("SMTP", "smtp://127.0.0.1", OK),
        ("SMTP", "smtps://mail.example.com", OK),
        ("SMTP", "smtp+starttls://mail.example.com", OK),
        ("WEBHOOK", "http://hook.example.com/x", MUST),
        ("WEBHOOK", "http://127.0.0.1/x", OK),
        ("WEBHOOK", "https://hook.example.com/x", OK),
    ],
)
def test_unencrypted_delivery_to_another_machine_must_change(name: str, url: str, grade: Grade) -> None:
    if name == "SMTP":
        mail = Mail(SmtpServer.parse(url), "mfa@example.com")
        findings = list(check_delivery(settings(None, mail=mail), MUST))
    else:
        findings = list(check_delivery(settings(None, webhook=WebhookReceiver(url, STRONG)), MUST))

    assert [(finding.grade, name in finding.text) for finding in findings] == [(grade, True)]


@pytest.mark.parametrize(
    ("url", "weak", "grades"),
    [
        ("http://hook.example.com/x", False, (MUST, OK)),
        ("https://hook.example.com/x", False, (OK, OK)),
        ("http://127.0.0.1/x", True, (OK, MUST)),
    ],
)
def test_the_webhook_of_a_tenant_is_checked(tmp_path: Path, url: str, weak: bool, grades: tuple[Grade, Grade]) -> None:
    (tmp_path / "hook").write_text("weak" if weak else STRONG)
    text = f'[shop]\nwebhook = {{url = "{url}", secret_file = "{tmp_path}/hook"}}\n[forum]\n'
    checked = settings(None, tenants_text=TenantsFile.parse(text))
    name = "OPEN_MFA_TENANTS (webhook of shop)"

    sent = [finding.grade for finding in check_delivery(checked, MUST) if finding.text.startswith(name)]
    kept = [finding.grade for finding in check_secrets(secrets_in(checked), MUST) if finding.text.startswith(name)]
    assert (sent, kept) == ([grades[0]], [grades[1]])

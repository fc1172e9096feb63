"""`open-mfa doctor` tries every command, with the smallest sufficient user and on servers that refuse writes."""

import contextlib
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from limits import parse

from application.ports.delivery import Channel
from domain.owner import Owner, OwnerKind
from domain.secret import SharedSecret
from domain.verdict import Accepted
from infrastructure.network import deadline
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector
from infrastructure.redis.diagnostics.inspection import inspect
from infrastructure.redis.diagnostics.trial import commands_in_scripts
from infrastructure.redis.stores.send_limits import RedisSendLimit
from infrastructure.settings import Settings, WebhookReceiver
from infrastructure.system import SystemClock
from presentation.cli.doctor.diagnosis import diagnose
from presentation.cli.doctor.finding import Grade
from tests.command_line.test_doctor import STRONG, environment, found, settings
from tests.conftest import require_redis_server
from tests.infrastructure.redis.callers import Caller, new_owner
from tests.presentation.api import ADMIN, ADMINISTRATOR, API_KEYS, Account, Api
from tests.support.command_line import run
from tests.support.documents import page
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Cluster, SentinelSet
from tests.support.sends import wait_of
from tests.support.service import SETTINGS as SERVICE_SETTINGS

MUST, WARNING = Grade.MUST_CHANGE, Grade.WARNING
PAGE = page("how-to/restrict-the-redis-user")
USER = "ACL SETUSER open-mfa "
RULES = re.findall(rf"^{USER}(.*)$", PAGE, re.MULTILINE)[0].replace("PASSWORD", "secret").split()
NEEDED = [rule for rule in RULES if rule.startswith("+")]
WEBHOOK = WebhookReceiver("https://hook.example", STRONG)
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def also_for(when: str) -> list[str]:
    """Return the additional rules in the table of the guide."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and when in line.split("|", 2)[1]]
    return re.findall(r"\+[a-z|]+", row.split("|", 2)[2])


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    require_redis_server()
    with RedisServer() as running:
        yield running


def restricted(server: RedisServer, rules: list[str]) -> str:
    """Return the URL of a user with only these rules."""
    with contextlib.closing(server.client()) as client:
        client.execute_command("ACL", "SETUSER", "open-mfa", *rules)
        client.execute_command("ACL", "LOG", "RESET")
    return f"redis://open-mfa:secret@127.0.0.1:{server.port}"


def soon(diagnosed: Settings) -> list[str]:
    """Return what must change. The time for retries is short, for states that do not pass."""
    with deadline.within(1):
        return found(MUST, diagnosed)


def denied(server: RedisServer) -> list[Any]:
    with contextlib.closing(server.client()) as client:
        log: list[Any] = client.acl_log()
        return [entry["object"] for entry in log]


def test_the_smallest_user_of_the_page_is_accepted_with_a_warning(server: RedisServer) -> None:
    url = restricted(server, RULES)

    done = run("doctor", **environment(OPEN_MFA_REDIS_URL=url))

    assert (done.returncode, done.stderr, done.stdout.count("must change")) == (0, "", 0)
    (warning,) = [line for line in done.stdout.splitlines() if line.startswith("warning")]
    assert "does not let this user run INFO, CONFIG GET, TIME" in warning


def test_the_user_of_the_guide_gets_no_warning(server: RedisServer) -> None:
    url = restricted(server, [*RULES, *also_for("doctor")])

    assert found(MUST, settings(url)) == found(WARNING, settings(url)) == []


def test_the_user_of_the_terraform_stack_is_sufficient(server: RedisServer) -> None:
    text = (Path(__file__).parents[2] / "deploy/terraform/app-stack/redis.tf").read_text()
    (access,) = re.findall(r'redis_access = "(.*)"', text)

    assert found(MUST, settings(restricted(server, ["reset", ">secret", *access.split()]))) == []


@pytest.mark.parametrize("missing", NEEDED)
def test_each_forbidden_command_is_named(server: RedisServer, missing: str) -> None:
    url = restricted(server, [rule for rule in RULES if rule != missing])
    grade = WARNING if missing == "+scan" else MUST

    (text, *_) = found(grade, settings(url, webhook=WEBHOOK))

    assert f"does not let this user run {missing[1:].upper()} (NOPERM)" in text


def test_a_service_that_sends_no_codes_and_never_reseals_needs_fewer_commands(server: RedisServer) -> None:
    less = {"+incr", "+lindex", "+lpush", "+ltrim", "+scan"}
    url = restricted(server, [rule for rule in RULES if rule not in less])

    assert found(MUST, settings(url)) == []
    named = " ".join(text for text in found(WARNING, settings(url)) if "NOPERM" in text)
    assert {rule for rule in less if rule not in named.split()} == set()
    assert "reseal" in named
    assert "sending codes" in named
    (text,) = found(MUST, settings(url, webhook=WEBHOOK))
    assert "SCAN" not in text


def test_all_forbidden_commands_are_named_at_once(server: RedisServer) -> None:
    url = restricted(server, ["reset", "on", ">secret", "~open-mfa:*", "+ping", "+get"])

    (text,) = found(MUST, settings(url, webhook=WEBHOOK))

    named = set(re.findall("[A-Z]{3,}", text.partition("run ")[2])) - {"NOPERM", "ACL"}
    assert named == {rule[1:].upper() for rule in NEEDED} - {"PING", "GET", "INCR", "LPUSH", "SCAN"}


@pytest.mark.parametrize("pattern", ["~other:*", "~open-mfa:{*", "%R~open-mfa:*", "~open-mfa:rate:*"])
def test_forbidden_keys_are_named(server: RedisServer, pattern: str) -> None:
    url = restricted(server, [pattern if rule.startswith("~") else rule for rule in RULES])

    (text,) = found(MUST, settings(url))

    assert "use the keys open-mfa:" in text
    assert "~open-mfa:*" in text


def test_the_page_lists_every_command_of_the_scripts() -> None:
    for commands in commands_in_scripts().values():
        assert {f"+{name.lower()}" for name in commands} < {*NEEDED}


def test_a_trial_leaves_no_key_and_touches_no_other_key(server: RedisServer) -> None:
    with contextlib.closing(server.client()) as client:
        client.flushall()
        client.mset({"open-mfa:log-level": "INFO", "open-mfa:{account:shop:a}:totp": "x"})
        before = client.info("stats")["expired_keys"]
        found(MUST, settings(server.url))

        assert {key: client.get(key) for key in client.scan_iter()} == {
            b"open-mfa:log-level": b"INFO",
            b"open-mfa:{account:shop:a}:totp": b"x",
        }
        assert client.info("stats")["expired_keys"] == before
        client.flushall()


def test_the_whole_service_runs_with_the_smallest_user(server: RedisServer) -> None:
    url = restricted(server, RULES)
    client = connector(url)()
    account = Account(client, rate_limit=(parse("50 per minute"),), gate_secret=SharedSecret.from_base32(SECRET))  # type: ignore[arg-type] # no Cluster
    session = Api(client, rate_limit=(parse("1 per minute"),))  # type: ignore[arg-type] # likewise

    # An account, from enrolment to the end.
    totp = account.confirmed("totp")
    assert account.challenge(account.good_code("totp", totp, 1)).status_code == 200
    assert account.challenge(account.recovery_codes()[0]).status_code == 200
    replacement = account.post("totp/replacement").get_json()
    good = {"code": account.good_code("totp", replacement)}
    assert account.post("totp/replacement/verify", good).status_code == 200
    assert account.post("unlock").status_code in {200, 204}
    assert account.get().status_code == 200
    hotp = account.confirmed("hotp")
    assert account.post("hotp/disable", {"code": account.good_code("hotp", hotp, 1)}).status_code in {200, 204}
    account.confirmed("hotp")
    # A session, and the rate limit.
    issued = session.enrol("otp")
    assert session.verify("otp", issued["code"]).status_code == 200
    assert session.verify("otp", issued["code"]).status_code == 429
    assert session.delete().status_code == 204
    # Codes that are sent.
    gateway = Gateway(connector(url))
    limit = RedisSendLimit(gateway, SystemClock(), "key", 100)
    sender = Owner(OwnerKind.SESSION, "a")
    waits = [wait_of(limit, sender, Channel.EMAIL, "a@example.com") for _ in range(7)]
    assert (waits[0], waits[-1] > 0) == (0, True)
    gateway.close()
    # The gate.
    browser = account.client
    code = pyotp.TOTP(SECRET).at(account.clock.now())
    assert browser.post("/auth/login", data={"code": code}).status_code == 303
    assert browser.get("/auth/check").status_code == 200
    assert browser.post("/auth/logout").status_code in {200, 303}
    assert browser.get("/auth/check").status_code == 401
    # The admin API and readiness.
    assert browser.put(f"{ADMIN}/logging", json={"level": "DEBUG"}, auth=ADMINISTRATOR).status_code == 200
    assert browser.get("/readyz").status_code == 200
    client.close()
    # The commands.
    common = SERVICE_SETTINGS | {"OPEN_MFA_REDIS_URL": url, "OPEN_MFA_API_KEYS": f"shop:{API_KEYS['shop']}"}
    assert run("reseal", **common).returncode == 0
    assert run("account", "delete", account.name, **common).returncode == 0

    assert denied(server) == []


def test_a_forbidden_wait_is_named(server: RedisServer) -> None:
    with contextlib.closing(server.client()) as client:
        client.config_set("repl-diskless-sync-delay", 0)
    with RedisServer("--replicaof", "127.0.0.1", str(server.port)):
        with contextlib.closing(server.client()) as client:
            wait_until(lambda: client.wait(1, 100) == 1, "the replica's first copy")
        url = restricted(server, RULES)
        (text,) = found(MUST, settings(url, redis_wait=1))
        assert "does not let this user run WAIT" in text

        url = restricted(server, [*RULES, *also_for("OPEN_MFA_REDIS_WAIT")])
        assert found(MUST, settings(url, redis_wait=1)) == []


def test_without_info_a_write_shows_that_replicas_are_missing(server: RedisServer) -> None:
    url = restricted(server, [*RULES, "+wait"])

    (text,) = soon(settings(url, redis_wait=1))

    assert "has fewer connected replicas than OPEN_MFA_REDIS_WAIT requires" in text


def test_a_database_out_of_range_is_reported(server: RedisServer) -> None:
    (text,) = found(MUST, settings(f"redis://127.0.0.1:{server.port}/99"))
    assert "has no database with this number" in text

    url = restricted(server, RULES)
    (text,) = found(MUST, settings(f"{url}/3"))
    assert "does not let this user run SELECT" in text

    url = restricted(server, [*RULES, *also_for("a database other than 0")])
    assert found(MUST, settings(f"{url}/3")) == []


def test_too_few_replicas_for_any_write_are_reported() -> None:
    with RedisServer("--min-replicas-to-write", "1") as server:
        (text,) = found(MUST, settings(server.url))

    assert "refuses writes (NOREPLICAS)" in text
    assert "min-replicas-to-write" in text


def test_a_full_redis_is_reported_with_and_without_info() -> None:
    with RedisServer() as server, contextlib.closing(server.client()) as client:
        client.config_set("maxmemory", 1)
        (open_,) = found(MUST, settings(server.url))
        (closed,) = found(MUST, settings(restricted(server, RULES)))

    for text in (open_, closed):
        assert "refuses writes (OOM): it is full" in text


def test_a_failed_snapshot_is_reported() -> None:
    with RedisServer("--appendonly", "no", "--save", "3600 1") as server:
        with contextlib.closing(server.client()) as client:
            shutil.rmtree(server.directory)
            client.bgsave()
            wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a snapshot's failure")
        texts = found(MUST, settings(server.url))
        server.directory.mkdir()

    assert [text for text in texts if "refuses writes (MISCONF)" in text]


def test_a_replica_is_reported_without_info(server: RedisServer) -> None:
    with RedisServer("--replicaof", "127.0.0.1", str(server.port)) as replica:
        url = restricted(replica, RULES)
        (text,) = found(MUST, settings(url))

    assert "is a replica, which accepts no writes" in text


def test_a_renamed_command_is_reported() -> None:
    with RedisServer("--rename-command", "EVALSHA", "") as server:
        (text,) = found(MUST, settings(server.url))

    assert "does not know EVALSHA" in text


def test_behind_sentinels_the_users_of_the_page_are_sufficient() -> None:
    require_redis_server()
    sentinel_rules = re.findall(rf"`{USER}(.*?)`", PAGE)[0].replace("PASSWORD", "other").split()
    with SentinelSet(replicas=1) as sentinels:
        for node in sentinels.nodes:
            restricted(node, [*RULES, *also_for("OPEN_MFA_REDIS_WAIT")])
        for sentinel in sentinels.sentinels:
            sentinel.ask("ACL", "SETUSER", "asking", *sentinel_rules)
        login = sentinels.url.replace("//", "//open-mfa:secret@")
        url = f"{login}?sentinel_username=asking&sentinel_password=other"
        texts = [finding for finding in diagnose(settings(url, redis_wait=1)) if "does not let" in finding.text]
        assert [finding.grade for finding in texts] == [WARNING]
        caller = Caller(connector(url), replicas=1)
        caller.enrol(new_owner())
        caller.gateway.close()

        for sentinel in sentinels.sentinels:
            sentinel.ask("ACL", "SETUSER", "asking", "-sentinel|master")
        (text, *_) = soon(settings(url))
        assert "does not let this user run SENTINEL MASTER" in text
        for sentinel in sentinels.sentinels:
            sentinel.ask("ACL", "SETUSER", "asking", "off")
        (text, *_) = soon(settings(url))
        assert "sentinel_password" in text


def test_every_master_of_a_cluster_is_tried() -> None:
    require_redis_server()
    with Cluster() as cluster:
        rules = [*RULES, *also_for("Redis Cluster"), *also_for("OPEN_MFA_REDIS_WAIT")]
        for node in cluster.nodes:
            restricted(node, rules)
        url = cluster.url.replace("//", "//open-mfa:secret@")
        refusals = [text for text in found(MUST, settings(url, redis_wait=1)) if "does not let" in text]
        assert refusals == []
        caller = Caller(connector(url), replicas=1)
        for _ in range(10):
            caller.enrol(new_owner())
        caller.gateway.close()

        one, full, last = cluster.masters()
        one.ask("ACL", "SETUSER", "open-mfa", "-evalsha")
        full.ask("CONFIG", "SET", "maxmemory", "1")
        texts = found(MUST, settings(url))
        assert any(
            text.startswith(f"Redis at 127.0.0.1:{one.port} does not let this user run EVALSHA") for text in texts
        )
        assert any(text.startswith(f"Redis at 127.0.0.1:{full.port} refuses writes (OOM)") for text in texts)
        assert not any(str(last.port) in text for text in texts)

        texts = found(MUST, settings(f"redis://127.0.0.1:{last.port}"))
        assert any("redis+cluster://" in text for text in texts)

        last.ask("ACL", "SETUSER", "open-mfa", "-asking")
        texts = found(MUST, settings(url))
        assert any(f"{last.port} does not let this user run ASKING" in text for text in texts)

        for node in cluster.nodes:
            node.ask("ACL", "SETUSER", "open-mfa", "-cluster|slots")
        (text,) = soon(settings(url))
        assert "does not let this user run CLUSTER SLOTS" in text


def test_the_doctor_disturbs_no_traffic(server: RedisServer) -> None:
    gateway = Gateway(connector(server.url))
    caller = Caller(connector(server.url))
    credentials = [caller.enrol(new_owner()) for _ in range(3)]

    for credential in credentials:
        assert [each.trial.refusal for each in inspect(gateway, time.time)] == [None]
        assert isinstance(caller.verify(credential, 0), Accepted)
    gateway.close()
    caller.gateway.close()

"""`open-mfa doctor` names the server that fails, and the reason, when it can't reach or use Redis."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infrastructure.network import deadline
from presentation.cli.doctor.diagnosis import diagnose
from presentation.cli.doctor.finding import Grade
from tests.command_line.test_doctor import found, settings
from tests.command_line.test_doctor_trial import RULES, also_for, restricted
from tests.conftest import require_redis_server
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import SERVICE, Certificates, Cluster, Node, SentinelSet, free_ports

MUST = Grade.MUST_CHANGE


@pytest.fixture(scope="module", autouse=True)
def real_redis() -> None:
    require_redis_server()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(replicas=0) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def sentinels() -> Iterator[SentinelSet]:
    with SentinelSet(replicas=0, sentinels=2) as running:
        yield running


@pytest.fixture(scope="module")
def certificates() -> Iterator[Certificates]:
    with Certificates() as made:
        yield made


@pytest.fixture(scope="module")
def web_server() -> Iterator[int]:
    """The port of a server that speaks HTTP."""
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def about_redis(url: str, wait: int = 0) -> list[str]:
    """Return the faults of Redis. The deadline is shorter than usual, because most of the states do not pass."""
    with deadline.within(1.6):
        return [text for text in found(MUST, settings(url, redis_wait=wait)) if text.startswith("Redis at")]


def set_password(server: RedisServer) -> None:
    with contextlib.closing(server.client()) as client:
        client.config_set("requirepass", "another")


def fault(url: str) -> str:
    (text,) = about_redis(url)
    return text


def test_the_node_of_a_cluster_that_is_down_is_named() -> None:
    with Cluster(replicas=0) as cluster:
        first, second, last = cluster.masters()
        last.kill()

        text = fault(f"redis+cluster://127.0.0.1:{first.port},127.0.0.1:{second.port}")

    assert text.startswith(f"Redis at 127.0.0.1:{last.port} can't be reached")


def test_the_node_of_a_cluster_that_refuses_the_user_is_named(cluster: Cluster) -> None:
    first, second, last = cluster.masters()
    for node in (first, second):
        restricted(node, [*RULES, *also_for("Redis Cluster")])
    last.ask("ACL", "DELUSER", "open-mfa")

    text = fault(f"redis+cluster://open-mfa:secret@127.0.0.1:{first.port},127.0.0.1:{second.port}")

    assert text.startswith(f"Redis at 127.0.0.1:{last.port} refuses the user or the password")


def test_the_node_of_a_cluster_that_forbids_cluster_slots_is_named(cluster: Cluster) -> None:
    rules = [*RULES, *also_for("Redis Cluster")]
    *others, last = cluster.masters()
    for node in others:
        restricted(node, rules)
    restricted(last, [rule for rule in rules if "|slots" not in rule and rule != "+asking"])

    texts = about_redis(cluster.url.replace("//", "//open-mfa:secret@"))

    (text,) = [text for text in texts if "does not let" in text]
    assert text.startswith(f"Redis at 127.0.0.1:{last.port} does not let this user run ")
    assert "ASKING" in text
    assert "CLUSTER SLOTS" in text
    assert "+cluster|slots" in text
    assert "+asking" in text


def test_a_cluster_without_a_node_that_lists_slots_is_reported(cluster: Cluster) -> None:
    for node in cluster.masters():
        restricted(node, RULES)

    text = fault(cluster.url.replace("//", "//open-mfa:secret@"))

    assert "does not let this user run CLUSTER SLOTS: allow +cluster|slots" in text


def test_slots_without_a_node_are_reported(cluster: Cluster) -> None:
    node, slot = cluster.master_of("a"), cluster.slot("a")
    node.ask("CLUSTER", "DELSLOTS", slot)

    text = fault(f"redis+cluster://127.0.0.1:{node.port}")
    node.ask("CLUSTER", "ADDSLOTS", slot)

    assert "slots that no node serves" in text


def test_the_master_that_refuses_the_password_is_named(sentinels: SentinelSet) -> None:
    master = sentinels.master()

    text = fault(sentinels.url.replace("//", "//open-mfa:wrong@"))

    assert text.startswith(f"Redis at 127.0.0.1:{master.port} refuses the user or the password")


def test_a_service_that_no_sentinel_knows_is_reported(sentinels: SentinelSet) -> None:
    text = fault(sentinels.url.replace(SERVICE, "another"))

    assert "has Sentinels that know no service with this name" in text


def test_sentinels_that_do_not_listen_are_reported(sentinels: SentinelSet) -> None:
    port, other = free_ports(2)

    text = fault(f"redis+sentinel://127.0.0.1:{port},127.0.0.1:{other}/{SERVICE}")

    assert text.startswith(f"Redis at 127.0.0.1:{port},127.0.0.1:{other} has no Sentinel that answers")
    assert "can't be reached" in text
    # One that knows the service is enough.
    assert about_redis(f"redis+sentinel://127.0.0.1:{port},127.0.0.1:{sentinels.sentinels[0].port}/{SERVICE}") == [
        f"Redis at 127.0.0.1:{sentinels.master().port} loses all data when it restarts: set appendonly yes"
    ]


def test_a_server_that_is_not_a_sentinel_is_reported(sentinels: SentinelSet, redis_server: RedisServer) -> None:
    text = fault(f"redis+sentinel://127.0.0.1:{redis_server.port}/{SERVICE}")

    assert "has no Sentinel: a server there is a Redis" in text


def test_one_sentinel_is_enough_beside_a_web_server(sentinels: SentinelSet, web_server: int) -> None:
    assert "Redis protocol" in fault(f"redis+sentinel://127.0.0.1:{web_server}/{SERVICE}")
    both = f"redis+sentinel://127.0.0.1:{web_server},127.0.0.1:{sentinels.sentinels[0].port}/{SERVICE}"
    assert "loses all data" in fault(both)


@pytest.mark.parametrize("scheme", ["rediss", "rediss+cluster"])
def test_tls_to_a_server_without_tls_is_reported(
    redis_server: RedisServer, certificates: Certificates, scheme: str
) -> None:
    text = fault(f"{scheme}://127.0.0.1:{redis_server.port}{certificates.query}")

    assert text.startswith(f"Redis at 127.0.0.1:{redis_server.port} does not answer the TLS handshake")


def test_tls_to_a_web_server_is_reported(web_server: int, certificates: Certificates) -> None:
    assert "TLS handshake" in fault(f"rediss://127.0.0.1:{web_server}{certificates.query}")


@pytest.mark.parametrize("scheme", ["rediss", "rediss+cluster"])
def test_an_untrusted_certificate_is_reported(certificates: Certificates, scheme: str) -> None:
    with Node(free_ports(1)[0], tls=certificates) as node:
        text = fault(f"{scheme}://127.0.0.1:{node.port}")

    assert "certificate" in text
    assert "ssl_ca_certs" in text
    assert "uses TLS" not in text


def test_a_certificate_of_another_host_is_reported(certificates: Certificates) -> None:
    with Node(free_ports(1)[0], "--bind", "127.0.0.1", "127.0.0.2", tls=certificates) as node:
        text = fault(f"rediss://127.0.0.2:{node.port}{certificates.query}")

    assert "certificate is not valid for '127.0.0.2'" in text


def test_a_missing_client_certificate_is_reported(certificates: Certificates) -> None:
    with Node(free_ports(1)[0], tls=certificates) as node:
        node.ask("CONFIG", "SET", "tls-auth-clients", "yes")
        text = fault(f"rediss://127.0.0.1:{node.port}{certificates.query}")

    assert "ssl_certfile" in text


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_a_connection_without_tls_to_a_server_with_tls_is_reported(certificates: Certificates, scheme: str) -> None:
    with Node(free_ports(1)[0], tls=certificates) as node:
        text = fault(f"{scheme}://127.0.0.1:{node.port}")

    assert "TLS" in text


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_a_server_that_is_not_redis_is_reported(web_server: int, scheme: str) -> None:
    assert "does not use the Redis protocol" in fault(f"{scheme}://127.0.0.1:{web_server}")


UNKNOWN = f"{'a' * 64}.example"
"""A name that does not resolve, because its first label is too long. Nobody asks the DNS, which could be slow."""


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_an_unknown_host_name_is_reported(scheme: str) -> None:
    text = fault(f"{scheme}://{UNKNOWN}:6379")

    assert "can't be reached: its name does not resolve" in text
    assert "TLS" not in text


def test_a_missing_socket_is_reported(tmp_path: Path) -> None:
    text = fault(f"unix://{tmp_path}/socket")

    assert "can't be reached: there is no socket at this path" in text


def test_a_socket_without_a_listener_is_reported(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        text = fault(f"unix://{tmp_path}/socket")

    assert "can't be reached" in text


def test_a_missing_password_is_reported() -> None:
    with RedisServer() as server:
        set_password(server)
        text = fault(server.url)

    assert "requires a password" in text
    assert "contains none" in text


def test_a_superfluous_password_is_reported(redis_server: RedisServer) -> None:
    assert "has no password" in fault(redis_server.url.replace("//", "//:secret@"))


def test_renamed_and_forbidden_commands_are_distinguished() -> None:
    with RedisServer("--rename-command", "INFO", "", "--rename-command", "TIME", "") as server:
        open_ = [finding.text for finding in diagnose(settings(server.url))]
        closed = [finding.text for finding in diagnose(settings(restricted(server, RULES)))]

    (renamed,) = [text for text in open_ if "INFO" in text]
    assert "does not know INFO, TIME, so some checks were skipped" in renamed
    assert [text for text in open_ if "does not let" in text] == []
    # CONFIG is not renamed, but forbidden.
    forbidden, renamed = (text for text in closed if "checks were skipped" in text)
    assert "does not let this user run CONFIG GET, so" in forbidden
    assert "does not know INFO, TIME, so" in renamed


@pytest.mark.parametrize(("name", "database", "wait"), [("wait", "", 1), ("select", "/1", 0)])
def test_a_permission_that_depends_on_settings_is_named(
    redis_server: RedisServer, name: str, database: str, wait: int
) -> None:
    url = restricted(redis_server, RULES)

    (text,) = about_redis(f"{url}{database}", wait)

    assert f"does not let this user run {name.upper()}" in text
    assert f"allow +{name} in its ACL" in text
    assert text.count("does not let") == text.count("Redis at") == 1


def test_the_permission_that_sentinels_need_is_named(sentinels: SentinelSet) -> None:
    for sentinel in sentinels.sentinels:
        sentinel.ask("ACL", "SETUSER", "asking", "reset", "on", ">other", "+ping")

    text = fault(f"{sentinels.url}?sentinel_username=asking&sentinel_password=other")

    assert "has a Sentinel that does not let this user run SENTINEL MASTER: allow +sentinel|master" in text


def test_a_port_without_a_server_is_reported_as_unreachable() -> None:
    port = free_port()

    assert re.match(rf"Redis at 127\.0\.0\.1:{port} can't be reached", fault(f"redis://127.0.0.1:{port}"))


def test_no_report_of_a_fault_contains_a_password_or_a_key(sentinels: SentinelSet) -> None:
    with RedisServer() as server:
        set_password(server)
        texts = [fault(server.url.replace("//", "//:hunter2@")), fault(sentinels.url.replace("//", "//:hunter2@"))]

    assert [text for text in texts if "hunter2" in text or "open-mfa:" in text] == []

"""A walk through the accounts of a tenant while servers restart, fail over and hand over slots."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from application.errors import StoreUnavailable
from application.ports.stores import AccountsPart
from domain.owner import CredentialId, Factor, Owner
from infrastructure.records.codec import RecordCodec
from infrastructure.redis.client.gateway import Gateway
from infrastructure.redis.client.url import connector
from infrastructure.redis.stores.accounts import MOST_STEPS, RedisAccountDirectory
from infrastructure.redis.stores.credentials import RedisCredentialRepository, key_of
from infrastructure.redis.stores.scan_positions import PositionCodec
from tests.conftest import require_redis_server
from tests.infrastructure.redis.callers import KEYS
from tests.infrastructure.store.states import hotp
from tests.support.fakes import FakeClock
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Cluster, SentinelSet

ACCOUNTS = 120


class Directory:
    """The accounts of a new tenant in a Redis."""

    def __init__(self, url: str, replicas: int = 0) -> None:
        self.gateway = Gateway(connector(url), replicas)
        self.credentials = RedisCredentialRepository(self.gateway, RecordCodec(KEYS), FakeClock())
        self._directory = RedisAccountDirectory(self.gateway, self.credentials, PositionCodec("a key of the tests"))
        self.tenant = f"t{secrets.token_hex(6)}"

    def add(self, accounts: int = ACCOUNTS) -> set[Owner]:
        owners = {Owner.of_account(self.tenant, f"user-{number}") for number in range(accounts)}
        for owner in owners:
            state = hotp(CredentialId(owner, Factor.HOTP))
            self.credentials.commit(state.id, self.credentials.load(state.id).revision, state)
        return owners

    def part(self, cursor: str | None, limit: int) -> AccountsPart:
        return self._directory.accounts(self.tenant, cursor, limit)

    def walk(self, limit: int, *, parts: int = 0, interrupt: Callable[[], None] = lambda: None) -> set[Owner]:
        """Return the accounts of a walk that is interrupted after some parts. A part that fails is repeated."""
        found: set[Owner] = set()
        cursor: str | None = None
        number = 0
        while number == 0 or cursor is not None:
            if number == parts:
                interrupt()
            wait_until(lambda cursor=cursor: self._answers(cursor, limit), "a part")
            found |= set(self._last.credentials)
            cursor = self._last.next
            number += 1
        assert number > parts, "the walk ended before its interruption"
        return found

    def _answers(self, cursor: str | None, limit: int) -> bool:
        try:
            self._last = self.part(cursor, limit)
        except StoreUnavailable:
            return False
        return True


@contextmanager
def opened(url: str, replicas: int = 0) -> Iterator[Directory]:
    directory = Directory(url, replicas)
    yield directory
    directory.gateway.close()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    require_redis_server()
    with RedisServer() as server:
        yield server


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_a_restart_hides_no_account(server: RedisServer, parts: int) -> None:
    """The process after the restart keeps its keys in another order."""
    with opened(server.url) as directory:
        owners = directory.add()
        assert directory.walk(7, parts=parts, interrupt=server.restart) == owners


def test_a_fail_over_of_a_sentinel_set_hides_no_account() -> None:
    require_redis_server()
    with SentinelSet() as nodes, opened(nodes.url, replicas=2) as directory:
        owners = directory.add()
        assert directory.walk(7, parts=3, interrupt=lambda: nodes.master().kill()) == owners


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_fail_over_in_a_cluster_hides_no_account(victim: int) -> None:
    """The victim is a master that was scanned, is being scanned or is still to be scanned."""
    require_redis_server()
    with Cluster() as nodes, opened(nodes.url, replicas=1) as directory:
        owners = directory.add()
        masters = sorted(nodes.masters(), key=lambda node: f"127.0.0.1:{node.port}")
        assert directory.walk(7, parts=12, interrupt=masters[victim].kill) == owners


def test_accounts_are_read_while_their_slots_move(cluster: Cluster) -> None:
    with opened(cluster.url) as directory:
        owners = directory.add(30)
        key = key_of(CredentialId(next(iter(owners)), Factor.HOTP))
        source = cluster.master_of(key)
        target = next(node for node in cluster.masters() if node is not source)
        slot = cluster.slot(key)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", str(source.ask("CLUSTER", "MYID"), "ascii"))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", str(target.ask("CLUSTER", "MYID"), "ascii"))
        source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        during = directory.walk(7)
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", str(target.ask("CLUSTER", "MYID"), "ascii"))
        wait_until(lambda: cluster.master_of(key) is target, "the announcement of the move to all nodes")
        after = directory.walk(7)
    assert during == after == owners


def test_a_user_without_the_permission_for_info_finds_every_account(server: RedisServer) -> None:
    rules = "+get +mget +scan +set +eval +evalsha +ping"
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "lister", "reset", "on", ">secret", "~open-mfa:*", *rules.split())
    with opened(f"redis://lister:secret@127.0.0.1:{server.port}/0") as directory:
        owners = directory.add(40)
        assert directory.walk(7) == owners


def scans(server: RedisServer) -> int:
    with server.client() as client:
        return int(client.info("commandstats").get("cmdstat_scan", {}).get("calls", 0))


@pytest.mark.parametrize("limit", [1, 100, 500])
def test_each_part_reads_a_bounded_number_of_keys(server: RedisServer, limit: int) -> None:
    """The tenant has a few of many keys."""
    with server.client() as client, opened(server.url) as directory:
        client.flushall()
        with client.pipeline(transaction=False) as pipeline:
            for number in range(30_000):
                pipeline.set(f"open-mfa:{{account:other:{number}}}:totp", "x")
            pipeline.execute()
        owners = directory.add(20)
        found: set[Owner] = set()
        cursor: str | None = None
        costs = []
        while not costs or cursor is not None:
            before = scans(server)
            part = directory.part(cursor, limit)
            costs.append(scans(server) - before)
            found |= set(part.credentials)
            cursor = part.next
    assert found == owners
    assert max(costs) <= MOST_STEPS
    assert len(costs) > 3, "one part has read most keys"

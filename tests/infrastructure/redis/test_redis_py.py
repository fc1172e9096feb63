"""The parts of redis-py that its documentation does not promise, and that the Redis client relies on (ADR 28).

If one of these tests fails after an update, read the ADR, and adapt the client before anything else.
"""

import inspect
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from redis import ConnectionPool, Redis
from redis.cluster import ClusterNode, NodesManager
from redis.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,
    RedisClusterException,
    RedisError,
    SlotNotCoveredError,
)
from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection

from infrastructure.redis.client import connection
from infrastructure.redis.client.cluster import Cluster as ClusterClient
from infrastructure.redis.client.embedded import embedded
from infrastructure.redis.client.link import Link
from infrastructure.redis.client.pipeline import send
from infrastructure.redis.client.pool import LeanMasterPool, LeanPool
from infrastructure.redis.client.url import Client, Connect, connector
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Cluster, SentinelSet

CONNECTIONS = [
    connection.TcpConnection,
    connection.TlsConnection,
    connection.UnixConnection,
    connection.MasterConnection,
    connection.MasterTlsConnection,
]


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Redis]:
    client = connector(redis_server.url)()
    assert isinstance(client, Redis)
    yield client
    client.close()


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize("kind", [Connection, UnixDomainSocketConnection])
def test_redis_py_opens_a_socket_in_connect(kind: type[AbstractConnection]) -> None:
    assert parameters(kind._connect) == ["self"]


@pytest.mark.parametrize("kind", CONNECTIONS)
def test_our_connections_come_before_those_of_redis_py(kind: type[AbstractConnection]) -> None:
    for name in ("_connect", "connect_check_health", "socket_timeout", "socket_connect_timeout"):
        defined_by = next(each for each in kind.__mro__ if name in vars(each))
        assert defined_by.__module__ == connection.__name__, name


def test_redis_py_connects_by_connect_check_health() -> None:
    assert parameters(AbstractConnection.connect_check_health) == ["self", "check_health", "retry_socket_connect"]
    assert parameters(connection.TcpConnection.connect_check_health) == parameters(
        AbstractConnection.connect_check_health
    )


def test_redis_py_reads_and_writes_through_our_socket(client: Redis) -> None:
    assert send(client, [("PING",)]) == [b"PONG"]
    taken = client.connection_pool.get_connection()
    assert isinstance(taken._sock, Link)
    taken.send_command("PING")
    wait_until(taken.can_read, "the response to PING")
    # redis-py peeks at a socket that is ready, to see whether the server has closed it.
    assert taken._sock.recv(1, socket.MSG_PEEK) == b"+"
    assert taken.read_response() == b"PONG"
    client.connection_pool.release(taken)


def test_a_connection_that_the_server_closed_is_replaced(client: Redis) -> None:
    send(client, [("PING",)])
    taken = client.connection_pool.get_connection()
    (number,) = _answer(taken, "CLIENT", "ID")
    client.connection_pool.release(taken)
    with Redis(port=client.connection_pool.connection_kwargs["port"], protocol=2) as other:
        other.client_kill_filter(_id=str(number))
    (another,) = send(client, [("CLIENT", "ID")])
    assert another != number


def _answer(taken: Any, *command: str) -> list[Any]:
    taken.send_command(*command)
    return [taken.read_response()]


def test_every_command_of_redis_py_uses_our_pool(client: Redis) -> None:
    (before,) = send(client, [("CLIENT", "ID")])
    assert client.execute_command("CLIENT", "ID") == before
    # redis-py's own list stays empty.
    assert client.connection_pool._available_connections == []


def test_the_pool_of_redis_py_has_the_methods_that_ours_replaces() -> None:
    assert parameters(ConnectionPool.get_connection) == parameters(LeanPool.get_connection)
    assert parameters(ConnectionPool.release) == parameters(LeanPool.release)
    assert parameters(ConnectionPool.disconnect) == parameters(LeanPool.disconnect)
    assert parameters(ConnectionPool.make_connection) == ["self"]
    assert parameters(ConnectionPool.owns_connection) == ["self", "connection"]
    assert not {"_spare", "_creating"} & set(vars(ConnectionPool(host="localhost")))


def test_a_connection_that_is_in_use_survives_a_disconnect_of_the_pool(client: Redis) -> None:
    taken = client.connection_pool.get_connection()
    client.connection_pool.disconnect()
    assert _answer(taken, "PING") == [b"PONG"]
    client.connection_pool.release(taken)
    client.connection_pool.disconnect()
    assert not taken.is_connected


def test_the_embedded_store_uses_our_pool() -> None:
    client = embedded()()
    assert isinstance(client, Redis)
    assert isinstance(client.connection_pool, LeanPool)
    assert send(client, [("PING",)]) == [b"PONG"]


def test_the_nodes_manager_accepts_our_arguments() -> None:
    assert {
        "startup_nodes",
        "from_url",
        "require_full_coverage",
        "connection_pool_class",
    } <= set(parameters(NodesManager.__init__))
    assert {"additional_startup_nodes_info", "last_failed_node_name"} <= set(parameters(NodesManager.initialize))


def test_the_nodes_manager_knows_the_topology(cluster: Cluster) -> None:
    client = connector(cluster.url)()
    assert isinstance(client, ClusterClient)
    nodes = client._nodes
    masters = nodes.get_nodes_by_server_type("primary")
    assert len(masters) == 3
    assert set(masters) <= set(nodes.nodes_cache.values())
    assert len(nodes.slots_cache) == 16384
    assert nodes.startup_nodes
    first = nodes.get_node_from_slot(0)
    assert isinstance(first, ClusterNode)
    assert nodes.get_node(node_name=first.name) == first
    seen = nodes.slots_cache
    nodes.initialize(additional_startup_nodes_info=[], last_failed_node_name=first.name)
    # A new topology is a new object, by which threads see that another one has read it.
    assert nodes.slots_cache is not seen
    client.send("key", [("PING",)])
    assert isinstance(client._node_of("key").redis_connection.connection_pool, LeanPool)
    client.close()


def test_errors_of_the_cluster_are_no_redis_errors() -> None:
    assert issubclass(SlotNotCoveredError, RedisClusterException)
    assert not issubclass(RedisClusterException, RedisError)


def test_a_refused_log_in_is_a_connection_error() -> None:
    assert issubclass(AuthenticationError, ConnectionError)


def test_the_sentinels_name_the_master(sentinel_set: SentinelSet) -> None:
    client = connector(sentinel_set.url)()
    assert isinstance(client, Redis)
    pool = client.connection_pool
    assert isinstance(pool, LeanMasterPool)
    assert isinstance(pool, SentinelConnectionPool)
    host, port = pool.get_master_address()
    (role, *_) = send(client, [("ROLE",)])[0]
    assert role == b"master"
    taken = pool.get_connection()
    assert (taken.host, taken.port) == (host, port)
    assert isinstance(taken, SentinelManagedConnection)
    assert pool.owns_connection(taken)
    # The connection does not belong to the pool after the master has changed.
    pool.proxy.master_address = ("192.0.2.1", 1)
    assert not pool.owns_connection(taken)
    pool.release(taken)
    assert not taken.is_connected
    assert len(pool.sentinel_manager.sentinels) == 3
    client.close()


def test_the_search_for_the_master_can_be_replaced() -> None:
    assert parameters(Sentinel.discover_master) == ["self", "service_name"]
    assert parameters(Sentinel.check_master_state) == ["self", "state", "service_name"]
    assert {"redis_class", "connection_pool_class"} <= set(parameters(Sentinel.master_for))


def test_every_topology_answers_on_a_released_connection(connect: Connect) -> None:
    client: Client = connect()
    for _ in range(3):
        responses = send(client, [("PING",)]) if isinstance(client, Redis) else client.send("key", [("PING",)])
        assert responses == [b"PONG"]
    client.close()

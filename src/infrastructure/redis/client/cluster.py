"""Redis Cluster: the node that has a key, and the changes of the topology.

redis-py's own `RedisCluster` can't send a write and its WAIT together. It also splits commands with several keys,
retries and sleeps by its own rules, writes commands with their arguments to the debug log, and needs the permission for
COMMAND when it connects. Only its `NodesManager`, which knows the topology, is used here.
"""

import random
import threading
from collections.abc import Sequence
from typing import Any, Final

from redis import Redis
from redis.cluster import ClusterNode, NodesManager
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    AuthenticationError,
    ClusterDownError,
    ClusterError,
    ConnectionError,
    MovedError,
    ReadOnlyError,
    RedisClusterException,
    TimeoutError,
)

from infrastructure.network import deadline
from infrastructure.network.address import Address
from infrastructure.redis.client.pipeline import Command, send
from infrastructure.redis.client.pool import LeanPool

_MOST_REDIRECTIONS: Final = 8
"""Redirections and changes of the topology after which an attempt fails. The gateway then starts another attempt."""


class Cluster:
    """Sends commands to the nodes that have their keys.

    Args:
        addresses: some nodes. The client asks them for the topology, now and whenever no other node answers.
        options: the options of the connection pool of each node.

    Raises:
        RedisError: no address answers as a node of a Cluster.
    """

    def __init__(self, addresses: Sequence[Address], options: dict[str, Any]) -> None:
        self._addresses = addresses
        self._refreshing = threading.Lock()
        # `from_url` makes a pool with exactly these options for every node.
        self._nodes = NodesManager(
            [ClusterNode(*address) for address in addresses],
            from_url=True,
            require_full_coverage=True,
            connection_pool_class=LeanPool,
            **options,
        )

    def send(self, key: str, commands: Sequence[Command]) -> list[Any]:
        """Send commands on one connection to the node that has the key. Follow the key if it has moved.

        Raises:
            RedisError: the first error among the responses, or no node answers.
        """
        node, asking = self._node_of(key), False
        for _ in range(_MOST_REDIRECTIONS):
            try:
                return send(self._client(node), [("ASKING",), *commands] if asking else commands)[asking:]
            except AuthenticationError:
                raise
            except MovedError as moved:
                self._nodes.move_slot(moved)
                node, asking = self._node_of(key), False
            except AskError as ask:
                node, asking = self._importing(ask), True
            except (ClusterDownError, ConnectionError, ReadOnlyError, TimeoutError):
                former, asking = node, False
                self._refresh(former)
                node = self._node_of(key)
                if node == former:
                    raise
        raise ClusterError("redirected too often")

    def name_of(self, key: str) -> str:
        """Return the name of the node that has the key; empty if no node has it."""
        try:
            return str(self._node_of(key).name)
        except RedisClusterException:
            return ""

    def masters(self) -> list[str]:
        """Return the names of all masters."""
        return [str(node.name) for node in self._nodes.get_nodes_by_server_type("primary")]

    def send_to(self, name: str, command: Command) -> Any:
        """Send a command to one master. Raise `RedisError`, also if the node is no longer a master."""
        node = self._nodes.get_node(node_name=name)
        if node is None or name not in self.masters():
            raise ClusterError("no longer a master")
        try:
            return send(self._client(node), [command])[0]
        except (ConnectionError, TimeoutError):
            self._refresh(node)
            raise

    def send_anywhere(self, command: Command) -> Any:
        """Send a command to one of the masters and return its parsed response. Raise `RedisError`."""
        node = random.choice(self._nodes.get_nodes_by_server_type("primary"))  # noqa: S311 - no secret
        try:
            return self._client(node).execute_command(*command)
        except (ConnectionError, TimeoutError):
            self._refresh(node)
            raise

    def close(self) -> None:
        """Close all connections."""
        for node in list(self._nodes.nodes_cache.values()):
            if node.redis_connection is not None:
                node.redis_connection.connection_pool.disconnect()

    def _node_of(self, key: str) -> ClusterNode:
        return self._nodes.get_node_from_slot(key_slot(key.encode()))

    def _client(self, node: ClusterNode) -> Redis:
        if node.redis_connection is None:
            self._nodes.create_redis_connections([node])
        client: Redis = node.redis_connection
        return client

    def _importing(self, ask: AskError) -> ClusterNode:
        """Return the node that a slot moves to. The topology does not name the node while it has no slot."""
        node = ClusterNode(ask.host, ask.port, "primary")
        return self._nodes.nodes_cache.setdefault(node.name, node)

    def _refresh(self, failed: ClusterNode) -> None:
        """Read the topology from the other nodes, or from the configured addresses if no other node answers.

        The names in these addresses may lead to new addresses: a Cluster can return with all its addresses changed.
        """
        self._client(failed).connection_pool.disconnect(inuse_connections=False)
        seen = self._nodes.slots_cache
        # redis-py has its own lock for this, but threads would wait for it far beyond their deadlines.
        if not self._refreshing.acquire(timeout=deadline.left()):
            raise TimeoutError("another thread is still reading the topology")
        try:
            if self._nodes.slots_cache is seen and deadline.left():
                known = {(node.host, node.port) for node in self._nodes.startup_nodes.values()}
                others = [(address.host, address.port) for address in self._addresses if address not in known]
                self._nodes.initialize(additional_startup_nodes_info=others, last_failed_node_name=failed.name)
        finally:
            self._refreshing.release()

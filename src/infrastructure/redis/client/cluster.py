"""Redis Cluster: which node has a key, and where it has gone.

redis-py's own `RedisCluster` hands single commands around, but can't send a write and its WAIT together. It also splits
commands with several keys, sleeps and retries by rules of its own, and writes commands with their arguments to the
debug log. Its `NodesManager`, which knows the topology, is what is used here.
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
from infrastructure.redis.client.pipeline import Command, send

_HOPS: Final = 8
"""Redirections and changes of mind after which an attempt is given up; the gateway starts another one."""


class Cluster:
    """Sends commands to the nodes that have their keys.

    Args:
        places: host and port of some nodes. They are asked for the others, now and whenever no other node answers.
        options: how to connect, for redis-py's connection pool.

    Raises:
        RedisError: none of the places answers as a Cluster's node.
    """

    def __init__(self, places: Sequence[tuple[str, int]], options: dict[str, Any]) -> None:
        self._places = places
        self._looking = threading.Lock()
        # With `from_url` every node gets a pool with these very options.
        self._nodes = NodesManager(
            [ClusterNode(*place) for place in places], from_url=True, require_full_coverage=True, **options
        )

    def send(self, key: str, commands: Sequence[Command]) -> list[Any]:
        """Sends commands on one connection to the node that has the key; follows it when it has moved.

        Raises:
            RedisError: the first error among the answers, or no node can be asked.
        """
        node, asking = self._node_of(key), False
        for _ in range(_HOPS):
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
                self._look_again(former)
                node = self._node_of(key)
                if node == former:
                    raise
        raise ClusterError("sent from node to node")

    def name_of(self, key: str) -> str:
        """Which node a key is sent to; empty where none has it."""
        try:
            return str(self._node_of(key).name)
        except RedisClusterException:
            return ""

    def masters(self) -> list[str]:
        """The names of all masters."""
        return [str(node.name) for node in self._nodes.get_nodes_by_server_type("primary")]

    def send_to(self, name: str, command: Command) -> Any:
        """Sends a command to one master. Raises `RedisError`, also where it is none any more."""
        node = self._nodes.get_node(node_name=name)
        if node is None or name not in self.masters():
            raise ClusterError("no longer a master")
        try:
            return send(self._client(node), [command])[0]
        except (ConnectionError, TimeoutError):
            self._look_again(node)
            raise

    def send_anywhere(self, command: Command) -> Any:
        """Sends a command to one of the masters. Raises `RedisError`."""
        node = random.choice(self._nodes.get_nodes_by_server_type("primary"))  # noqa: S311 - no secret
        try:
            return self._client(node).execute_command(*command)
        except (ConnectionError, TimeoutError):
            self._look_again(node)
            raise

    def close(self) -> None:
        """Gives the connections back."""
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
        """The node that a slot is on its way to; while it has no slot yet, the topology does not name it."""
        node = ClusterNode(ask.host, ask.port, "primary")
        return self._nodes.nodes_cache.setdefault(node.name, node)

    def _look_again(self, failed: ClusterNode) -> None:
        """Asks the other nodes for the topology, and those that the settings name when none of them answers.

        The latter may be names that by now lead elsewhere: a Cluster can come back with all its addresses changed.
        """
        self._client(failed).connection_pool.disconnect(inuse_connections=False)
        seen = self._nodes.slots_cache
        # redis-py has a lock of its own for this, at which threads would queue up far beyond their deadlines.
        if not self._looking.acquire(timeout=deadline.left()):
            raise TimeoutError("another thread is still asking for the topology")
        try:
            if self._nodes.slots_cache is seen and deadline.left():
                self._ask_for_topology(failed)
        finally:
            self._looking.release()

    def _ask_for_topology(self, failed: ClusterNode) -> None:
        known = {(node.host, node.port) for node in self._nodes.startup_nodes.values()}
        others = [place for place in self._places if place not in known]
        self._nodes.initialize(additional_startup_nodes_info=others, last_failed_node_name=failed.name)

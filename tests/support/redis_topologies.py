"""A Sentinel set and a Cluster of real processes on loopback, with or without TLS."""

import contextlib
import itertools
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import redis

from tests.support.processes import PORT_CHOICE, listens, spawn, stop, wait_until, wait_until_started
from tests.support.redis_server import RedisServer

BUS = 10_000
"""The distance between the port for clients and the port of a node for the other nodes of its Cluster."""
LOWEST, HIGHEST = 15_000, 30_000
"""Ports below those that the kernel assigns, with and without `BUS`."""
SERVICE = "otp"


class Certificates:
    """A certificate authority, and a certificate for 127.0.0.1 and two names. `with` creates them."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="open-mfa-tls-"))

    def __enter__(self) -> Self:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        # Python 3.13 and later require these extensions of RFC 5280.
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        self._openssl("req", "-x509", *key, *usage, "-subj", "/CN=test CA", "-keyout", "ca.key", "-out", "ca.crt")
        subjects = "IP:127.0.0.1,DNS:localhost,DNS:post.xn--bcher-kva.example"
        names = ["-addext", f"subjectAltName={subjects}", "-addext", "basicConstraints=CA:FALSE"]
        issuer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-subj", "/CN=redis", *names]
        self._openssl("req", "-x509", *key, *issuer, "-keyout", "redis.key", "-out", "redis.crt")
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def authority(self) -> str:
        return str(self.directory / "ca.crt")

    @property
    def query(self) -> str:
        return f"?ssl_ca_certs={quote(self.authority)}"

    def options(self, port: int) -> list[str]:
        """Return the options that make a redis-server accept only TLS on a port."""
        files = ["--tls-cert-file", str(self.directory / "redis.crt"), "--tls-key-file"]
        files += [str(self.directory / "redis.key"), "--tls-ca-cert-file", self.authority]
        always = ["--tls-auth-clients", "no", "--tls-replication", "yes", "--tls-cluster", "yes"]
        return ["--port", "0", "--tls-port", str(port), *files, *always]

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)


class Node(RedisServer):
    """One of several servers."""

    def __init__(self, port: int, *options: str, tls: Certificates | None = None) -> None:
        self._tls = tls
        company = ["--appendonly", "no", "--repl-diskless-sync-delay", "0"]
        super().__init__(*company, *options, *(tls.options(port) if tls else []), port=port)

    def client(self, database: int = 0) -> redis.Redis:
        tls: dict[str, Any] = {} if self._tls is None else {"ssl": True, "ssl_ca_certs": self._tls.authority}
        return redis.Redis(host="127.0.0.1", port=self.port, db=database, socket_timeout=5, **tls)

    def ask(self, *command: str | int) -> Any:
        """Run one command on a new connection."""
        with contextlib.closing(self.client()) as client:
            return client.execute_command(*command)

    @property
    def is_in_cluster(self) -> bool:
        return "--cluster-enabled" in self._options

    def replication(self) -> dict[str, Any]:
        with contextlib.closing(self.client()) as client:
            info: dict[str, Any] = client.info("replication")
            return info

    def drop_replicas(self) -> None:
        self.ask("CLIENT", "KILL", "TYPE", "replica")


class _Topology:
    """Nodes that start and end together."""

    def __init__(self, tls: Certificates | None) -> None:
        self.tls = tls
        self.nodes: list[Node] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.__exit__()

    def start(self) -> None:
        raise NotImplementedError

    def node(self, port: int) -> Node:
        return next(node for node in self.nodes if node.port == port)

    def freeze(self) -> None:
        """Freeze all nodes, one directly after the other."""
        for node in self.nodes:
            node.freeze()

    def thaw(self) -> None:
        for node in self.nodes:
            node.thaw()

    def _add(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            self.nodes.append(node)
            node.__enter__()

    def _scheme(self) -> str:
        return "rediss" if self.tls else "redis"

    def _query(self) -> str:
        return self.tls.query if self.tls else ""


class SentinelSet(_Topology):
    """One master, its replicas, and the Sentinels that monitor them."""

    def __init__(self, tls: Certificates | None = None, replicas: int = 2, sentinels: int = 3) -> None:
        super().__init__(tls)
        ports = free_ports(1 + replicas + sentinels)
        self._ports, self._sentinel_ports = ports[: 1 + replicas], ports[1 + replicas :]
        self.sentinels: list[Sentinel] = []

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._sentinel_ports)
        return f"{self._scheme()}+sentinel://{hosts}/{SERVICE}{self._query()}"

    def start(self) -> None:
        first, *others = self._ports
        self._add([Node(first, tls=self.tls)])
        self._add(Node(port, "--replicaof", "127.0.0.1", str(first), tls=self.tls) for port in others)
        wait_until(self._in_step, "the first copy of the replicas")
        for port in self._sentinel_ports:
            self.sentinels.append(Sentinel(port, first, self.tls))
        wait_until(self._settled, "the agreement of the Sentinels")

    def __exit__(self, *_: object) -> None:
        for sentinel in self.sentinels:
            sentinel.end()
        super().__exit__()

    def freeze(self) -> None:
        super().freeze()
        for sentinel in self.sentinels:
            sentinel.freeze()

    def thaw(self) -> None:
        super().thaw()
        for sentinel in self.sentinels:
            sentinel.thaw()

    def master(self) -> Node:
        """Return the master according to the Sentinels."""
        answer = self.sentinels[-1].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return self.node(int(answer[1]))

    def replicas(self) -> list[Node]:
        master = self.master()
        return [node for node in self.nodes if node is not master]

    def _in_step(self) -> bool:
        return all(node.replication()["master_link_status"] == "up" for node in self.nodes[1:])

    def _settled(self) -> bool:
        return all(sentinel.knows(len(self.nodes) - 1, len(self.sentinels) - 1) for sentinel in self.sentinels)


class Sentinel:
    """One Sentinel that monitors a master from its start."""

    def __init__(self, port: int, master: int, tls: Certificates | None) -> None:
        self._tls = tls
        self.port = port
        self.directory = Path(tempfile.mkdtemp(prefix="open-mfa-sentinel-"))
        self.log = self.directory / "sentinel.log"
        options = tls.options(port) if tls else ["--port", str(port)]
        pairs = zip(options[::2], options[1::2], strict=True)
        lines = [f"{name.removeprefix('--')} {value}" for name, value in pairs]
        lines += ["bind 127.0.0.1", f"dir {self.directory}", f"sentinel monitor {SERVICE} 127.0.0.1 {master} 2"]
        lines += [f"sentinel down-after-milliseconds {SERVICE} 1000", f"sentinel failover-timeout {SERVICE} 5000"]
        settings = self.directory / "sentinel.conf"
        settings.write_text("\n".join(lines))
        self.process = spawn(["redis-server", str(settings), "--sentinel"], self.log)
        wait_until_started(self.process, lambda: listens(port), "the start of a Sentinel", self.log)

    def end(self) -> None:
        stop(self.process, kill=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self) -> None:
        stop(self.process, kill=True)

    def freeze(self) -> None:
        RedisServer.freeze(self)  # type: ignore[arg-type] # the method needs only the process

    def thaw(self) -> None:
        RedisServer.thaw(self)  # type: ignore[arg-type] # likewise

    def ask(self, *command: str) -> Any:
        with contextlib.closing(self._client()) as client:
            return client.execute_command(*command)

    def knows(self, replicas: int, sentinels: int) -> bool:
        with contextlib.closing(self._client()) as client:
            state: Any = client.sentinel_master(SERVICE)
        return bool(state["num-slaves"] == replicas and state["num-other-sentinels"] == sentinels)

    def _client(self) -> redis.Redis:
        tls: dict[str, Any] = {} if self._tls is None else {"ssl": True, "ssl_ca_certs": self._tls.authority}
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=5, **tls)


class Cluster(_Topology):
    """Masters that share the slots, each with a replica."""

    def __init__(self, tls: Certificates | None = None, masters: int = 3, replicas: int = 1) -> None:
        super().__init__(tls)
        self._replicas = replicas
        self._ports = free_ports(masters * (1 + replicas), BUS)

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"{self._scheme()}+cluster://{hosts}{self._query()}"

    def start(self) -> None:
        self._add(self.make(port) for port in self._ports)
        hosts = [f"127.0.0.1:{port}" for port in self._ports]
        tls = ["--tls", "--cacert", self.tls.authority] if self.tls else []
        create = ["--cluster", "create", *hosts, "--cluster-replicas", str(self._replicas), "--cluster-yes"]
        subprocess.run(["redis-cli", *tls, *create], check=True, capture_output=True)
        wait_until(self._settled, "the agreement of the Cluster")

    def make(self, port: int) -> Node:
        """Return a node that does not belong to the Cluster yet."""
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"]
        return Node(port, *options, "--cluster-replica-validity-factor", "0", tls=self.tls)

    def add_empty(self) -> Node:
        """Add a master without slots."""
        node = self.make(free_ports(1, BUS)[0])
        known = self.nodes[0]
        self._add([node])
        node.ask("CLUSTER", "MEET", "127.0.0.1", known.port)
        wait_until(lambda: self._agrees(known) and self._agrees(node), "the introduction of a new node")
        return node

    def master_of(self, key: str) -> Node:
        """Return the owner of the key's slot according to the first node that answers."""
        slot = self.slot(key)
        for first, last, (_, port, *_rest), *_others in self._living().ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return self.node(port)
        raise LookupError(key)

    def masters(self) -> list[Node]:
        return [self.node(port) for _, _, (_, port, *_rest), *_ in self._living().ask("CLUSTER", "SLOTS")]

    def replicas_of(self, master: Node) -> list[Node]:
        info = master.replication()
        return [self.node(info[f"slave{number}"]["port"]) for number in range(info["connected_slaves"])]

    def slot(self, key: str) -> int:
        slot: int = self._living().ask("CLUSTER", "KEYSLOT", key)
        return slot

    def _living(self) -> Node:
        return next(node for node in self.nodes if node.process.poll() is None)

    def _settled(self) -> bool:
        return all(self._ready(node) for node in self.nodes)

    def _ready(self, node: Node) -> bool:
        if not self._agrees(node):
            return False
        info = node.replication()
        if info["role"] == "slave":
            return bool(info["master_link_status"] == "up")
        # Right after the first copy, a replica has not reported its offset yet and could not take over.
        with contextlib.closing(node.client()) as client:
            return bool(info["connected_slaves"] == self._replicas <= client.wait(self._replicas, 100))

    def _agrees(self, node: Node) -> bool:
        if b"cluster_state:ok" not in _bytes(node.ask("CLUSTER", "INFO")):
            return False
        lines = _bytes(node.ask("CLUSTER", "NODES")).splitlines()
        return len(lines) == len(self.nodes) and not any(b"handshake" in line for line in lines)


def free_ports(count: int, *further: int) -> Sequence[int]:
    """Return consecutive free ports. The ports at this distance above them are free, too."""
    for _ in range(1000):
        first = PORT_CHOICE.randrange(LOWEST, HIGHEST - count)
        ports = range(first, first + count)
        if all(_is_free(port + above) for port, above in itertools.product(ports, (0, *further))):
            return ports
    raise OSError("no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _bytes(answer: Any) -> bytes:
    """Return the text of an answer. redis-py converts some answers into dictionaries."""
    if isinstance(answer, dict):
        return "\n".join(f"{name}:{value}" for name, value in answer.items()).encode()
    return answer if isinstance(answer, bytes) else str(answer).encode()

"""Throughput by the number of workers, a Cluster beside a single Redis, the time to start, and memory."""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, median
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, Final

from redis.cluster import ClusterNode, RedisCluster
from tests.support.processes import spawn, stop
from tests.support.redis_topologies import Cluster

from bench.cases import ACCEPTED, GOOD_TOTP, WRONG_TOTP, Case, Server, service_cases
from bench.credentials import Snapshot, deal, enrol, good_totp
from bench.http import Channel, post
from bench.measure import repeat, rows
from bench.options import Options
from bench.parts.starting import HEALTH, connect, start_process, start_service
from bench.processes import proportional_bytes
from bench.servers import THREADS, WORKERS, redis_server, service

if TYPE_CHECKING:
    import redis

PER_CORE: Final = (1, 2, 4)
MASTERS: Final = 3
STARTS: Final = 5
COMMANDS: Final = (("--help",), ("key",))
_POLL: Final = 0.002
"""Seconds between two attempts to connect to a service that starts."""


def measure(options: Options) -> dict[str, Any]:
    """Return the figures of all four subjects."""
    return {
        "workers": _workers(options),
        "cluster": _cluster(options),
        "start": _start(),
        "commands": {" ".join(("open-mfa", *each)): _command(each) for each in COMMANDS},
    }


def _workers(options: Options) -> dict[str, Any]:
    """Measure with 1, 2 and 4 workers per core, and the same number of connections in total."""
    cores = len(os.sched_getaffinity(0))
    connections = max(PER_CORE) * cores * THREADS
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(persistent=True))
        servers: dict[str, Server] = {}
        for count in PER_CORE:
            process = start_process(stack, store.url, workers=count * cores)
            each = connections // (count * cores)
            servers[str(count)] = connect(stack, process.port, process.process.pid, each=each)
        sessions = enrol(servers["1"].connections, options.requests)
        snapshot = Snapshot(store.client())
        cases = []
        for name, server in servers.items():
            (case,) = _named(service_cases(server, sessions, snapshot, options.requests), GOOD_TOTP)
            cases.append(Case(name, server, case.prepare, case.expected))
        samples = repeat(cases, options.rounds)
    return {
        "cores": cores,
        "threads": THREADS,
        "connections": connections,
        "rows": rows(samples, ["1"]),
        "memory": {str(count): _memory(count * cores, options.requests) for count in PER_CORE},
    }


def _named(cases: Sequence[Case], *names: str) -> list[Case]:
    return [case for case in cases if case.name in names]


def _memory(workers: int, requests: int) -> dict[str, float]:
    """Return the memory of a service after some requests. Pages that its processes share are divided among them.

    No other service runs meanwhile, because it would share pages, too.
    """
    with ExitStack() as stack:
        store = stack.enter_context(redis_server(persistent=False))
        process = start_process(stack, store.url, workers=workers)
        server = connect(stack, process.port, process.process.pid)
        sessions = enrol(server.connections, requests)
        server.connections.run(deal(good_totp(sessions), len(server.connections)), ACCEPTED)
        master, *others = [proportional_bytes(pid) for pid in server.pids]
    return {"workers": workers, "master_bytes": master, "worker_bytes": mean(others)}


def _cluster(options: Options) -> dict[str, Any]:
    """Compare a Cluster with a single Redis. Neither has replicas or writes to a disk."""
    with ExitStack() as stack:
        single = stack.enter_context(redis_server(persistent=False))
        cluster = stack.enter_context(Cluster(masters=MASTERS, replicas=0))
        nodes = [ClusterNode("127.0.0.1", node.port) for node in cluster.nodes]
        clients: dict[str, tuple[str, redis.Redis | RedisCluster]] = {
            (base := "single Redis"): (single.url, single.client()),
            (name := f"Cluster of {MASTERS} masters"): (cluster.url, RedisCluster(startup_nodes=nodes)),
        }
        cases: list[Case] = []
        for place, (url, client) in clients.items():
            server, _ = start_service(stack, url)
            sessions = enrol(server.connections, options.requests)
            ours = service_cases(server, sessions, Snapshot(client), options.requests)
            cases += [
                Case(f"{case.name}, {place}", case.server, case.prepare, case.expected)
                for case in _named(ours, GOOD_TOTP, WRONG_TOTP)
            ]
        samples = repeat(cases, options.rounds)
    return {
        case: rows({place: samples[f"{case}, {place}"] for place in (base, name)}, [base])
        for case in (GOOD_TOTP, WRONG_TOTP)
    }


def _start() -> dict[str, Any]:
    """Return the median time from the start of the process to its first answers."""
    with redis_server(persistent=False) as store:
        times = [_first_answers(store.url) for _ in range(STARTS)]
    health, enrolment = (median(each) for each in zip(*times, strict=True))
    return {"starts": STARTS, "workers": WORKERS, "health_seconds": health, "enrolment_seconds": enrolment}


def _first_answers(redis_url: str) -> tuple[float, float]:
    """Start the service. Return the seconds until the answer to a health check, and to an enrolment after that."""
    instance = service(redis_url)
    begun = perf_counter()
    process = spawn([_program(), "serve"], instance.log, instance.settings)
    try:
        while True:
            try:
                channel = Channel(instance.port)
                break
            except ConnectionRefusedError:
                if process.poll() is not None:
                    raise ChildProcessError(instance.log.read_text()) from None
                sleep(_POLL)
        channel.ask(HEALTH)
        health = perf_counter() - begun
        channel.ask(post("/api/v1/session/totp"))
        enrolment = perf_counter() - begun
        channel.close()
    finally:
        stop(process)
    return health, enrolment


def _command(arguments: Sequence[str]) -> float:
    """Return the median duration of a command in seconds."""
    durations = []
    for _ in range(STARTS):
        begun = perf_counter()
        subprocess.run([_program(), *arguments], check=True, capture_output=True)  # noqa: S603 - our own command
        durations.append(perf_counter() - begun)
    return median(durations)


def _program() -> str:
    return str(Path(sys.executable).with_name("open-mfa"))

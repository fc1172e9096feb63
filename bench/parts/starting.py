"""Starts the measured servers and connects to them."""

import sys
from contextlib import ExitStack
from typing import Final

from tests.support.processes import wait_until
from tests.support.service import Service

from bench import floor
from bench.cases import Server
from bench.connections import Connections
from bench.http import get, post
from bench.processes import children_of
from bench.servers import THREADS, WORKERS, Floor, service

HEALTH: Final = get("/healthz")


def start_floor(stack: ExitStack, redis_url: str) -> Server:
    """Start the server of the floor, with a connection for each thread."""
    bottom = stack.enter_context(Floor(redis_url))
    return connect(stack, bottom.port, bottom.process.pid, post(floor.BARE))


def start_service(
    stack: ExitStack, redis_url: str, rate_limit: str = "off", audit_key: str = ""
) -> tuple[Server, Service]:
    """Start the service, with a connection for each thread. Return it with its process."""
    process = start_process(stack, redis_url, rate_limit, audit_key=audit_key)
    return connect(stack, process.port, process.process.pid), process


def start_process(
    stack: ExitStack, redis_url: str, rate_limit: str = "off", workers: int = WORKERS, audit_key: str = ""
) -> Service:
    """Start the service without connections to it."""
    process = stack.enter_context(service(redis_url, rate_limit, workers, audit_key))
    wait_until(lambda: len(process.workers()) == workers, "the start of all workers", process.log)
    return process


def connect(stack: ExitStack, port: int, master: int, probe: bytes = HEALTH, each: int = THREADS) -> Server:
    """Open `each` connections to each worker."""
    workers = children_of(master)
    connections = Connections(port, workers, each, probe)
    stack.callback(connections.close)
    return Server((master, *workers), connections)


def say(*lines: str) -> None:
    """Print lines immediately."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()

"""The measured servers. All run under gunicorn with two workers of four threads."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final, Self

from tests.support.processes import free_port, listens, spawn, stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

WORKERS: Final = 2
THREADS: Final = 4
KEEP_ALIVE: Final = 75
"""Seconds, the same value as in the service."""
_MEMORY: Final = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat must not wait for a disk
_ROOT: Final = str(Path(__file__).parents[1])
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Floor:
    """A server with the two routes of `bench.floor`. `with` starts and stops it."""

    def __init__(self, redis_url: str) -> None:
        self.port = free_port()
        self._redis_url = redis_url
        self._directory = Path(tempfile.mkdtemp(prefix="open-mfa-floor-"))

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--bind", f"127.0.0.1:{self.port}"]
        command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--keep-alive", str(KEEP_ALIVE)]
        command += ["--worker-tmp-dir", _MEMORY, "--no-control-socket", "--chdir", _ROOT, "bench.floor:create_app()"]
        log = self._directory / "floor.log"
        self.process = spawn(command, log, {"REDIS_URL": self._redis_url})
        wait_until(
            lambda: len(workers_of(self.process.pid)) == WORKERS and listens(self.port), "the start of the floor", log
        )
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)
        shutil.rmtree(self._directory, ignore_errors=True)


API_KEY: Final = "an-API-key-that-nothing-depends-on"
GATE_SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - only the benchmarks use it


def service(redis_url: str, rate_limit: str = "off") -> Service:
    """Return `open-mfa serve` with the usual settings, except for the number of processes and threads."""
    return Service(
        OPEN_MFA_REDIS_URL=redis_url,
        OPEN_MFA_RATE_LIMIT=rate_limit,
        OPEN_MFA_API_KEYS=f"bench:{API_KEY}",
        OPEN_MFA_GATE_SECRET=GATE_SECRET,
        WEB_CONCURRENCY=str(WORKERS),
        THREADS=str(THREADS),
    )


def redis_server(*, persistent: bool) -> RedisServer:
    """Return a Redis with an append-only file, or without persistence."""
    if persistent:
        return RedisServer("--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0")
    return RedisServer("--appendonly", "no")


def workers_of(master: int) -> list[int]:
    """Return the process IDs of the workers of a gunicorn."""
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def cpu_seconds(*pids: int) -> float:
    """Return the user and system time that the processes have used."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS

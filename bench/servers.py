"""The measured servers. All run under gunicorn, by default with two workers of four threads."""

import base64
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final, Self

from tests.support.processes import free_port, listens, spawn, stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS, Service

from bench.processes import children_of

WORKERS: Final = 2
THREADS: Final = 4
KEEP_ALIVE: Final = 75
"""Seconds, the same value as in the service."""
_MEMORY: Final = "/dev/shm"  # noqa: S108 - gunicorn's heartbeat must not wait for a disk
_ROOT: Final = str(Path(__file__).parents[1])


class Floor:
    """A server with the routes of `bench.floor`. `with` starts and stops it."""

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
            lambda: len(children_of(self.process.pid)) == WORKERS and listens(self.port), "the start of the floor", log
        )
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)
        shutil.rmtree(self._directory, ignore_errors=True)


ENCRYPTION_KEYS: Final = SETTINGS["OPEN_MFA_ENCRYPTION_KEYS"]
API_KEY: Final = "an-API-key-that-nothing-depends-on"
AUDIT_KEY: Final = base64.b64encode(bytes(32)).decode()
GATE_SECRET: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # noqa: S105 - only the benchmarks use it


def service(redis_url: str, rate_limit: str = "off", workers: int = WORKERS, audit_key: str = "") -> Service:
    """Return `open-mfa serve` with the usual settings, except for the number of workers and threads.

    With an audit key, the lines of the audit trail are chained.
    """
    return Service(
        OPEN_MFA_AUDIT_KEY=audit_key,
        OPEN_MFA_REDIS_URL=redis_url,
        OPEN_MFA_RATE_LIMIT=rate_limit,
        OPEN_MFA_ENCRYPTION_KEYS=ENCRYPTION_KEYS,
        OPEN_MFA_API_KEYS=f"bench:{API_KEY}",
        OPEN_MFA_GATE_SECRET=GATE_SECRET,
        WEB_CONCURRENCY=str(workers),
        THREADS=str(THREADS),
    )


def redis_server(*, persistent: bool) -> RedisServer:
    """Return a Redis with an append-only file, or without persistence."""
    if persistent:
        return RedisServer("--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0")
    return RedisServer("--appendonly", "no")


class DelayedRedis:
    """A Redis behind the proxy of `bench.delay`. `with` starts and ends the proxy, not the Redis."""

    def __init__(self, redis_port: int, milliseconds: float) -> None:
        self.port = free_port()
        self._arguments = [str(self.port), str(redis_port), str(milliseconds)]
        self._directory = Path(tempfile.mkdtemp(prefix="open-mfa-delay-"))

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        log = self._directory / "delay.log"
        # The current directory may be another one.
        command = [sys.executable, "-m", "bench.delay", *self._arguments]
        self.process = spawn(command, log, {"PYTHONPATH": _ROOT})
        wait_until(lambda: listens(self.port), "the start of the delaying proxy", log)
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process, kill=True)
        shutil.rmtree(self._directory, ignore_errors=True)

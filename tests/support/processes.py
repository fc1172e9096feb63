"""Child processes of the tests: they end with the test run, however that ends."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
PORTS = 10_000, 15_000
"""Ports below those that the kernel chooses, and different from those of `redis_topologies`."""
_chance = random.SystemRandom()
"""A generator of its own, because hypothesis gives the global one the same seed in every process."""
PATIENCE = 20.0
"""Seconds to wait for a process to come up."""


def die_with_parent() -> None:
    """The kernel kills the child when the test run is gone, even if it was killed itself."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Return a port on which nothing listens and which the kernel assigns to no connection."""
    for _ in range(1000):
        port = _chance.randrange(*PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


def spawn(command: list[str], log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a child whose output goes to a file."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=os.environ | (env or {}),
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it calls nothing but prctl
        )


def wait_until(ready: Callable[[], bool], what: str, log: Path | None = None, patience: float = PATIENCE) -> None:
    """Polls a condition of the real world; raises with the end of the log when it does not come true."""
    end = time.monotonic() + patience
    pause = 0.005
    while not ready():
        if time.monotonic() > end:
            tail = log.read_text(errors="replace")[-2000:] if log is not None and log.exists() else ""
            raise TimeoutError(f"{what} took more than {patience} s\n{tail}")
        # Polling is not waiting for time to pass: it ends as soon as the other process is ready.
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def stop(process: subprocess.Popen[bytes], *, kill: bool = False, patience: float = 30) -> int:
    """Ends a child that the tests started; thaws it first, for a frozen process hears nothing but SIGKILL."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    return process.wait(patience)

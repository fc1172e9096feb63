"""Child processes of the tests. They end when the test run ends, even if it is killed."""

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
PORT_CHOICE = random.SystemRandom()
"""A separate generator, because hypothesis seeds the global one identically in every process."""
PATIENCE = 60.0
"""Seconds to wait for the start of a process, which takes far less time except on an overloaded machine."""


def die_with_parent() -> None:
    """Make the kernel kill the child when the test run has ended, even if the test run was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    """Return a port on which nothing listens and which the kernel assigns to no connection."""
    for _ in range(1000):
        port = PORT_CHOICE.randrange(*PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


def spawn(command: list[str], log: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a child process that writes its output to a file."""
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
    """Poll a condition until it is true. Raise `TimeoutError` with the end of the log after `patience` seconds."""
    end = time.monotonic() + patience
    pause = 0.005
    while not ready():
        if time.monotonic() > end:
            tail = log.read_text(errors="replace")[-2000:] if log is not None and log.exists() else ""
            raise TimeoutError(f"{what} took more than {patience} s\n{tail}")
        # Polling ends as soon as the condition is true.
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)


def pause(pid: int) -> None:
    """Stop a process, and wait until all its threads have stopped.

    Until then, a process handles signals with a lower number first, such as SIGTERM, and can still answer.
    """
    os.kill(pid, signal.SIGSTOP)

    def has_stopped() -> bool:
        try:
            tasks = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/stat")]
        except (FileNotFoundError, ProcessLookupError):  # A thread has ended.
            return False
        # The name of the thread is in parentheses, and its state follows (proc(5)).
        return all(task.rpartition(")")[2].split()[0] == "T" for task in tasks)

    wait_until(has_stopped, "the stop")


def wait_until_started(process: subprocess.Popen[bytes], ready: Callable[[], bool], what: str, log: Path) -> None:
    """Wait for the start of a process. If it fails, end the process, or it would disturb later tests."""
    try:
        wait_until(ready, what, log)
    except BaseException:
        stop(process, kill=True)
        raise


def listens(port: int) -> bool:
    """Return whether a process accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


def stop(process: subprocess.Popen[bytes], *, kill: bool = False, patience: float = 30) -> int:
    """End a child process and return its exit status. A stopped process is continued first to receive SIGTERM."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    return process.wait(patience)

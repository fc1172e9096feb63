"""A pause of the machine ends no worker. The master replaces a worker that hangs by itself."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import spawn, wait_until
from tests.support.service import Service

TIMEOUT = 3
SERVE = f"""
import os
from infrastructure.observability.logs import configure_logging
from infrastructure.settings import load
from presentation.bootstrap.server import Server
configure_logging("INFO")
Server(load(os.environ), timeout={TIMEOUT}).run()
"""


class Impatient(Service):
    """The service with a master that kills a hanging worker after `TIMEOUT` seconds."""

    def start(self) -> None:
        self.process = spawn([sys.executable, "-c", SERVE], self.log, self.settings)
        wait_until(self.answers, "the service's start", self.log)

    def signal(self, number: signal.Signals, *pids: int) -> None:
        for pid in pids:
            os.kill(pid, number)

    def checks(self) -> int:
        """Return how often the master has handled a signal, after which it checks its workers."""
        return self.log.read_text().count("Handling signal: winch")

    def let_master_check(self) -> None:
        """Wait until the master has checked its workers at least once more."""
        for _ in range(2):
            before = self.checks()
            self.signal(signal.SIGWINCH, self.process.pid)
            wait_until(lambda before=before: self.checks() > before, "the master", self.log)  # type: ignore[misc]


def last_sign_of_life(worker: int) -> float:
    """Return when a worker's event loop ran last, on the monotonic clock."""
    for descriptor in Path(f"/proc/{worker}/fd").iterdir():
        if "/wgunicorn-" in str(descriptor.readlink()):
            return descriptor.stat().st_mtime
    raise FileNotFoundError


@pytest.fixture
def service() -> Iterator[Impatient]:
    # At DEBUG, the log contains gunicorn's lines about signals.
    with Impatient(OPEN_MFA_LOG_LEVEL="DEBUG") as running:
        yield running


def is_overdue(worker: int) -> bool:
    return time.monotonic() - last_sign_of_life(worker) > TIMEOUT + 0.5


def test_a_pause_of_the_machine_ends_no_worker(service: Impatient) -> None:
    (worker,) = workers = service.workers()
    service.signal(signal.SIGSTOP, service.process.pid, worker)
    wait_until(lambda: is_overdue(worker), "the timeout")
    # The master may continue before its workers.
    service.signal(signal.SIGCONT, service.process.pid)
    service.let_master_check()
    service.signal(signal.SIGCONT, worker)

    assert service.answers()
    assert service.workers() == workers
    assert "WORKER TIMEOUT" not in service.log.read_text()


def test_a_worker_that_hangs_after_a_pause_is_replaced(service: Impatient) -> None:
    (worker,) = workers = service.workers()
    service.signal(signal.SIGSTOP, service.process.pid, worker)
    wait_until(lambda: is_overdue(worker), "the timeout")
    service.signal(signal.SIGCONT, service.process.pid)

    wait_until(lambda: not service.workers() & workers, "the end of the worker that hangs", service.log)
    wait_until(service.answers, "another worker", service.log)

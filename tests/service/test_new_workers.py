"""The master starts new workers even if the machine lacks something that a worker needs, at once or later."""

import os
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from presentation.bootstrap.server import GRACE
from tests.support.processes import spawn, stop, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

SETTINGS = {"WEB_CONCURRENCY": "2", "THREADS": "2"}
SMALL = "mount -t tmpfs -o nr_inodes=8,mode=1777 tmpfs"


class OwnMounts(Service):
    """The service with a file system of its own at `/dev/shm`, which can hold only a few files; needs root."""

    def start(self) -> None:
        program = Path(sys.executable).with_name("open-mfa")
        script = f"{SMALL} /dev/shm && exec {program} serve"
        self.process = spawn(["unshare", "--mount", "sh", "-c", script], self.log, self.settings)
        wait_until(self.answers, "the service's start", self.log)

    def fill(self) -> list[Path]:
        """Use up all inodes of `/dev/shm`. Return the files."""
        files = []
        while True:
            file = Path(f"/proc/{self.process.pid}/root/dev/shm/filler-{len(files)}")
            try:
                file.touch()
            except OSError:
                return files
            files.append(file)


def have_started(service: Service, number: int) -> None:
    wait_until(lambda: len(service.workers()) == number, f"{number} workers", service.log)
    wait_until(service.answers, "their service", service.log)


@pytest.fixture
def small_shared_memory(redis_server: RedisServer) -> Iterator[OwnMounts]:
    try:
        with OwnMounts(OPEN_MFA_REDIS_URL=redis_server.url, **SETTINGS) as service:
            yield service
    except ChildProcessError as error:
        # If the master fails, the output consists of log lines.
        if os.environ.get("CI") or str(error).startswith("{"):
            raise
        pytest.skip("a file system can't be mounted")


def test_a_worker_starts_while_the_shared_memory_can_hold_no_more_files(small_shared_memory: OwnMounts) -> None:
    have_started(small_shared_memory, 2)
    before = umask(small_shared_memory)
    assert small_shared_memory.fill()
    small_shared_memory.process.send_signal(signal.SIGTTIN)

    have_started(small_shared_memory, 3)
    # gunicorn sets it to 0 before it creates a file, and leaves it so if it fails.
    assert umask(small_shared_memory) == before != "0000"


def umask(service: Service) -> str:
    (mask,) = re.findall(r"^Umask:\s+(\d+)$", Path(f"/proc/{service.process.pid}/status").read_text(), re.MULTILINE)
    return str(mask)


@contextmanager
def no_descriptors(pid: int) -> Iterator[None]:
    """Let a process open no further file."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, limits[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def test_a_worker_that_cannot_start_starts_later(redis_server: RedisServer) -> None:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **SETTINGS) as service:
        have_started(service, 2)
        before = service.workers()
        with no_descriptors(service.process.pid):
            os.kill(min(before), signal.SIGKILL)
            wait_until(lambda: len(failures(service)) > 1, "two attempts", service.log)

            assert service.process.poll() is None
            assert service.answers()
        have_started(service, 2)


def failures(service: Service) -> list[str]:
    return [line["problem"] for line in service.lines() if line["message"] == "no worker could be started"]


def test_a_service_that_is_stopped_during_its_start_ends_at_once(redis_server: RedisServer) -> None:
    """A worker that has not installed its signal handlers yet must not lose the only SIGTERM that it gets."""
    service = Service(OPEN_MFA_REDIS_URL=redis_server.url, WEB_CONCURRENCY="16", THREADS="1")
    for _ in range(3):
        service.log.unlink(missing_ok=True)
        service.process = spawn(
            [str(Path(sys.executable).with_name("open-mfa")), "serve"], service.log, service.settings
        )
        wait_until(lambda: b'"serving"' in service.log.read_bytes(), "the start of the master", service.log)

        assert stop(service.process, patience=GRACE - 5) == 0

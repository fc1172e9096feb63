"""Neither a full file system under TMPDIR nor a killed worker loses a count, and a full file system ends no worker."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.service.sessions import Session
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

SETTINGS = {"WEB_CONCURRENCY": "2", "THREADS": "4"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 1 MiB. This needs root, which containers of CI have."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=1777", "tmpfs", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"a small file system can't be mounted: {mounted.stderr}", pytrace=False)
        pytest.skip("a small file system can't be mounted")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def fill(disk: Path) -> None:
    """Fill the file system to the last byte."""
    with (disk / "filler").open("ab", buffering=0) as file:
        for size in (1 << 16, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def verdicts(service: Service) -> float:
    text = requests.get(f"{service.base}/metrics", timeout=5).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == "open_mfa_verdicts_total")


def both_workers(service: Service) -> set[int]:
    """Wait for both workers, because the second may start after the first one serves."""
    wait_until(lambda: len(service.workers()) == 2, "two workers")
    return service.workers()


def test_the_service_starts_and_counts_on_a_full_disk(redis_server: RedisServer, disk: Path) -> None:
    fill(disk)
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, TMPDIR=str(disk), **SETTINGS) as service:
        before = both_workers(service)
        session = Session(service.port)
        codes = session.good_codes("hotp")
        assert [session.send("POST", "hotp/verify", {"code": next(codes)}).status for _ in range(8)] == [200] * 8
        wait_until(lambda: verdicts(service) == 8, "the counts")

        assert service.workers() == before


def test_a_disk_that_becomes_full_ends_no_worker(redis_server: RedisServer, disk: Path) -> None:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, TMPDIR=str(disk), **SETTINGS) as service:
        before = both_workers(service)
        session = Session(service.port)
        codes = session.good_codes("hotp")
        fill(disk)
        # Every kind of answer is a new series of the metrics.
        for path in ("/docs", "/nowhere", "/openapi.json", "/", "/problems/locked", "/readyz", "/api/v1/session"):
            for method in ("GET", "POST", "DELETE", "PUT"):
                assert requests.request(method, f"{service.base}{path}", timeout=5).status_code < 500
        assert [session.send("POST", "hotp/verify", {"code": next(codes)}).status for _ in range(8)] == [200] * 8
        wait_until(lambda: verdicts(service) == 8, "the counts")

        assert service.workers() == before


def test_workers_that_are_killed_repeatedly_lose_no_count(redis_server: RedisServer) -> None:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **SETTINGS) as service:
        session = Session(service.port)
        codes = session.good_codes("hotp")
        for number in range(1, 5):
            assert session.send("POST", "hotp/verify", {"code": next(codes)}).status == 200
            killed = both_workers(service)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda killed=killed: len(service.workers() - killed) == 2, "new workers")  # type: ignore[misc]
            wait_until(service.answers, "their service")
            wait_until(lambda number=number: verdicts(service) == number, "the counts")  # type: ignore[misc]

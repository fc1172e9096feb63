"""Workers and instances on one Redis share their state (docs/reference/http.md, Operation)."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import require_redis_server
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import Session
from tests.service.wire import Wire, once, request
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import SETTINGS, Service

WITHIN = 5.0
"""The longest time in seconds until a log level reaches all workers."""
ADMINISTRATOR = (SETTINGS["OPEN_MFA_ADMIN_USER"], SETTINGS["OPEN_MFA_ADMIN_PASSWORD"])


@pytest.fixture
def clean_redis() -> Iterator[RedisServer]:
    """A Redis whose log level no other test sets."""
    require_redis_server()
    with RedisServer() as server:
        yield server


def set_level(service: Service, level: str) -> None:
    answer = requests.put(f"{service.api}/admin/logging", json={"level": level}, auth=ADMINISTRATOR, timeout=5)
    assert answer.status_code == 200


def all_debug(service: Service, debug: bool) -> bool:
    """Return whether all workers log at DEBUG or, without `debug`, whether none does.

    Each request has its own connection, which any worker may accept. Twenty requests reach all workers almost
    certainly. A line may be written shortly after its answer, so the caller may have to repeat this.
    """
    asked = {uuid4().hex for _ in range(20)}
    for request_id in asked:
        once(service.port, request("GET", "/healthz", headers={"X-Request-ID": request_id}), "GET")
    told = {line.get("request_id") for line in service.lines() if line["level"] == "DEBUG"}
    return asked <= told if debug else not asked & told


def test_a_log_level_reaches_all_workers_of_all_instances_in_time(clean_redis: RedisServer) -> None:
    settings = {"OPEN_MFA_REDIS_URL": clean_redis.url, **TWO_BY_EIGHT}
    with Service(**settings) as first, Service(**settings) as second:
        set_level(first, "DEBUG")
        wait_until(lambda: all_debug(first, True) and all_debug(second, True), "DEBUG", patience=WITHIN)
        set_level(second, "INFO")
        wait_until(lambda: all_debug(first, False) and all_debug(second, False), "INFO", patience=WITHIN)


def test_a_log_level_survives_a_restart(clean_redis: RedisServer) -> None:
    settings = {"OPEN_MFA_REDIS_URL": clean_redis.url, **TWO_BY_EIGHT}
    with Service(**settings) as before:
        set_level(before, "DEBUG")
    with Service(**settings) as after:
        wait_until(lambda: all_debug(after, True), "DEBUG", patience=WITHIN)


def test_credentials_survive_a_restart(clean_redis: RedisServer) -> None:
    settings = {"OPEN_MFA_REDIS_URL": clean_redis.url, **TWO_BY_EIGHT}
    with Service(**settings) as before:
        session = Session(before.port)
        codes = session.good_codes("hotp")
        used = next(codes)
        assert session.send("POST", "hotp/verify", {"code": used}).status == 200
    with Service(**settings) as after:
        session.port = after.port
        statuses = [session.send("POST", "hotp/verify", {"code": code}).status for code in (used, next(codes))]

    assert statuses == [403, 200]


def test_the_metrics_are_summed_over_all_workers(clean_redis: RedisServer) -> None:
    with Service(OPEN_MFA_REDIS_URL=clean_redis.url, **TWO_BY_EIGHT) as service:
        session = Session(service.port)
        codes = session.good_codes("hotp")
        for _ in range(30):
            session.send("POST", "hotp/verify", {"code": next(codes)})
        seen = [verdicts(service) for _ in range(10)]

    assert seen == [30.0] * 10


def samples(service: Service, name: str) -> list[float]:
    text = requests.get(f"{service.base}/metrics", timeout=5).text
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return [sample.value for sample in found if sample.name == name]


def verdicts(service: Service) -> float:
    return sum(samples(service, "open_mfa_verdicts_total"))


def test_the_metrics_show_the_memory_of_the_running_workers_and_of_no_ended_one(clean_redis: RedisServer) -> None:
    def memory() -> list[float]:
        return samples(service, "open_mfa_worker_resident_memory_bytes")

    with Service(OPEN_MFA_REDIS_URL=clean_redis.url, **TWO_BY_EIGHT) as service:
        wait_until(lambda: len(memory()) == 2, "both workers", service.log)
        killed = min(service.workers())
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(service.workers() - {killed}) == 2, "another worker", service.log)
        wait_until(lambda: len(memory()) == 2, "its memory", service.log)
        resident = memory()

    assert all(20e6 < each < 300e6 for each in resident)


def test_a_rate_limit_counts_the_requests_of_all_workers_and_instances(clean_redis: RedisServer) -> None:
    settings = {"OPEN_MFA_REDIS_URL": clean_redis.url, "OPEN_MFA_RATE_LIMIT": "10 per 300 seconds", **TWO_BY_EIGHT}
    check = request("POST", "/api/v1/session/totp/verify", {"code": "123456"})
    with Service(**settings) as first, Service(**settings) as second:
        statuses = Counter(once(service.port, check).status for _ in range(10) for service in (first, second))

    assert statuses == {404: 10, 429: 10}


RELOADS = 3
CLIENTS = 12


def verify_until(end: threading.Event, port: int) -> list[int]:
    """Verify good codes on connections that are kept open, and return the statuses. No connection may fail."""
    session = Session(port)
    codes = session.good_codes("hotp")
    statuses = []
    while not end.is_set():
        with Wire(port) as wire:
            closes = False
            while not (closes or end.is_set()):
                answer = wire.ask(session.verification("hotp", next(codes)))
                statuses.append(answer.status)
                closes = answer.headers["Connection"] == "close"
            assert not closes or wire.is_ended()
    return statuses


def test_a_reload_loses_no_request_and_no_verdict(clean_redis: RedisServer) -> None:
    with Service(OPEN_MFA_REDIS_URL=clean_redis.url, **TWO_BY_EIGHT) as service:
        end = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(verify_until, end, service.port) for _ in range(CLIENTS)]
            try:
                for _ in range(RELOADS):
                    former = service.workers()
                    service.process.send_signal(signal.SIGHUP)
                    wait_until(lambda former=former: not former & service.workers(), "the reload", service.log)  # type: ignore[misc]
            finally:
                end.set()
            statuses = Counter(status for client in clients for status in client.result())

        assert set(statuses) == {200}
        assert verdicts(service) == statuses[200]

"""Many connections that stay open do not prevent others from being served."""

import os
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests

from presentation.bootstrap.server import GRACE
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.wire import Wire, once, request
from tests.support.processes import pause, spawn, wait_until
from tests.support.redis_server import RedisServer
from tests.support.service import Service

HEALTH = request("GET", "/healthz")
ONE_BY_TWO = {"WEB_CONCURRENCY": "1", "THREADS": "2"}
NEIGHBOUR = "127.0.0.2"
SOON = 3.0
"""Seconds within which a request must be answered on a busy machine, regardless of other clients."""
LARGE_ANSWERS = ["/assets/swagger-ui-bundle.js", "/openapi.json"]
LAST_REQUESTS = {
    "Connection: close": request("GET", "/healthz", headers={"Connection": "close"}),
    "HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "not HTTP": b"hello\r\n\r\n",
    "a head that is too large": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    "a body that is too large": b"POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n",
}
STALLED_REQUESTS = {
    "one byte": b"G",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "half a body": request("POST", "/api/v1/session/totp/verify", {"code": "123456"})[:-3],
    "half a chunk": b"POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    "a body that is announced": (
        b"POST /api/v1/session/totp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    ),
    "a body that is not wanted": b"DELETE /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n",
    "half of a second request": HEALTH + b"GET /he",
}


@pytest.fixture(scope="module", params=[TWO_BY_EIGHT, ONE_BY_TWO], ids=["2x8", "1x2"])
def own_service(request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[Service]:
    with Service(OPEN_MFA_REDIS_URL=redis_server.url, **request.param) as running:
        yield running


@pytest.fixture(scope="module")
def one_worker() -> Iterator[Service]:
    """A service whose only worker has started, so that its memory grows by requests only."""
    with Service(**ONE_BY_TWO) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def _enough_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def waits(port: int, source: str, number: int = 20) -> list[float]:
    """Return the seconds that each of some requests took, including the connection."""
    seconds = []
    for _ in range(number):
        begun = time.monotonic()
        with Wire(port, source=source) as wire:
            assert wire.ask(HEALTH, "GET").status == 200
        seconds.append(time.monotonic() - begun)
    return seconds


def anonymous_memory(service: Service) -> int:
    """Return the bytes that the service's processes have allocated and use."""
    master = service.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in children]
    return sum(int(status.partition("RssAnon:")[2].split()[0]) * 1024 for status in statuses)


@pytest.mark.parametrize("raw", LAST_REQUESTS.values(), ids=LAST_REQUESTS)
def test_clients_that_keep_their_connection_open_delay_no_other_client(own_service: Service, raw: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            wire = stack.enter_context(Wire(own_service.port))
            wire.send(raw)
        assert max(waits(own_service.port, NEIGHBOUR)) < SOON


@pytest.mark.parametrize("raw", STALLED_REQUESTS.values(), ids=STALLED_REQUESTS)
def test_stalled_requests_delay_no_other_client(own_service: Service, raw: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(Wire(own_service.port)).send(raw)
        assert max(waits(own_service.port, NEIGHBOUR)) < SOON


@pytest.mark.parametrize("path", LARGE_ANSWERS)
def test_clients_that_read_no_response_delay_no_other_client(own_service: Service, path: str) -> None:
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(Wire(own_service.port, buffer=4096)).send(request("GET", path) * 20)
        assert max(waits(own_service.port, NEIGHBOUR)) < SOON


@pytest.mark.parametrize("path", LARGE_ANSWERS)
def test_large_responses_arrive_completely_and_in_order(own_service: Service, path: str) -> None:
    expected = requests.get(f"{own_service.base}{path}", timeout=5).content
    with Wire(own_service.port, buffer=4096) as wire:
        wire.send(request("GET", path) * 3 + HEALTH + request("GET", path, headers={"Connection": "close"}))
        answers = [wire.receive("GET") for _ in range(5)]

        assert wire.is_ended()
    assert [answer.body == expected for answer in answers] == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("path", "headers"),
    [*((path, {}) for path in LARGE_ANSWERS), (LARGE_ANSWERS[0], {"Range": "bytes=0-"})],
    ids=["file", "document", "part of a file"],
)
def test_clients_that_read_no_response_share_one_copy(one_worker: Service, path: str, headers: dict[str, str]) -> None:
    assert once(one_worker.port, request("GET", path), "GET").status == 200
    before = anonymous_memory(one_worker)
    with ExitStack() as stack:
        for _ in range(120):
            wire = stack.enter_context(Wire(one_worker.port, buffer=4096))
            wire.send(request("GET", path, headers=headers) * 4)
            assert wire.lines(1)[0].startswith(b"HTTP/1.1 ")

        grown = anonymous_memory(one_worker) - before
        assert grown < 10_000_000


@pytest.mark.parametrize("first", [b"", b"G", HEALTH], ids=["silent", "one byte", "kept alive"])
def test_two_thousand_connections_of_one_address_stop_no_other_client(own_service: Service, first: bytes) -> None:
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(own_service.port)) for _ in range(2_000)]
        for wire in wires:
            # The service may have closed it already.
            with suppress(OSError):
                wire.send(first)
        if first == HEALTH:
            kept = [wire for wire in wires if wire.answers_well("GET")]
            assert kept
        assert max(waits(own_service.port, NEIGHBOUR)) < SOON
        assert max(waits(own_service.port, "127.0.0.1")) < SOON


class FewDescriptors(Service):
    """The service with a low limit of open files and sockets."""

    def start(self) -> None:
        program = Path(sys.executable).with_name("open-mfa")
        self.process = spawn(["sh", "-c", f"ulimit -n 200 && exec {program} serve"], self.log, self.settings)
        wait_until(self.answers, "the service's start", self.log)


def test_connections_do_not_exhaust_the_descriptors() -> None:
    with FewDescriptors() as service, ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(Wire(service.port))

        assert max(waits(service.port, NEIGHBOUR)) < SOON
        assert [line for line in service.lines() if line["level"] in {"ERROR", "CRITICAL"}] == []


def test_connections_of_one_address_close_no_connection_of_another() -> None:
    with FewDescriptors(THREADS="8") as service, ExitStack() as stack:
        kept = stack.enter_context(Wire(service.port, source=NEIGHBOUR))
        assert kept.ask(HEALTH, "GET").status == 200
        for _ in range(150):
            stack.enter_context(Wire(service.port))
        assert max(waits(service.port, "127.0.0.1")) < SOON

        assert kept.ask(HEALTH, "GET").status == 200


def test_connections_of_many_addresses_stop_no_other_client() -> None:
    # The limit of descriptors leaves room for 120 connections, of which one address may have 30.
    with FewDescriptors(THREADS="8") as service, ExitStack() as stack:
        for number in range(150):
            stack.enter_context(Wire(service.port, source=f"127.0.1.{number % 10 + 1}"))

        assert max(waits(service.port, NEIGHBOUR)) < SOON


@contextmanager
def limited(worker: int, descriptors: int) -> Iterator[None]:
    """Let a worker open no descriptor from this number on."""
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (descriptors, limits[1]))
    yield
    resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)


def test_a_shortage_of_descriptors_has_no_effect_after_it_ends() -> None:
    with Service(**ONE_BY_TWO) as service, ExitStack() as stack:
        with limited(min(service.workers()), 3):
            stack.enter_context(Wire(service.port)).send(HEALTH)
            wait_until(lambda: "can be open" in service.log.read_text(), "the shortage", service.log)
        wires = [stack.enter_context(Wire(service.port)) for _ in range(6)]

        for _ in range(2):
            assert [wire.ask(HEALTH, "GET").status for wire in wires] == [200] * 6
        assert service.log.read_text().count("can be open") == 1


def test_without_a_free_descriptor_the_connection_that_waits_longest_is_closed() -> None:
    with Service(**ONE_BY_TWO) as service, ExitStack() as stack:
        worker = min(service.workers())
        silent = stack.enter_context(Wire(service.port))
        assert waits(service.port, NEIGHBOUR, 1)
        highest = max(int(descriptor.name) for descriptor in Path(f"/proc/{worker}/fd").iterdir())
        with limited(worker, highest + 1):
            # Former connections that end now leave room for the first of these.
            *_, last = (stack.enter_context(Wire(service.port)) for _ in range(20))
            assert last.ask(HEALTH, "GET").status == 200
            assert silent.is_ended()


def test_the_connection_ends_after_the_last_response(own_service: Service) -> None:
    with Wire(own_service.port) as wire:
        assert wire.ask(LAST_REQUESTS["Connection: close"], "GET").status == 200

        assert wire.is_ended()


def test_a_stopping_service_answers_connected_clients_and_waits_for_no_silent_one() -> None:
    with Service() as service, ExitStack() as stack:
        wires = [stack.enter_context(Wire(service.port)) for _ in range(60)]
        for wire, raw in zip(wires, [b"", LAST_REQUESTS["HTTP/1.0"], LAST_REQUESTS["not HTTP"]] * 20, strict=True):
            wire.send(raw)
        with Wire(service.port) as connected, Wire(service.port) as kept:
            assert kept.ask(HEALTH, "GET").status == 200
            service.process.send_signal(signal.SIGTERM)
            wait_until(lambda: '"stopping"' in service.log.read_text(), "the signal", service.log)

            assert [wire.ask(HEALTH, "GET").status for wire in (connected, kept)] == [200, 200]
        assert service.process.wait(GRACE / 2) == 0


def is_told_to_end(worker: int) -> bool:
    """Return whether a stopped process has a pending SIGTERM."""
    (pending,) = re.findall(r"^ShdPnd:\s+(\w+)$", Path(f"/proc/{worker}/status").read_text(), re.MULTILINE)
    return bool(int(pending, 16) & 1 << signal.SIGTERM - 1)


def test_a_stopping_service_answers_every_client_that_connected_before() -> None:
    with Service(**ONE_BY_TWO) as service, ExitStack() as stack:
        worker = min(service.workers())
        # The kernel accepts connections while the worker is paused.
        pause(worker)
        wires = [stack.enter_context(Wire(service.port)) for _ in range(5)]
        for wire in wires:
            wire.send(HEALTH)
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_told_to_end(worker), "the signal", service.log)
        os.kill(worker, signal.SIGCONT)

        assert [wire.receive().status for wire in wires] == [200] * 5


def test_a_stopping_service_answers_the_next_request_after_a_slow_one() -> None:
    ready = request("GET", "/readyz")
    with RedisServer() as redis, Service(OPEN_MFA_REDIS_URL=redis.url, **ONE_BY_TWO) as service:
        with Wire(service.port) as wire, Wire(service.port) as other:
            assert [each.ask(ready, "GET").status for each in (wire, other)] == [200, 200]
            redis.freeze()
            # This takes longer than connections between two requests stay open at the end.
            wire.send(ready)
            # The only worker takes the requests in their order.
            assert other.ask(HEALTH, "GET").status == 200
            service.process.send_signal(signal.SIGTERM)
            other.send(HEALTH[:-1])
            answer = wire.receive("GET")
            assert (answer.status, answer.headers["Connection"]) == (503, "keep-alive")
            # The worker looks for connections whose time is up after this request.
            other.send(HEALTH[-1:])
            assert other.receive("GET").status == 200

            assert wire.ask(HEALTH, "GET").status == 200
        redis.thaw()

"""Two instances behind a real nginx, on one Redis and on a Redis Cluster. Clients see one service."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from uuid import uuid4

import pyotp
import pytest
import requests

from tests.conftest import require_redis_server
from tests.e2e.proxies import nginx, port_of, running
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.sessions import FACTORS, Session, wrong
from tests.service.wire import Volley, once, request
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.redis_topologies import Cluster
from tests.support.service import SETTINGS, Service

CALLERS = 32
ROUNDS = 25
STREAMS = 6
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SHARED = {"OPEN_MFA_TRUSTED_PROXIES": "1", "OPEN_MFA_GATE_SECRET": SECRET, **TWO_BY_EIGHT}
ADMINISTRATOR = (SETTINGS["OPEN_MFA_ADMIN_USER"], SETTINGS["OPEN_MFA_ADMIN_PASSWORD"])
BALANCER = """
upstream instances {
  # By default, nginx avoids an instance for 10 s after one failure, and refuses all requests if both have failed.
  server 127.0.0.1:8080 max_fails=0;
  server 127.0.0.1:3000 max_fails=0;
  keepalive 16;
}
server {
  listen 127.0.0.1:8000;
  location / {
    proxy_pass http://instances;
    proxy_http_version 1.1;
    proxy_connect_timeout 1s;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
  }
}
"""


@dataclass
class Site:
    """The two instances, and the address of nginx, which alternates between them."""

    instances: tuple[Service, Service]
    url: str

    @property
    def port(self) -> int:
        return port_of(self.url)


@pytest.fixture(scope="module", params=[RedisServer, Cluster], ids=["one Redis", "Redis Cluster"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    require_redis_server()
    with ExitStack() as stack:
        store = stack.enter_context(request.param())
        both = [stack.enter_context(Service(OPEN_MFA_REDIS_URL=store.url, **SHARED)) for _ in range(2)]
        first, second = both
        url = stack.enter_context(running(partial(nginx, text=BALANCER), first.port, second.port))
        yield Site((first, second), url)


def served(site: Site, request_ids: set[str]) -> list[int]:
    """Return how many of the requests each instance has served according to its log."""
    return [len(request_ids & {line.get("request_id") for line in each.lines()}) for each in site.instances]


@pytest.mark.parametrize("factor", FACTORS)
def test_a_code_that_both_instances_get_simultaneously_is_accepted_exactly_once(site: Site, factor: str) -> None:
    seen: Counter[tuple[int, int]] = Counter()
    with Volley(site.port, CALLERS) as volley:
        for _ in range(ROUNDS):
            session = Session(site.port)
            code = next(session.good_codes(factor))

            answers = volley.fire([session.verification(factor, code)] * CALLERS)

            accepted = [answer for answer in answers if answer.status == 200]
            replayed = [answer for answer in answers if answer.status == 403]
            assert {answer.document["reason"] for answer in replayed} <= {"replayed"}
            seen[len(accepted), len(replayed)] += 1

    assert seen == {(1, CALLERS - 1): ROUNDS}
    last = {answer.headers["X-Request-ID"] for answer in answers}
    wait_until(lambda: min(served(site, last)) > 0, "a line of each instance, since both had to check codes")


def test_both_instances_together_check_only_five_wrong_codes(site: Site) -> None:
    session = Session(site.port)
    guess = wrong(next(session.good_codes("totp")))

    with Volley(site.port, 100) as volley:
        answers = volley.fire([session.verification("totp", guess)] * 100)

    assert Counter(answer.status for answer in answers) == {403: 5, 429: 95}


def test_a_log_in_at_one_instance_is_valid_at_both_until_the_log_out(site: Site) -> None:
    first, second = site.instances
    browser = requests.Session()
    code = pyotp.TOTP(SECRET).at(int(time.time()))
    browser.post(f"{first.base}/auth/login", data={"code": code}, timeout=5, allow_redirects=False)

    def passes() -> list[int]:
        return [browser.get(f"{each.base}/auth/check", timeout=5).status_code for each in site.instances]

    cookies = dict(browser.cookies)
    assert passes() == [200, 200]
    assert requests.post(f"{second.base}/auth/login", data={"code": code}, timeout=5).status_code == 403
    browser.post(f"{second.base}/auth/logout", timeout=5, allow_redirects=False)
    browser.cookies.update(cookies)
    assert passes() == [401, 401]


def test_a_log_level_that_is_set_through_nginx_reaches_both_instances(site: Site) -> None:
    def debugged() -> list[bool]:
        found = []
        for each in site.instances:
            request_id = uuid4().hex
            once(each.port, request("GET", "/healthz", headers={"X-Request-ID": request_id}), "GET")
            lines = [line for line in each.lines() if line.get("request_id") == request_id]
            found.append(any(line["level"] == "DEBUG" for line in lines))
        return found

    for level, expected in (("DEBUG", [True, True]), ("INFO", [False, False])):
        answer = requests.put(f"{site.url}/api/v1/admin/logging", json={"level": level}, auth=ADMINISTRATOR, timeout=5)
        assert answer.status_code == 200
        wait_until(lambda expected=expected: debugged() == expected, level, patience=5)


def test_both_instances_share_the_rate_limit_of_a_client(site: Site) -> None:
    """One Redis is enough here, because the test checks no code."""
    store = site.instances[0].settings["OPEN_MFA_REDIS_URL"]
    limit = SHARED | {"OPEN_MFA_REDIS_URL": store, "OPEN_MFA_RATE_LIMIT": "10 per 300 seconds"}
    guess = request("POST", "/api/v1/session/totp/verify", {"code": "123456"})
    with Service(**limit) as first, Service(**limit) as second:
        with running(partial(nginx, text=BALANCER), first.port, second.port) as url:
            statuses = Counter(once(port_of(url), guess).status for _ in range(20))
            # nginx replaces the address that a client claims to have.
            forged = request(
                "POST", "/api/v1/session/totp/verify", {"code": "123456"}, headers={"X-Forwarded-For": "192.0.2.7"}
            )
            assert once(port_of(url), forged).status == 429
        other = request(
            "POST", "/api/v1/session/totp/verify", {"code": "123456"}, headers={"X-Forwarded-For": "192.0.2.8"}
        )
        assert once(first.port, other).status == 404, "another client has its own count"

    assert statuses == {404: 10, 429: 10}


@dataclass
class Stream:
    """A client that sends valid codes one after the other. The service must accept each of them."""

    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            session = Session(self.port)
            codes = session.good_codes("hotp")
            while not self.ending.is_set():
                answer = once(self.port, session.verification("hotp", next(codes)))
                self.statuses[answer.status] += 1
        except (AssertionError, OSError, HTTPException) as error:
            self.lost.append(repr(error))


def test_no_request_is_lost_if_an_instance_ends_during_traffic(site: Site) -> None:
    streams = [Stream(site.port) for _ in range(STREAMS)]
    threads = [threading.Thread(target=stream.run) for stream in streams]
    for thread in threads:
        thread.start()

    def goes_on(count: int) -> Callable[[], bool]:
        wanted = [sum(stream.statuses.values()) + count for stream in streams]
        return lambda: all(
            sum(stream.statuses.values()) >= number or stream.lost
            for stream, number in zip(streams, wanted, strict=True)
        )

    try:
        wait_until(goes_on(20), "traffic")
        for instance in site.instances:
            instance.process.terminate()
            instance.process.wait(30)
            wait_until(goes_on(50), "traffic to the other instance")
            instance.start()
            wait_until(goes_on(50), "traffic to both instances again")
    finally:
        for stream in streams:
            stream.ending.set()
        for thread in threads:
            thread.join()

    assert [stream.lost for stream in streams] == [[]] * STREAMS
    assert sum((stream.statuses for stream in streams), Counter()).keys() == {200}

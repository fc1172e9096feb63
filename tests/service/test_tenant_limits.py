"""The limits of a tenant, with two workers on a real Redis: one tenant that floods does not starve another."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.service.accounts import KEYS, Account, good_code
from tests.service.conftest import TWO_BY_EIGHT
from tests.service.wire import Answer, Volley
from tests.support.redis_server import RedisServer
from tests.support.service import Service

PER_SECOND = 20
PER_DAY = 30
FLOOD = 100
LIMITS = f"[shop]\nchallenges_per_second = {PER_SECOND}\nenrolments_per_day = {PER_DAY}\n[forum]\n"


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def limited(own_server: RedisServer) -> Iterator[Service]:
    """Return a service whose Redis serves no other test, so that a test can count its commands."""
    settings = {"OPEN_MFA_REDIS_URL": own_server.url, "OPEN_MFA_TENANTS_TOML": LIMITS, **KEYS, **TWO_BY_EIGHT}
    with Service(**settings) as running:
        yield running


@pytest.fixture
def volley(limited: Service) -> Iterator[Volley]:
    with Volley(limited.port, FLOOD) as connections:
        yield connections


def guesses(port: int) -> list[bytes]:
    """Return requests of the shop that judge a code, each for another account."""
    return [Account(port).submission("challenge", "000000") for _ in range(FLOOD)]


def refused(answers: list[Answer], limit: str) -> int:
    """Return the number of refusals. All of them must name the limit."""
    refusals = [answer for answer in answers if answer.status == 429]
    assert {(each.slug, each.document["limit"]) for each in refusals} <= {("rate-limited", limit)}
    assert all(int(each.headers["Retry-After"]) >= 1 for each in refusals)
    return len(refusals)


def test_two_workers_together_admit_no_more_than_the_limit(limited: Service, volley: Volley) -> None:
    started = time.monotonic()
    answers = [answer for _ in range(8) for answer in volley.fire(guesses(limited.port))]
    windows = int(time.monotonic() - started) + 2

    admitted = len(answers) - refused(answers, "challenges_per_second")
    assert PER_SECOND <= admitted <= PER_SECOND * windows


def test_a_tenant_that_floods_leaves_another_alone(limited: Service, volley: Volley) -> None:
    forum = [Account(limited.port, tenant="forum") for _ in range(20)]
    enrolled: list[dict[str, Any]] = [account.confirmed("hotp") for account in forum]
    flood = guesses(limited.port)
    answers: list[Answer] = []
    statuses = []
    for account, hotp in zip(forum, enrolled, strict=True):
        volley.send(flood)
        statuses.append(account.submit("challenge", good_code(hotp, 1)).status)
        answers += volley.receive()

    assert statuses == [200] * 20
    assert refused(answers, "challenges_per_second") > len(answers) / 2


def test_a_refused_request_rarely_asks_redis(limited: Service, own_server: RedisServer, volley: Volley) -> None:
    volley.fire(guesses(limited.port))
    with own_server.client() as redis:
        redis.config_resetstat()
        started = time.monotonic()
        answers = [answer for _ in range(8) for answer in volley.fire(guesses(limited.port))]
        elapsed = time.monotonic() - started
        counted = redis.info("commandstats").get("cmdstat_incrby", {}).get("calls", 0)

    refusals = refused(answers, "challenges_per_second")
    admitted = len(answers) - refusals
    # Each worker asks once in 0.1 s, with each of its threads at worst.
    assert counted <= admitted + 16 * (elapsed / 0.1 + 1)
    assert counted < len(answers)


def test_enrolments_at_the_same_moment_do_not_exceed_the_limit(limited: Service, volley: Volley) -> None:
    answers = volley.fire([Account(limited.port).request("POST", "totp", {}) for _ in range(FLOOD)])

    assert [answer.status for answer in answers].count(201) == PER_DAY
    assert refused(answers, "enrolments_per_day") == FLOOD - PER_DAY


def test_the_log_has_one_line_of_each_worker_and_the_metrics_count_all(limited: Service, volley: Volley) -> None:
    answers = [answer for _ in range(4) for answer in volley.fire(guesses(limited.port))]
    refusals = refused(answers, "challenges_per_second")
    lines = [line for line in limited.lines() if line["message"] == "limit reached"]

    assert 1 <= len(lines) <= 2
    assert all((each["tenant"], each["limit"]) == ("shop", "challenges_per_second") for each in lines)
    text = limited.browser().get(f"{limited.base}/metrics", timeout=5).text
    assert f'open_mfa_limit_refusals_total{{limit="challenges_per_second",tenant="shop"}} {refusals}.0' in text

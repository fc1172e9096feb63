"""Execution environments that start, freeze, thaw, end in the middle of an invocation, and run at the same time."""

import base64
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyotp
import pytest

from infrastructure.settings import SettingsError, load
from tests.conftest import MEASURED
from tests.lambda_function.conftest import API_KEY, SECRETS, SETTINGS
from tests.support.authenticator import hotp_codes
from tests.support.dynamodb import CREDENTIALS, DynamoServer, running
from tests.support.lambda_events import FORGED, LambdaClient
from tests.support.processes import pause
from tests.support.redis_server import RedisServer
from tests.support.runtime_api import HANDLER, Aborted, Environment
from tests.support.tcp_proxy import TcpProxy

SESSION = "/api/v1/session"
ACCOUNT = "/api/v1/accounts/ada"
AUTHORIZATION = {"Authorization": f"Bearer {API_KEY}"}
ADMINISTRATOR = {"Authorization": "Basic " + base64.b64encode(b"admin:correct horse battery staple").decode()}
SHIFTED = """
import runpy, sys, time
system_time, offset = time.time, sys.argv.pop(1)
def shifted():
    with open(offset) as file:
        return system_time() + float(file.read())
time.time = shifted
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
"""
"""Runs awslambdaric with a wall clock that a file moves, while the monotonic clock stands still during the jump."""
IMPORTED = "import sys, presentation.bootstrap.lambda_handler; print(*sys.modules)"


def client_of(environment: Environment) -> LambdaClient:
    return LambdaClient(environment.invoke)


def enrolled(client: LambdaClient) -> Iterator[str]:
    """Enrol an HOTP secret in a new session and return its codes."""
    response = client.ask("POST", f"{SESSION}/hotp", {})
    assert response.status == 201, response.content
    return hotp_codes(response.json()["secret"])


def verified(client: LambdaClient, code: str) -> int:
    return client.ask("POST", f"{SESSION}/hotp/verify", {"code": code}).status


@contextmanager
def shifted_environment(offset: Path, settings: dict[str, str]) -> Iterator[Environment]:
    offset.write_text("0")
    with Environment([sys.executable, "-c", SHIFTED, str(offset), HANDLER], **settings) as running:
        yield running


def jump(environment: Environment, offset: Path, seconds: float) -> None:
    """Freeze an environment, and thaw it when this many seconds seem to have passed."""
    environment.freeze()
    offset.write_text(str(float(offset.read_text()) + seconds))
    environment.api.clock_offset = float(offset.read_text())
    environment.thaw()


def answers_to_the_same_codes(one: Environment, other: Environment, number: int) -> list[list[int]]:
    """Send each of several codes to two environments at the same time. Return the sorted answers to each."""
    first = client_of(one)
    codes = enrolled(first)
    second = LambdaClient(other.invoke, cookies=first.cookies)
    together = threading.Barrier(2)

    def send(client: LambdaClient, code: str) -> int:
        together.wait()
        return verified(client, code)

    with ThreadPoolExecutor(2) as pool:
        return [sorted(pool.map(send, (first, second), (code, code))) for code in islice(codes, number)]


def test_two_environments_accept_a_code_once(environment: Environment, settings: dict[str, str]) -> None:
    with Environment(**settings) as other:
        assert answers_to_the_same_codes(environment, other, 20) == [[200, 403]] * 20


def test_an_environment_serves_after_a_freeze(settings: dict[str, str], redis_server: RedisServer) -> None:
    with Environment(**settings) as environment:
        client = client_of(environment)
        codes = enrolled(client)
        for _ in range(3):
            environment.freeze()
            # The store closes idle connections in the meantime.
            with redis_server.client() as administration:
                administration.client_kill_filter(_type="normal", skipme=True)
            environment.thaw()
            assert verified(client, next(codes)) == 200


def test_connections_that_died_silently_during_a_freeze_cost_one_time_out(
    settings: dict[str, str], redis_server: RedisServer
) -> None:
    with (
        TcpProxy(redis_server.port) as proxy,
        Environment(**settings | {"OPEN_MFA_REDIS_URL": proxy.url}) as environment,
    ):
        client = client_of(environment)
        codes = enrolled(client)
        environment.freeze()
        proxy.silence()
        environment.thaw()
        started = time.monotonic()
        assert verified(client, next(codes)) == 200
        assert time.monotonic() - started < 5


def test_an_hour_in_the_freezer_confuses_neither_codes_nor_deadlines(settings: dict[str, str], tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    with shifted_environment(offset, settings | {"OPEN_MFA_RATE_LIMIT": "100 per 1 minute"}) as environment:
        client = client_of(environment)
        owner = f"{ACCOUNT}-{time.time_ns()}"
        secret = client.ask("POST", f"{owner}/totp", {}, headers=AUTHORIZATION).json()["secret"]

        def verify(code: str) -> tuple[int, Any]:
            response = client.ask("POST", f"{owner}/totp/verify", {"code": code}, headers=AUTHORIZATION)
            return response.status, response.json().get("reason")

        former = pyotp.TOTP(secret).now()
        assert verify(former) == (200, None)
        wrong = {verify("000000")[0] for _ in range(5)}
        assert wrong <= {403, 429}
        status, _ = verify("000000")
        assert status == 429

        jump(environment, offset, 3600)

        started = time.monotonic()
        assert verify(former)[0] == 403
        assert verify(pyotp.TOTP(secret).at(int(time.time() + 3600)))[0] == 200
        assert time.monotonic() - started < 5


def test_a_change_of_the_log_level_reaches_other_environments(settings: dict[str, str], tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    with Environment(**settings) as changed, shifted_environment(offset, settings) as follower:
        try:
            client_of(follower).ask("GET", "/healthz")
            assert _debug_lines(follower) == []
            set_level = client_of(changed).ask(
                "PUT", "/api/v1/admin/logging", {"level": "DEBUG"}, headers=ADMINISTRATOR
            )
            assert set_level.status == 200, set_level.content
            jump(follower, offset, 3)
            client_of(follower).ask("GET", "/healthz")
            assert [line["route"] for line in _debug_lines(follower)] == ["/healthz"]
        finally:
            client_of(changed).ask("PUT", "/api/v1/admin/logging", {"level": "INFO"}, headers=ADMINISTRATOR)


def _debug_lines(environment: Environment) -> list[dict[str, Any]]:
    return [line for line in environment.lines() if line.get("level") == "DEBUG" and line["message"] == "answered"]


@pytest.mark.parametrize("step", [b"EVALSHA", b"GET"])
def test_a_code_of_an_aborted_invocation_is_accepted_at_most_once(
    environment: Environment, settings: dict[str, str], redis_server: RedisServer, step: bytes
) -> None:
    with TcpProxy(redis_server.port) as proxy, Environment(**settings | {"OPEN_MFA_REDIS_URL": proxy.url}) as aborted:
        client = client_of(aborted)
        code = next(enrolled(client))
        # The environment ends after the store has carried out the step, before it can send a response.
        proxy.lose_answer(step, then=aborted.kill)
        with pytest.raises(Aborted):
            verified(client, code)

        survivor = LambdaClient(environment.invoke, cookies=client.cookies)
        answers = [verified(survivor, code) for _ in range(2)]
        assert answers == ([403, 403] if step == b"EVALSHA" else [200, 403])


def test_an_invocation_that_is_killed_at_any_time_accepts_nothing_twice(
    environment: Environment, settings: dict[str, str]
) -> None:
    outcomes = set()
    for number in range(4):
        with Environment(**settings) as killed:
            client = client_of(killed)
            code = next(enrolled(client))
            killer = threading.Timer(number * 0.002, killed.kill)
            killer.start()
            try:
                before = verified(client, code)
            except Aborted:
                before = 0
            killer.join()
            survivor = LambdaClient(environment.invoke, cookies=client.cookies)
            after = [verified(survivor, code) for _ in range(2)]
            assert [before, *after].count(200) <= 1
            assert after[-1] == 403
            outcomes.add((before, *after))
    assert outcomes <= {(200, 403, 403), (0, 403, 403), (0, 200, 403)}


@pytest.mark.parametrize("seconds", [6, 2])
def test_a_frozen_store_is_reported_before_the_invocation_ends(settings: dict[str, str], seconds: float) -> None:
    with RedisServer() as store, Environment(**settings | {"OPEN_MFA_REDIS_URL": store.url}) as environment:
        client = client_of(environment)
        code = next(enrolled(client))
        store.freeze()
        event = client.event("POST", f"{SESSION}/hotp/verify", {"code": code})
        assert environment.invoke(event, seconds)["statusCode"] == 503
        assert client.ask("GET", "/healthz").status == 200
        store.thaw()
        assert client.ask("GET", "/readyz").status == 200
        assert verified(client, code) == 200


def test_a_slow_receiver_of_a_code_does_not_outlast_the_invocation(settings: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        webhook = {
            "OPEN_MFA_WEBHOOK_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/",
            "OPEN_MFA_WEBHOOK_SECRET": "the webhook is signed with this secret",
        }
        with Environment(**settings | webhook) as environment:
            client = client_of(environment)
            body = {"delivery": {"channel": "webhook", "to": "ada@example.org"}}
            result = environment.invoke(client.event("POST", f"{SESSION}/otp", body), 3)
    assert result["statusCode"] in {502, 503}, result


def test_the_limit_of_requests_is_shared_and_complete(settings: dict[str, str], redis_server: RedisServer) -> None:
    limited = settings | {"OPEN_MFA_RATE_LIMIT": "4 per 1 hour"}
    with Environment(**limited) as first, Environment(**limited) as second:
        address = f"203.0.113.{time.time_ns() % 200}"
        clients = [LambdaClient(each.invoke, client=address) for each in (first, second)]
        enrolled(clients[0])
        clients[1].cookies = clients[0].cookies
        answers = []
        for number in range(6):
            path, forged = f"{SESSION}/hotp/verify", FORGED | {"X-Forwarded-For": f"198.51.100.{number}"}
            answers.append(clients[number % 2].ask("POST", path, {"code": "1"}, headers=forged).status)
            assert _checks(redis_server, address) == number + 1
    assert answers[4:] == [429, 429]
    assert 429 not in answers[:4]


def _checks(redis_server: RedisServer, address: str) -> int:
    with redis_server.client() as store:
        keys = [key for key in store.scan_iter("open-mfa:rate:*checks*") if address.encode() in key]
        return sum(int(store.get(key) or 0) for key in keys)


def test_missing_settings_end_the_environment_with_the_list_of_them() -> None:
    with pytest.raises(SettingsError) as expected:
        load({"OPEN_MFA_RATE_LIMIT": "sometimes"})
    with Environment(OPEN_MFA_RATE_LIMIT="sometimes") as environment:
        assert environment.wait_for_end() == 1
        assert environment.api.init_error is not None
        assert environment.api.init_error["errorMessage"] == str(expected.value)
        assert environment.api.init_error["type"] == "SettingsError"
        for name in expected.value.problems:
            assert name in environment.log.read_text()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("OPEN_MFA_ENV", "development"), ("OPEN_MFA_TRUSTED_PROXIES", "1"), ("OPEN_MFA_STORE_URL", "")],
)
def test_settings_that_a_function_cannot_have_are_refused(settings: dict[str, str], setting: str, value: str) -> None:
    without_store = {"OPEN_MFA_REDIS_URL": ""} if setting == "OPEN_MFA_STORE_URL" else {}
    with Environment(**settings | without_store | {setting: value}) as environment:
        assert environment.wait_for_end() == 1
        assert environment.api.init_error is not None
        assert re.search(
            rf"\n  {setting}: Must be|\n  {setting}: Is required", environment.api.init_error["errorMessage"]
        )
        log = environment.log.read_text()
        assert [secret for secret in SECRETS if secret in log] == []


def test_an_environment_starts_without_its_store(settings: dict[str, str]) -> None:
    with Environment(**settings | {"OPEN_MFA_REDIS_URL": "redis://127.0.0.1:1/0"}) as environment:
        client = client_of(environment)
        assert client.ask("GET", "/healthz").status == 200
        assert client.ask("GET", "/readyz").status == 503
        assert client.ask("POST", f"{SESSION}/hotp", {}).status == 503


@pytest.mark.parametrize("store", ["redis", "dynamodb"])
def test_modules_of_other_deployments_are_not_imported(settings: dict[str, str], store: str) -> None:
    chosen = settings
    unwanted = {"gunicorn", "fakeredis", "flasgger", "yaml", "jsonschema", "dns", "tqdm", "boto3", "defusedxml"}
    if store == "dynamodb":
        chosen = (
            SETTINGS
            | CREDENTIALS
            | {"OPEN_MFA_STORE_URL": "dynamodb://open-mfa?region=eu-central-1&endpoint=http://127.0.0.1:1"}
        )
        unwanted.add("redis")
    else:
        unwanted.add("botocore")
    printed = subprocess.run(
        [sys.executable, "-c", IMPORTED], env=chosen, capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()[-1]
    modules = set(printed.split())
    assert modules & unwanted == set()
    assert len(modules) < 1100


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[DynamoServer]:
    with running("moto") as server:
        yield server


@pytest.fixture
def in_dynamodb(dynamodb: DynamoServer) -> dict[str, str]:
    """Return settings with a new table of DynamoDB."""
    return SETTINGS | CREDENTIALS | {"OPEN_MFA_STORE_URL": dynamodb.new_table()}


def test_two_environments_on_dynamodb_accept_a_code_once(in_dynamodb: dict[str, str]) -> None:
    with Environment(**in_dynamodb) as one, Environment(**in_dynamodb) as other:
        assert answers_to_the_same_codes(one, other, 10) == [[200, 403]] * 10


def test_connections_to_dynamodb_that_died_during_a_freeze_are_replaced(
    in_dynamodb: dict[str, str], dynamodb: DynamoServer
) -> None:
    with TcpProxy(dynamodb.port) as proxy:
        table = in_dynamodb["OPEN_MFA_STORE_URL"].replace(str(dynamodb.port), str(proxy.port))
        with Environment(**in_dynamodb | {"OPEN_MFA_STORE_URL": table}) as environment:
            client = client_of(environment)
            code = next(enrolled(client))
            environment.freeze()
            proxy.silence()
            environment.thaw()
            first = verified(client, code)
            assert first in {200, 503}
            if first == 503:
                assert verified(client, code) in {200, 403}
            assert verified(client, code) == 403


def test_a_frozen_dynamodb_is_reported_before_the_invocation_ends(
    in_dynamodb: dict[str, str], dynamodb: DynamoServer
) -> None:
    with Environment(**in_dynamodb) as environment:
        client = client_of(environment)
        code = next(enrolled(client))
        pause(dynamodb.process.pid)
        try:
            event = client.event("POST", f"{SESSION}/hotp/verify", {"code": code})
            assert environment.invoke(event, 6)["statusCode"] == 503
            assert client.ask("GET", "/healthz").status == 200
        finally:
            dynamodb.process.send_signal(signal.SIGCONT)
        assert verified(client, code) in {200, 403}
        assert verified(client, code) == 403


@pytest.mark.parametrize("store", ["Redis", "DynamoDB"])
def test_measure_a_cold_start(
    settings: dict[str, str], in_dynamodb: dict[str, str], store: str, record_property: Callable[[str, object], None]
) -> None:
    chosen = settings if store == "Redis" else in_dynamodb
    durations = []
    for _ in range(2):
        with Environment(**chosen) as environment:
            assert client_of(environment).ask("GET", "/readyz").status == 200
            durations.append(time.monotonic() - environment.started)
    record_property(
        MEASURED, f"Cold start of the Lambda function with {store}, until the first response: {min(durations):.2f} s"
    )

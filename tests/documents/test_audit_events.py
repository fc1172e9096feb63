"""The page of audit events lists what occurs in real lines: of the HTTP application, of commands and of AWS Lambda."""

import base64
import io
import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from werkzeug.test import TestResponse

from domain.failures import Failures
from infrastructure.migration.formats.jsonl import JsonLinesWriter
from infrastructure.observability.lines import Lines
from infrastructure.settings.groups.delivery import WebhookReceiver
from tests.domain.examples import recovery_codes, totp
from tests.lambda_function.conftest import SETTINGS as FUNCTION
from tests.presentation.api import API_KEYS, RFC_CODES, Account, document, other_code
from tests.presentation.gate.support import GATE
from tests.support.command_line import run
from tests.support.documents import page
from tests.support.lambda_events import KINDS, LambdaClient
from tests.support.redis_server import RedisServer
from tests.support.runtime_api import Environment
from tests.support.service import SETTINGS as SERVICE

Line = dict[str, Any]
PAGE: Final = page("reference/audit-events")
AUDIT_KEY: Final = bytes(range(32))
KEY_TEXT: Final = base64.b64encode(AUDIT_KEY).decode()
PUBLIC_KEY: Final = base64.b64encode(bytes([9] + [0] * 31)).decode()
WEAK: Final = "A" * 16
TRACE: Final = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
CHAINED: Final = {"chain", "seq", "mac"}
COMMON: Final = {"time", "level", "logger", "message"}
WITH_VALUES: Final = ("level", "factor", "purpose", "outcome", "reason", "format")
"""The members whose values the page lists."""


def cells(table: int) -> list[list[str]]:
    """Return the rows of a table of the page: 0 for the events, 1 for the members."""
    text = re.split(r"^\|(?:---\|)+$", PAGE, flags=re.MULTILINE)[table + 1].partition("\n\n")[0]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in text.strip().splitlines()]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([\w.-]+)`", cell))


EVENTS: Final = {row[0].strip("`"): names(row[2] if len(row) > 2 else "") for row in cells(0)}
"""The members that the page lists for each event, besides those of all events."""
MEMBERS: Final = {name: row[1] for row in cells(1) for name in names(row[0])}
"""What the page says about each member."""


def succeeded(answer: TestResponse) -> Any:
    assert answer.status_code in {200, 201, 204}, answer.text
    return None if answer.status_code == 204 else document(answer)


def of_http() -> Iterator[Line]:
    """Use every operation that writes a line, for accounts, a session and the gate."""
    stream = io.StringIO()
    lines = Lines(stream)
    unreachable = WebhookReceiver(url="http://127.0.0.1:9/", secret="a secret of the tests")
    account = Account(
        lines=lines, webhook=unreachable, audit_key=AUDIT_KEY, audit_public_key=base64.b64decode(PUBLIC_KEY), **GATE
    )
    use_factors(account)
    use_account(account.named("bob"))
    use_session_and_gate(account)
    assert lines.flush()
    yield from map(json.loads, stream.getvalue().splitlines())


def use_factors(account: Account) -> None:
    enrolled = account.confirmed("totp")
    good = partial(account.good_code, "totp", enrolled)
    assert account.challenge(good(1)).status_code == 200
    assert account.challenge(good(1)).status_code == 403
    account.post("challenge", {"code": other_code(good(1))}, headers=TRACE)
    account.clock.time += 120
    succeeded(account.post("totp/resync", {"codes": [good(), good(1)]}))
    succeeded(account.post("totp/replacement"))
    succeeded(account.delete("totp/replacement"))
    replacement = succeeded(account.post("totp/replacement"))
    succeeded(account.post("totp/replacement/verify", {"code": account.good_code("totp", replacement)}))
    account.fail("totp", account.good_code("totp", replacement, 5), 5)
    assert account.challenge("000000").status_code == 429
    succeeded(account.post("unlock"))
    succeeded(account.post("totp/disable", {"code": account.good_code("totp", replacement, 1)}))


def use_account(account: Account) -> None:
    issued = account.enrol("otp")
    account.clock.time += 301
    assert account.verify("otp", issued["code"]).status_code == 403
    undelivered = account.post("otp", {"delivery": {"channel": "webhook", "to": "+431555010"}})
    assert undelivered.status_code == 502
    succeeded(account.post("hotp", {"secret": WEAK, "initial_counter": 0, "confirmed": True, "weak_secret": "accept"}))
    account.recovery_codes()
    added = [succeeded(account.post("authenticators", {"type": kind, "name": kind}))["id"] for kind in ("totp", "hotp")]
    for each in added:
        succeeded(account.send("PATCH", f"authenticators/{each}", json={"name": "phone"}))
        account.post(f"authenticators/{each}/verify", {"code": "000000"})
        succeeded(account.delete(f"authenticators/{each}"))
    succeeded(account.post("unlock"))
    succeeded(account.delete("recovery-codes"))
    succeeded(account.delete())


def use_session_and_gate(account: Account) -> None:
    session = account.another()
    assert session.post("/api/v1/session/totp", json={}).status_code == 201
    code = other_code(RFC_CODES[0])
    assert session.post("/api/v1/gate/verify", json={"code": code}).status_code == 403
    assert session.post("/auth/login", data={"code": code}).status_code == 403


def of_commands(server: RedisServer, directory: Path) -> Iterator[Line]:
    """Run every command that writes a line."""
    with server.client() as client:
        client.flushall()
    keys = {"OPEN_MFA_API_KEYS": f"shop:{API_KEYS['shop']}", "OPEN_MFA_AUDIT_KEY": KEY_TEXT}
    settings = SERVICE | {"OPEN_MFA_REDIS_URL": server.url} | keys
    unreachable = settings | {"OPEN_MFA_REDIS_URL": "redis://127.0.0.1:9"}
    tenant = ("--tenant", "shop")
    copy = directory / "shop.jsonl"
    with copy.open("wb") as file:
        JsonLinesWriter(None).write([totp(failures=Failures(1)), recovery_codes()], file)
    commands = [
        (("import", str(copy), *tenant, "--format", "jsonl"), settings),
        *(
            (("export", *tenant, "--format", each, "--plain", "-o", str(directory / each)), settings)
            for each in ("jsonl", "pskc", "otpauth")
        ),
        (("export", *tenant, "--format", "jsonl", "--plain", "-o", str(directory / "none")), unreachable),
        (("account", "unlock", "alice", *tenant), settings),
        (("account", "delete", "alice", "--authenticator", "totp", *tenant), settings),
        (("account", "delete", "alice", *tenant), settings),
    ]
    for arguments, environment in commands:
        done = run(*arguments, **environment)
        assert done.returncode == (environment is unreachable), done.stderr
        yield from (json.loads(each) for each in done.stderr.splitlines() if each.startswith("{"))


def of_function(server: RedisServer) -> Iterator[Line]:
    """Enrol a factor in a function on AWS Lambda."""
    settings = FUNCTION | {"OPEN_MFA_REDIS_URL": server.url}
    with Environment(**settings) as environment:
        client = LambdaClient(environment.invoke, next(iter(KINDS.values())))
        assert client.ask("POST", "/api/v1/session/totp", {}).status == 201
        yield from environment.lines()


@pytest.fixture(scope="module")
def written(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> list[Line]:
    """The audit lines of all ways to write one."""
    lines = [*of_http(), *of_commands(redis_server, tmp_path_factory.mktemp("export")), *of_function(redis_server)]
    return [line for line in lines if line.get("logger") == "open_mfa.audit"]


def test_the_page_lists_exactly_the_events_that_occur(written: list[Line]) -> None:
    assert {line["message"] for line in written} == set(EVENTS)


def test_the_page_lists_exactly_the_members_that_occur(written: list[Line]) -> None:
    assert {name for line in written for name in line} - {"message"} == set(MEMBERS)


@pytest.mark.parametrize("event", EVENTS)
def test_the_page_lists_exactly_the_further_members_of_an_event(event: str, written: list[Line]) -> None:
    """Members of several events describe the request, the owner, the factor or the chain."""
    lines = [line for line in written if line["message"] == event]
    shared = set(MEMBERS) - set().union(*EVENTS.values())
    found = {name for line in lines for name in line}

    assert found - shared - COMMON == EVENTS[event]


@pytest.mark.parametrize("member", WITH_VALUES)
def test_the_page_lists_exactly_the_values_of_a_member_that_occur(member: str, written: list[Line]) -> None:
    assert {line[member] for line in written if member in line} == names(MEMBERS[member]) - {"open_mfa.audit"}


def test_an_owner_is_an_account_or_has_a_digest(written: list[Line]) -> None:
    owners = {frozenset(line) & {"tenant", "account", "session", "gate"} for line in written}

    assert owners == {
        frozenset({"tenant", "account"}),
        frozenset({"session"}),
        frozenset({"gate"}),
        frozenset({"tenant"}),
        frozenset(),
    }


def test_the_example_is_a_line_that_occurs(written: list[Line]) -> None:
    example = json.loads(PAGE.partition("```json\n")[2].partition("```")[0])

    assert any(list(example) == [name for name in line if name not in CHAINED] for line in written)

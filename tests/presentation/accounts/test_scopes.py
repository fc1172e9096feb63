"""Each operation of accounts needs the scope that the OpenAPI document names, and nothing else gives access.

The document alone names the operations, their scopes, their bodies and the responses. docs/reference/http.md lists the
scopes, and tests/documents/test_reference.py compares the two.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from flask import Blueprint
from werkzeug.test import TestResponse

from domain.api_key import Scope
from infrastructure.observability.metrics import Metrics
from presentation.http.accounts.access import tenant_access
from presentation.http.accounts.api_keys import ApiKeys
from presentation.http.docs.openapi import REQUIRED_SCOPE, SCOPES_OF_MEMBERS
from presentation.http.framework.endpoint import Route, Tag, add_routes
from presentation.http.framework.operation import Operation
from presentation.http.framework.responses import no_content
from tests.presentation.accounts.scoped_keys import EXPIRED, KEYS, SCOPES, UNKNOWN, ScopedAccount
from tests.presentation.api import RFC_SECRET, Account, Api, document, slug
from tests.presentation.docs.document import with_own_responses
from tests.support.fakes import FakeClock
from tests.support.redis_clients import redis_client


class Described(NamedTuple):
    """One operation of the document that needs an API key."""

    method: str
    path: str
    operation: dict[str, Any]

    @property
    def scope(self) -> Scope:
        return Scope(self.operation[REQUIRED_SCOPE])

    def example(self) -> Any:
        """Return an example of the body; None without a body."""
        content = self.operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        examples = [each["value"] for each in content.get("examples", {}).values()]
        return (examples or [content.get("example")])[0]

    def send(self, api: Api, key: str | None, body: Any = None) -> TestResponse:
        """Send the request of the examples, or one with another body."""
        examples = {each["name"]: each["example"] for each in self.operation["parameters"] if each["in"] == "path"}
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        json = self.example() if body is None else body
        options = {} if json is None else {"json": json}
        return api.client.open(self.path.format(**examples), method=self.method, headers=headers, **options)


def described() -> Iterator[Described]:
    openapi = with_own_responses(document(ScopedAccount().client.get("/openapi.json")))
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") == [{"apiKey": []}]:
                yield Described(method.upper(), path, operation)
                if method == "get":
                    yield Described("HEAD", path, operation)


OPERATIONS = [*described()]
IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=IDS)


@pytest.fixture(scope="module")
def account() -> ScopedAccount:
    return ScopedAccount()


@pytest.fixture(scope="module")
def without_store() -> ScopedAccount:
    """An account of a service whose store is unreachable. A request that reaches the store gets 503."""
    return ScopedAccount(redis=redis_client("redis://127.0.0.1:1"))


def problems(operation: Described, status: int) -> set[str]:
    """Return the problems that the document lists for a status."""
    content = operation.operation["responses"][str(status)]["content"]["application/problem+json"]
    return set(content["examples"])


def test_operations_of_all_scopes_are_described() -> None:
    assert len(OPERATIONS) > 50
    assert {each.scope for each in OPERATIONS} == {*Scope}


@each_operation
@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_do_what_its_scope_includes_and_nothing_else(
    account: ScopedAccount, without_store: ScopedAccount, operation: Described, scope: Scope
) -> None:
    if scope.includes(operation.scope):
        answer = operation.send(account, KEYS[scope])
        assert answer.status_code != 401
        assert "insufficient_scope" not in answer.headers.get("WWW-Authenticate", "")
        assert str(answer.status_code) in operation.operation["responses"]
        return

    answer = operation.send(without_store, KEYS[scope])

    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"].endswith(f'error="insufficient_scope", scope="{operation.scope}"')
    assert "forbidden" in problems(operation, 403)
    if operation.method != "HEAD":
        told = document(answer)
        assert (slug(answer), told["scope"], told["key_scope"]) == ("forbidden", operation.scope, scope)
        assert f'"{operation.scope}"' in told["detail"]
        assert f'"{scope}"' in told["detail"]


@each_operation
@pytest.mark.parametrize("key", [None, "", UNKNOWN, *EXPIRED.values()])
def test_without_a_valid_key_every_operation_is_refused(
    without_store: ScopedAccount, operation: Described, key: str | None
) -> None:
    answer = operation.send(without_store, key)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "unauthenticated" in problems(operation, 401)


@each_operation
def test_a_refused_key_changes_nothing(operation: Described) -> None:
    account = everything_enrolled()
    before = account.snapshot()

    for key in [None, UNKNOWN, *EXPIRED.values(), *refused_keys(operation)]:
        operation.send(account, key)

    assert account.snapshot() == before


def refused_keys(operation: Described) -> list[str]:
    return [key for scope, key in KEYS.items() if not scope.includes(operation.scope)]


_enrolled: list[ScopedAccount] = []


def everything_enrolled() -> ScopedAccount:
    """Return the account with all kinds of credentials. Refused requests do not change it, so all tests share it."""
    if not _enrolled:
        account = ScopedAccount()
        for factor in ("totp", "hotp"):
            account.confirmed(factor)
            account.enrol(f"{factor}/replacement")
        account.enrol("otp")
        account.recovery_codes()
        _enrolled.append(account)
    return _enrolled[0]


@pytest.mark.parametrize("scope", [Scope.VERIFY, Scope.ENROL])
@pytest.mark.parametrize("content", [b"{", b'{"secret": 7}', b"x" * 20000])
def test_a_missing_scope_is_reported_before_an_invalid_body(scope: Scope, content: bytes) -> None:
    account = ScopedAccount().holder(KEYS[scope])
    path = "totp" if scope is Scope.VERIFY else "unlock"

    assert slug(account.raw(path, content)) == "forbidden"


@pytest.mark.parametrize("name", ["a b", "%00", "x" * 256, "a%2Fb"])
def test_a_missing_scope_is_reported_before_an_invalid_account_id(name: str) -> None:
    account = ScopedAccount().holder(KEYS[Scope.VERIFY]).named(name)

    assert slug(account.delete("totp")) == ("invalid-request" if "%2F" in name else "forbidden")


SECRET_OPERATIONS = [each for each in OPERATIONS if SCOPES_OF_MEMBERS in each.operation]


def test_all_operations_that_accept_a_secret_name_its_scope() -> None:
    accepting = [
        each
        for each in OPERATIONS
        if "requestBody" in each.operation and re.search(r"/(totp|hotp|authenticators|replacement)$", each.path)
    ]

    assert accepting == SECRET_OPERATIONS
    assert [each.operation[SCOPES_OF_MEMBERS] for each in accepting] == [{"secret": "manage"}] * 6


@pytest.mark.parametrize("operation", SECRET_OPERATIONS, ids=lambda each: each.path)
def test_only_a_key_that_manages_may_bring_a_secret_along(operation: Described) -> None:
    account = ScopedAccount()
    if "replacement" in operation.path:
        # The example of an authenticator's id is not that of the account's authenticator.
        account.confirmed("hotp" if "hotp" in operation.path else "totp")
    body = {**(operation.example() or {}), "secret": RFC_SECRET}
    before = account.snapshot()

    refused = operation.send(account, KEYS[Scope.ENROL], body)
    invalid = operation.send(account, KEYS[Scope.ENROL], body | {"digits": 99})
    unchanged = account.snapshot() == before
    allowed = operation.send(account, KEYS[Scope.MANAGE], body)

    assert (slug(refused), document(refused)["scope"]) == ("forbidden", "manage")
    assert slug(invalid) == "invalid-request"
    assert unchanged
    assert allowed.status_code == (404 if "authenticator_id" in operation.path else 201)


def test_a_stolen_key_of_a_front_end_requests_codes_but_deletes_no_factor() -> None:
    account = ScopedAccount()
    account.confirmed("totp")
    thief = account.holder(KEYS[Scope.VERIFY])

    issued = thief.post("otp")
    deleted = [thief.delete(path) for path in ("", "totp", "authenticators/totp", "recovery-codes")]

    assert issued.status_code == 201
    assert [slug(each) for each in deleted] == ["forbidden"] * 4
    assert document(account.get("totp"))["status"] == "confirmed"


def test_an_operation_without_a_scope_cannot_be_registered() -> None:
    access = tenant_access(ApiKeys((), FakeClock(), Metrics()))
    route = Route("GET", "/forgotten", no_content, Operation(summary="Forgotten", responses={204: None}))

    with pytest.raises(TypeError, match="GET /forgotten requires an API key, but its operation declares no scope"):
        add_routes(Blueprint("forgotten", __name__), Tag("Forgotten", ""), access, (route,))


def test_no_operation_without_an_api_key_names_a_scope() -> None:
    openapi = document(Account().client.get("/openapi.json"))
    open_to_others = [
        operation
        for methods in openapi["paths"].values()
        for operation in methods.values()
        if operation.get("security") != [{"apiKey": []}]
    ]

    assert [each for each in open_to_others if REQUIRED_SCOPE in each or SCOPES_OF_MEMBERS in each] == []

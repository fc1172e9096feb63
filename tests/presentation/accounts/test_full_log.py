"""While the audit log cannot be written, the service judges and changes nothing, so the log has no gap."""

from typing import Any

import pytest

from domain.secret import SharedSecret
from infrastructure.observability.lines import Lines
from tests.presentation.api import ACCOUNTS, ADMIN, COOKIE, RFC_SECRET, SESSION, Account, all_routes, slug

GATE: dict[str, Any] = {"gate_secret": SharedSecret.from_base32(RFC_SECRET)}
NO_AUDIT_LINE = {"/auth/logout", f"{ADMIN}/logging", "/auth/check", "/auth/forward"}
"""Operations other than GET that have no audit line, so they stay available."""


@pytest.fixture
def full(account: Account) -> Account:
    """Return an instance with the same accounts and sessions whose queue of lines is full."""
    return Account(account.redis, account.clock, lines=Lines(limit=0), **GATE)


def everything(account: Account) -> dict[bytes, bytes | None]:
    return {key: account.redis.dump(key) for key in account.redis.scan_iter()}


def changing(account: Account) -> list[tuple[str, str]]:
    return [
        (method, path.replace("<account_id>", account.name).replace("<authenticator_id>", "totp"))
        for method, path in all_routes(account)
        if method in {"POST", "PUT", "PATCH", "DELETE"} and path not in NO_AUDIT_LINE
    ]


def body(path: str) -> dict[str, Any]:
    if path.endswith("/recovery-codes/verify"):
        return {"code": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"}
    if path.endswith(("/verify", "/challenge", "/disable", "/login")):
        return {"code": "123456"}
    if path.endswith("/authenticators"):
        return {"type": "totp"}
    if path.endswith("/authenticators/totp"):
        return {"name": "Phone"}
    return {"codes": ["123456", "654321"]} if path.endswith("/resync") else {}


def test_every_operation_with_an_audit_line_is_refused_and_changes_nothing(account: Account, full: Account) -> None:
    for factor in ("hotp", "totp"):
        account.confirmed(factor)
        account.post(f"{factor}/replacement")
    account.recovery_codes()
    account.enrol("otp")
    account.fail("hotp", "000000", 1)
    session = account.client
    for factor in ("hotp", "totp", "otp"):
        assert session.post(f"{SESSION}/{factor}", json={}).status_code == 201
    before = everything(account)

    found = {}
    for method, path in changing(full):
        options: dict[str, Any] = {"data": body(path)} if path == "/auth/login" else {"json": body(path)}
        headers = {"Authorization": f"Bearer {full.key}"} if path.startswith(ACCOUNTS) else {}
        client = full.another()
        if path.startswith(SESSION) and (cookie := session.get_cookie(COOKIE)) is not None:
            client.set_cookie(cookie.key, cookie.value)
        answer = client.open(path, method=method, headers=headers, **options)
        found[method, path] = answer.status_code, int(answer.headers.get("Retry-After", 0)) > 0

    assert len(found) > 40
    assert {key: value for key, value in found.items() if value != (503, True)} == {}
    assert everything(account) == before


def test_a_code_of_a_refused_request_is_not_spent(account: Account, full: Account) -> None:
    enrolled = account.confirmed("totp")
    code = account.good_code("totp", enrolled, 1)

    assert slug(full.challenge(code)) == "store-unavailable"
    assert account.challenge(code).status_code == 200


def test_requests_that_only_read_succeed(account: Account, full: Account) -> None:
    account.confirmed("totp")

    assert full.get("totp").status_code == 200
    assert full.client.get("/healthz").status_code == 200
    assert full.client.get("/metrics").status_code == 200


def test_an_instance_that_cannot_write_its_audit_log_is_not_ready(full: Account) -> None:
    assert slug(full.client.get("/readyz")) == "store-unavailable"

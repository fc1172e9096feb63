"""The cookie of the gate (docs/reference/http.md, Gate)."""

import pytest

from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import RFC_SECRET, SESSION, Api
from tests.presentation.gate.support import GATE, MOST, check, code, junk, log_in, passing_with, token


@pytest.mark.parametrize("field", ["code", "token"])
def test_a_valid_code_sets_the_cookie_and_redirects(gate: Api, field: str) -> None:
    answer = gate.client.post("/auth/login", data={field: code(gate), "return_to": "/reports?year=2026"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/reports?year=2026")
    cookie = answer.headers["Set-Cookie"]
    parts = {part.partition("=")[0] for part in cookie.split("; ")}
    assert parts >= {COOKIE, "HttpOnly", "SameSite", "Path", "Max-Age", "Secure"}
    assert "Max-Age=86400; " in cookie
    assert "SameSite=Lax" in cookie


def test_redis_contains_neither_the_token_nor_the_secret(gate: Api) -> None:
    log_in(gate, code(gate))
    cookie = gate.client.get_cookie(COOKIE)
    assert cookie is not None

    stored = repr([(key, gate.redis.dump(key)) for key in gate.redis.scan_iter()])

    assert cookie.value not in stored
    assert RFC_SECRET not in stored
    assert "12345678901234567890" not in stored


def test_the_session_expires(gate: Api) -> None:
    log_in(gate, code(gate))

    assert [0 < gate.redis.ttl(key) <= 86400 for key in gate.redis.scan_iter("open-mfa:{gate}:*")] == [True]


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "a" * 43, "a" * 42 + "\x00", "../../x", "é" * 43, "a" * 5000, f"{'a' * 43}; {COOKIE}={'b' * 43}"],
)
def test_a_forged_cookie_does_not_pass(gate: Api, cookie: str) -> None:
    header = f"{COOKIE}={cookie}".encode().decode("latin-1")

    assert check(gate, environ_overrides={"HTTP_COOKIE": header}).status_code == 401


def test_a_planted_cookie_does_not_hide_a_log_in(gate: Api) -> None:
    log_in(gate, code(gate))
    cookie = gate.client.get_cookie(COOKIE)
    assert cookie is not None
    header = f"{COOKIE}={'x' * 43}; {COOKIE}={cookie.value}"

    assert check(gate, environ_overrides={"HTTP_COOKIE": header}).status_code == 200


@pytest.mark.parametrize("number", [3, 4, MOST])
def test_no_number_of_planted_cookies_hides_a_log_in(gate: Api, number: int) -> None:
    log_in(gate, code(gate))
    own = token(gate)

    assert passing_with(gate, *junk(number), own) == 200
    assert passing_with(gate, own, *junk(number)) == 200


def test_spent_codes_stay_spent_if_the_key_of_the_cookies_changes(gate: Api) -> None:
    """During a change of the setting, instances with the old and the new value serve side by side."""
    log_in(gate, code(gate))
    changed = Api(gate.redis, gate.clock, secret_key="another key for the cookies of sessions", **GATE)

    assert log_in(changed, code(gate)).status_code == 403
    assert check(changed, headers={"Cookie": f"{COOKIE}={token(gate)}"}).status_code == 200


def test_a_session_of_the_api_does_not_pass_the_gate(gate: Api) -> None:
    gate.client.post(f"{SESSION}/totp", json={})

    assert check(gate).status_code == 401


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_travels_over_tls_only_by_default(secure: bool) -> None:
    gate = Api(cookie_secure=secure, **GATE)
    cookie = log_in(gate, code(gate)).headers["Set-Cookie"]

    assert ("; Secure" in cookie, "; HttpOnly" in cookie, "; SameSite=Lax" in cookie) == (secure, True, True)

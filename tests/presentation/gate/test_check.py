"""The check of a proxy: only people who have logged in pass (docs/reference/http.md, Gate)."""

import pytest

from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import Api
from tests.presentation.gate.support import GATE, METHODS, MOST, check, check_forward, code, junk, log_in, processed


@pytest.mark.parametrize("path", ["/auth/check", "/auth/login", "/auth/logout", "/api/v1/gate/verify"])
def test_without_a_secret_there_is_no_gate(path: str) -> None:
    assert Api().client.get(path).status_code == 404


@pytest.mark.parametrize("method", METHODS)
def test_a_user_who_has_not_logged_in_does_not_pass(gate: Api, method: str) -> None:
    answer = check(gate, method=method)

    assert answer.status_code == 401
    assert "Remote-User" not in answer.headers


@pytest.mark.parametrize("method", METHODS)
def test_a_logged_in_user_passes_with_any_method(gate: Api, method: str) -> None:
    log_in(gate, code(gate))

    answer = check(gate, method=method)

    assert (answer.status_code, answer.headers["Remote-User"]) == (200, "everybody")
    assert answer.data == b""


@pytest.mark.parametrize("query", ["code=1", "%00", "return_to=%ff", "x" * 3000])
def test_the_query_does_not_affect_a_check(gate: Api, query: str) -> None:
    assert check(gate, query_string=query).status_code == 401


def test_a_check_sends_one_command_regardless_of_the_number_of_cookies(api_on_redis: Api) -> None:
    gate = Api(api_on_redis.redis, api_on_redis.clock, **GATE)
    log_in(gate, code(gate))
    cookie = gate.client.get_cookie(COOKIE)
    assert cookie is not None
    header = "; ".join(f"{COOKIE}={value}" for value in (*junk(MOST), cookie.value))

    before = processed(gate)
    answer = check(gate, environ_overrides={"HTTP_COOKIE": header})
    own = processed(gate) - before

    assert answer.status_code == 200
    # One of the two is the check itself.
    assert own == 2


def test_a_check_without_a_cookie_sends_no_command_to_redis(api_on_redis: Api) -> None:
    gate = Api(api_on_redis.redis, api_on_redis.clock, **GATE)

    before = processed(gate)
    check(gate)

    assert processed(gate) - before == 1


@pytest.mark.parametrize("path", ["/auth/check", "/auth/forward"])
def test_the_handshake_of_a_websocket_is_checked_like_other_requests(gate: Api, path: str) -> None:
    """Some proxies pass these headers on, and Werkzeug would find no route for a WebSocket."""
    handshake = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert gate.client.get(path, headers=handshake).status_code == 401
    log_in(gate, code(gate))

    assert gate.client.get(path, headers=handshake).status_code == 200


def test_a_target_that_is_too_long_is_left_out(gate: Api) -> None:
    headers = {"Accept": "text/html", "X-Forwarded-Uri": "/x?" + "&a=" * 600}

    assert check_forward(gate, headers) == "/auth/login"
    assert check_forward(gate, headers | {"X-Forwarded-Uri": "/x?a=1"}).endswith("?return_to=/x%3Fa%3D1")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Mode": "navigate"}, 303),
        ({"Accept": "text/html"}, 303),
        ({"Accept": "text/html", "X-Forwarded-Method": "HEAD"}, 303),
        ({"Accept": "text/html", "X-Forwarded-Method": "POST"}, 401),
        ({"Accept": "text/html", "Sec-Fetch-Mode": "cors"}, 401),
        ({"Accept": "application/json"}, 401),
        ({}, 401),
    ],
)
def test_a_browser_is_redirected_to_the_log_in_page_and_a_program_gets_401(
    gate: Api, headers: dict[str, str], status: int
) -> None:
    assert gate.client.get("/auth/forward", headers=headers).status_code == status

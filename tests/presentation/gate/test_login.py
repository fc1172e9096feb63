"""The log-in page and its form (docs/reference/http.md, Gate)."""

import re
from html import unescape

import pyotp
import pytest
from limits import RateLimitItemPerMinute

from domain.secret import SharedSecret
from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import PASTED, Api
from tests.presentation.gate.support import (
    GATE,
    TENANT,
    check,
    code,
    log_in,
    stored,
    wrong,
)
from tests.support.processes import free_port
from tests.support.redis_clients import redis_client


@pytest.mark.parametrize("typed", PASTED)
def test_characters_that_pasting_adds_to_a_code_are_ignored(gate: Api, typed: str) -> None:
    good = code(gate)

    assert log_in(gate, typed.format(good[:3], good[3:])).status_code == 303


def test_a_target_on_another_site_is_ignored(gate: Api) -> None:
    assert log_in(gate, code(gate), return_to="//evil.example").headers["Location"] == "/"


def test_a_code_is_accepted_once(gate: Api) -> None:
    first = log_in(gate, code(gate))
    gate.client = gate.another()
    second = log_in(gate, code(gate))

    assert (first.status_code, second.status_code) == (303, 403)
    assert "used before" in second.text
    assert "Set-Cookie" not in second.headers


@pytest.mark.parametrize(
    "typed", ["", "abc", "12345", "1234567", "\uff11\uff12\uff13\uff14\uff15\uff16", "<script>", "0" * 1000]
)
def test_a_malformed_code_shows_the_page_again_and_is_not_counted(gate: Api, typed: str) -> None:
    answers = [log_in(gate, typed) for _ in range(6)]

    assert {answer.status_code for answer in answers} == {403}
    assert 'role="alert"' in answers[0].text
    assert typed not in answers[0].text or typed == ""
    assert log_in(gate, code(gate)).status_code == 303


def test_wrong_codes_lock_and_the_page_shows_the_wait(gate: Api) -> None:
    statuses = [log_in(gate, wrong(gate)).status_code for _ in range(5)]
    answer = log_in(gate, code(gate))

    assert statuses == [403] * 5
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert "Try again in 30 seconds." in answer.text
    assert check(gate).status_code == 401


def test_the_page_keeps_the_target(gate: Api) -> None:
    page = gate.client.get("/auth/login?return_to=/a%3Fb%3Dc")

    assert 'value="/a?b=c"' in page.text
    assert 'value="/a?b=c"' in log_in(gate, "1", return_to="/a?b=c").text


def test_the_page_runs_only_its_own_script_and_cannot_be_framed(gate: Api) -> None:
    policy = gate.client.get("/auth/login").headers["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.localhost"},
    ],
)
def test_a_form_of_another_site_does_not_log_in(gate: Api, headers: dict[str, str]) -> None:
    answer = gate.client.post("/auth/login", data={"code": code(gate)}, headers=headers)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
    assert log_in(gate, code(gate)).status_code == 303, "the refused form must not spend the code"


def test_a_proxy_that_changes_the_host_does_not_block_browsers(gate: Api) -> None:
    headers = {"Host": "127.0.0.1:8080", "Sec-Fetch-Site": "same-origin", "Origin": "https://app.example.com"}

    assert gate.client.post("/auth/login", data={"code": code(gate)}, headers=headers).status_code == 303


def test_a_form_of_another_kind_is_refused(gate: Api) -> None:
    answers = [
        gate.client.post("/auth/login", json={"code": code(gate)}),
        gate.client.post("/auth/login", data=b"code=" + code(gate).encode(), content_type="text/plain"),
        gate.client.post("/auth/login", data={"code": "1" * 20000}),
        gate.client.post("/auth/login", data=b"\xff=\xff", content_type="application/x-www-form-urlencoded"),
    ]

    assert [answer.status_code for answer in answers] == [415, 415, 413, 400]
    assert all("text/html" in answer.content_type for answer in answers)


def test_another_secret_of_the_gate_is_another_credential(gate: Api) -> None:
    token = log_in(gate, code(gate)).headers["Set-Cookie"].partition(";")[0]
    for _ in range(6):
        log_in(gate, wrong(gate))
    other = SharedSecret(b"another secret of 160 b.")
    rotated = Api(gate.redis, gate.clock, gate_secret=other)

    assert check(rotated, headers={"Cookie": token}).status_code == 401, "a log-in with the former secret must not pass"
    assert log_in(rotated, pyotp.TOTP(other.base32).at(gate.clock.now())).status_code == 303


def test_without_a_tenant_an_account_in_the_form_does_nothing(gate: Api) -> None:
    assert log_in(gate, code(gate), account="admin").status_code == 303
    assert check(gate).headers["Remote-User"] == "everybody"


def test_the_log_in_page_lets_the_browser_send_an_origin(gate: Api) -> None:
    """With no-referrer, browsers send `Origin: null`. Over plain HTTP, without Fetch Metadata, nobody could log in."""
    pages = [gate.client.get("/auth/login"), log_in(gate, "000000")]

    assert {page.headers["Referrer-Policy"] for page in pages} == {"same-origin"}


def test_all_files_of_the_log_in_page_are_below_auth(gate: Api) -> None:
    parts = re.findall(r'(?:href|src|action)="([^"]+)"', gate.client.get("/auth/login").text)

    assert parts
    assert [part for part in parts if not part.startswith("/auth/")] == []
    assert {gate.client.get(part).status_code for part in parts} == {200}
    assert gate.client.get("/auth/assets/docs.js").status_code == 404


class TestLoggedIn:
    """A valid log-in is checked first."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_the_page_redirects_to_the_target(self, gate: Api, method: str) -> None:
        log_in(gate, code(gate))

        answer = gate.client.open("/auth/login?return_to=/reports%3Fa=b", method=method)

        assert (answer.status_code, answer.headers["Location"]) == (303, "/reports?a=b")
        assert "Set-Cookie" not in answer.headers
        assert gate.client.get("/auth/login?return_to=//evil.example").headers["Location"] == "/"

    @pytest.mark.parametrize("step", [0, 1], ids=["the same code", "another valid code"])
    def test_a_second_submission_redirects_and_judges_no_code(self, gate: Api, step: int) -> None:
        log_in(gate, code(gate))
        before = stored(gate)

        answer = log_in(gate, code(gate, step), return_to="/reports")

        assert (answer.status_code, answer.headers["Location"]) == (303, "/reports")
        assert stored(gate) == before

    @pytest.mark.parametrize("typed", ["", "12a", "wrong"])
    def test_other_input_after_a_log_in_is_neither_judged_nor_counted(self, gate: Api, typed: str) -> None:
        log_in(gate, code(gate))
        before = stored(gate)

        answers = [log_in(gate, wrong(gate) if typed == "wrong" else typed) for _ in range(7)]

        assert {answer.status_code for answer in answers} == {303}
        assert stored(gate) == before

    def test_an_ended_log_in_does_not_redirect(self, gate: Api) -> None:
        log_in(gate, code(gate))
        gone = gate.client.get_cookie(COOKIE)
        assert gone is not None
        gate.client.post("/auth/logout")
        gate.client.set_cookie(COOKIE, gone.value)

        assert gate.client.get("/auth/login").status_code == 200
        assert log_in(gate, wrong(gate)).status_code == 403

    def test_another_site_is_refused_despite_a_valid_log_in(self, gate: Api) -> None:
        log_in(gate, code(gate))

        assert log_in(gate, code(gate), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403

    def test_a_second_log_in_does_not_count_for_the_rate_limit(self) -> None:
        gate = Api(rate_limit=(RateLimitItemPerMinute(1),), **GATE)

        assert [log_in(gate, code(gate)).status_code for _ in range(3)] == [303, 303, 303]

    def test_the_page_without_a_cookie_sends_no_command_to_redis(self) -> None:
        assert (
            Api(redis_client(f"redis://127.0.0.1:{free_port()}"), **GATE).client.get("/auth/login").status_code == 200
        )

    def test_a_person_gets_a_page_if_redis_is_unreachable(self) -> None:
        gate = Api(redis_client(f"redis://127.0.0.1:{free_port()}"), **GATE)
        answer = gate.client.get("/auth/login?return_to=/a", headers={"Cookie": f"{COOKIE}={'x' * 43}"})

        assert (answer.status_code, answer.mimetype) == (503, "text/html")
        assert 'value="/a"' in answer.text


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/login", "/x/../auth/logout", "/auth%2flogout", "/auth"])
def test_the_pages_of_the_gate_are_not_targets(gate: Api, path: str) -> None:
    assert log_in(gate, code(gate), return_to=path).headers["Location"] == "/"


def test_a_form_with_an_empty_origin_does_not_match_an_empty_host(gate: Api) -> None:
    answer = gate.client.post(
        "/auth/login", data={"code": code(gate)}, headers={"Origin": "null"}, environ_overrides={"HTTP_HOST": ""}
    )

    assert answer.status_code == 403


def test_a_person_gets_a_page_if_redis_is_unreachable() -> None:
    gate = Api(redis_client(f"redis://127.0.0.1:{free_port()}"), **TENANT)
    answer = log_in(gate, "123456", account="alice", return_to="/reports")

    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "Retry-After" in answer.headers
    assert "cannot check codes" in unescape(answer.text)
    assert 'value="alice"' in answer.text
    assert 'value="/reports"' in answer.text
    assert "&lt;alice&gt;" in log_in(gate, "123456", account="<alice>").text


def test_log_ins_at_the_gate_have_a_rate_limit_for_each_address() -> None:
    gate = Api(rate_limit=(RateLimitItemPerMinute(3),), **GATE)

    assert [log_in(gate, "12345").status_code for _ in range(5)] == [403, 403, 403, 429, 429]


def test_the_page_shows_the_wait_after_the_fifth_wrong_code(gate: Api) -> None:
    pages = [log_in(gate, wrong(gate)).text for _ in range(5)]

    assert ["too many wrong codes. Try again in 30 seconds." in page for page in pages] == [False] * 4 + [True]

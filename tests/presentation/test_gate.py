"""The gate: only people who have entered a valid code pass (docs/reference/http.md, Gate)."""

import re
from html import unescape
from typing import Any

import pyotp
import pytest
import redis
from limits import RateLimitItemPerMinute
from werkzeug.test import TestResponse

from domain.secret import SharedSecret
from tests.presentation.api import GATE_COOKIE as COOKIE
from tests.presentation.api import PASTED, RFC_SECRET, SESSION, Api, document, slug
from tests.support.processes import free_port

GATE: dict[str, Any] = {"gate_secret": SharedSecret.from_base32(RFC_SECRET)}
TENANT: dict[str, Any] = GATE | {"api_keys": (("staff", "s" * 32), ("shop", "k" * 32)), "gate_tenant": "staff"}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


@pytest.fixture(scope="module")
def only_gate() -> Api:
    return Api(**GATE)


@pytest.fixture(scope="module")
def only_staff() -> Api:
    return Api(**TENANT)


@pytest.fixture(scope="module")
def only_domain() -> Api:
    return Api(**DOMAIN)


@pytest.fixture
def gate(only_gate: Api) -> Api:
    only_gate.reset()
    return only_gate


def code(api: Api, step: int = 0) -> str:
    return pyotp.TOTP(RFC_SECRET).at(api.clock.now() + 30 * step)


def log_in(api: Api, typed: str, **fields: str) -> TestResponse:
    headers = fields.pop("headers", None)
    return api.client.post("/auth/login", data={"code": typed} | fields, headers=headers)


def check(api: Api, **options: Any) -> TestResponse:
    return api.client.open("/auth/check", **options)


def wrong(api: Api) -> str:
    good = {code(api, step) for step in range(-2, 3)}
    return next(guess for guess in ("000000", "111111", "222222", "333333", "444444", "555555") if guess not in good)


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


@pytest.mark.parametrize("field", ["code", "token"])
def test_a_valid_code_sets_the_cookie_and_redirects(gate: Api, field: str) -> None:
    answer = gate.client.post("/auth/login", data={field: code(gate), "return_to": "/reports?year=2026"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/reports?year=2026")
    cookie = answer.headers["Set-Cookie"]
    parts = {part.partition("=")[0] for part in cookie.split("; ")}
    assert parts >= {COOKIE, "HttpOnly", "SameSite", "Path", "Max-Age", "Secure"}
    assert "Max-Age=86400; " in cookie
    assert "SameSite=Lax" in cookie


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
    assert "30 s" in answer.text
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


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_logging_out_revokes_the_cookie_on_the_server(gate: Api, method: str) -> None:
    log_in(gate, code(gate))
    cookie = gate.client.get_cookie(COOKIE)
    assert cookie is not None

    answer = gate.client.open("/auth/logout", method=method, headers={"Referer": "http://localhost/"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    stolen = gate.another()
    stolen.set_cookie(COOKIE, cookie.value)
    assert stolen.get("/auth/check").status_code == 401


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


def junk(number: int) -> list[str]:
    """Return well-formed values that are not tokens."""
    return [f"{each:043}" for each in range(number)]


MOST = 950
"""The number of cookies for which a head of 64 KiB has room."""


@pytest.mark.parametrize("number", [3, 4, MOST])
def test_no_number_of_planted_cookies_hides_a_log_in(gate: Api, number: int) -> None:
    log_in(gate, code(gate))
    own = token(gate)

    assert passing_with(gate, *junk(number), own) == 200
    assert passing_with(gate, own, *junk(number)) == 200


@pytest.mark.parametrize("number", [3, 4, MOST])
def test_logging_out_revokes_all_tokens_of_the_request(gate: Api, number: int) -> None:
    log_in(gate, code(gate))
    first = token(gate)
    gate.client = gate.another()
    log_in(gate, code(gate, 1))
    second = token(gate)
    cookies = "; ".join(f"{COOKIE}={each}" for each in (*junk(number), first, *junk(number)[:10], second))

    answer = gate.client.post("/auth/logout", environ_overrides={"HTTP_COOKIE": cookies})

    assert answer.status_code == 303
    assert [passing_with(gate, first), passing_with(gate, second)] == [401, 401]


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
    assert log_in(gate, code(gate)).status_code == 303, "nor is the code spent"


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


def test_an_application_can_verify_a_code_of_the_gate(gate: Api) -> None:
    first = gate.client.post("/api/v1/gate/verify", json={"code": code(gate)})
    second = gate.client.post("/api/v1/gate/verify", json={"code": code(gate)})

    assert (first.status_code, document(first)) == (200, {"verified": True})
    assert (second.status_code, document(second)["reason"]) == (403, "replayed")
    assert "Set-Cookie" not in first.headers
    assert log_in(gate, code(gate)).status_code == 403, "one code, whichever way it came"


def test_an_application_may_call_the_code_a_token(gate: Api) -> None:
    first = gate.client.post("/api/v1/gate/verify", json={"token": code(gate)})
    second = gate.client.post("/api/v1/gate/verify", json={"token": code(gate)})

    assert (first.status_code, document(first)) == (200, {"verified": True})
    assert (second.status_code, document(second)["reason"]) == (403, "replayed")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, {"code"}),
        ({"code": "123456", "token": "123456"}, {"code", "token"}),
        ({"code": "123456", "token": "x"}, {"code", "token"}),
        ({"code": None, "token": None}, {"code", "token"}),
        ({"token": 123456}, {"token"}),
        ({"token": "12345678"}, {"token"}),
        ({"code": "12345678"}, {"code"}),
        ({"token": ""}, {"token"}),
        ({"token": "123456", "other": 1}, {"other"}),
    ],
)
def test_exactly_one_of_code_and_token_is_required(gate: Api, body: dict[str, Any], named: set[str]) -> None:
    answers = [gate.client.post("/api/v1/gate/verify", json=body) for _ in range(6)]

    assert [(answer.status_code, set(document(answer)["errors"])) for answer in answers] == [(400, named)] * 6
    assert gate.client.post("/api/v1/gate/verify", json={"code": code(gate)}).status_code == 200, "none was counted"


def test_another_secret_of_the_gate_is_another_credential(gate: Api) -> None:
    token = log_in(gate, code(gate)).headers["Set-Cookie"].partition(";")[0]
    for _ in range(6):
        log_in(gate, wrong(gate))
    other = SharedSecret(b"another secret of 160 b.")
    rotated = Api(gate.redis, gate.clock, gate_secret=other)

    assert check(rotated, headers={"Cookie": token}).status_code == 401, "who had it must not keep what it opened"
    assert log_in(rotated, pyotp.TOTP(other.base32).at(gate.clock.now())).status_code == 303


def test_spent_codes_stay_spent_if_the_key_of_the_cookies_changes(gate: Api) -> None:
    """During a change of the setting, instances with the old and the new value serve side by side."""
    log_in(gate, code(gate))
    changed = Api(gate.redis, gate.clock, secret_key="another key for the cookies of sessions", **GATE)

    assert log_in(changed, code(gate)).status_code == 403
    assert check(changed, headers={"Cookie": f"{COOKIE}={token(gate)}"}).status_code == 200


class TestAccounts:
    """Log-ins with an account."""

    @pytest.fixture
    def staff(self, only_staff: Api) -> Api:
        only_staff.reset()
        return only_staff

    def enrolled(self, api: Api, key: str = "s") -> pyotp.TOTP:
        headers = {"Authorization": f"Bearer {key * 32}"}
        account = "/api/v1/accounts/alice"
        secret = api.client.post(f"{account}/totp", json={}, headers=headers).get_json()["secret"]
        totp = pyotp.TOTP(secret)
        confirmed = api.client.post(
            f"{account}/totp/verify", json={"code": totp.at(api.clock.now() - 30)}, headers=headers
        )
        assert confirmed.status_code == 200
        return totp

    @pytest.mark.parametrize("end", [" ", "\u200b", "\ufeff", "\u00a0\u2060", "\u200e\t"])
    def test_white_space_around_the_account_is_ignored_as_around_a_code(self, staff: Api, end: str) -> None:
        totp = self.enrolled(staff)

        answer = log_in(staff, totp.at(staff.clock.now()), account=f"{end}alice{end}")

        assert answer.status_code == 303

    def test_the_application_gets_the_account_name(self, staff: Api) -> None:
        totp = self.enrolled(staff)

        assert log_in(staff, totp.at(staff.clock.now()), account=" alice ").status_code == 303
        assert check(staff).headers["Remote-User"] == "alice"

    def test_a_recovery_code_logs_in(self, staff: Api) -> None:
        self.enrolled(staff)
        headers = {"Authorization": f"Bearer {'s' * 32}"}
        codes = staff.client.post("/api/v1/accounts/alice/recovery-codes", headers=headers).get_json()["codes"]

        assert log_in(staff, codes[0].lower(), account="alice").status_code == 303

    def test_an_account_of_another_tenant_does_not_pass(self, staff: Api) -> None:
        totp = self.enrolled(staff, "k")

        assert log_in(staff, totp.at(staff.clock.now()), account="alice").status_code == 403

    @pytest.mark.parametrize("account", ["nobody", "a b", "../alice", "alice\r\nX: y", "é", "a" * 129, "shop:alice"])
    def test_an_unknown_account_and_a_wrong_code_get_the_same_response(self, staff: Api, account: str) -> None:
        self.enrolled(staff)

        answer = log_in(staff, "123456", account=account)

        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers

    def test_all_refusals_of_a_key_are_identical(self, staff: Api) -> None:
        """An attacker learns neither which accounts exist nor which factors they have."""
        totp = self.enrolled(staff)
        spent, good = totp.at(staff.clock.now() - 30), totp.at(staff.clock.now())
        guess = next(each for each in ("000000", "111111", "222222") if each not in {spent, good})
        sent = [("nobody", guess), ("nobody", "1234567"), ("nobody", "ABCD-EFGH-JKMN-PQRS"), ("a b", guess)]
        sent += [("alice", spent), ("alice", "1234567"), ("alice", "ABCD-EFGH-JKMN-PQRS"), ("everybody", guess)]
        sent += [("alice", guess)] * 7 + [("alice", good)]

        answers = [log_in(staff, typed, account=account) for account, typed in sent]

        assert {answer.status_code for answer in answers} == {403}
        # The pages differ only in the account, which they repeat.
        pages = [
            answer.text.replace(f'value="{account}"', "") for answer, (account, _) in zip(answers, sent, strict=True)
        ]
        assert len(set(pages)) == 1
        assert {"Retry-After" in answer.headers for answer in answers} == {False}
        alice, nobody = (log_in(staff, "12a", account=account).text for account in ("alice", "nobody"))
        assert alice.replace("alice", "nobody") == nobody

    def test_a_request_with_tokens_of_two_users_does_not_pass(self, staff: Api) -> None:
        """One user may have planted their cookie on the other, who would then act in their name."""
        totp = self.enrolled(staff)
        tokens = []
        for fields in ({"account": "alice"}, {}):
            typed = totp.at(staff.clock.now()) if fields else code(staff)
            browser = Api(staff.redis, staff.clock, **TENANT)
            assert log_in(browser, typed, **fields).status_code == 303
            tokens.append(token(browser))
        other = {"Cookie": "; ".join(f"{COOKIE}={each}" for each in tokens)}
        unknown = {"Cookie": f"{COOKIE}={'x' * 43}; {COOKIE}={tokens[0]}"}

        assert check(Api(staff.redis, staff.clock, **TENANT), headers=other).status_code == 401
        assert check(Api(staff.redis, staff.clock, **TENANT), headers=unknown).headers["Remote-User"] == "alice"

    @pytest.mark.parametrize("number", [0, 3, 4, MOST])
    def test_no_number_of_planted_cookies_replaces_the_users_log_in(self, staff: Api, number: int) -> None:
        totp = self.enrolled(staff)
        log_in(staff, totp.at(staff.clock.now()), account="alice")
        alice = token(staff)
        staff.client = staff.another()
        log_in(staff, code(staff))
        planted = token(staff)

        for cookies in (
            [*junk(number), planted, alice],
            [planted, *junk(number), alice],
            [alice, *junk(number), planted],
        ):
            header = {"Cookie": "; ".join(f"{COOKIE}={each}" for each in cookies)}
            answer = check(Api(staff.redis, staff.clock, **TENANT), headers=header)
            assert (answer.status_code, answer.headers.get("Remote-User")) == (401, None)

    def test_a_log_in_with_another_account_replaces_the_former_one(self, staff: Api) -> None:
        totp = self.enrolled(staff)
        log_in(staff, code(staff))
        shared = token(staff)

        refused = log_in(staff, "000000", account="alice")
        assert (refused.status_code, check(staff).headers["Remote-User"]) == (403, "everybody")
        accepted = log_in(staff, totp.at(staff.clock.now()), account="alice")
        alice = token(staff)
        again = log_in(staff, totp.at(staff.clock.now()), account="alice")

        assert (accepted.status_code, again.status_code) == (303, 303)
        assert check(staff).headers["Remote-User"] == "alice"
        assert (
            check(Api(staff.redis, staff.clock, **TENANT), headers={"Cookie": f"{COOKIE}={shared}"}).status_code == 401
        )
        assert log_in(staff, wrong(staff)).status_code == 403, "without an account it is the shared secret's"
        log_in(staff, code(staff, 1))
        assert check(staff).headers["Remote-User"] == "everybody"
        assert (
            check(Api(staff.redis, staff.clock, **TENANT), headers={"Cookie": f"{COOKIE}={alice}"}).status_code == 401
        )

    def test_a_log_in_ends_the_former_log_ins_of_the_request(self, staff: Api) -> None:
        totp = self.enrolled(staff)
        log_in(staff, code(staff))
        former = token(staff)
        planted = {"Cookie": f"{COOKIE}={'x' * 43}; {COOKIE}={former}"}
        browser = Api(staff.redis, staff.clock, **TENANT)
        log_in(browser, totp.at(staff.clock.now()), account="alice", headers=planted)  # type: ignore[arg-type]

        assert (
            check(Api(staff.redis, staff.clock, **TENANT), headers={"Cookie": f"{COOKIE}={former}"}).status_code == 401
        )

    def test_no_account_passes_as_everybody(self, staff: Api) -> None:
        headers = {"Authorization": f"Bearer {'s' * 32}"}
        path = "/api/v1/accounts/everybody/totp"
        totp = pyotp.TOTP(staff.client.post(path, json={}, headers=headers).get_json()["secret"])
        now = staff.clock.now()
        staff.client.post(f"{path}/verify", json={"code": totp.at(now - 30)}, headers=headers)

        assert log_in(staff, totp.at(now), account="everybody").status_code == 403

    def test_accounts_of_another_tenant_have_not_passed(self, staff: Api) -> None:
        totp = self.enrolled(staff)
        log_in(staff, totp.at(staff.clock.now()), account="alice")
        other = Api(staff.redis, staff.clock, **(TENANT | {"gate_tenant": "shop"}))

        assert check(other, headers={"Cookie": f"{COOKIE}={token(staff)}"}).status_code == 401

    def test_without_an_account_the_code_of_the_shared_secret_counts(self, staff: Api) -> None:
        assert log_in(staff, code(staff)).status_code == 303
        assert check(staff).headers["Remote-User"] == "everybody"


def test_without_a_tenant_an_account_in_the_form_does_nothing(gate: Api) -> None:
    assert log_in(gate, code(gate), account="admin").status_code == 303
    assert check(gate).headers["Remote-User"] == "everybody"


def test_a_session_of_the_api_does_not_pass_the_gate(gate: Api) -> None:
    gate.client.post(f"{SESSION}/totp", json={})

    assert check(gate).status_code == 401


@pytest.mark.parametrize("query", ["code=1", "%00", "return_to=%ff", "x" * 3000])
def test_the_query_does_not_affect_a_check(gate: Api, query: str) -> None:
    assert check(gate, query_string=query).status_code == 401


def test_the_document_contains_the_verification_at_the_gate(gate: Api) -> None:
    assert "/api/v1/gate/verify" in gate.client.get("/openapi.json").get_json()["paths"]


def test_a_wrong_code_sent_to_the_api_gets_a_problem_document(gate: Api) -> None:
    assert slug(gate.client.post("/api/v1/gate/verify", json={"code": wrong(gate)})) == "code-rejected"


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


def processed(api: Api) -> int:
    count: int = api.redis.info("stats")["total_commands_processed"]
    return count


@pytest.mark.parametrize("path", ["/auth/check", "/auth/forward"])
def test_the_handshake_of_a_websocket_is_checked_like_other_requests(gate: Api, path: str) -> None:
    """Some proxies pass these headers on, and Werkzeug would find no route for a WebSocket."""
    handshake = {"Upgrade": "websocket", "Connection": "Upgrade"}
    assert gate.client.get(path, headers=handshake).status_code == 401
    log_in(gate, code(gate))

    assert gate.client.get(path, headers=handshake).status_code == 200


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


def token(api: Api) -> str:
    cookie = api.client.get_cookie(COOKIE)
    assert cookie is not None
    return cookie.value


def passing_with(api: Api, *tokens: str) -> int:
    """Return the status of a check with only these cookies."""
    stranger = Api(api.redis, api.clock, **GATE).client
    return stranger.get("/auth/check", headers={"Cookie": "; ".join(f"{COOKIE}={each}" for each in tokens)}).status_code


class TestLoggedIn:
    """A valid log-in is checked first."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_the_page_redirects_to_the_target(self, gate: Api, method: str) -> None:
        log_in(gate, code(gate))

        answer = gate.client.open("/auth/login?return_to=/reports%3Fa=b", method=method)

        assert (answer.status_code, answer.headers["Location"]) == (303, "/reports?a=b")
        assert "Set-Cookie" not in answer.headers
        assert gate.client.get("/auth/login?return_to=//evil.example").headers["Location"] == "/"

    @pytest.mark.parametrize("step", [0, 1], ids=["the same code", "another good code"])
    def test_a_second_submission_redirects_and_judges_no_code(self, gate: Api, step: int) -> None:
        log_in(gate, code(gate))
        before = stored(gate)

        answer = log_in(gate, code(gate, step), return_to="/reports")

        assert (answer.status_code, answer.headers["Location"]) == (303, "/reports")
        assert stored(gate) == before

    @pytest.mark.parametrize("typed", ["", "12a", "wrong"])
    def test_other_invalid_input_is_neither_judged_nor_counted(self, gate: Api, typed: str) -> None:
        log_in(gate, code(gate))
        before = stored(gate)

        answers = [log_in(gate, wrong(gate) if typed == "wrong" else typed) for _ in range(7)]

        assert {answer.status_code for answer in answers} == {303}
        assert stored(gate) == before

    def test_an_expired_log_in_does_not_pass(self, gate: Api) -> None:
        log_in(gate, code(gate))
        gone = gate.client.get_cookie(COOKIE)
        assert gone is not None
        gate.client.post("/auth/logout")
        gate.client.set_cookie(COOKIE, gone.value)

        assert gate.client.get("/auth/login").status_code == 200
        assert log_in(gate, wrong(gate)).status_code == 403

    def test_another_site_is_refused_below_a_path_too(self, gate: Api) -> None:
        log_in(gate, code(gate))

        assert log_in(gate, code(gate), headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403

    def test_accounts_have_no_rate_limit(self) -> None:
        gate = Api(rate_limit=(RateLimitItemPerMinute(1),), **GATE)

        assert [log_in(gate, code(gate)).status_code for _ in range(3)] == [303, 303, 303]

    def test_the_page_without_a_cookie_sends_no_command_to_redis(self) -> None:
        assert Api(redis.Redis(port=free_port()), **GATE).client.get("/auth/login").status_code == 200

    def test_a_person_gets_a_page_if_redis_is_unreachable(self) -> None:
        gate = Api(redis.Redis(port=free_port()), **GATE)
        answer = gate.client.get("/auth/login?return_to=/a", headers={"Cookie": f"{COOKIE}={'x' * 43}"})

        assert (answer.status_code, answer.mimetype) == (503, "text/html")
        assert 'value="/a"' in answer.text


def stored(api: Api) -> dict[bytes, bytes]:
    return {key: api.redis.dump(key) for key in api.redis.scan_iter()}


class TestLogOut:
    """A log-out without a question requires a request of the site itself, or a typed address."""

    BROWSER = {"Accept-Language": "de"}  # noqa: RUF012 - a constant
    FOLLOWED = BROWSER | {"Accept": "text/html,*/*;q=0.8"}

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
            {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Referer": "http://localhost/"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
            {"Sec-Fetch-Site": "unheard-of", "Sec-Fetch-Mode": "navigate"},
            {"Referer": "http://sub.localhost/"},
            {"Referer": "http://localhost.evil.example/"},
            {"Referer": "http://localhost@evil.example/"},
            {"Referer": "localhost"},
            {"Referer": "http://"},
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Referer": "http://localhost/"},
            {},
        ],
        ids=str,
    )
    def test_a_log_out_requested_by_another_host_shows_a_page_that_asks(
        self, gate: Api, method: str, headers: dict[str, str]
    ) -> None:
        log_in(gate, code(gate))
        # Browsers without Fetch Metadata also send Origin with a form.
        origin = {"Origin": "https://sub.localhost"} if method == "POST" else {}

        answer = gate.client.open("/auth/logout", method=method, headers=self.FOLLOWED | headers | origin)

        assert (answer.status_code, answer.mimetype) == (403, "text/html")
        assert 'method="post" action="/auth/logout"' in answer.text
        assert "Set-Cookie" not in answer.headers
        assert check(gate).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
            {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
            {"Referer": "http://localhost/reports"},
            {"Referer": "http://localhost/reports", "Accept": "*/*"},
        ],
        ids=str,
    )
    def test_a_link_of_the_site_logs_out(self, gate: Api, headers: dict[str, str]) -> None:
        log_in(gate, code(gate))

        answer = gate.client.get("/auth/logout", headers=self.FOLLOWED | headers)

        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
        assert check(gate).status_code == 401

    @pytest.mark.parametrize(
        "accept",
        ["*/*", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "text/css,*/*;q=0.1", "", None],
    )
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Referer": "http://sub.localhost/"},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Mode": "navigate"},
        ],
        ids=str,
    )
    def test_a_get_that_may_come_from_another_site_does_not_log_out(
        self, gate: Api, accept: str | None, headers: dict[str, str]
    ) -> None:
        """A picture on another host sends no Referer if its page forbids it, and no Fetch Metadata over plain HTTP."""
        log_in(gate, code(gate))

        accepting = {} if accept is None else {"Accept": accept}
        answer = gate.client.get("/auth/logout", headers=self.BROWSER | headers | accepting)

        assert (answer.status_code, answer.mimetype) == (403, "text/html")
        assert 'method="post" action="/auth/logout"' in answer.text
        assert "Set-Cookie" not in answer.headers
        assert check(gate).status_code == 200

    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}, {"User-Agent": "curl/8"}], ids=str)
    def test_a_program_logs_out(self, gate: Api, method: str, headers: dict[str, str]) -> None:
        log_in(gate, code(gate))

        assert gate.client.open("/auth/logout", method=method, headers=headers).status_code == 303
        assert check(gate).status_code == 401

    def test_a_person_who_confirms_is_logged_out(self, gate: Api) -> None:
        log_in(gate, code(gate))

        answer = gate.client.post("/auth/logout", headers=self.FOLLOWED | {"Origin": "http://localhost"})

        assert answer.status_code == 303
        assert check(gate).status_code == 401

    def test_a_script_of_another_host_gets_a_problem_document(self, gate: Api) -> None:
        answer = gate.client.post(
            "/auth/logout", headers={"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Origin": "https://x.y"}
        )

        assert slug(answer) == "cross-site-request"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Purpose": "prefetch"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=["picture", "prefetch", "other site"],
)
def test_a_get_logs_out_only_if_a_link_of_the_site_is_followed(gate: Api, headers: dict[str, str]) -> None:
    log_in(gate, code(gate))
    answers = [gate.client.get("/auth/logout", headers=headers), gate.client.head("/auth/logout")]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert check(gate).status_code == 200
    follow = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    assert gate.client.get("/auth/logout", headers=follow).status_code == 303
    assert check(gate).status_code == 401


@pytest.mark.parametrize("path", ["/auth/logout", "/auth/login", "/x/../auth/logout", "/auth%2flogout", "/auth"])
def test_the_pages_of_the_gate_are_not_targets(gate: Api, path: str) -> None:
    assert log_in(gate, code(gate), return_to=path).headers["Location"] == "/"


def test_a_form_with_an_empty_origin_does_not_match_an_empty_host(gate: Api) -> None:
    answer = gate.client.post(
        "/auth/login", data={"code": code(gate)}, headers={"Origin": "null"}, environ_overrides={"HTTP_HOST": ""}
    )

    assert answer.status_code == 403


def test_a_target_that_is_too_long_is_left_out(gate: Api) -> None:
    headers = {"Accept": "text/html", "X-Forwarded-Uri": "/x?" + "&a=" * 600}

    assert check_forward(gate, headers) == "/auth/login"
    assert check_forward(gate, headers | {"X-Forwarded-Uri": "/x?a=1"}).endswith("?return_to=/x%3Fa%3D1")


def check_forward(api: Api, headers: dict[str, str]) -> str:
    return api.client.get("/auth/forward", headers=headers).headers["Location"]


def test_a_person_gets_a_page_if_redis_is_unreachable() -> None:
    gate = Api(redis.Redis(port=free_port()), **TENANT)
    answer = log_in(gate, "123456", account="alice", return_to="/reports")

    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "Retry-After" in answer.headers
    assert "cannot check codes" in unescape(answer.text)
    assert 'value="alice"' in answer.text
    assert 'value="/reports"' in answer.text
    assert "&lt;alice&gt;" in log_in(gate, "123456", account="<alice>").text


DOMAIN: dict[str, Any] = GATE | {"gate_cookie_domain": "example.com", "trusted_proxies": 1}
APP = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "app.example.com", "Accept": "text/html"}


class TestSharedByHosts:
    """One log-in for all hosts of a domain."""

    @pytest.fixture
    def domain(self, only_domain: Api) -> Api:
        only_domain.reset()
        return only_domain

    def test_the_cookie_is_for_the_whole_domain(self, domain: Api) -> None:
        cookie = log_in(domain, code(domain)).headers["Set-Cookie"]

        assert cookie.startswith("__Secure-open_mfa_gate=")
        assert {"Domain=example.com", "Path=/", "Secure", "HttpOnly"} <= set(cookie.split("; "))

    def test_the_log_in_redirects_to_the_requested_host(self, domain: Api) -> None:
        wanted = "https://reports.example.com/x?year=2026"
        page = domain.client.get("/auth/login", query_string={"return_to": wanted})
        answer = log_in(domain, code(domain), return_to=wanted)

        assert f'value="{wanted}"' in page.text
        assert answer.headers["Location"] == wanted

    @pytest.mark.parametrize("wanted", ["https://evil.example/", "http://app.example.com/", "//app.example.com/"])
    def test_no_link_leads_to_another_site(self, domain: Api, wanted: str) -> None:
        assert log_in(domain, code(domain), return_to=wanted).headers["Location"] == "/"

    def test_the_gate_is_off_by_default(self, gate: Api) -> None:
        answer = log_in(gate, code(gate), return_to="https://app.example.com/")

        assert answer.headers["Location"] == "/"
        assert "Domain" not in answer.headers["Set-Cookie"]

    @pytest.mark.parametrize(
        ("headers", "return_to"),
        [
            ({}, "https%3A//app.example.com/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.example.com:8443"}, "https%3A//app.example.com%3A8443/x%3Fy%3Dz"),
            ({"X-Forwarded-Proto": "http"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.other.example"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "evil.example, app.example.com"}, "https%3A//app.example.com/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.example.com, evil.example"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "user@app.example.com"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Host": "app.example.com/x?"}, "/x%3Fy%3Dz"),
            ({"X-Forwarded-Uri": "//evil.example"}, "/"),
            ({"X-Forwarded-Uri": "x"}, "/"),
            ({"X-Forwarded-Uri": ".evil.example/"}, "/"),
            ({"X-Forwarded-Uri": "@evil.example/"}, "/"),
            ({"X-Forwarded-Uri": ":8443@evil.example/"}, "/"),
        ],
    )
    def test_a_trusted_proxy_reports_the_target_of_the_log_in(
        self, domain: Api, headers: dict[str, str], return_to: str
    ) -> None:
        location = check_forward(domain, APP | {"X-Forwarded-Uri": "/x?y=z"} | headers)

        assert location == f"/auth/login?return_to={return_to}"

    def test_without_a_trusted_proxy_the_forwarded_host_is_ignored(self) -> None:
        untrusted = Api(**DOMAIN | {"trusted_proxies": 0})

        assert check_forward(untrusted, APP | {"X-Forwarded-Uri": "/x"}) == "/auth/login?return_to=/x"

    def test_a_form_of_another_host_of_the_domain_is_refused(self, domain: Api) -> None:
        headers = {"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.com"}

        assert log_in(domain, code(domain), headers=headers).status_code == 403  # type: ignore[arg-type]


def test_log_ins_at_the_gate_have_a_rate_limit_for_each_address() -> None:
    gate = Api(rate_limit=(RateLimitItemPerMinute(3),), **GATE)

    assert [log_in(gate, "12345").status_code for _ in range(5)] == [403, 403, 403, 429, 429]


def test_a_form_of_another_site_does_not_log_out(gate: Api) -> None:
    log_in(gate, code(gate))

    assert gate.client.post("/auth/logout", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert check(gate).status_code == 200


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


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_travels_over_tls_only_by_default(secure: bool) -> None:
    gate = Api(cookie_secure=secure, **GATE)
    cookie = log_in(gate, code(gate)).headers["Set-Cookie"]

    assert ("; Secure" in cookie, "; HttpOnly" in cookie, "; SameSite=Lax" in cookie) == (secure, True, True)


def test_the_page_shows_the_wait_after_the_fifth_wrong_code(gate: Api) -> None:
    pages = [log_in(gate, wrong(gate)).text for _ in range(5)]

    assert ["too many wrong codes. Wait 30 s" in page for page in pages] == [False] * 4 + [True]

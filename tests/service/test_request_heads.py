"""Heads of requests from proxies and browsers: large heads, cookies in several fields, and the Host."""

import time
from collections.abc import Iterator

import pyotp
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from presentation.http.server.arrival import LARGEST_HEAD, MOST_FIELDS
from tests.service.sessions import Session
from tests.service.wire import Answer, Wire, once, request
from tests.support.service import Service

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
GATE = ("/auth/check", "/auth/forward")
OTHER_COOKIES = ["a=1", "b=x,y", "c=", "consent=all", "open_mfa_gate2=no"]


@pytest.fixture(scope="module")
def gate() -> Iterator[Service]:
    with Service(OPEN_MFA_GATE_SECRET=SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def pass_cookie(gate: Service) -> str:
    """Return the cookie of a logged-in browser."""
    form = {"code": pyotp.TOTP(SECRET).at(int(time.time()))}
    answer = requests.post(f"{gate.base}/auth/login", data=form, allow_redirects=False, timeout=5)
    return answer.headers["Set-Cookie"].partition(";")[0]


def head(target: str, *fields: str, host: str = "Host: x") -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", host, *fields, "", ""]).encode("latin-1")


def head_of_size(target: str, size: int) -> bytes:
    return head(target, "X: " + "x" * (size - len(head(target, "X: "))))


def ask(service: Service, raw: bytes) -> Answer:
    return once(service.port, raw, "GET")


# --- Large heads ---


@pytest.mark.parametrize("target", GATE)
@pytest.mark.parametrize(
    "fields",
    [
        ["Cookie: " + "; ".join(f"c{number}={'v' * 90}" for number in range(100))],
        [f"Cookie: c{number}={'v' * 90}" for number in range(100)],
        ["Authorization: Negotiate " + "Y" * 40_000],
        ["X-Forwarded-Uri: /" + "p" * 60_000],
        [f"X-{number}: {number}" for number in range(MOST_FIELDS - 2)],
    ],
    ids=["9 kB of cookies", "100 cookie fields", "Negotiate", "a long URI", "many fields"],
)
def test_the_gate_reads_large_heads(gate: Service, pass_cookie: str, target: str, fields: list[str]) -> None:
    assert ask(gate, head(target, *fields)).status == 401
    assert ask(gate, head(target, *fields, f"Cookie: {pass_cookie}")).status == 200


@pytest.mark.parametrize("target", [*GATE, "/auth/login", "/healthz", "/docs"])
def test_a_head_may_have_64_kib_at_most(gate: Service, target: str) -> None:
    assert ask(gate, head_of_size(target, LARGEST_HEAD)).status in {200, 401}

    refused = ask(gate, head_of_size(target, LARGEST_HEAD + 1))
    assert (refused.status, refused.slug) == (431, "head-too-large")
    assert refused.document["request_id"] == refused.headers["X-Request-ID"]
    assert refused.headers["Connection"] == "close"


COOKIES = [f"Cookie: c{number}={'v' * 1000}" for number in range(100)]
BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    "fields",
    [
        [BROWSER, *COOKIES],
        [BROWSER.upper().replace("TEXT/HTML", "text/html"), *["X: y"] * 300],
        ["X: y"] * 300 + [BROWSER],
    ],
    ids=["too large", "too many fields", "Accept at the end"],
)
@pytest.mark.parametrize("target", ["/", "/auth/login", "/auth/check"])
def test_a_browser_with_a_large_head_gets_the_page_of_the_problem(
    gate: Service, target: str, fields: list[str]
) -> None:
    refused = ask(gate, head(target, *fields))
    page = ask(gate, request("GET", "/problems/head-too-large"))

    assert (refused.status, refused.body) == (431, page.body)
    assert refused.headers["Content-Type"] == page.headers["Content-Type"]
    assert refused.headers["Content-Security-Policy"] == page.headers["Content-Security-Policy"]
    assert refused.headers["Cache-Control"] == "no-store"
    (line,) = gate.awaited_lines(lambda line: line.get("request_id") == refused.headers["X-Request-ID"], 1)
    assert line["level"] == "WARNING"


def test_the_page_of_a_large_head_is_in_the_language_of_the_browser(gate: Service) -> None:
    german = "Accept-Language: de-AT,de;q=0.9"
    page = ask(gate, request("GET", "/problems/head-too-large", headers={"Accept-Language": "de"}))
    for fields in ([BROWSER, german, *COOKIES], [*["X: y"] * 300, german, BROWSER]):
        refused = ask(gate, head("/", *fields))
        assert (refused.status, refused.body) == (431, page.body)
        assert "Kopfdaten" in refused.body.decode()
        assert refused.headers["Content-Language"] == page.headers["Content-Language"] == "de"
        assert refused.headers["Vary"] == page.headers["Vary"] == "Accept-Language"
    cut = ask(gate, head("/", BROWSER, f"Accept-Language: {'de,' * 30000}"))
    assert (cut.status, cut.headers["Content-Language"]) == (431, "en")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/htmlx"])
def test_a_program_with_a_large_head_gets_a_problem_document(gate: Service, accept: str) -> None:
    assert ask(gate, head("/", f"Accept: {accept}", *COOKIES)).slug == "head-too-large"


@pytest.mark.parametrize("target", GATE)
def test_a_head_may_have_200_fields_at_most(gate: Service, target: str) -> None:
    fields = [f"X-{number}: {number}" for number in range(MOST_FIELDS)]

    assert ask(gate, head(target, *fields[1:])).status == 401
    assert ask(gate, head(target, *fields)).slug == "head-too-large"
    # gunicorn ignores such fields, but they count.
    assert ask(gate, head(target, *(f"X_{field}" for field in fields))).slug == "head-too-large"


@pytest.mark.parametrize("size", [100_000, 1_000_000])
@pytest.mark.parametrize("form", ["one line", "one field", "many fields", "no end"])
def test_a_head_of_any_size_is_refused_without_an_error_in_the_log(gate: Service, size: int, form: str) -> None:
    raw = {
        "one line": head("/auth/check?" + "q" * size),
        "one field": head("/auth/check", "X: " + "x" * size),
        "many fields": head("/auth/check", *["X: y"] * (size // 6)),
        "no end": b"GET /auth/check HTTP/1.1\r\nHost: x\r\nX: " + b"x" * size,
    }[form]
    with Wire(gate.port) as wire:
        wire.send(raw)

        assert wire.receive("GET").slug == "head-too-large"


def test_a_long_address_is_read(gate: Service, pass_cookie: str) -> None:
    target = "/auth/check?" + "q" * 60_000

    assert ask(gate, head(target, f"Cookie: {pass_cookie}")).status == 200


# --- Cookies in several fields ---


def several_fields(cookies: list[str], starts: list[bool]) -> list[str]:
    """Return Cookie fields that are split at the given positions."""
    fields: list[list[str]] = []
    for cookie, starts_here in zip(cookies, starts, strict=True):
        if starts_here or not fields:
            fields.append([])
        fields[-1].append(cookie)
    return [f"Cookie: {'; '.join(field)}" for field in fields]


SPLITS = st.tuples(st.permutations([*OTHER_COOKIES, "OURS"]), st.lists(st.booleans(), min_size=6, max_size=6))


@settings(max_examples=40)
@given(split=SPLITS)
def test_the_gates_cookie_may_be_in_any_field(
    gate: Service, pass_cookie: str, split: tuple[list[str], list[bool]]
) -> None:
    cookies = [pass_cookie if cookie == "OURS" else cookie for cookie in split[0]]

    assert ask(gate, head("/auth/check", *several_fields(cookies, split[1]))).status == 200


@settings(max_examples=40)
@given(split=SPLITS)
def test_the_sessions_cookie_may_be_in_any_field(
    gate: Service, session: Session, split: tuple[list[str], list[bool]]
) -> None:
    cookies = [session.headers["Cookie"] if cookie == "OURS" else cookie for cookie in split[0]]

    assert ask(gate, head("/api/v1/session/totp", *several_fields(cookies, split[1]))).status == 200


@pytest.fixture(scope="module")
def session(gate: Service) -> Session:
    started = Session(gate.port)
    started.enrol("totp")
    return started


@pytest.mark.parametrize("first", ["", "a", ";", "a=1;", 'x="1', "a=1,"])
def test_unusual_fields_do_not_hide_a_cookie(gate: Service, pass_cookie: str, first: str) -> None:
    fields = [f"Cookie: {first}", f"Cookie: {pass_cookie}"]

    assert ask(gate, head("/auth/check", *fields)).status == 200
    assert ask(gate, head("/auth/check", *reversed(fields))).status == 200


def test_two_halves_of_a_cookie_are_not_joined(gate: Service, pass_cookie: str) -> None:
    half = len(pass_cookie) // 2
    fields = [f"Cookie: {pass_cookie[:half]}", f"Cookie: {pass_cookie[half:]}"]

    assert ask(gate, head("/auth/check", *fields)).status == 401


# --- Host (RFC 9112, section 3.2) ---


@pytest.mark.parametrize(
    "host",
    ["x", "x:80", "app.example.com:8443", "127.0.0.1", "[::1]:8080", "[::1]", "[::ffff:1.2.3.4]", "a_b", "x:", "%41"],
)
def test_a_host_is_read(gate: Service, host: str) -> None:
    assert ask(gate, head("/healthz", host=f"Host: {host}")).status == 200


@pytest.mark.parametrize(
    "lines",
    [
        "Accept: */*",
        "Host:",
        "Host: x\r\nHost: x",
        "Host: x\r\nhost: y",
        "Host: x, y",
        "Host: x y",
        "Host: x/y",
        "Host: x?y",
        "Host: x#y",
        "Host: user@x",
        "Host: http://x",
        "Host: x:port",
        "Host: x:80:80",
        "Host: ::1",
        "Host: [::1",
        "Host: [::g]",
        "Host: [1.2.3.4]",
        "Host: [x]",
        "Host: %4",
        "Host: \xe9",
        "Host: <x>",
        "Host: x\\y",
    ],
)
@pytest.mark.parametrize("target", ["/healthz", "/auth/check", "http://x/healthz"])
def test_a_request_without_one_valid_host_is_refused(gate: Service, lines: str, target: str) -> None:
    assert ask(gate, head(target, host=lines)).slug == "invalid-request"


def test_http_1_0_needs_no_host(gate: Service) -> None:
    assert ask(gate, b"GET /healthz HTTP/1.0\r\n\r\n").status == 200
    assert ask(gate, b"GET /healthz HTTP/1.0\r\nHost: x/y\r\n\r\n").slug == "invalid-request"


def test_no_large_head_logged_an_error(gate: Service) -> None:
    assert [line for line in gate.lines() if line["level"] in {"ERROR", "CRITICAL"}] == []

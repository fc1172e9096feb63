"""Properties of the gate behind every proxy: only a person who has logged in passes, with the name from the gate."""

import http.client
import http.server
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pyotp
import pytest
import requests

from tests.e2e.application import METHODS, SOCKET_ACCEPT, SOCKET_KEY, Application, heard_in, serving
from tests.e2e.conftest import SECRET
from tests.e2e.people import COOKIE, Person, token_of
from tests.e2e.proxies import PROXIES, port_of, running
from tests.service.wire import Wire
from tests.support.processes import free_port, wait_until
from tests.support.service import Service

BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
OTHER_METHODS = [method for method in METHODS if method not in {"GET", "HEAD", "CONNECT"}]
HANDSHAKE = (
    f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {SOCKET_KEY}\r\nSec-WebSocket-Version: 13\r\n"
)
FORGED_NAMES = [
    "Remote-User: root",
    "remote-user: root",
    "REMOTE-USER: root",
    "Remote_User: root",
    "remote_user: root",
    "REMOTE_USER: root",
    "Remote.User: root",
    "Remote~User: root",
    "Remote-User: root\r\nRemote-User: root",
    "Remote-User: \r\nRemote_User: root",
]
ILL_FORMED_NAMES = [
    "Remote-User : root",
    " Remote-User: root",
    "Remote-User: x\r\n root",
    "Remote-User: x\nRemote-User: root",
]
# RFC 9110, section 7.6.1: proxies remove the fields that Connection names.
HOP_BY_HOP_NAMES = [
    "Connection: Remote-User\r\nRemote-User: root",
    "Connection: close, REMOTE-USER",
    "Connection: keep-alive\r\nConnection: remote-user",
]


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def site(proxy: str, application: Application, service: Service) -> Iterator[str]:
    """Yield the address of a proxy in front of the service and the application."""
    with running(PROXIES[proxy], service.port, application.server_port) as found:
        yield found


@pytest.fixture(scope="module")
def member(site: str, alice: Person) -> requests.Session:
    """Return the browser of Alice, who is logged in."""
    return alice.log_in(site)


@pytest.fixture(scope="module")
def shared_codes() -> Iterator[str]:
    """Return valid codes of the shared secret, each once: of the steps near the current one, then of later steps."""

    def is_near(step: int) -> bool:
        return step <= int(time.time()) // 30 + 1

    def produce() -> Iterator[str]:
        step = int(time.time()) // 30 - 1
        while True:
            # The code of an earlier step may expire on its way if the machine is busy.
            step = max(step, int(time.time()) // 30)
            wait_until(partial(is_near, step), "the next code", patience=40)
            yield pyotp.TOTP(SECRET).at(step * 30)
            step += 1

    return produce()


@contextmanager
def silence(application: Application) -> Iterator[None]:
    """Check that nothing reaches the application during the block."""
    before = len(application.heard)
    yield
    assert application.heard[before:] == []


def exchange(site: str, raw: bytes) -> bytes:
    """Send bytes. Return everything that arrives until the connection is closed."""
    received = bytearray()
    with socket.create_connection(("127.0.0.1", port_of(site)), 10) as wire:
        wire.sendall(raw)
        with suppress(ConnectionResetError):
            while chunk := wire.recv(65536):
                received += chunk
    return bytes(received)


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", answers, re.MULTILINE)]


def get(target: str, *headers: str) -> bytes:
    lines = ["Host: 127.0.0.1", *headers, "Connection: close"]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode("latin-1")


# --- Log-in and log-out ---


@pytest.mark.parametrize(
    "target", ["/", "/reports/a%2Fb?year=2026&q=a%20b", "/caf%C3%A9?x=%26&y=/z", "/x?return_to=/y"]
)
def test_a_person_is_redirected_to_the_log_in_page_and_back(site: str, alice: Person, target: str) -> None:
    browser = requests.Session()
    page = browser.get(f"{site}{target}", headers=BROWSER, timeout=5)
    assert page.url.startswith(f"{site}/auth/login?return_to=")
    found = re.search(r'name="return_to" value="([^"]*)"', page.text)
    assert found is not None

    form = {"account": alice.name, "code": alice.code(), "return_to": found[1].replace("&amp;", "&")}
    heard = heard_in(browser.post(f"{site}/auth/login", data=form, headers=BROWSER, timeout=5).json())

    assert (heard.method, heard.path) == ("GET", target)
    assert heard.values("Remote-User") == [alice.name]


def test_a_log_in_with_the_shared_code_has_the_name_everybody(site: str, shared_codes: Iterator[str]) -> None:
    browser = requests.Session()
    browser.post(f"{site}/auth/login", data={"code": next(shared_codes)}, allow_redirects=False, timeout=5)

    assert heard_in(browser.get(f"{site}/x", timeout=5).json()).values("Remote-User") == ["everybody"]


def test_a_wrong_code_does_not_open_the_gate(site: str, service: Service, application: Application) -> None:
    mallory = Person(service, f"mallory-{port_of(site)}")
    browser = requests.Session()
    with silence(application):
        form = {"account": mallory.name, "code": f"{(int(mallory.code()) + 1) % 10**6:06}"}
        answer = browser.post(f"{site}/auth/login", data=form, timeout=5)

        assert (answer.status_code, len(browser.cookies)) == (403, 0)
        assert browser.get(f"{site}/x", timeout=5).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_logging_out_closes_the_gate(site: str, alice: Person, method: str) -> None:
    browser = alice.log_in(site)
    token = token_of(browser)
    assert browser.get(f"{site}/x", timeout=5).status_code == 200

    link_of = {"Referer": f"{site}/x"}
    answer = browser.request(method, f"{site}/auth/logout", headers=link_of, allow_redirects=False, timeout=5)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert COOKIE not in browser.cookies
    assert requests.get(f"{site}/x", headers={"Cookie": f"{COOKIE}={token}"}, timeout=5).status_code == 401


def test_the_files_of_the_log_in_page_are_available(site: str) -> None:
    page = requests.get(f"{site}/auth/login", timeout=5)
    parts = re.findall(r'(?:href|src)="([^"]+)"', page.text)

    assert parts
    assert {requests.get(f"{site}{part}", timeout=5).status_code for part in parts} == {200}


def test_the_proxy_forwards_the_applications_own_assets_to_it(
    site: str, member: requests.Session, application: Application
) -> None:
    with silence(application):
        assert requests.get(f"{site}/assets/page.css", timeout=5).status_code == 401

    assert heard_in(member.get(f"{site}/assets/page.css", timeout=5).json()).path == "/assets/page.css"


# --- Without a log-in ---


@pytest.mark.parametrize("method", OTHER_METHODS)
def test_a_program_gets_401_and_nothing_reaches_the_application(
    site: str, application: Application, method: str
) -> None:
    with silence(application):
        answer = requests.request(method, f"{site}/x", data="body", headers=BROWSER, timeout=5)

        # nginx does not serve TRACE, and CONNECT is for forward proxies.
        assert answer.status_code in ({401, 405} if method == "TRACE" else {401})


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_program_gets_401_and_a_person_is_redirected(site: str, application: Application, method: str) -> None:
    with silence(application):
        program = requests.request(method, f"{site}/x", timeout=5)
        script = requests.request(
            method, f"{site}/x", headers=BROWSER | {"Sec-Fetch-Mode": "cors"}, allow_redirects=False, timeout=5
        )
        person = requests.request(method, f"{site}/x?y=z", headers=BROWSER, allow_redirects=False, timeout=5)

    assert (program.status_code, script.status_code, person.status_code) == (401, 401, 303)
    # The target is a path, because the proxy may not know the name of the site.
    assert person.headers["Location"] == "/auth/login?return_to=/x%3Fy%3Dz"
    assert person.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 43 + "; open_mfa_gate=" + "B" * 43])
def test_forged_cookies_do_not_open_the_gate(site: str, application: Application, token: str) -> None:
    with silence(application):
        assert requests.get(f"{site}/x", headers={"Cookie": f"{COOKIE}={token}"}, timeout=5).status_code == 401


@pytest.mark.parametrize(
    "target",
    [
        "/../x",
        "/%2e%2e/x",
        "//auth/check",
        "//x",
        "/auth/../x",
        "/auth/..%2fx",
        "/auth/%2e%2e/x",
        "/auth/..;/x",
        "/auth/..\\x",
        "/auth%2f..%2fx",
        "/AUTH/../x",
        "/auth/assets/page.css/../../../x",
        "/auth/assets/page.css%00/x",
        "/auth/assets/../../x",
        "/./x",
        "/%00",
        "/x%0d%0aX:%20y",
        "/\xff",
        "/x#/auth/login",
        "/x?/auth/login",
        "http://127.0.0.1/x",
        "http://evil.example/x",
        "http://evil.example/auth/../x",
        "https://evil.example//x",
        "evil.example/x",
        "evil.example:80",
        "*",
    ],
)
def test_no_malformed_target_bypasses_the_gate(site: str, application: Application, target: str) -> None:
    with silence(application):
        (status,) = statuses(exchange(site, get(target)))

    # Traefik and Caddy may redirect to the normalized path, which is closed, too.
    assert status in {301, 303, 307, 308, 400, 401, 404}


@pytest.mark.parametrize(
    "raw",
    [
        b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\n\r\n",
        b"TRACE /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"BREW /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"get /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /x HTTP/1.0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
        get("/x", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", "Connection: Upgrade, HTTP2-Settings"),
    ],
    ids=["CONNECT", "TRACE", "BREW", "get", "1.0", "no host", "two hosts", "h2c"],
)
def test_no_unusual_request_bypasses_the_gate(site: str, application: Application, raw: bytes) -> None:
    with silence(application):
        answers = statuses(exchange(site, raw))

    assert answers
    assert all(status >= 400 for status in answers)


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: {length}",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nContent-Length: {length}",
        "Transfer-Encoding: xchunked\r\nContent-Length: 0",
        "Expect: 100-continue\r\nContent-Length: {length}",
        "Content-Length: 0",
    ],
)
def test_no_request_in_the_body_of_another_bypasses_the_gate(site: str, application: Application, framing: str) -> None:
    hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\nRemote-User: root\r\n\r\n"
    head = "POST /x HTTP/1.1\r\nHost: x\r\n" + framing.format(length=len(hidden)) + "\r\n\r\n"

    with silence(application):
        answers = statuses(exchange(site, (head + hidden).encode() + get("/end")))

    # If a proxy reads the hidden request as the next one, that gets a 401, too.
    assert answers
    assert all(status >= 400 or status == 100 for status in answers)


def test_the_gate_checks_every_request_of_a_connection(site: str, member: requests.Session) -> None:
    head = "GET /x HTTP/1.1\r\nHost: x\r\n"
    cookie = f"Cookie: {COOKIE}={token_of(member)}\r\n"
    with Wire(port_of(site)) as wire:
        answers = [wire.ask(f"{head}{line}\r\n".encode(), "GET").status for line in (cookie, "", cookie, "")]

    assert answers == [200, 401, 200, 401]


@pytest.mark.parametrize("path", ["/auth/check", "/auth/forward", "/auth", "/auth/", "/auth/x"])
def test_the_checks_of_the_proxies_do_not_open_the_gate(site: str, application: Application, path: str) -> None:
    with silence(application):
        # nginx redirects from /auth to /auth/.
        assert requests.get(f"{site}{path}", timeout=5, allow_redirects=False).status_code in {301, 401, 404}


# --- With a log-in ---


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_a_person_who_is_logged_in_passes_with_their_name(
    site: str, member: requests.Session, application: Application, alice: Person, method: str
) -> None:
    before = len(application.heard)
    answer = member.request(method, f"{site}/a%2Fb?y=z", data="" if method == "HEAD" else "body", timeout=5)
    (heard,) = application.heard[before:]

    assert answer.status_code == 200
    assert (heard.method, heard.path) == (method, "/a%2Fb?y=z")
    assert heard.body == ("" if method == "HEAD" else "body")
    assert heard.values("Remote-User") == [alice.name]


def test_a_large_body_reaches_only_the_application(site: str, member: requests.Session) -> None:
    body = "x" * 900_000

    assert heard_in(member.post(f"{site}/x", data=body, timeout=10).json()).body == body


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_errors_of_the_application_reach_the_client_unchanged(site: str, member: requests.Session, status: int) -> None:
    answer = member.get(f"{site}/own-{status}", headers=BROWSER, allow_redirects=False, timeout=5)

    assert (answer.status_code, answer.json()["path"]) == (status, f"/own-{status}")


def test_the_applications_cookies_reach_the_application(site: str, alice: Person) -> None:
    browser = alice.log_in(site)
    browser.get(f"{site}/x", timeout=5)
    heard = heard_in(browser.get(f"{site}/x", timeout=5).json())

    assert browser.cookies["own"] == "1"
    assert heard.values("Cookie") == ["own=1"]


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("{gate}", ""),
        ("{gate}; a=1", "a=1"),
        ("a=1; {gate}", "a=1"),
        ("a=1; {gate}; b=2", "a=1; b=2"),
        ("a=1;{gate};b=2", "a=1; b=2"),
        ("xopen_mfa_gate=1; {gate}; open_mfa_gate_x=2; b=open_mfa_gate=3", None),
        ('a="x, y"; {gate}; b=%7B=', 'a="x, y"; b=%7B='),
        ("__Host-a=1; {gate}; __Secure-b=2", "__Host-a=1; __Secure-b=2"),
        ('a="open_mfa_gate=1"; {gate}', 'a="open_mfa_gate=1"'),
    ],
)
def test_the_gates_cookie_does_not_reach_the_application(
    site: str, member: requests.Session, sent: str, left: str | None
) -> None:
    header = {"Cookie": sent.format(gate=f"{COOKIE}={token_of(member)}")}

    heard = heard_in(requests.get(f"{site}/x", headers=header, timeout=5).json())

    if left is None:
        left = "xopen_mfa_gate=1; open_mfa_gate_x=2; b=open_mfa_gate=3"
    assert re.sub(r";\s*", "; ", "; ".join(heard.values("Cookie"))) == left


@pytest.mark.parametrize(
    ("sent", "left"),
    [
        ("open_mfa_gate=planted; {gate}; a=1", "a=1"),
        ("a=1; {gate}; open_mfa_gate=planted", "a=1"),
        ("{gate}; {gate}", ""),
        ("{gate}; a=1; open_mfa_gate=planted; b=2; open_mfa_gate=", "a=1; b=2"),
        ("open_mfa_gate=1; open_mfa_gate=2; {gate}; a=1; {gate}", "a=1"),
        ("__Host-open_mfa_gate=1; {gate}; a=1; __Secure-open_mfa_gate=2", "a=1"),
        ("{gate}; __Host-open_mfa_gate=1; __Secure-open_mfa_gate=2; a=1", "a=1"),
    ],
)
def test_a_planted_cookie_does_not_hide_the_cookie_of_the_gate(
    site: str, proxy: str, member: requests.Session, sent: str, left: str
) -> None:
    """Another host of the domain can plant cookies with the same name, before and after the cookie of the gate."""
    header = {"Cookie": sent.format(gate=f"{COOKIE}={token_of(member)}")}

    heard = heard_in(requests.get(f"{site}/x", headers=header, timeout=5).json())

    assert "; ".join(heard.values("Cookie")) == ("" if proxy == "nginx" else left)


@pytest.mark.parametrize(
    ("settings", "name"),
    [({}, "__Host-open_mfa_gate"), ({"OPEN_MFA_GATE_COOKIE_DOMAIN": "example.com"}, "__Secure-open_mfa_gate")],
)
def test_the_gates_cookie_does_not_reach_the_application_under_its_names_over_tls(
    proxy: str, application: Application, settings: dict[str, str], name: str
) -> None:
    settings |= {"OPEN_MFA_GATE_SECRET": SECRET, "OPEN_MFA_TRUSTED_PROXIES": "1", "OPEN_MFA_COOKIE_SECURE": "true"}
    with Service(**settings) as service, running(PROXIES[proxy], service.port, application.server_port) as site:
        code = pyotp.TOTP(SECRET).at(time.time())
        answer = requests.post(f"{site}/auth/login", data={"code": code}, allow_redirects=False, timeout=5)
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        assert cookie.startswith(f"{name}=")
        heard = [
            heard_in(requests.get(f"{site}/x", headers={"Cookie": sent}, timeout=5).json())
            for sent in (cookie, f"{cookie}; a=1", f"a=1; {cookie}", f"a=1; {cookie}; b=2")
        ]

    cookies = [re.sub(r";\s*", "; ", "; ".join(one.values("Cookie"))) for one in heard]
    assert cookies == ["", "a=1", "a=1", "a=1; b=2"]


def test_a_cookie_header_of_several_lines_does_not_show_the_token_to_the_application(
    site: str, member: requests.Session, application: Application
) -> None:
    token = token_of(member)
    before = len(application.heard)
    exchange(site, get("/x", "Cookie: a=1", f"Cookie: {COOKIE}={token}", "Cookie: b=2"))
    exchange(site, get("/x", f"Cookie: {COOKIE}={token}", f"Cookie: {COOKIE}={token}; b=2"))

    assert all(token not in str(heard) for heard in application.heard[before:])


# --- Forged names, and forged headers of the proxy ---


def names_heard(
    site: str, application: Application, member: requests.Session, lines: str
) -> tuple[int, list[list[str]]]:
    """Send a logged-in request with header lines. Return its status and the names of each request that arrived."""
    before = len(application.heard)
    cookie = f"Cookie: {COOKIE}={token_of(member)}"
    with Wire(port_of(site)) as wire:
        status = wire.ask(f"GET /x HTTP/1.1\r\nHost: x\r\n{cookie}\r\n{lines}\r\n\r\n".encode(), "GET").status
    heard = application.heard[before:]
    assert "root" not in str(heard)
    return status, [one.values("Remote-User") for one in heard]


@pytest.mark.parametrize("lines", FORGED_NAMES + HOP_BY_HOP_NAMES)
def test_a_client_can_neither_choose_nor_remove_its_name(
    site: str, member: requests.Session, application: Application, alice: Person, lines: str
) -> None:
    assert names_heard(site, application, member, lines) == (200, [[alice.name]])


@pytest.mark.parametrize("lines", ILL_FORMED_NAMES)
def test_a_client_cannot_choose_its_name_in_a_malformed_line(
    site: str, member: requests.Session, application: Application, alice: Person, lines: str
) -> None:
    # A line that begins with a space continues the line before it, which is the cookie.
    assert names_heard(site, application, member, lines) in ((200, [[alice.name]]), (400, []), (401, []))


@pytest.mark.parametrize("lines", FORGED_NAMES + ILL_FORMED_NAMES + HOP_BY_HOP_NAMES)
def test_a_forged_name_does_not_open_the_gate(site: str, application: Application, lines: str) -> None:
    with silence(application), Wire(port_of(site)) as wire:
        answer = wire.ask(f"GET /x HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n".encode(), "GET")

        assert answer.status in {400, 401}


FORGED_FORWARDING = {
    "X-Forwarded-Uri": "/auth/login",
    "X-Forwarded-Method": "OPTIONS",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.7",
    "X-Original-URI": "/auth/login",
    "X-Original-URL": "/auth/login",
    "X-Rewrite-URL": "/auth/login",
    "X-Original-Method": "OPTIONS",
    "X-HTTP-Method-Override": "OPTIONS",
    "Forwarded": "for=203.0.113.7;host=evil.example",
}


def test_forged_headers_of_the_proxy_do_not_open_the_gate(site: str, application: Application) -> None:
    with silence(application):
        assert requests.get(f"{site}/x", headers=FORGED_FORWARDING, timeout=5).status_code == 401


def test_forged_headers_of_the_proxy_do_not_change_the_redirect(site: str) -> None:
    answer = requests.get(f"{site}/x", headers=FORGED_FORWARDING | BROWSER, allow_redirects=False, timeout=5)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/auth/login?return_to=/x")


def test_the_application_gets_the_client_address_only_from_the_proxy(site: str, member: requests.Session) -> None:
    heard = heard_in(member.get(f"{site}/x", headers=FORGED_FORWARDING, timeout=5).json())

    assert heard.values("X-Forwarded-For") == ["127.0.0.1"]
    assert heard.values("X-Forwarded-Host") == [f"127.0.0.1:{port_of(site)}"]
    assert heard.values("X-Forwarded-Proto") == ["http"]
    assert heard.values("Host") == [f"127.0.0.1:{port_of(site)}"]


def test_the_gate_gets_the_client_address_only_from_the_proxy(site: str, service: Service) -> None:
    eve = Person(service, f"eve-{port_of(site)}")
    # Without the proxy, the service trusts the headers. So the log shows two addresses.
    for way in (site, service.base):
        form = {"account": eve.name, "code": eve.code()}
        requests.post(f"{way}/auth/login", data=form, headers=FORGED_FORWARDING, allow_redirects=False, timeout=5)

    mine = service.awaited_lines(lambda line: line.get("account") == eve.name and line.get("purpose") == "challenge", 2)

    assert {line["address"] for line in mine} == {"127.0.0.1", "203.0.113.7"}


def test_another_site_cannot_claim_to_be_this_one(site: str, alice: Person) -> None:
    form = {"account": alice.name, "code": alice.code()}
    origin = {"Origin": "http://evil.example"}

    refused = requests.post(f"{site}/auth/login", data=form, headers=FORGED_FORWARDING | origin, timeout=5)
    own = requests.post(f"{site}/auth/login", data=form, headers={"Origin": site}, allow_redirects=False, timeout=5)

    assert (refused.status_code, refused.cookies.get(COOKIE)) == (403, None)
    # The code was valid, and the proxy reports the requested host to the gate.
    assert own.status_code == 303


# --- Large requests ---

LARGE: dict[str, tuple[str, list[str]]] = {
    "9 kB of cookies": ("/x", ["Cookie: " + "; ".join(f"c{number}={'v' * 90}" for number in range(96))]),
    "a long Negotiate": ("/x", ["Authorization: Negotiate " + "Y" * 24_000]),
    "a long URL": ("/x?" + "q" * 20_000, []),
    "150 fields": ("/x", [f"X-{number}: {number}" for number in range(150)]),
    "all of it": (
        "/x?" + "q" * 10_000,
        [
            "Cookie: " + "v=" + "v" * 9_000,
            "Authorization: Negotiate " + "Y" * 12_000,
            *(f"X-{number}: {number}" for number in range(150)),
        ],
    ),
}


@pytest.mark.parametrize(("target", "fields"), LARGE.values(), ids=LARGE)
def test_a_large_request_is_handled_like_any_other(
    site: str, member: requests.Session, application: Application, target: str, fields: list[str]
) -> None:
    ours = f"{COOKIE}={token_of(member)}"
    cookies = [field for field in fields if field.startswith("Cookie: ")]
    with_ours = [field for field in fields if field not in cookies]
    with_ours.append(f"{cookies[0]}; {ours}" if cookies else f"Cookie: {ours}")
    browser = [f"{name}: {value}" for name, value in BROWSER.items()]

    with silence(application):
        assert statuses(exchange(site, get(target, *fields))) == [401]
        assert statuses(exchange(site, get(target, *fields, *browser))) == [303]
    assert statuses(exchange(site, get(target, *with_ours))) == [200]
    assert application.heard[-1].path == target


@pytest.mark.parametrize("field", ["X: " + "x" * 300_000, "Cookie: " + "x" * 300_000, "\r\n".join(["X: y"] * 3000)])
def test_a_request_that_is_too_large_gets_a_client_error(site: str, application: Application, field: str) -> None:
    with silence(application):
        answers = statuses(exchange(site, get("/x", field)))

    assert [status for status in answers if not 400 <= status < 500] == []


def test_the_log_in_page_works_with_large_cookies(site: str, alice: Person) -> None:
    cookie = {"Cookie": "; ".join(f"c{number}={'v' * 90}" for number in range(96))}
    form = {"account": alice.name, "code": alice.code()}

    assert requests.get(f"{site}/auth/login", headers=cookie, timeout=5).status_code == 200
    answer = requests.post(f"{site}/auth/login", data=form, headers=cookie, allow_redirects=False, timeout=5)
    assert answer.status_code == 303


class ListeningGate(http.server.BaseHTTPRequestHandler):
    """A gate that admits every request and records its fields."""

    heard: list[list[tuple[str, str]]]

    def do_GET(self) -> None:
        self.heard.append(self.headers.items())
        self.send_response(200)
        self.send_header("Remote-User", "everybody")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_the_gate_gets_only_the_fields_that_it_needs(proxy: str, site_without_gate: str, gate_port: int) -> None:
    sent = {
        "Cookie": "other=1; open_mfa_gate=A; more=2",
        "Authorization": "Bearer secret",
        "Accept": "text/html",
        "Accept-Language": "de",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Ch-Ua": "x",
        "Referer": "http://x/y",
        "User-Agent": "x",
        "If-None-Match": "x",
        "X-Request-ID": "abc",
    }
    handler = type("Gate", (ListeningGate,), {"heard": []})
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", gate_port), handler)):
        assert requests.get(f"{site_without_gate}/x", headers=sent, timeout=5).status_code == 200
    got = {name.lower(): value for name, value in handler.heard[-1]}

    assert {"authorization", "accept-language", "referer", "if-none-match", "sec-ch-ua"} & got.keys() == set()
    assert (got["x-request-id"], got["x-forwarded-for"]) == ("abc", "127.0.0.1")
    # Caddy and Traefik pass all cookies to the gate.
    assert got["cookie"] == ("open_mfa_gate=A" if proxy == "nginx" else sent["Cookie"])


@pytest.mark.parametrize("cookie", ["open_mfa_gate=A; a=1; open_mfa_gate=B", "open_mfa_gate=A; open_mfa_gate=A; x=1"])
def test_the_gate_gets_every_cookie_that_has_its_name(site_without_gate: str, gate_port: int, cookie: str) -> None:
    handler = type("Gate", (ListeningGate,), {"heard": []})
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", gate_port), handler)):
        requests.get(f"{site_without_gate}/x", headers={"Cookie": cookie}, timeout=5)
    got = {name.lower(): value for name, value in handler.heard[-1]}

    assert got["cookie"].count("open_mfa_gate=") == 2


# --- WebSockets ---


def test_a_web_socket_reaches_the_application(
    site: str, member: requests.Session, application: Application, alice: Person
) -> None:
    before = len(application.heard)
    raw = f"GET /socket HTTP/1.1\r\nHost: x\r\n{HANDSHAKE}Cookie: a=1; {COOKIE}={token_of(member)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port_of(site)), 5) as wire, wire.makefile("rb") as incoming:
        wire.sendall(raw.encode())
        status = incoming.readline()
        headers = http.client.parse_headers(incoming)
        wire.sendall(b"hello")

        assert status.startswith(b"HTTP/1.1 101")
        assert headers["Sec-WebSocket-Accept"] == SOCKET_ACCEPT
        assert incoming.read(5) == b"hello"
    (heard,) = application.heard[before:]
    assert (heard.values("Remote-User"), heard.values("Cookie")) == ([alice.name], ["a=1"])


@pytest.mark.parametrize("upgrades", [["h2c"], ["H2C"], ["h2c", "websocket"], ["websocket", "h2c"], ["websocket, h2c"]])
def test_no_client_can_upgrade_to_http_2(
    site: str, member: requests.Session, application: Application, upgrades: list[str]
) -> None:
    """Over h2c, a client could send further requests that the gate does not check."""
    before = len(application.heard)
    lines = f"Host: x\r\nCookie: {COOKIE}={token_of(member)}\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    lines += "HTTP2-Settings: AAMAAABkAAQAAP__\r\n" + "".join(f"Upgrade: {each}\r\n" for each in upgrades)
    with socket.create_connection(("127.0.0.1", port_of(site)), 5) as wire, wire.makefile("rb") as incoming:
        wire.sendall(f"GET /x HTTP/1.1\r\n{lines}\r\n".encode())
        assert incoming.readline().startswith(b"HTTP/1.1 ")

    assert len(application.heard) > before, "the request must arrive, as a plain request or as a WebSocket"
    offered = [value for heard in application.heard[before:] for value in heard.values("Upgrade")]
    assert [value for value in offered if "h2c" in value.lower()] == []


@pytest.mark.parametrize("mode", ["", "Sec-Fetch-Mode: websocket\r\n", "Sec-Fetch-Mode: navigate\r\n"])
def test_a_web_socket_without_a_log_in_is_refused(site: str, application: Application, mode: str) -> None:
    raw = f"GET /socket HTTP/1.1\r\nHost: x\r\n{mode}{HANDSHAKE}\r\nhello"
    with silence(application), Wire(port_of(site)) as wire:
        assert wire.ask(raw.encode(), "GET").status == (303 if "navigate" in mode else 401)


# --- A gate that is missing or broken ---


class BrokenGate(http.server.BaseHTTPRequestHandler):
    """Responds with a status that must not open the gate, or closes the connection."""

    status = 0

    def answer(self) -> None:
        if not self.status:
            self.close_connection = True
            return
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


for method in METHODS:
    setattr(BrokenGate, f"do_{method}", BrokenGate.answer)


@pytest.fixture(scope="module")
def gate_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def site_without_gate(proxy: str, application: Application, gate_port: int) -> Iterator[str]:
    with running(PROXIES[proxy], gate_port, application.server_port) as found:
        yield found


@contextmanager
def gate(port: int, status: int | None) -> Iterator[None]:
    """Run a broken gate: None for no gate, 0 for one that closes the connection."""
    if status is None:
        yield
        return
    handler = type("Gate", (BrokenGate,), {"status": status})
    with serving(http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)):
        yield


@pytest.mark.parametrize("status", [None, 0, 400, 404, 429, 500, 502, 503])
def test_without_a_working_gate_no_request_passes(
    site_without_gate: str, application: Application, member: requests.Session, gate_port: int, status: int | None
) -> None:
    cookie = {"Cookie": f"{COOKIE}={token_of(member)}", "Remote-User": "root"}
    with gate(gate_port, status), silence(application):
        seen = {
            requests.request(
                method, f"{site_without_gate}/x", headers=cookie | more, allow_redirects=False, timeout=5
            ).status_code
            for method in ("GET", "POST", "OPTIONS")
            for more in ({}, BROWSER, {"Upgrade": "websocket", "Connection": "Upgrade"})
        }

    assert all(found >= 400 for found in seen), seen


def test_a_client_cannot_choose_a_name_if_the_gate_reports_none(
    site_without_gate: str, application: Application, gate_port: int
) -> None:
    before = len(application.heard)
    forged = {"Remote-User": "root", "Remote_User": "root"}
    with gate(gate_port, 200):
        requests.get(f"{site_without_gate}/x", headers=forged, timeout=5)
    (heard,) = application.heard[before:]

    # Caddy 2.6 forwards the name of its own variable.
    assert heard.values("Remote-User") in ([], ["{http.reverse_proxy.header.Remote-User}"])


def test_the_proxy_uses_the_gate_again_after_its_return(
    site_without_gate: str, application: Application, gate_port: int
) -> None:
    requests.get(f"{site_without_gate}/x", timeout=5)
    before = len(application.heard)

    def passes() -> bool:
        return requests.get(f"{site_without_gate}/x", timeout=5).status_code == 200

    # nginx avoids a failed upstream for 10 s only if there is another upstream.
    with gate(gate_port, 200):
        wait_until(passes, "the gate's return")
    assert application.heard[before:]

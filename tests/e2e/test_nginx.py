"""The gate behind a real nginx, with the configuration of `deploy/proxies` as it stands but for ports."""

import base64
import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyotp
import pytest
import requests

from tests.service.wire import once
from tests.support.processes import free_port, spawn, stop, wait_until
from tests.support.service import Service

CONFIGURATION = Path(__file__).parents[2] / "deploy/proxies/nginx.conf"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
MISSING_NGINX = "nginx is not installed, so its configuration was not run (Debian: apt-get install nginx-light)"
MAIN = """
daemon off; pid {directory}/pid; error_log {directory}/error.log notice; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  include {directory}/app.conf;
}}
"""
BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
REFUSED = 401


class Application(http.server.BaseHTTPRequestHandler):
    """Tells what it was asked; a WebSocket's handshake it accepts, and then repeats what it hears."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.headers.get("Upgrade") == "websocket":
            self.upgrade()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = json.dumps({"path": self.path, "method": self.command, "body": body, "headers": headers}).encode()
        self.send_response(REFUSED if self.path == "/own-401" else 200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def upgrade(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.write(self.rfile.read(5))
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...


for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
    setattr(Application, f"do_{method}", Application.answer)


def require_nginx() -> None:
    """Fails in CI, and skips elsewhere, on a machine without nginx."""
    if shutil.which("nginx"):
        return
    if os.environ.get("CI"):
        pytest.fail(MISSING_NGINX, pytrace=False)
    pytest.skip(MISSING_NGINX)


def is_near(step: int) -> bool:
    """Whether the gate's window has come to a time step."""
    return step <= int(time.time()) // 30 + 1


def port_of(site: str) -> int:
    return int(site.rpartition(":")[2])


@pytest.fixture(scope="module")
def application() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_TRUSTED_PROXIES="1") as running:
        yield running


@pytest.fixture(scope="module")
def site(application: int, service: Service) -> Iterator[str]:
    """Where nginx stands in front of both."""
    require_nginx()
    directory, port = Path(tempfile.mkdtemp(prefix="open-mfa-nginx-")), free_port()
    text = CONFIGURATION.read_text()
    for stated, ours in ((8080, service.port), (3000, application), (8000, port)):
        text = re.sub(rf"127\.0\.0\.1:{stated}\b", f"127.0.0.1:{ours}", text)
    (directory / "app.conf").write_text(text)
    (directory / "nginx.conf").write_text(MAIN.format(directory=directory))
    command = ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf")]
    process = spawn(command, directory / "log", {})

    def listens() -> bool:
        if process.poll() is not None:
            raise ChildProcessError((directory / "log").read_text() + (directory / "error.log").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, "nginx", directory / "log")
    yield f"http://127.0.0.1:{port}"
    stop(process)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def codes() -> Iterator[str]:
    """Good codes, each once: the present step's, those beside it, then as time passes."""

    def produce() -> Iterator[str]:
        step = int(time.time()) // 30 - 1
        while True:
            wait_until(partial(is_near, step), "the next code", patience=40)
            yield pyotp.TOTP(SECRET).at(step * 30)
            step += 1

    return produce()


@pytest.fixture(scope="module")
def member(site: str, codes: Iterator[str]) -> requests.Session:
    """Who has logged in."""
    browser = requests.Session()
    answer = browser.post(f"{site}/auth/login", data={"code": next(codes)}, allow_redirects=False, timeout=5)
    assert answer.status_code == 303
    return browser


def test_a_person_is_led_to_the_log_in_page_and_back(site: str, codes: Iterator[str]) -> None:
    browser = requests.Session()
    page = browser.get(f"{site}/reports/a%2Fb?year=2026&q=a%20b#x", headers=BROWSER, timeout=5)
    assert page.url.startswith(f"{site}/auth/login?return_to=")
    found = re.search(r'name="return_to" value="([^"]*)"', page.text)
    assert found is not None

    form = {"code": next(codes), "return_to": found[1].replace("&amp;", "&")}
    answer = browser.post(f"{site}/auth/login", data=form, timeout=5)

    assert answer.json()["path"] == "/reports/a%2Fb?year=2026&q=a%20b"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_program_is_told_401_and_nothing_reaches_the_application(site: str, method: str) -> None:
    answer = requests.request(method, f"{site}/x", data="body", timeout=5)

    assert (answer.status_code, answer.text) == (401, "")


def test_who_has_logged_in_passes_and_is_named(site: str, member: requests.Session) -> None:
    told = member.post(f"{site}/x?y=z", data="body", timeout=5).json()

    assert (told["path"], told["method"], told["body"]) == ("/x?y=z", "POST", "body")
    assert told["headers"]["remote-user"] == "everybody"


@pytest.mark.parametrize("name", ["Remote-User", "remote-user", "REMOTE-USER", "Remote_User"])
def test_nobody_names_himself(site: str, member: requests.Session, name: str) -> None:
    told = member.get(f"{site}/x", headers={name: "root"}, timeout=5).json()

    assert "root" not in json.dumps(told["headers"])


def test_the_gates_cookie_stays_with_the_gate(site: str, member: requests.Session) -> None:
    (token,) = [cookie.value for cookie in member.cookies]
    header = {"Cookie": f"a=1; open_mfa_gate={token}; b=2"}

    told = requests.get(f"{site}/x", headers=header, timeout=5).json()

    assert told["headers"]["cookie"] == "a=1; b=2"


def test_the_applications_own_401_is_its_own(site: str, member: requests.Session) -> None:
    answer = member.get(f"{site}/own-401", headers=BROWSER, allow_redirects=False, timeout=5)

    assert (answer.status_code, answer.json()["path"]) == (401, "/own-401")


def test_a_web_socket_goes_through(site: str, member: requests.Session) -> None:
    (token,) = [cookie.value for cookie in member.cookies]
    head = (
        f"GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Cookie: open_mfa_gate={token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port_of(site)), 5) as wire, wire.makefile("rb") as incoming:
        wire.sendall(head.encode())
        status = incoming.readline()
        headers = dict(iter(lambda: tuple(incoming.readline().strip().partition(b": ")[::2]), (b"", b"")))
        wire.sendall(b"hello")

        assert status.startswith(b"HTTP/1.1 101")
        # RFC 6455 section 1.3, whose key this is.
        assert headers[b"Sec-WebSocket-Accept"] == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert incoming.read(5) == b"hello"


@pytest.mark.parametrize(
    "target", ["/../x", "/%2e%2e/x", "//auth/check", "/auth/../x", "/./x", "/%00", "/x%0d%0aX:%20y", "/\xff"]
)
def test_a_malformed_target_passes_nobody(site: str, target: str) -> None:
    raw = f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1")

    assert once(port_of(site), raw, "GET").status in {400, 401, 404}


@pytest.mark.parametrize("path", ["/auth/check", "/auth/forward"])
def test_what_proxies_ask_lets_nobody_pass_by_itself(site: str, path: str) -> None:
    assert requests.get(f"{site}{path}", timeout=5, allow_redirects=False).status_code in {401, 404}


def test_forged_headers_of_the_proxy_open_nothing(site: str) -> None:
    forged = {"X-Forwarded-Uri": "/auth/login", "X-Original-URI": "/auth/login", "X-Forwarded-Method": "OPTIONS"}

    assert requests.get(f"{site}/x", headers=forged | {"Remote-User": "root"}, timeout=5).status_code == 401


def test_logging_out_closes_the_gate(site: str, codes: Iterator[str]) -> None:
    browser = requests.Session()
    browser.post(f"{site}/auth/login", data={"code": next(codes)}, allow_redirects=False, timeout=5)
    (token,) = [cookie.value for cookie in browser.cookies]
    before = browser.get(f"{site}/x", timeout=5).status_code
    browser.post(f"{site}/auth/logout", allow_redirects=False, timeout=5)

    after = requests.get(f"{site}/x", headers={"Cookie": f"open_mfa_gate={token}"}, timeout=5).status_code

    assert (before, after) == (200, 401)

"""The service below a path, behind a real nginx that ends TLS, in a real browser."""

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyotp
import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.application import Application, heard_in
from tests.e2e.conftest import SECRET
from tests.e2e.proxies import CONFIGURATIONS, Ports, nginx, running
from tests.service.wire import once
from tests.support.browser import keep_picture
from tests.support.documents import block, page
from tests.support.pictures import qr_text
from tests.support.processes import free_port, spawn, stop, wait_until
from tests.support.redis_topologies import Certificates
from tests.support.service import Service

GUIDE = page("how-to/run-below-a-path")
PREFIX = "/mfa"
TLS = """
upstream open_mfa {{ server 127.0.0.1:8080; }}
server {{
  listen 127.0.0.1:8000 ssl;
  ssl_certificate {certificates}/redis.crt;
  ssl_certificate_key {certificates}/redis.key;
  {location}
  location / {{ return 404 "not below the path"; }}
}}
"""
BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(scope="module")
def below() -> Iterator[Service]:
    """Serve with the cookies of production, which travel over TLS only."""
    settings = {"OPEN_MFA_GATE_SECRET": SECRET, "OPEN_MFA_TRUSTED_PROXIES": "1", "OPEN_MFA_COOKIE_SECURE": "true"}
    with Service(OPEN_MFA_PATH_PREFIX=PREFIX, **settings) as running_service:
        yield running_service


@contextmanager
def tls_proxy(service: Service) -> Iterator[str]:
    """Serve the guide's location in a server with TLS. Yield the address for browsers."""
    location = block(GUIDE, "location", "nginx")
    ports = Ports(service.port, 0, free_port())
    with Certificates() as certificates, tempfile.TemporaryDirectory(prefix="open-mfa-proxy-") as name:
        certificates.directory.chmod(0o755)
        directory = Path(name)
        directory.chmod(0o755)
        text = TLS.format(certificates=certificates.directory, location=location)
        process = spawn(nginx(directory, ports, text), directory / "log")

        def serves() -> bool:
            try:
                url = f"https://127.0.0.1:{ports.proxy}{PREFIX}/healthz"
                return requests.get(url, verify=certificates.authority, timeout=5).status_code == 200
            except (requests.ConnectionError, requests.Timeout):
                return False

        try:
            wait_until(serves, "the proxy's start", directory / "error.log")
            yield f"https://127.0.0.1:{ports.proxy}"
        finally:
            stop(process)


@pytest.fixture(scope="module")
def site(below: Service) -> Iterator[str]:
    with tls_proxy(below) as found:
        yield found


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """Yield a page. It must request nothing outside of the path, and must log no error."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    mine = [url for url in asked if not url.startswith(("blob:", "data:"))]
    assert mine
    assert [url for url in mine if not url.startswith(f"{site}{PREFIX}")] == []
    assert complaints == []


def cookies_of(context: BrowserContext) -> dict[str, tuple[str, bool]]:
    return {cookie["name"]: (cookie["path"], cookie["secure"]) for cookie in context.cookies()}


@pytest.mark.parametrize("path", ["/", ""])
def test_a_person_can_use_the_try_it_page(page: Page, site: str, path: str) -> None:
    page.goto(f"{site}{PREFIX}{path}")
    page.get_by_role("button", name="Enrol TOTP").click()
    picture = page.locator("#qr[src]")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", value=True)
    authenticator = pyotp.parse_uri(qr_text(page.screenshot(full_page=True)))
    assert isinstance(authenticator, pyotp.TOTP)
    page.get_by_label("Code", exact=True).fill(authenticator.at(int(time.time())))
    page.get_by_role("button", name="Verify").click()

    expect(page.locator("#verdict")).to_contain_text("Accepted")
    # Chromium enforces the rules for prefixes of names.
    assert cookies_of(page.context) == {"__Secure-open_mfa_session": (PREFIX, True)}
    page.reload()
    expect(page.get_by_text("The key is in your authenticator")).to_be_visible()


def test_swagger_ui_can_send_requests(page: Page, site: str) -> None:
    page.goto(f"{site}{PREFIX}/docs")
    block = page.locator("[id^=operations-][id$=session_get_all]")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")

    expect(answer.locator(".response-col_status").first).to_contain_text("200")
    keep_picture(page, "docs-below-a-path")


def test_a_person_logs_in_and_opens_the_page_of_a_problem(page: Page, site: str) -> None:
    page.goto(f"{site}{PREFIX}/auth/login?return_to={PREFIX}/problems/locked")
    page.get_by_label("Code from your authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site}{PREFIX}/problems/locked")

    # The cookie is for the whole host, because the application's requests must carry it.
    assert cookies_of(page.context) == {"__Host-open_mfa_gate": ("/", True)}
    page.goto(f"{site}{PREFIX}/auth/login?return_to={PREFIX}/docs")
    page.wait_for_url(f"{site}{PREFIX}/docs")
    page.goto(f"{site}{PREFIX}/problems/locked")
    page.get_by_role("link", name="Try it").click()
    page.get_by_role("banner").get_by_role("link", name="API").click()
    page.wait_for_url(f"{site}{PREFIX}/docs")


def test_a_browser_refuses_a_cookie_with_our_name_from_a_sibling_host_or_without_tls(browser: Browser) -> None:
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    kept = {}
    for url in ("https://app.test/", "http://app.test/"):
        page.route(url, lambda route: route.fulfill(content_type="text/html", body="x"))  # type: ignore[misc] # no request
        page.goto(url)
        for attributes in ("Secure; Path=/", "Secure; Path=/x", "Path=/", "Secure; Path=/; Domain=app.test"):
            page.evaluate("text => { document.cookie = text }", f"__Host-open_mfa_gate=x; {attributes}")
            kept[url, attributes] = len(context.cookies())
            context.clear_cookies()
    context.close()

    assert [case for case, number in kept.items() if number] == [("https://app.test/", "Secure; Path=/")]


def test_an_unreadable_request_gets_a_problem_below_the_path(below: Service) -> None:
    answer = once(below.port, b"GET /mfa/docs HTTP/9.9\r\nHost: x\r\n\r\n", "GET")

    assert answer.document["type"] == f"{PREFIX}/problems/invalid-request"


def test_the_log_of_the_start_contains_the_path(below: Service) -> None:
    (line,) = [line for line in below.lines() if line["message"] == "serving"]

    assert line["docs"] == f"{below.base}{PREFIX}/docs"
    assert requests.get(line["docs"], timeout=5).status_code == 200


@pytest.fixture(scope="module")
def gated(application: Application) -> Iterator[str]:
    """Serve the example configuration of nginx with the guide's changes."""
    text = (CONFIGURATIONS / "nginx.conf").read_text().replace("/auth/", f"{PREFIX}/auth/")
    prepare: Callable[[Path, Ports], list[str]] = partial(nginx, text=text)
    with (
        Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_TRUSTED_PROXIES="1", OPEN_MFA_PATH_PREFIX=PREFIX) as service,
        running(prepare, service.port, application.server_port) as found,
    ):
        yield found


def test_the_gate_protects_an_application_outside_of_the_path(gated: str, application: Application) -> None:
    browser = requests.Session()
    before = len(application.heard)
    page = browser.get(f"{gated}/reports?year=2026", headers=BROWSER, timeout=5)
    assert page.url.startswith(f"{gated}{PREFIX}/auth/login?return_to=")
    form = dict(re.findall(r'name="(return_to)" value="([^"]*)"', page.text))
    assert application.heard[before:] == []

    form["code"] = pyotp.TOTP(SECRET).at(int(time.time()))
    heard = heard_in(browser.post(f"{gated}{PREFIX}/auth/login", data=form, headers=BROWSER, timeout=5).json())

    assert (heard.path, heard.values("Remote-User"), heard.values("Cookie")) == (
        "/reports?year=2026",
        ["everybody"],
        [],
    )
    # The paths without the prefix belong to the application.
    assert heard_in(browser.get(f"{gated}/auth/login", timeout=5).json()).path == "/auth/login"
    assert heard_in(browser.get(f"{gated}/docs", timeout=5).json()).path == "/docs"
    assert browser.post(f"{gated}{PREFIX}/auth/logout", allow_redirects=False, timeout=5).headers["Location"] == "/"
    assert browser.get(f"{gated}/docs", timeout=5).status_code == 401

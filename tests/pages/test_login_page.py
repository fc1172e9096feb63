"""The gate's log-in page in a real browser, at two widths and in both themes."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from presentation.http.gate.return_to import ReturnTo
from tests.support.browser import ARGUMENTS, CHROMIUM, Witness, keep_picture, serious_findings
from tests.support.service import Service
from tests.support.urls import URL_PIECES

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture(params=[(1280, "light"), (320, "dark"), (320, "light"), (1280, "dark")], ids="{0[0]}-{0[1]}".format)
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[Page, str]]:
    """A page, and the name of how it is looked at."""
    width, theme = request.param
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=theme)
    yield context.new_page(), f"{width}-{theme}"
    context.close()


@pytest.fixture
def gate() -> Iterator[Service]:
    """One of its own, for no code is good twice."""
    with Service(OPEN_MFA_GATE_SECRET=SECRET) as running:
        yield running


def test_a_person_mistypes_sees_so_and_logs_in(visit: tuple[Page, str], gate: Service) -> None:
    page, name = visit
    code = pyotp.TOTP(SECRET).at(int(time.time()))
    witness = Witness(page)
    page.goto(f"{gate.base}/auth/login?return_to=/healthz")
    field = page.get_by_label("Code from your authenticator")
    expect(field).to_be_focused()
    assert serious_findings(page) == []
    keep_picture(page, f"login-{name}")

    field.fill("12 34")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(field).to_be_focused()
    assert page.title().startswith("Not accepted")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious_findings(page) == []
    keep_picture(page, f"login-refused-{name}")
    # A secret as it is copied from a mail or a chat.
    field.fill(f"\ufeff{code[:3]}\u00a0{code[3:]}\u200b")
    page.get_by_role("button", name="Log in").click()

    page.wait_for_url("**/healthz")
    # A browser notes every page that is not a success.
    assert [text for text in witness.complaints if "status of 403" not in text] == []
    assert witness.hosts == {f"127.0.0.1:{gate.port}"}


def test_without_script_and_mouse_it_is_the_same(browser: Browser, gate: Service) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{gate.base}/auth/login")
    page.keyboard.type("000")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_visible()
    context.close()


def test_a_double_click_sends_the_code_once(browser: Browser, gate: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"{gate.base}/auth/login?return_to=/healthz")
    page.get_by_label("Code from your authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
    page.get_by_role("button", name="Log in").dblclick(no_wait_after=True)

    page.wait_for_url(f"{gate.base}/healthz")
    assert sent.count("POST") == 1
    verdicts = [line for line in gate.lines() if line["message"] == "judged"]
    assert [line["outcome"] for line in verdicts] == ["accepted"]
    context.close()


def test_until_the_answer_comes_the_form_is_sent_once_however_often_it_is_submitted(
    browser: Browser, gate: Service
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gate.base}/auth/login")
    page.get_by_label("Code from your authenticator").fill("123456")

    seen = page.evaluate(
        """() => {
            const form = document.querySelector("form"), button = form.querySelector("button");
            let sent = 0;
            form.addEventListener("submit", event => {
                if (!event.defaultPrevented) sent += 1;
                event.preventDefault();
            });
            button.click();
            const disabled = button.disabled;
            button.click();
            form.requestSubmit();
            return [sent, disabled];
        }"""
    )

    assert seen == [1, True]
    context.close()


def test_who_comes_back_to_the_page_can_send_the_form_again(browser: Browser, gate: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gate.base}/auth/login")
    page.get_by_label("Code from your authenticator").fill("000")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.go_back()

    expect(page.get_by_role("button", name="Log in")).to_be_enabled()
    context.close()


def test_who_is_logged_in_is_led_on(browser: Browser, gate: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gate.base}/auth/login?return_to=/healthz")
    page.get_by_label("Code from your authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
    page.keyboard.press("Enter")
    page.wait_for_url(f"{gate.base}/healthz")

    page.goto(f"{gate.base}/auth/login?return_to=/problems/locked")
    assert page.url == f"{gate.base}/problems/locked"
    context.close()


def show(page: Page, url: str, content: str) -> None:
    """Open a page that is not the service's."""

    def answer(route: Route) -> None:
        route.fulfill(content_type="text/html", body=content)

    page.route(url, answer)
    page.goto(url)
    page.unroute(url)


@contextmanager
def serving(content: str) -> Iterator[int]:
    """Serve one page, and yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Keep the output of the tests free of requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_sibling_host_logs_nobody_out_but_a_person_can(browser: Browser, gate: Service) -> None:
    """`app.test` and `evil.app.test` are one site and two origins; over plain HTTP browsers send no Fetch Metadata."""
    rules = (
        "--host-resolver-rules=MAP app.test 127.0.0.1, MAP evil.app.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    )
    named = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, rules])
    with closing(named):
        page = named.new_page(viewport={"width": 320, "height": 500})
        site, sibling = (f"http://{host}:{gate.port}" for host in ("app.test", "evil.app.test"))
        page.goto(f"{site}/auth/login?return_to=/healthz")
        page.get_by_label("Code from your authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
        page.keyboard.press("Enter")
        page.wait_for_url(f"{site}/healthz")
        for content in (
            f'<a href="{site}/auth/logout">go</a>',
            f'<a href="{site}/auth/logout" referrerpolicy="no-referrer">go</a>',
            f'<form method="post" action="{site}/auth/logout"><button>go</button></form>',
        ):
            show(page, f"{sibling}/", content)
            page.get_by_text("go").click()
            expect(page.get_by_role("heading", name="Log out of Open-MFA?")).to_be_visible()
            page.goto(f"{site}/auth/login?return_to=/healthz")
            assert page.url == f"{site}/healthz", "still logged in"

        # Chromium lets only a page of a real server load a picture from this machine.
        for attributes in ("", 'referrerpolicy="no-referrer"'):
            with serving(f'<img src="{site}/auth/logout" {attributes}>') as port:
                page.goto(f"http://evil.app.test:{port}/", wait_until="load")
            page.goto(f"{site}/auth/login?return_to=/healthz")
            assert page.url == f"{site}/healthz", "still logged in"

        show(page, f"{sibling}/", f'<a href="{site}/auth/logout">go</a>')
        page.get_by_text("go").click()
        assert serious_findings(page) == []
        keep_picture(page, "logout")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{site}/")
        page.goto(f"{site}/auth/login")
        expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_browser_reads_every_target_as_the_service_does(browser: Browser) -> None:
    """Chromium reads a Location with its WHATWG URL parser."""
    choose = Random(20261127)
    starts = ("", "/", "https://", "https://app.example.com", "https://app.example.com/", "https://app.example.com:")
    texts = [
        start + "".join(choose.choices(URL_PIECES, k=choose.randint(1, 5))) for start in starts for _ in range(5000)
    ]
    judged = sorted({ReturnTo(domain="example.com").safe(text) for text in texts})
    context = browser.new_context()
    read = context.new_page().evaluate(
        """targets => targets.map(target => {
            try { return new URL(target, "https://login.example.com/auth/login").href } catch { return null }
        })""",
        judged,
    )
    context.close()

    led = {target: urlsplit(href) for target, href in zip(judged, read, strict=True) if href is not None}
    assert len(led) > 1000
    assert sum(target.startswith("https://") for target in led) > 100
    assert [each for each, parts in led.items() if parts.scheme != "https" or parts.username is not None] == []
    assert [each for each, parts in led.items() if not f".{parts.hostname}".endswith(".example.com")] == []
    assert [each for each, parts in led.items() if each.startswith("/") and parts.netloc != "login.example.com"] == []

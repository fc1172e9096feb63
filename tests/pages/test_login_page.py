"""The gate's pages in a real browser: at three widths, and in both themes."""

import re
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Thread
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from presentation.http.gate.return_to import ReturnTo
from tests.pages.looks import LOOKS, Look, check_look
from tests.service.accounts import KEYS
from tests.support.browser import ARGUMENTS, CHROMIUM, Witness
from tests.support.service import Service
from tests.support.urls import URL_PIECES

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.fixture(params=LOOKS, ids=str)
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[Page, Look]]:
    """Yield a page and its look."""
    look: Look = request.param
    context = browser.new_context(viewport={"width": look.width, "height": 700}, color_scheme=look.theme)
    yield context.new_page(), look
    context.close()


@pytest.fixture
def gate() -> Iterator[Service]:
    """Start a service for one test, because the service accepts each code only once."""
    with Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_ISSUER="Example & Sons") as running:
        yield running


@pytest.fixture(scope="module")
def gate_with_accounts() -> Iterator[Service]:
    with Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_GATE_TENANT="shop", **KEYS) as running:
        yield running


def description(field: Locator) -> str:
    """Return the text that assistive technology reads as the description of a field."""
    text: str = field.evaluate(
        "field => field.getAttribute('aria-describedby').split(' ')"
        ".map(id => document.getElementById(id).innerText).join(' ')"
    )
    return text


def test_a_person_mistypes_a_code_and_then_logs_in(visit: tuple[Page, Look], gate: Service) -> None:
    page, look = visit
    code = pyotp.TOTP(SECRET).at(int(time.time()))
    witness = Witness(page)
    page.goto(f"{gate.base}/auth/login?return_to=/healthz")
    field = page.get_by_label("Code from your authenticator")
    expect(field).to_be_focused()
    expect(page.get_by_role("heading", name="Log in to Example & Sons")).to_be_visible()
    expect(page.get_by_text(f"127.0.0.1:{gate.port}")).to_be_visible()
    assert description(field) == "The 6 digits that your authenticator app shows for Example & Sons."
    expect(field).to_have_attribute("autocomplete", "one-time-code")
    expect(field).to_have_attribute("inputmode", "numeric")
    check_look(page, "login", look)

    field.fill("12 34")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(field).to_be_focused()
    assert page.get_by_role("alert").inner_text() in description(field)
    assert page.title().startswith("Not accepted")
    check_look(page, "login-refused", look)
    # Mail and chat programs add such characters to a code that is copied from them.
    field.fill(f"\ufeff{code[:3]}\u00a0{code[3:]}\u200b")
    page.get_by_role("button", name="Log in").click()

    page.wait_for_url("**/healthz")
    # A browser logs every response that is not a success.
    assert [text for text in witness.complaints if "status of 403" not in text] == []
    assert witness.hosts == {f"127.0.0.1:{gate.port}"}


def test_with_accounts_the_page_asks_for_the_account_and_for_any_code_of_it(
    visit: tuple[Page, Look], gate_with_accounts: Service
) -> None:
    page, look = visit
    witness = Witness(page)
    page.goto(f"{gate_with_accounts.base}/auth/login")
    account, code = page.get_by_label("Account"), page.get_by_label("Code from your authenticator")
    expect(account).to_be_focused()
    assert "shared code" in description(account)
    assert "recovery codes" in description(code)
    check_look(page, "login-account", look)

    account.fill("nobody@example.com")
    code.fill("123456")
    code.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("account or the code is wrong")
    expect(account).to_have_value("nobody@example.com")
    expect(code).to_be_focused()
    check_look(page, "login-account-refused", look)
    assert witness.hosts == {f"127.0.0.1:{gate_with_accounts.port}"}


def test_the_page_reports_the_attempts_left_and_then_the_lock(browser: Browser, gate: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gate.base}/auth/login")
    field = page.get_by_label("Code from your authenticator")
    now = int(time.time())
    near = {pyotp.TOTP(SECRET).at(now + 30 * steps) for steps in range(-3, 4)}
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in near)

    shown = []
    for _ in range(6):
        field.fill(wrong)
        with page.expect_navigation():
            field.press("Enter")
        shown.append(page.get_by_role("alert").inner_text())
    context.close()

    assert [text.rpartition(". ")[2] for text in shown[:4]] == [
        "4 attempts left.",
        "3 attempts left.",
        "2 attempts left.",
        "1 attempt left.",
    ]
    assert [re.search(r"too many wrong codes.* \d+ seconds?\.", text, re.IGNORECASE) is None for text in shown[4:]] == [
        False,
        False,
    ]


def test_the_page_works_without_javascript_and_with_the_keyboard_alone(browser: Browser, gate: Service) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{gate.base}/auth/login")
    page.keyboard.type("000")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_be_visible()
    context.close()


def test_a_double_click_sends_the_code_only_once(browser: Browser, gate: Service) -> None:
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


def test_the_form_is_sent_once_until_the_response_arrives(browser: Browser, gate: Service) -> None:
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


def test_a_person_can_go_back_and_send_the_form_again(browser: Browser, gate: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gate.base}/auth/login")
    page.get_by_label("Code from your authenticator").fill("000")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.go_back()

    expect(page.get_by_role("button", name="Log in")).to_be_enabled()
    context.close()


def test_the_page_redirects_a_person_who_is_logged_in(browser: Browser, gate: Service) -> None:
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
    """Open a page of another site."""

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
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_sibling_host_cannot_log_a_person_out_but_the_person_can_confirm(browser: Browser, gate: Service) -> None:
    """`app.test` and `evil.app.test` are one site and two origins. Over HTTP, browsers send no Fetch Metadata."""
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
            expect(page.get_by_role("heading", name="Log out of Example & Sons?")).to_be_visible()
            page.goto(f"{site}/auth/login?return_to=/healthz")
            assert page.url == f"{site}/healthz", "still logged in"

        # In Chromium, only a page of a real server can load a picture from this machine.
        for attributes in ("", 'referrerpolicy="no-referrer"'):
            with serving(f'<img src="{site}/auth/logout" {attributes}>') as port:
                page.goto(f"http://evil.app.test:{port}/", wait_until="load")
            page.goto(f"{site}/auth/login?return_to=/healthz")
            assert page.url == f"{site}/healthz", "still logged in"

        show(page, f"{sibling}/", f'<a href="{site}/auth/logout">go</a>')
        page.get_by_text("go").click()
        expect(page.get_by_text(f"app.test:{gate.port}")).to_be_visible()
        for look in LOOKS:
            page.set_viewport_size({"width": look.width, "height": 700})
            page.emulate_media(color_scheme=look.theme)
            check_look(page, "logout", look)
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{site}/")
        page.goto(f"{site}/auth/login")
        expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_browser_resolves_every_accepted_target_as_the_service_does(browser: Browser) -> None:
    """Chromium parses a Location with its WHATWG URL parser."""
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

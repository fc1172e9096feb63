"""The pages in German, in a real browser: at three widths, in both themes, and with large text."""

import time
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from presentation.http.framework.problem_types import BY_SLUG
from tests.conftest import require_redis_server
from tests.pages.looks import LOOKS, Look, check_look
from tests.service.accounts import KEYS
from tests.support.browser import Witness, keep_picture
from tests.support.redis_server import RedisServer
from tests.support.service import Service

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
LARGE = "document.documentElement.style.fontSize = '200%'"


@pytest.fixture(scope="module")
def gate() -> Iterator[Service]:
    with Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_ISSUER="Muster & Söhne", **KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def gate_with_accounts() -> Iterator[Service]:
    with Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_GATE_TENANT="shop", **KEYS) as running:
        yield running


@pytest.fixture(params=LOOKS, ids=str)
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[Page, Look]]:
    """Yield a page of a browser that prefers Austrian German, and its look."""
    look: Look = request.param
    size = {"width": look.width, "height": 700}
    context = browser.new_context(viewport=size, color_scheme=look.theme, locale="de-AT")  # type: ignore[arg-type]
    yield context.new_page(), look
    context.close()


def assert_fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"
    cut = page.evaluate(
        """[...document.querySelectorAll("button, label, h1, h2, p, a, span, code")]
            .filter(each => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
            .map(each => each.outerHTML)"""
    )
    assert cut == [], "cut off"


def check(page: Page, name: str, look: Look) -> None:
    """Check the page at its look, and once more with text of twice the size."""
    expect(page.locator("html")).to_have_attribute("lang", "de")
    check_look(page, f"de-{name}", look)
    assert_fits(page)
    page.evaluate(LARGE)
    keep_picture(page, f"de-{name}-{look}-large")
    assert_fits(page)
    page.evaluate("document.documentElement.style.fontSize = ''")


def test_the_log_in_page(visit: tuple[Page, Look], gate: Service) -> None:
    page, look = visit
    witness = Witness(page)
    page.goto(f"{gate.base}/auth/login?return_to=/healthz")
    field = page.get_by_label("Code aus Ihrem Authenticator")
    expect(field).to_be_focused()
    expect(page.get_by_role("heading", name="Anmeldung bei Muster & Söhne")).to_be_visible()
    check(page, "login", look)

    field.fill("12 34")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Ein Code hat 6\u00a0Ziffern.")
    assert page.title().startswith("Nicht angenommen")
    check(page, "login-refused", look)
    assert [text for text in witness.complaints if "status of 403" not in text] == []


def test_the_log_in_page_with_accounts(visit: tuple[Page, Look], gate_with_accounts: Service) -> None:
    page, look = visit
    page.goto(f"{gate_with_accounts.base}/auth/login")
    page.get_by_label("Konto").fill("niemand@example.com")
    page.get_by_label("Code aus Ihrem Authenticator").fill("123456")
    check(page, "login-account", look)
    page.get_by_role("button", name="Anmelden").click()

    expect(page.get_by_role("alert")).to_contain_text("Das Konto oder der Code ist falsch")
    check(page, "login-account-refused", look)


def test_the_log_out_page(visit: tuple[Page, Look], gate: Service) -> None:
    page, look = visit
    page.route(
        "https://other.example/",
        lambda route: route.fulfill(content_type="text/html", body=f'<a href="{gate.base}/auth/logout">go</a>'),
    )
    page.goto("https://other.example/")
    page.get_by_text("go").click()

    expect(page.get_by_role("heading", name="Von Muster & Söhne abmelden?")).to_be_visible()
    check(page, "logout", look)


def test_the_page_after_a_log_out_without_a_store(browser: Browser) -> None:
    require_redis_server()
    look = Look(320, "light")
    with RedisServer() as redis, Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_REDIS_URL=redis.url) as service:
        context = browser.new_context(viewport={"width": 320, "height": 700}, color_scheme="light", locale="de-DE")
        page = context.new_page()
        page.goto(f"{service.base}/auth/login?return_to=/healthz")
        page.get_by_label("Code aus Ihrem Authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
        page.get_by_role("button", name="Anmelden").click()
        page.wait_for_url("**/healthz")
        redis.kill()
        page.goto("about:blank")
        # A form of this site sends the request that the button of an application would send.
        page.route(
            f"{service.base}/application",
            lambda route: route.fulfill(
                content_type="text/html", body='<form method="post" action="/auth/logout"><button>go</button></form>'
            ),
        )
        page.goto(f"{service.base}/application")
        page.get_by_text("go").click()

        expect(page.get_by_role("heading", name="In diesem Browser abgemeldet")).to_be_visible()
        assert context.cookies() == []
        check(page, "logged-out-here", look)
        context.close()


@pytest.mark.parametrize("path", ["problems", *(f"problems/{slug}" for slug in BY_SLUG)])
def test_the_pages_of_the_problems_fit_a_narrow_screen(browser: Browser, gate: Service, path: str) -> None:
    look = Look(320, "light")
    context = browser.new_context(viewport={"width": 320, "height": 700}, color_scheme="light", locale="de-DE")
    page = context.new_page()
    page.goto(f"{gate.base}/{path}")
    check(page, path.replace("/", "-"), look)
    context.close()


@pytest.mark.parametrize("path", ["problems", "problems/code-rejected"])
def test_the_pages_of_the_problems(visit: tuple[Page, Look], gate: Service, path: str) -> None:
    page, look = visit
    page.goto(f"{gate.base}/{path}")
    check(page, path.replace("/", "-"), look)


@pytest.mark.parametrize("path", ["auth/login", "problems", "problems/unauthenticated"])
def test_english_pages_with_large_text(browser: Browser, gate: Service, path: str) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 700}, locale="en-GB")
    page = context.new_page()
    page.goto(f"{gate.base}/{path}")
    page.evaluate(LARGE)
    keep_picture(page, f"en-{path.replace('/', '-')}-320-large")
    assert_fits(page)
    context.close()


def test_a_person_logs_in_in_german(browser: Browser) -> None:
    with Service(OPEN_MFA_GATE_SECRET=SECRET) as gate:
        context = browser.new_context(locale="de-DE")
        page = context.new_page()
        page.goto(f"{gate.base}/auth/login?return_to=/problems/locked")
        page.get_by_label("Code aus Ihrem Authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
        page.get_by_role("button", name="Anmelden").click()

        page.wait_for_url("**/problems/locked")
        expect(page.get_by_role("heading", level=1)).to_have_text("Dieser Faktor ist gesperrt")
        context.close()

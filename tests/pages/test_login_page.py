"""The gate's log-in page in a real browser, at two widths and in both themes."""

import time
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import Witness, keep_picture, serious_findings
from tests.support.service import Service

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
    field.fill(f"{code[:3]} {code[3:]}")
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

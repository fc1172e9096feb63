"""The pages in a real browser: what a person sees, scans and tries (docs/reference/http.md, Operation)."""

import re
from collections.abc import Iterator
from typing import Literal

import pyotp
import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from tests.service.sessions import Session
from tests.support.browser import Witness, keep_picture, serious_findings
from tests.support.pictures import qr_text
from tests.support.service import Service

THE_WIDEST = ["session_get_all", "session_post_totp", "session_post_totp_verify", "admin_put_logging"]
LABEL = "Zoë Ångström 日本語 🔐"


@pytest.fixture(params=[1280, 320])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": request.param, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def docs(page: Page, service: Service) -> Iterator[Page]:
    """The documentation; it fails the test when the page complains, or asks anybody else."""
    witness = Witness(page)
    page.goto(f"{service.base}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    yield page
    assert witness.complaints == []
    assert witness.hosts == {f"127.0.0.1:{service.port}"}


def try_out(docs: Page, operation: str, body: str | None = None) -> Locator:
    """Opens an operation, sends it, and returns where it shows the answer."""
    block = docs.locator(f"[id^=operations-][id$={operation}]")
    block.locator(".opblock-summary").click()
    block.get_by_role("button", name="Try it out").click()
    if body is not None:
        block.locator("textarea").fill(body)
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")
    expect(answer).to_be_visible()
    return answer


def test_the_documentation_shows_all_operations(docs: Page, service: Service) -> None:
    paths = requests.get(f"{service.base}/openapi.json", timeout=5).json()["paths"]

    expect(docs.locator(".opblock")).to_have_count(sum(len(methods) for methods in paths.values()))


def test_the_documentation_fits_the_screen(docs: Page) -> None:
    for operation in THE_WIDEST:
        docs.locator(f"[id^=operations-][id$={operation}] .opblock-summary").click()
    expect(docs.locator(".responses-table")).to_have_count(len(THE_WIDEST))

    assert docs.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("theme", "darkest", "lightest"), [("light", 0, 110), ("dark", 150, 255)])
def test_the_documentation_has_the_colours_that_a_reader_prefers(
    page: Page, service: Service, theme: Literal["light", "dark"], darkest: int, lightest: int
) -> None:
    witness = Witness(page)
    page.emulate_media(color_scheme=theme)
    page.goto(f"{service.base}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    keep_picture(page, f"docs-{theme}-{page.evaluate('innerWidth')}")

    text = page.evaluate("getComputedStyle(document.querySelector('.opblock-summary-path')).color")

    brightness = [int(number) for number in re.findall(r"\d+", text)]
    assert darkest <= min(brightness) <= max(brightness) <= lightest
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert witness.complaints == []


def test_the_documentation_asks_nobody_for_a_cookie(docs: Page) -> None:
    """A browser sends the cookie by itself, and scripts can't set it."""
    docs.get_by_role("button", name="Authorize").first.click()

    expect(docs.locator(".dialog-ux form")).to_have_count(1)
    expect(docs.locator(".dialog-ux")).to_contain_text("administrator")


def test_a_person_enrols_and_verifies_in_the_documentation(docs: Page) -> None:
    enrolled = try_out(docs, "session_post_totp", "{}")
    expect(enrolled.locator(".response-col_status").first).to_contain_text("201")
    found = re.search(r"secret=([A-Z2-7]+)", enrolled.inner_text())
    assert found is not None

    verified = try_out(docs, "session_post_totp_verify", f'{{"code": "{pyotp.TOTP(found.group(1)).now()}"}}')

    expect(verified.locator(".response-col_status").first).to_contain_text("200")


@pytest.mark.parametrize("operation", ["session_get_hotp_qr", "session_get_hotp_qr_png"])
def test_the_qr_code_that_the_documentation_shows_can_be_scanned(docs: Page, operation: str) -> None:
    enrolled = try_out(docs, "session_post_hotp", "{}")
    found = re.search(r"otpauth://[^\s\"]+", enrolled.inner_text())
    assert found is not None

    picture = try_out(docs, operation).locator("img")

    expect(picture).to_be_visible()
    # As large as it is, and not as the page scales it down.
    picture.evaluate("image => { image.style.maxWidth = 'none' }")
    assert qr_text(picture.screenshot()) == found.group(0)


def test_an_administrator_authorizes_in_the_documentation(docs: Page, service: Service) -> None:
    docs.get_by_role("button", name="Authorize").first.click()
    dialog = docs.locator(".dialog-ux")
    dialog.locator("input[name=username]").fill("admin")
    dialog.locator("input[name=password]").fill(service.settings["OPEN_MFA_ADMIN_PASSWORD"])
    dialog.locator("button[type=submit]").click()
    dialog.get_by_role("button", name="Close").click()

    answer = try_out(docs, "admin_get_server")

    expect(answer.locator(".response-col_status").first).to_contain_text("200")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("slug", ["code-rejected", "store-unavailable"])
def test_the_page_of_a_problem_fits_the_screen(
    page: Page, service: Service, slug: str, theme: Literal["light", "dark"]
) -> None:
    witness = Witness(page)
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(f"{service.base}/problems/{slug}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert serious_findings(page) == []
    keep_picture(page, f"problem-{slug}-{theme}")

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert witness.complaints == []


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_the_svg_on_a_screen_reads_as_the_provisioning_uri(
    browser: Browser, service: Service, factor: str, algorithm: str
) -> None:
    session = Session(service.port)
    enrolled = session.enrol(factor, algorithm=algorithm, label=LABEL, digits=8)
    context = browser.new_context(viewport={"width": 700, "height": 700}, extra_http_headers=session.headers)
    screen = context.new_page()
    screen.goto(service.base + enrolled["qr"])
    picture = screen.screenshot()
    context.close()

    assert qr_text(picture) == enrolled["uri"]

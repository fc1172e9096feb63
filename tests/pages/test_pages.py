"""Swagger UI, the pages of the problems, and QR codes in a real browser (docs/reference/http.md)."""

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Literal

import pyotp
import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from tests.pages.looks import LOOKS, Look, check_look
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
    """Yield Swagger UI. The test fails if the page logs an error or sends a request to another host."""
    witness = Witness(page)
    page.goto(f"{service.base}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    yield page
    assert witness.complaints == []
    assert witness.hosts == {f"127.0.0.1:{service.port}"}


def try_out(docs: Page, operation: str, body: str | None = None) -> Locator:
    """Open an operation and send its request. Return the element with the response."""
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
def test_the_documentation_follows_the_preferred_theme(
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
    # The structure of Swagger UI has findings of other kinds.
    assert [finding for finding in serious_findings(page) if finding.startswith("color-contrast")] == []
    assert witness.complaints == []


def test_the_documentation_does_not_ask_for_a_cookie(docs: Page) -> None:
    """A browser sends the cookie itself, and scripts cannot set it."""
    docs.get_by_role("button", name="Authorize").first.click()

    expect(docs.locator(".dialog-ux form")).to_have_count(1)
    expect(docs.locator(".dialog-ux")).to_contain_text("administrator")


def test_a_person_can_enrol_and_verify_in_the_documentation(docs: Page) -> None:
    enrolled = try_out(docs, "session_post_totp", "{}")
    expect(enrolled.locator(".response-col_status").first).to_contain_text("201")
    match = re.search(r"secret=([A-Z2-7]+)", enrolled.inner_text())
    assert match is not None

    verified = try_out(docs, "session_post_totp_verify", f'{{"code": "{pyotp.TOTP(match.group(1)).now()}"}}')

    expect(verified.locator(".response-col_status").first).to_contain_text("200")


IN_FULL_SIZE = """async image => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


def in_full_size(picture: Locator) -> bytes:
    """Return an image as the browser has decoded it, as PNG. A narrow page shows it too small to be scanned."""
    return b64decode(picture.evaluate(IN_FULL_SIZE))


@pytest.mark.parametrize("operation", ["session_get_hotp_qr", "session_get_hotp_qr_png"])
def test_the_qr_code_that_the_documentation_shows_can_be_scanned(docs: Page, operation: str) -> None:
    enrolled = try_out(docs, "session_post_hotp", "{}")
    match = re.search(r"otpauth://[^\s\"]+", enrolled.inner_text())
    assert match is not None

    picture = try_out(docs, operation).locator("img")

    expect(picture).to_be_visible()
    assert qr_text(in_full_size(picture)) == match.group(0)


def test_an_administrator_can_authorize_in_the_documentation(docs: Page, service: Service) -> None:
    docs.get_by_role("button", name="Authorize").first.click()
    dialog = docs.locator(".dialog-ux")
    dialog.locator("input[name=username]").fill("admin")
    dialog.locator("input[name=password]").fill(service.settings["OPEN_MFA_ADMIN_PASSWORD"])
    dialog.locator("button[type=submit]").click()
    dialog.get_by_role("button", name="Close").click()

    answer = try_out(docs, "admin_get_server")

    expect(answer.locator(".response-col_status").first).to_contain_text("200")


@pytest.mark.parametrize("look", LOOKS, ids=str)
@pytest.mark.parametrize("path", ["/problems", "/problems/code-rejected", "/problems/store-unavailable"])
def test_the_pages_of_the_problems_fit_the_screen(browser: Browser, service: Service, path: str, look: Look) -> None:
    context = browser.new_context(viewport={"width": look.width, "height": 700}, color_scheme=look.theme)
    page = context.new_page()
    witness = Witness(page)
    page.goto(f"{service.base}{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    check_look(page, path[1:].replace("/", "-"), look)
    assert witness.complaints == []
    assert witness.hosts == {f"127.0.0.1:{service.port}"}
    context.close()


def test_all_pages_link_to_each_other_and_have_the_same_icon(browser: Browser, service: Service) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{service.base}/")
    for name, path in (("API", "/docs"), ("Problems", "/problems"), ("Try it", "/"), ("Open-MFA", "/")):
        page.get_by_role("banner").get_by_role("link", name=name).click()
        page.wait_for_url(f"{service.base}{path}")
        icon = page.locator("link[rel=icon]").get_attribute("href")
        assert icon == "/assets/logo.svg"
        expect(page.get_by_role("contentinfo")).to_be_visible()
    assert page.request.get(f"{service.base}{icon}").headers["content-type"].startswith("image/svg+xml")

    page.goto(f"{service.base}/problems")
    page.get_by_role("link", name="This factor is locked").click()
    page.wait_for_url(f"{service.base}/problems/locked")
    expect(page.get_by_role("main")).to_contain_text("429")
    page.get_by_role("link", name="All problems").click()
    page.wait_for_url(f"{service.base}/problems")
    context.close()


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
@pytest.mark.parametrize("factor", ["hotp", "totp"])
def test_the_svg_on_a_screen_contains_the_provisioning_uri(
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

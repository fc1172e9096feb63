"""A complete log-in in a real browser, through real proxies."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.application import Application
from tests.e2e.conftest import SECRET
from tests.e2e.people import Person
from tests.e2e.proxies import PROXIES, Ports, nginx, running
from tests.support.browser import ARGUMENTS, CHROMIUM, Witness
from tests.support.service import Service

WANTED = "/page/reports?year=2026"
# A minimal configuration: the gate learns neither the name of the site nor the address of the client.
PLAIN = """
server {
  listen 127.0.0.1:8000;
  location / {
    auth_request /auth/check;
    error_page 401 = @login;
    auth_request_set $user $upstream_http_remote_user;
    proxy_set_header Remote-User $user;
    proxy_pass http://127.0.0.1:3000;
  }
  location = /auth/check {
    internal;
    proxy_pass http://127.0.0.1:8080;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
  }
  location @login { return 302 /auth/login?return_to=$request_uri; }
  location /auth/ { proxy_pass http://127.0.0.1:8080; }
}
"""
# A browser logs every page that is not a success.
NOTE_OF_A_REFUSAL = "status of 403"

Prepare = Callable[[Path, Ports], list[str]]
CONFIGURATIONS: dict[str, Prepare] = {**PROXIES, "plain nginx": partial(nginx, text=PLAIN)}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def site(request: pytest.FixtureRequest, application: Application, service: Service) -> Iterator[str]:
    with running(CONFIGURATIONS[request.param], service.port, application.server_port) as found:
        yield found


def log_in(page: Page, code: str, account: str = "") -> None:
    if account:
        page.get_by_label("Account").fill(account)
    page.get_by_label("Code from your authenticator").fill(code)
    page.get_by_role("button", name="Log in").click()


def test_a_person_mistypes_a_code_then_logs_in_and_logs_out(
    page: Page, site: str, application: Application, alice: Person
) -> None:
    witness = Witness(page)
    before = len(application.heard)
    page.goto(f"{site}{WANTED}")
    assert page.url.startswith(f"{site}/auth/login?return_to=")

    log_in(page, "12 34", alice.name)
    expect(page.get_by_role("alert")).to_be_visible()
    assert application.heard[before:] == []
    log_in(page, alice.code(), alice.name)

    expect(page.get_by_role("heading", name="The application")).to_be_visible()
    assert page.url == f"{site}{WANTED}"
    assert page.locator("#path").inner_text() == WANTED
    assert page.locator("#user").inner_text() == alice.name
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    gate = cookies["open_mfa_gate"]
    assert (gate["httpOnly"], gate["sameSite"], gate["path"]) == (True, "Lax", "/")

    page.get_by_role("button", name="Log out").click()
    # The redirect to the site's first page leads to the log-in page.
    page.wait_for_url("**/auth/login?return_to=/")
    page.goto(f"{site}{WANTED}")
    assert page.url.startswith(f"{site}/auth/login?return_to=")
    assert "open_mfa_gate" not in {cookie["name"] for cookie in page.context.cookies()}

    assert [text for text in witness.complaints if NOTE_OF_A_REFUSAL not in text] == []
    assert len(witness.complaints) == 1
    assert witness.hosts == {site.removeprefix("http://")}


def test_the_application_may_redirect_to_another_site_after_the_log_in(page: Page, site: str, service: Service) -> None:
    """Single sign-on does this. Chromium applies the form-action policy to every redirect after a form."""
    person = Person(service, f"carol-{site.rpartition(':')[2]}")
    page.goto(f"{site}/elsewhere?to={service.base}/problems/locked")

    log_in(page, person.code(), person.name)

    page.wait_for_url(f"{service.base}/problems/locked")


def test_two_people_log_in_under_their_own_names(browser: Browser, site: str, service: Service, alice: Person) -> None:
    bob = Person(service, f"bob-{site.rpartition(':')[2]}")
    pages = {}
    for person in (alice, bob):
        pages[person.name] = browser.new_context().new_page()
        pages[person.name].goto(f"{site}/page")
        log_in(pages[person.name], person.code(), person.name)
        expect(pages[person.name].get_by_role("heading", name="The application")).to_be_visible()

    for name, page in pages.items():
        page.reload()
        assert page.locator("#user").inner_text() == name
        page.context.close()


def test_with_the_shared_secret_the_page_asks_only_for_a_code(
    browser: Browser, page: Page, application: Application
) -> None:
    witness = Witness(page)
    with (
        Service(OPEN_MFA_GATE_SECRET=SECRET, OPEN_MFA_TRUSTED_PROXIES="1") as service,
        running(nginx, service.port, application.server_port) as site,
    ):
        page.goto(f"{site}{WANTED}")
        assert page.get_by_role("textbox").count() == 1

        code = pyotp.TOTP(SECRET).at(time.time())
        log_in(page, f"{code[:3]} {code[3:]}")
        expect(page.get_by_role("heading", name="The application")).to_be_visible()
        assert (page.url, page.locator("#user").inner_text()) == (f"{site}{WANTED}", "everybody")

        # In another browser, the code is spent.
        second = browser.new_context().new_page()
        second.goto(f"{site}{WANTED}")
        log_in(second, code)
        expect(second.get_by_role("alert")).to_be_visible()
        second.context.close()
    assert witness.complaints == []


def test_the_log_in_works_over_http_where_browsers_send_origin_instead_of_fetch_metadata(
    browser: Browser, application: Application, service: Service, alice: Person
) -> None:
    rules = "--host-resolver-rules=MAP app.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    by_name = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, rules])
    with running(nginx, service.port, application.server_port) as site, closing(by_name):
        page = by_name.new_page()
        page.goto(f"{site.replace('127.0.0.1', 'app.test')}/page")
        page.get_by_label("Account").fill(alice.name)
        page.get_by_label("Code from your authenticator").fill(alice.code())
        page.get_by_role("button", name="Log in").click()

        expect(page.get_by_role("heading", name="The application")).to_be_visible()
        # The try-it page sends JSON instead of a form.
        page.goto(f"http://app.test:{service.port}/")
        page.get_by_role("button", name="Enrol TOTP").click()
        expect(page.locator("#qr[src]")).to_be_visible()

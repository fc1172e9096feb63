"""One log-in for all hosts of a domain, in a real browser through nginx with TLS."""

import re
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.application import Application
from tests.e2e.conftest import SECRET
from tests.e2e.proxies import CONFIGURATIONS, nginx, port_of, running
from tests.support.browser import ARGUMENTS, CHROMIUM
from tests.support.redis_topologies import Certificates
from tests.support.service import Service

DOMAIN = "mfa.test"
RULES = f"--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1, MAP {DOMAIN} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@pytest.fixture
def port(application: Application) -> Iterator[int]:
    """Yield the port on which nginx serves every host with TLS."""
    settings = {"OPEN_MFA_GATE_SECRET": SECRET, "OPEN_MFA_TRUSTED_PROXIES": "1", "OPEN_MFA_COOKIE_SECURE": "true"}
    with (
        Certificates() as certificates,
        Service(OPEN_MFA_GATE_COOKIE_DOMAIN=DOMAIN, **settings) as service,
    ):
        certificates.directory.chmod(0o755)
        files = (
            f"ssl_certificate{kind} {certificates.directory}/redis.{end};"
            for kind, end in (("", "crt"), ("_key", "key"))
        )
        tls = f"listen 127.0.0.1:8000 ssl; {' '.join(files)}"
        text = (CONFIGURATIONS / "nginx.conf").read_text().replace("listen 127.0.0.1:8000;", tls)
        with running(partial(nginx, text=text), service.port, application.server_port) as site:
            yield port_of(site)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    named = browser.browser_type.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, RULES])
    with closing(named):
        yield named.new_context(ignore_https_errors=True).new_page()


def test_a_log_in_and_a_log_out_at_one_host_apply_to_all_hosts(page: Page, port: int) -> None:
    app, other = (f"https://{name}.{DOMAIN}:{port}/page?x=y" for name in ("app", "other"))
    page.goto(app)
    assert page.url.startswith(f"https://app.{DOMAIN}:{port}/auth/login?return_to=https%3A//app.{DOMAIN}")
    # In other deployments, only one host has the log-in page.
    page.goto(page.url.replace(f"https://app.{DOMAIN}:", f"https://login.{DOMAIN}:", 1))
    page.get_by_label("Code from your authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
    page.get_by_role("button", name="Log in").click()

    page.wait_for_url(app)
    expect(page.get_by_role("heading", name="The application")).to_be_visible()
    page.goto(other)
    expect(page.get_by_role("heading", name="The application")).to_be_visible()
    (cookie,) = [each for each in page.context.cookies() if "gate" in each["name"]]
    assert (cookie["name"], cookie["domain"], cookie["path"]) == ("__Secure-open_mfa_gate", f".{DOMAIN}", "/")

    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(re.compile("/auth/login"))
    page.goto(app)
    assert page.url.startswith(f"https://app.{DOMAIN}:{port}/auth/login")


def test_a_link_on_another_host_of_the_domain_cannot_log_a_person_out(page: Page, port: int) -> None:
    app = f"https://app.{DOMAIN}:{port}/page"
    page.goto(app)
    page.get_by_label("Code from your authenticator").fill(pyotp.TOTP(SECRET).at(int(time.time())))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(app)
    page.goto(f"https://other.{DOMAIN}:{port}/page")
    # According to Fetch Metadata, this is the same site and another origin.
    page.evaluate("url => { location.href = url }", f"https://app.{DOMAIN}:{port}/auth/logout")
    expect(page.get_by_role("heading", name="Log out of Open-MFA?")).to_be_visible()

    page.goto(app)
    expect(page.get_by_role("heading", name="The application")).to_be_visible()

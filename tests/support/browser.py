"""A real browser that can connect only to this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.processes import PATIENCE

CHROMIUM = "/usr/bin/chromium"
MISSING_CHROMIUM = "chromium is not installed, so no page was tested in a browser (Debian: apt-get install chromium)"
AXE = Path(__file__).parents[1] / "node_modules/axe-core/axe.min.js"
MISSING_AXE = "axe-core is not installed, so accessibility was not checked (npm ci in tests/, as `make e2e` does)"
PICTURES = Path(__file__).parents[2] / "build/screenshots"
"""The directory of the screenshots."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOBODY_ELSE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""The browser resolves no host name."""

# A condition that becomes true ends the wait at once. The default of 5 s can be too short on a loaded machine.
expect.set_options(timeout=PATIENCE * 1000)


def require_chromium() -> None:
    """Fail the test in CI and skip it elsewhere, if Chromium is not installed."""
    if shutil.which(CHROMIUM) is None:
        _miss(MISSING_CHROMIUM)


def _miss(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium without a window."""
    require_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, NOBODY_ELSE])
        yield browser
        browser.close()


def serious_findings(page: Page) -> list[str]:
    """Return the serious and critical violations that axe-core finds on the page."""
    if not AXE.exists():
        _miss(MISSING_AXE)
    # During a transition, colours are between those of two themes or states.
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished))")
    # The policy of the page forbids further scripts in it.
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")
    return [
        f"{rule['id']}: {rule['help']}: {node['target']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def keep_picture(page: Page, name: str) -> None:
    """Write a screenshot of the whole page to `build/screenshots`."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


class Witness:
    """Record the errors of a page and the hosts of its requests."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2] if "://" in request.url else ""))

    def _console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

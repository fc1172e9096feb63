"""A real browser that reaches nothing but this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.processes import PATIENCE

CHROMIUM = "/usr/bin/chromium"
MISSING_CHROMIUM = "chromium is not installed, so no page was looked at in a browser (Debian: apt-get install chromium)"
AXE = Path(__file__).parents[1] / "node_modules/axe-core/axe.min.js"
MISSING_AXE = "axe-core is not installed, so accessibility was not checked (npm ci in tests/, as `make e2e` does)"
PICTURES = Path(__file__).parents[2] / "build/screenshots"
"""What people look at, for whoever wants to look at it without running it."""
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
"""No name leads anywhere."""

# What comes true ends the wait at once; five seconds, as it is otherwise, can be too few on a loaded machine.
expect.set_options(timeout=PATIENCE * 1000)


def require_chromium() -> None:
    """Fails in CI, and skips elsewhere, on a machine without Chromium."""
    if shutil.which(CHROMIUM) is None:
        _miss(MISSING_CHROMIUM)


def _miss(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium without a window."""
    require_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, NOBODY_ELSE])
        yield browser
        browser.close()


def serious_findings(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it is now."""
    if not AXE.exists():
        _miss(MISSING_AXE)
    # Not as a script of the page: its policy forbids that.
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")
    return [
        f"{rule['id']}: {rule['help']}: {node['target']}"
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def keep_picture(page: Page, name: str) -> None:
    """Writes a picture of the whole page to `build/screenshots`."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


class Witness:
    """Notes what a page complains about, and whom it asks."""

    def __init__(self, page: Page) -> None:
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda message: self._console(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2] if "://" in request.url else ""))

    def _console(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

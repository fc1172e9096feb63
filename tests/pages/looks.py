"""The widths and themes at which the pages are checked."""

from dataclasses import dataclass
from typing import Final, Literal

from playwright.sync_api import Page

from tests.support.browser import keep_picture, serious_findings


@dataclass(frozen=True)
class Look:
    """A width in CSS pixels, and a theme."""

    width: int
    theme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}"


LOOKS: Final = [Look(1280, "light"), Look(320, "dark"), Look(768, "light"), Look(1280, "dark"), Look(320, "light")]


def check_look(page: Page, name: str, look: Look) -> None:
    """Take a picture of the page. Check that it fits the screen, and that axe-core finds nothing serious."""
    keep_picture(page, f"{name}-{look}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"
    assert serious_findings(page) == []

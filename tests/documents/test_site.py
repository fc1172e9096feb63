"""`make docs` finds the faults that the site generator does not find."""

import re
from pathlib import Path

import pytest
from tools import documentation

from tests.support.documents import ROOT

GOOD = '<link rel="canonical" href="https://example.com/"><h1 id="top">A page</h1>'
FAULTS = {
    '<a href="nowhere/">x</a>': "index.html links to nowhere/, which does not exist",
    '<img src="picture.png">': "index.html links to picture.png, which does not exist",
    '<a href="other/#bottom">x</a>': "index.html links to other/#bottom, which has no such anchor",
    '<a href="#bottom">x</a>': "index.html links to #bottom, which has no such anchor",
    '<script src="https://example.com/a.js"></script>': "index.html loads https://example.com/a.js",
    '<link rel="stylesheet" href="//example.com/a.css">': "index.html loads //example.com/a.css",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/index.html").write_text(GOOD + '<a href="..">back</a> <a href="../#top">top</a>')
    (tmp_path / "index.html").write_text(GOOD + '<a href="other/#top">x</a> <a href="https://example.com/">y</a>')
    return tmp_path


def test_a_good_site_has_no_faults(site: Path) -> None:
    assert [*documentation.faults(site)] == []


@pytest.mark.parametrize("html", FAULTS, ids=FAULTS.values())
def test_a_fault_is_found(site: Path, html: str) -> None:
    (site / "index.html").write_text(GOOD + html)

    assert [*documentation.faults(site)] == [FAULTS[html]]


def test_a_style_that_loads_from_another_host_is_found(site: Path) -> None:
    (site / "style.css").write_text("@font-face { src: url(https://example.com/font.woff2) }")

    assert [*documentation.faults(site)] == ["style.css loads https://example.com/font.woff2"]


def test_links_that_leave_the_pages_lead_to_the_repository(tmp_path: Path) -> None:
    documentation.copy(tmp_path)

    url = documentation.repository()
    text = (tmp_path / "how-to/run-below-a-path.md").read_text()
    assert f"[deploy/proxies]({url}/tree/main/deploy/proxies)" in text
    pages = [page.read_text() for page in tmp_path.rglob("*.md")]
    links = [link for each in pages for link in re.findall(rf"\({url}/(?:blob|tree)/main/([^)#]+)", each)]
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_the_site_shows_code_and_tables_in_a_list_as_parts_of_their_items(page: Path) -> None:
    # The site generator needs four spaces. With fewer, the list ends, and the next item begins with 1 again.
    assert re.findall(r"^ {1,3}(?:```|\|.*\|$).*", page.read_text(), re.MULTILINE) == []

"""Links in all documents lead somewhere, and paths, modules and settings in the text exist."""

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infrastructure.settings import FILE_VARIABLES, VARIABLES
from tests.support.documents import DOCS, ROOT

PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
        *(ROOT / "examples").glob("*.md"),
        ROOT / "tests/README.md",
    }
    - {ROOT / "CHANGELOG.md"}
)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"(?:src|docs|tests|deploy|bench|requirements|\.github|\.ci)/[\w./-]*\w")
MODULE = re.compile(r"(?:domain|application|infrastructure|presentation)(?:\.[a-z_]+)+")


def prose(path: Path) -> str:
    return CODE.sub("", path.read_text())


def named(pages: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in pages]


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings, as the code host makes them."""
    titles = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    texts = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title) for title in titles]
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in texts}


def dead_links(page: Path) -> Iterator[str]:
    for link in re.findall(r"(?:\]\(|(?:src|href)=\")([^)\"\s]+)", prose(page)):
        parts = urlsplit(link)
        target = (page.parent / parts.path) if parts.path else page
        document = target / "README.md" if target.is_dir() else target
        if parts.scheme or not target.resolve().is_relative_to(ROOT):
            continue  # outside of the repository: a page of another site, or of the code host
        if not target.exists() or (parts.fragment and parts.fragment not in anchors(document)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [*dead_links(page)] == []


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_every_table_is_in_one_piece(page: Path) -> None:
    # A row after an empty line is text for the code host, not a table.
    tables = re.findall(r"(?:^\|.*\n?)+", prose(page), re.MULTILINE)

    assert [table for table in tables if not re.match(r"\|.*\n\|(?: *:?-+:? *\|)+\n\|", table)] == []


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_every_path_and_module_in_the_text_exists(page: Path) -> None:
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    paths = [span for span in spans if PATH.fullmatch(span)]
    modules = [span for span in spans if MODULE.fullmatch(span)]

    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [module for module in modules if not exists(module)] == []


def exists(dotted: str) -> bool:
    """Return whether the name is a module, or an attribute of one."""
    try:
        if importlib.util.find_spec(dotted) is not None:
            return True
    except ModuleNotFoundError:
        pass
    module, _, attribute = dotted.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("page", PAGES, ids=named(PAGES))
def test_every_setting_in_the_text_exists(page: Path) -> None:
    settings = set(re.findall(r"\bOPEN_MFA_[A-Z_]*[A-Z]\b", page.read_text()))

    assert settings <= {*VARIABLES, *FILE_VARIABLES.values()}


@pytest.mark.parametrize("directory", ["src", "tests", "bench"])
def test_the_code_cites_only_documents_of_the_repository(directory: str) -> None:
    cited = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / directory).rglob("*.py")
        for name in re.findall(r"\b(?:docs/[\w/-]+|[A-Z]+)\.md\b", path.read_text())
    }

    assert [each for each in cited if not (ROOT / each[1]).exists()] == []


def test_every_page_is_in_the_navigation_once() -> None:
    listed = re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    decisions = {page for page in pages if page.startswith("adr/")} - {"adr/README.md"}

    assert len(listed) == len(set(listed))
    assert {*listed} == pages - decisions


def test_every_decision_is_in_the_index_with_a_status_and_a_date() -> None:
    index = (DOCS / "adr/README.md").read_text()
    decisions = sorted(path.name for path in DOCS.glob("adr/[0-9]*.md"))
    rows = re.findall(r"^\| \[([0-9]+)\]\(([^)]+)\) \| (.+) \| (\w+) \| ([0-9-]{10}) \|$", index, re.MULTILINE)

    assert [name for _, name, *_ in rows] == decisions
    for number, name, title, status, date in rows:
        text = (DOCS / "adr" / name).read_text()
        assert int(name[:4]) == int(number)
        assert text.startswith(f"# {int(number)}. {title}\n\n{status}, {date}\n\n"), name

"""Copy the pages for the site generator, and check the site that it has built.

`make docs` runs both steps around Zensical. Zensical checks links and anchors between pages, but not pictures, links to
files outside of docs/, and the files that the theme loads.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from os.path import relpath
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = ROOT / "docs"
COPY: Final = ROOT / "build/docs"
SITE: Final = ROOT / "build/site"
LOGO: Final = ROOT / "src/presentation/http/assets/logo.svg"
COPIED: Final = ("*.md", "*.css", "*.png", "*.svg")
LOADED: Final = frozenset({"script", "img", "link", "iframe", "source", "audio", "video", "object", "embed"})
"""Elements whose target a browser loads by itself."""
NOT_LOADED: Final = frozenset({"canonical", "prev", "next"})
"""Relations of a `link` element that only name another page."""
_LINK: Final = re.compile(r"\]\((?P<target>[^)\s]+)\)")


def repository() -> str:
    """Return the address of the repository from mkdocs.yml."""
    (url,) = re.findall(r"^  repository: (\S+)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    return str(url)


def copy(copy_to: Path = COPY) -> None:
    """Copy the pages and pictures. In the copy, links to files outside of docs/ lead to the repository."""
    shutil.rmtree(copy_to, ignore_errors=True)
    url = repository()
    for pattern in COPIED:
        for source in PAGES.rglob(pattern):
            target = copy_to / source.relative_to(PAGES)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".md":
                target.write_text(_LINK.sub(_leading_outside(source, url), source.read_text()))
            else:
                shutil.copy(source, target)
    shutil.copy(LOGO, copy_to)


def _leading_outside(page: Path, url: str) -> Callable[[re.Match[str]], str]:
    def replaced(link: re.Match[str]) -> str:
        path, hash_mark, anchor = link["target"].partition("#")
        if not path or urlsplit(path).scheme:
            return link[0]
        outside = (page.parent / path).resolve()
        if outside.is_relative_to(PAGES):
            return link[0]
        kind = "tree" if outside.is_dir() else "blob"
        return f"]({url}/{kind}/main/{relpath(outside, ROOT)}{hash_mark}{anchor})"

    return replaced


class _Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        if "id" in values:
            self.anchors.add(values["id"])
        link = values.get("href") or values.get("src")
        if link:
            self.links.append(link)
            if tag in LOADED and values.get("rel") not in NOT_LOADED:
                self.loaded.append(link)


def faults(site: Path = SITE) -> Iterator[str]:
    """Yield each dead link within the site, and each resource that a page loads from another host."""
    pages = {path: _Page(path.read_text()) for path in site.rglob("*.html")}
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # Its links are absolute, because every path may lead to it.
        name = path.relative_to(site)
        yield from (f"{name} loads {link}" for link in page.loaded if urlsplit(link).netloc)
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{name} links to {link}, which does not exist"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name} links to {link}, which has no such anchor"
    for style in site.rglob("*.css"):
        for url in re.findall(r"url\(\"?(https?:[^)\"]+)", style.read_text()):
            yield f"{style.relative_to(site)} loads {url}"


def main(step: str) -> int:
    """Run one step, `copy` or `check`. Return the exit status."""
    if step == "copy":
        copy()
        return 0
    found = sorted(set(faults()))
    print("\n".join(found) or f"The site is in {relpath(SITE)}: no dead link, and nothing from other hosts.")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

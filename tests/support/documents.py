"""The documents whose commands and examples the tests run."""

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"


def page(name: str) -> str:
    """Return the text of a page, such as `how-to/upgrade`."""
    return (DOCS / f"{name}.md").read_text()


def block(text: str, beginning: str, language: str = "sh") -> str:
    """Return the only code block of this language that begins so."""
    found = [code for code in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if code.startswith(beginning)]
    assert len(found) == 1, f"{len(found)} blocks begin with {beginning}"
    return str(found[0])


def section(text: str, heading: str) -> str:
    """Return the text below the only heading with this title, up to the next heading of its level or a higher one."""
    ((marks, rest),) = re.findall(rf"^(#+) {re.escape(heading)}\n(.*)", text, re.MULTILINE | re.DOTALL)
    return re.split(rf"^#{{1,{len(marks)}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the first table, without its head."""
    lines = f"\n{text}".split("\n|", 1)[1].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]

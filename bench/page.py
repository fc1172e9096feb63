"""The capacity page: prose that people write, and tables that `make bench` writes between pairs of comments."""

import re
from collections.abc import Mapping
from typing import Final

_SECTION: Final = re.compile(r"<!-- begin ([a-z-]+) -->\n.*?<!-- end \1 -->", re.DOTALL)


class NoSuchSection(Exception):
    """The page has a section for which no table was measured."""


def render(page: str, sections: Mapping[str, str]) -> str:
    """Return the page with the current tables. Raise `NoSuchSection` if one is missing."""

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        if name not in sections:
            raise NoSuchSection(f"no table {name} was measured; the tables are {', '.join(sections)}")
        return f"<!-- begin {name} -->\n\n{sections[name]}\n\n<!-- end {name} -->"

    return _SECTION.sub(replaced, page)

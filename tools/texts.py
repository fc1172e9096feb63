"""Update the catalogues of the texts on pages from the code and the templates, and compile them.

`make texts` runs this. It adds new texts without a translation, and removes texts that no longer exist. A test fails
until each text has a translation, and until the compiled catalogues are current.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from domain.language import LANGUAGES
from presentation.http.framework.problem_types import Problems

HTTP: Final = Path(__file__).parent.parent / "src/presentation/http"
LOCALES: Final = HTTP / "locales"
PROBLEM_TYPES: Final = "framework/problem_types.py"
KEYWORDS: Final[dict[str, Any]] = {"gettext": None, "ngettext": (1, 2)}


def extract_problems(*_: Any, **__: Any) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield the texts of the problem types, for Babel."""
    for problem in (each.value for each in Problems):
        for text in (problem.title, problem.meaning, problem.remedy, problem.for_clients):
            if text:
                yield 1, "gettext", text, []


METHODS: Final[list[tuple[str, Any]]] = [
    (PROBLEM_TYPES, extract_problems),
    ("**.py", "python"),
    ("**.html", "jinja2.ext:babel_extract"),
]


def extracted() -> Catalog:
    """Return all texts of the code and the templates, without translations."""
    template = Catalog(project="Open-MFA")
    options = {"**.html": {"trimmed": "true", "silent": "false"}}
    for name, line, message, comments, context in extract_from_dir(HTTP, METHODS, options, KEYWORDS):
        template.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return template


def catalogue(language: str) -> Catalog:
    """Return the catalogue of a language, as the file has it."""
    with (LOCALES / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def main() -> None:
    """Update and compile the catalogues of all languages except that of the source texts."""
    template = extracted()
    for language in LANGUAGES[1:]:
        path = LOCALES / f"{language}.po"
        known = catalogue(language) if path.exists() else Catalog(locale=language, project="Open-MFA")
        known.update(template, no_fuzzy_matching=True, update_creation_date=False)
        with path.open("wb") as file:
            write_po(file, known, width=120, ignore_obsolete=True, sort_by_file=True, include_lineno=False)
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue(language))


if __name__ == "__main__":
    main()

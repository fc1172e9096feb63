"""The catalogues of the texts on pages: complete, current, and with the same placeholders."""

import ast
import re
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages import Message
from babel.messages.mofile import read_mo
from tools.texts import HTTP, LOCALES, catalogue, extracted

from domain.language import LANGUAGES
from presentation.http.framework.texts import TEXTS

OTHERS = LANGUAGES[1:]
PLACEHOLDER = re.compile(r"%\(\w+\)s|</?\w+>|`[^`]+`")
"""What a translation keeps: placeholders, HTML elements, and names of the API."""
VERBS = {"`DELETE`", "`POST`", "`GET`", "`replacement`"}
"""HTTP methods are verbs in the English texts, and the German texts repeat a noun."""


def sources(message: Message) -> list[str]:
    return [message.id] if isinstance(message.id, str) else list(message.id)


def translations(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


@pytest.fixture(params=OTHERS)
def language(request: pytest.FixtureRequest) -> str:
    tag: str = request.param
    return tag


def test_every_language_has_a_catalogue() -> None:
    assert sorted(path.stem for path in LOCALES.glob("*.po")) == sorted(OTHERS)
    assert sorted(path.stem for path in LOCALES.glob("*.mo")) == sorted(OTHERS)
    assert tuple(TEXTS) == LANGUAGES


def test_a_catalogue_contains_exactly_the_texts_of_the_code(language: str) -> None:
    """If this fails, run `make texts` and translate the new texts."""
    assert {message.id for message in catalogue(language)} == {message.id for message in extracted()}


def test_every_text_is_translated(language: str) -> None:
    known = catalogue(language)

    assert [message.id for message in known if message.id and not all(translations(message))] == []
    assert [message.id for message in known if message.fuzzy] == []
    assert {len(translations(message)) for message in known if message.pluralizable} == {known.num_plurals}


def test_translations_have_the_placeholders_of_their_sources(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            wanted = set(PLACEHOLDER.findall(" ".join(sources(message)))) - VERBS
            assert [set(PLACEHOLDER.findall(text)) - VERBS for text in translations(message)] == [wanted] * len(
                translations(message)
            ), message.id


def test_translations_end_like_their_sources(language: str) -> None:
    headings = {"What happened", "What to do"}
    for message in catalogue(language):
        if message.id and message.id not in headings:
            ends = {text[-1] in ".?" for text in (*sources(message), *translations(message))}
            assert len(ends) == 1, message.id


def test_the_compiled_catalogue_is_current(language: str) -> None:
    """If this fails, run `make texts`."""
    with (LOCALES / f"{language}.mo").open("rb") as file:
        compiled = read_mo(file)

    assert {(*sources(each), *translations(each)) for each in compiled if each.id} == {
        (*sources(each), *translations(each)) for each in catalogue(language) if each.id
    }


def test_the_catalogue_has_the_plural_rule_of_the_language() -> None:
    wait = TEXTS["de"].wait

    assert wait(1) == "Versuchen Sie es in 1\u00a0Sekunde noch einmal."
    assert wait(30) == "Versuchen Sie es in 30\u00a0Sekunden noch einmal."


def test_babel_finds_every_text_of_the_code() -> None:
    """Babel does not look into f-strings, for example."""
    found: set[str] = set()
    for path in Path(HTTP).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="gettext" | "ngettext"), args=arguments):
                    found |= {each.value for each in arguments if isinstance(each, ast.Constant)}
    known = {source for message in extracted() for source in sources(message)}

    assert found
    assert found - known == set()


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        (1, "Try again in 1 second."),
        (2, "Try again in 2 seconds."),
        (120, "Try again in 120 seconds."),
        (121, "Try again in 3 minutes."),
        (900, "Try again in 15 minutes."),
        (7200, "Try again in 120 minutes."),
        (7201, "Try again in 3 hours."),
        (86400, "Try again in 24 hours."),
    ],
)
def test_a_wait_is_a_number_that_people_can_read_and_never_too_short(seconds: int, sentence: str) -> None:
    assert TEXTS["en"].wait(seconds) == sentence


def test_german_is_loaded_from_its_catalogue() -> None:
    assert isinstance(TEXTS["de"].catalogue, GNUTranslations)
    assert TEXTS["de"].gettext("Log in") == "Anmelden"

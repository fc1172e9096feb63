"""The texts that people read on pages, in each language (gettext).

The source texts are English and are in the code and the templates. `locales` contains a catalogue for each other
language. `make texts` updates the catalogues and compiles them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from flask import Response, current_app, request
from jinja2 import Environment, pass_context
from jinja2.runtime import Context

from domain.language import LANGUAGES
from presentation.http.framework.accept_language import choose_language

LANGUAGE: Final = "LANGUAGE"
"""The key of the default language in the Flask application's configuration."""
_MINUTE: Final = 60
_HOUR: Final = 3600
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language.

    Attributes:
        language: the language tag.
        catalogue: the translations.
    """

    language: str
    catalogue: NullTranslations

    def gettext(self, source: str) -> str:
        """Return the translation of a source text, or the source text itself if there is none."""
        return self.catalogue.gettext(source)

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Return the translation for a number. `%(number)s` stands for the number."""
        return self.catalogue.ngettext(one, many, number) % {"number": number}

    def wait(self, seconds: int) -> str:
        """Return the sentence that tells a person when to try again. Minutes and hours are rounded up."""
        if seconds > 2 * _HOUR:
            return self.ngettext(
                "Try again in %(number)s hour.", "Try again in %(number)s hours.", -(-seconds // _HOUR)
            )
        if seconds > 2 * _MINUTE:
            return self.ngettext(
                "Try again in %(number)s minute.", "Try again in %(number)s minutes.", -(-seconds // _MINUTE)
            )
        return self.ngettext("Try again in %(number)s second.", "Try again in %(number)s seconds.", seconds)


def _catalogue(language: str) -> NullTranslations:
    if language == LANGUAGES[0]:
        return NullTranslations()
    with files("presentation.http").joinpath("locales", f"{language}.mo").open("rb") as compiled:
        return GNUTranslations(compiled)


TEXTS: Final[Mapping[str, Texts]] = MappingProxyType(
    {language: Texts(language, _catalogue(language)) for language in LANGUAGES}
)
"""The texts of each language."""


def preferred_texts(accept_language: str) -> Texts:
    """Return the texts in the language of a client, by the value of its Accept-Language field."""
    return TEXTS[choose_language(accept_language, LANGUAGES, current_app.config[LANGUAGE])]


def texts_of_request() -> Texts:
    """Return the texts in the language of the current request."""
    return preferred_texts(request.headers.get("Accept-Language", ""))


def name_language(response: Response, texts: Texts) -> Response:
    """Add the header fields of a page whose language depends on the request, and return the response."""
    response.headers["Content-Language"] = texts.language
    # Caches must not show the page to somebody who prefers another language (RFC 9110, section 12.5.5).
    response.vary.add("Accept-Language")
    return response


def install_texts(environment: Environment) -> None:
    """Let templates translate. They are rendered with `texts`; without, they are in English."""
    environment.globals["texts"] = TEXTS[LANGUAGES[0]]
    environment.policies["ext.i18n.trimmed"] = True
    environment.add_extension("jinja2.ext.i18n")
    # The extension adds this method. With `newstyle`, templates escape the values that a text contains.
    environment.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]


@pass_context
def _gettext(context: Context, source: str) -> str:
    return _texts(context).gettext(source)


@pass_context
def _ngettext(context: Context, one: str, many: str, number: int) -> str:
    return _texts(context).catalogue.ngettext(one, many, number)


def _texts(context: Any) -> Texts:
    texts: Texts = context["texts"]
    return texts

"""The texts of the mail with a code, in several languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

from domain.language import LANGUAGES, best_language, is_language_tag
from infrastructure.delivery.mail_template import Template


@dataclass(frozen=True, slots=True)
class MailTexts:
    """The texts of a mail by language.

    Attributes:
        default: the language of mail for which a request names no language, or one without a text.
        by_language: the texts by their language tags.
    """

    default: str
    by_language: Mapping[str, Template]

    @classmethod
    def built_in(cls, default: str) -> Self:
        """Return the texts of this package.

        Args:
            default: the default language, one of `LANGUAGES`.
        """
        return cls(default, {language: _built_in(language) for language in LANGUAGES})

    def with_own(self, own: Mapping[str, Template], default: str | None = None) -> "MailTexts":
        """Return the texts with other ones, which replace those of the same language.

        Args:
            own: the other texts.
            default: the default language, which must have a text; None for no change.
        """
        replaced = {tag.lower() for tag in own}
        kept = {tag: text for tag, text in self.by_language.items() if tag.lower() not in replaced}
        texts = {**kept, **own}
        return MailTexts(best_language(default or self.default, texts) or self.default, texts)

    def of(self, language: str | None) -> Template:
        """Return the text for the language that a request names. `de-AT` falls back to `de`."""
        best = None if language is None else best_language(language, self.by_language)
        return self.by_language[best or self.default]


@cache
def _built_in(language: str) -> Template:
    return Template.parse(files(__package__).joinpath(f"code.{language}.txt").read_text("utf-8"))


def texts_in_files(value: str) -> Mapping[str, Template]:
    """Read the files of a setting such as `fr=/etc/open-mfa/mail.fr.txt,it=/etc/open-mfa/mail.it.txt`.

    Raises:
        ValueError: the reason. The message does not repeat the paths.
    """
    texts: dict[str, Template] = {}
    for part in value.split(","):
        tag, separator, path = (each.strip() for each in part.partition("="))
        if not (separator and path and is_language_tag(tag)):
            raise ValueError("must be languages and paths, such as de=/path/mail.de.txt, separated by commas")
        if tag.lower() in texts:
            raise ValueError(f"has two files for the language {tag}")
        try:
            texts[tag.lower()] = Template.load(path)
        except ValueError as error:
            raise ValueError(f"has an unusable file for the language {tag}: {error}") from None
    return texts

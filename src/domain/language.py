"""Language tags (BCP 47), and the languages of the texts that people read."""

import re
from collections.abc import Collection
from typing import Final

LANGUAGES: Final = ("en", "de")
"""The languages of the pages and of the built-in mail. The first one is the language of the source texts."""
LONGEST_LANGUAGE_TAG: Final = 35
"""Characters. Programs must support tags of this length (RFC 5646, section 4.4.1)."""
LANGUAGE_TAG: Final = "[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*"
"""The pattern of a tag without its length: a language range of RFC 4647, section 2.1, without `*`."""
_TAG: Final = re.compile(LANGUAGE_TAG)


def is_language_tag(text: str) -> bool:
    """Return whether the text has the form of a language tag, such as `de` or `de-AT`, and is not too long."""
    return len(text) <= LONGEST_LANGUAGE_TAG and _TAG.fullmatch(text) is not None


def best_language(tag: str, languages: Collection[str]) -> str | None:
    """Return the language for a tag: the tag itself or the longest of its beginnings; None if there is none.

    `de-AT` falls back to `de`. This is the lookup of RFC 4647, section 3.4, without its default.

    Args:
        tag: the tag. Upper and lower case are equal.
        languages: the tags to choose from.
    """
    known = {language.lower(): language for language in languages}
    wanted = tag.lower()
    while wanted and wanted not in known:
        wanted = wanted.rpartition("-")[0]
    return known.get(wanted)

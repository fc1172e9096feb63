"""The choice of a language by the Accept-Language header field (RFC 9110, section 12.5.4)."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from domain.language import LANGUAGE_TAG

LONGEST_FIELD: Final = 1000
"""Characters. Browsers send less than 200. A longer field is ignored, so that it takes no time."""
_RANGE: Final = re.compile(
    rf"[ \t]*({LANGUAGE_TAG}|\*)[ \t]*(?:;[ \t]*q=(0(?:\.[0-9]{{0,3}})?|1(?:\.0{{0,3}})?)[ \t]*)?", re.IGNORECASE
)
"""A language range with an optional weight (RFC 9110, section 12.4.2)."""
_ANY: Final = "*"


class _Preference(NamedTuple):
    """How much a client prefers a language. The greater one wins.

    Attributes:
        weight: from 0 for a language that is not acceptable, to 1.
        precedence: greater for a range that comes earlier in the field.
    """

    weight: float
    precedence: int


_UNACCEPTABLE: Final = _Preference(0, 0)


def choose_language(field: str, languages: Sequence[str], default: str) -> str:
    """Return the language that a client prefers.

    A range such as `de-AT` also selects the language `de`, as in the lookup of RFC 4647, section 3.4. A range for
    exactly a language with the weight 0 excludes this language. Elements that are malformed are ignored.

    Args:
        field: the value of the field, with all its lines joined by commas; empty for no field.
        languages: the languages to choose from.
        default: the language of a client that prefers none of them.
    """
    if len(field) > LONGEST_FIELD:
        return default
    ranges = _ranges(field)
    # The first of equal languages wins.
    ordered = sorted(languages, key=lambda language: language != default)
    chosen = max(ordered, key=lambda language: _preference(language, ranges))
    return chosen if _preference(chosen, ranges).weight > 0 else default


def _ranges(field: str) -> list[tuple[str, _Preference]]:
    found = [match for match in map(_RANGE.fullmatch, field.split(",")) if match is not None]
    return [
        (match[1].lower(), _Preference(1.0 if match[2] is None else float(match[2]), -position))
        for position, match in enumerate(found)
    ]


def _preference(language: str, ranges: list[tuple[str, _Preference]]) -> _Preference:
    wanted = language.lower()
    if any(each == wanted and preference.weight == 0 for each, preference in ranges):
        return _UNACCEPTABLE
    own = [preference for each, preference in ranges if each == wanted or each.startswith(f"{wanted}-")]
    return max(own or [preference for each, preference in ranges if each == _ANY], default=_UNACCEPTABLE)

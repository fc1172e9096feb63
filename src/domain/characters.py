"""Unicode properties of the characters that people type, paste and use in names."""

import unicodedata
from typing import Final

WHITE_SPACE: Final = frozenset(
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters with the Unicode property White_Space. `str.isspace` also accepts the information separators."""
_DASHES: Final = frozenset("\u00ad\u02d7\u2043\u2212")
"""Characters outside of the category Pd that look like dashes: soft hyphen, modifier minus, hyphen bullet, minus."""
_IGNORABLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u3164\uffa0")
_IGNORABLE_RANGES: Final = (("\ufe00", "\ufe0f"), ("\ufff0", "\ufff8"), ("\U000e0000", "\U000e0fff"))
"""The single characters and the ranges with the property Default_Ignorable_Code_Point that are not in category Cf."""
_BLANKS: Final = frozenset("\u2800\U00016fe4\U0001d159")
"""Characters without ink that Unicode classifies as visible: Braille blank, Khitan filler, null note head."""
_NOT_IN_LINES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""The categories of control characters, surrogates, line separators and paragraph separators."""
_BIDI_CONTROLS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""The characters with the property Bidi_Control. They can make a text look like a different one."""


def is_separator(character: str) -> bool:
    """Return whether the character is white space or looks like a dash."""
    return character in WHITE_SPACE or character in _DASHES or unicodedata.category(character) == "Pd"


def is_invisible(character: str) -> bool:
    """Return whether the character is neither drawn nor white space.

    Such characters are format characters (category Cf), variation selectors, fillers and joiners.
    """
    return (
        unicodedata.category(character) == "Cf"
        or character in _IGNORABLE
        or any(first <= character <= last for first, last in _IGNORABLE_RANGES)
    )


def is_line(text: str) -> bool:
    """Return whether the text is one line that is displayed in the order in which it is stored.

    Such a text has no control characters, line separators, paragraph separators, surrogates or bidi controls.
    `str.isprintable` is stricter: it refuses the joiners of Persian and emoji, and all spaces except U+0020.
    """
    return not any(unicodedata.category(c) in _NOT_IN_LINES or c in _BIDI_CONTROLS for c in text)


def is_blank(text: str) -> bool:
    """Return whether the text has no visible character."""
    return all(c in WHITE_SPACE or c in _BLANKS or is_invisible(c) for c in text)


def trim(text: str) -> str:
    """Return the text without white space and invisible characters at its ends."""
    first, last = 0, len(text)
    while first < last and (text[first] in WHITE_SPACE or is_invisible(text[first])):
        first += 1
    while first < last and (text[last - 1] in WHITE_SPACE or is_invisible(text[last - 1])):
        last -= 1
    return text[first:last]


def invisible_note(text: str) -> str:
    """Return the end of a sentence that names the first character without ink in a code or a secret.

    The note is empty if there is none. Without this note, the message that a code must be six digits does not explain
    why a code of six digits and an invisible character is refused.
    """
    for position, character in enumerate(text):
        if is_blank(character) or unicodedata.category(character) == "Cc":
            where = "in the middle" if 0 < position < len(text) - 1 else "at one end"
            return f", but has an invisible character (U+{ord(character):04X}) {where}"
    return ""


def compact(typed: str) -> str:
    """Return a code or a secret without the characters that people and displays add to it.

    White space and dashes are dropped everywhere, invisible characters only at the ends. Inside a code or a secret, no
    program adds an invisible character.
    """
    if typed.isascii() and typed.isalnum():
        return typed
    return trim("".join(character for character in typed if not is_separator(character)))

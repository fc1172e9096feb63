"""Text in a given number of columns of a terminal. Some characters take two columns, and some take none."""

import unicodedata
from collections.abc import Iterator
from typing import Final

_SEPARATORS: Final = "-@.:_|/,"
"""A word that is too long is split after one of these, if that leaves at least half of the width."""


def columns_of(text: str) -> int:
    """Return the number of columns that a printable text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def padded(text: str, width: int) -> str:
    """Return the text with spaces after it, so that it takes at least this many columns."""
    return text + " " * (width - columns_of(text))


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text: at least one, each of at most `width` columns. Words that are too long are split."""
    lines = [""]
    for word in _pieces(text, width):
        if not lines[-1]:
            lines[-1] = word
        elif columns_of(lines[-1]) + 1 + columns_of(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _pieces(text: str, width: int) -> Iterator[str]:
    """Yield the words of a text, and parts of the words that are wider than `width`."""
    for word in text.split(" "):
        rest = word
        while columns_of(rest) > width:
            end = _fitting(rest, width)
            yield rest[:end]
            rest = rest[end:]
        yield rest


def _fitting(word: str, width: int) -> int:
    """Return the length of the first part of a word: if possible, it ends with a separator."""
    taken = fitting = 0
    for fitting, character in enumerate(word):  # noqa: B007 - the number of characters that fit
        taken += _columns(character)
        if taken > width:
            break
    separator = max(word.rfind(each, 0, fitting) for each in _SEPARATORS) + 1
    return max(separator if separator * 2 >= fitting else fitting, 1)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

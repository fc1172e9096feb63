"""Texts that users type, paste and use as names."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.characters import WHITE_SPACE, compact, invisible_note, is_blank, is_invisible, is_line, is_separator

EVERY = [chr(number) for number in range(sys.maxunicode + 1)]
SEPARATORS = [character for character in EVERY if is_separator(character)]
MARKS = [character for character in EVERY if is_invisible(character) and not is_separator(character)]
"""Characters that are ignored at the ends of a code."""
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_white_space_has_the_unicode_property() -> None:
    # Python adds the information separators, which are control characters.
    assert {character for character in EVERY if character.isspace()} - WHITE_SPACE == set("\x1c\x1d\x1e\x1f")
    assert all(character.isspace() for character in WHITE_SPACE)


@pytest.mark.parametrize(
    "character", "\t\n\r \u0085\u00a0\u2003\u2009\u202f\u2028\u3000-\u00ad\u058a\u2010\u2015\u2212\uff0d"
)
def test_white_space_and_dashes_are_separators(character: str) -> None:
    assert is_separator(character)


@pytest.mark.parametrize("character", "0Aa_.,=+/\u0660\uff10\u200b\x00\x1c")
def test_nothing_else_is_a_separator(character: str) -> None:
    assert not is_separator(character)


@pytest.mark.parametrize(
    "character", "\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a\u2069\ufe0f\u3164\U000e0041\U000e0100"
)
def test_marks_are_invisible(character: str) -> None:
    assert is_invisible(character)


@pytest.mark.parametrize("character", "0A \u00a0\u0301\u2800\U0001f600\x00")
def test_nothing_else_is_invisible(character: str) -> None:
    assert not is_invisible(character)


@given(st.text("0123456789", min_size=6, max_size=10), st.data())
def test_separators_are_dropped_everywhere_and_marks_at_the_ends(digits: str, data: st.DataObject) -> None:
    gaps = [data.draw(st.text(SEPARATORS, max_size=3)) for _ in digits]
    first, last = (data.draw(st.text(MARKS + SEPARATORS, max_size=4)) for _ in range(2))

    assert compact(first + "".join(digit + gap for digit, gap in zip(digits, gaps, strict=True)) + last) == digits


@given(st.text(st.sampled_from([*SEPARATORS, *MARKS, *"0123aZ=\u0660"])))
def test_a_compact_text_begins_and_ends_with_a_visible_character(typed: str) -> None:
    left = compact(typed)

    assert compact(left) == left
    assert not any(is_separator(character) for character in left)
    assert not left or not (is_invisible(left[0]) or is_invisible(left[-1]))


@pytest.mark.parametrize("mark", ["\u200b", "\u200d", "\ufeff", "\u2060"])
def test_a_mark_in_the_middle_stays(mark: str) -> None:
    assert compact(f"123{mark}456") == f"123{mark}456"


@given(before=st.text("0123456789"), after=st.text("0123456789"), mark=st.sampled_from([*MARKS, "\u2800", "\x00"]))
def test_a_note_names_a_mark_and_its_position(before: str, after: str, mark: str) -> None:
    note = invisible_note(f"{before}{mark}{after}")

    assert f"(U+{ord(mark):04X})" in note
    assert note.endswith("in the middle" if before and after else "at one end")


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcé=!"))
def test_a_note_is_empty_without_marks(text: str) -> None:
    assert invisible_note(text) == ""


def test_a_line_has_no_controls_no_separators_of_lines_no_surrogates_and_no_bidi_controls() -> None:
    refused = {character for character in EVERY if not is_line(character)}

    assert refused == {c for c in EVERY if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}} | set(BIDI_CONTROLS)


@given(st.text([*WHITE_SPACE, *MARKS, "\u2800"]))
def test_an_invisible_text_is_blank(text: str) -> None:
    assert is_blank(text)
    assert not is_blank(f"{text}a{text}")

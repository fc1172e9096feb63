"""Parsing codes as users type them."""

import traceback
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code import Code
from domain.errors import DomainError, MalformedCode
from domain.recovery_codes import RecoveryCode
from domain.secret import SharedSecret
from tests.domain.test_characters import MARKS, SEPARATORS


@pytest.mark.parametrize("digits", ["123456", "1234567", "12345678", "123456789", "1234567890", "000000"])
def test_six_to_ten_ascii_digits_are_a_code(digits: str) -> None:
    assert Code.parse(digits).text == digits


@pytest.mark.parametrize(
    "typed",
    [
        "123 456",
        " 123456 ",
        "123-456",
        "12 34-56",
        "123\u00a0456",
        "123\u2009456",
        "123\u202f456",
        "123\u2010456",
        "123\u2011456",
        "1 2 3 4 5 6",
        "123456\n",
        "123\r\n456",
        "\t123\t456",
        "123\u3000456",
        "123\u2003456",
        "123\u2013456",
        "123\u2212456",
        "123\u00ad456",
        "\ufeff123456",
        "\u200e123 456\u200e",
        "\u202a123456\u202c",
        "123456\u200b \u2060",
    ],
)
def test_white_space_hyphens_and_marks_at_the_ends_are_ignored(typed: str) -> None:
    assert Code.parse(typed).text == "123456"


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="empty"),
        pytest.param(" - ", id="nothing but separators"),
        pytest.param("12345", id="five digits"),
        pytest.param("12345678901", id="eleven digits"),
        pytest.param("1" * 10_000, id="very long"),
        pytest.param("12345a", id="letter"),
        pytest.param("+123456", id="sign"),
        pytest.param("123.456", id="point"),
        pytest.param("123_456", id="underscore"),
        pytest.param("\u0661\u0662\u0663\u0664\u0665\u0666", id="Arabic digits"),
        pytest.param("12345\u0666", id="one Arabic digit"),
        pytest.param("\uff11\uff12\uff13\uff14\uff15\uff16", id="full-width digits"),
        pytest.param("12345\u00b2", id="superscript"),
        pytest.param("123456\u0000", id="NUL"),
        pytest.param("123\u200b456", id="zero-width space inside"),
        pytest.param("123\x1c456", id="control character"),
        pytest.param("\ud800" * 6, id="lone surrogates"),
    ],
)
def test_a_text_that_is_not_six_to_ten_ascii_digits_is_malformed(typed: str) -> None:
    with pytest.raises(MalformedCode):
        Code.parse(typed)


@given(st.text(alphabet="0123456789", min_size=6, max_size=10), st.data())
def test_separators_at_any_position_do_not_change_a_code(digits: str, data: st.DataObject) -> None:
    gaps = data.draw(st.lists(st.text(alphabet=SEPARATORS, max_size=3), min_size=len(digits), max_size=len(digits)))
    mark = data.draw(st.sampled_from(MARKS))

    typed = mark + "".join(gap + digit for gap, digit in zip(gaps, digits, strict=True)) + mark

    assert Code.parse(typed) == Code(digits)


@given(st.text())
def test_any_text_is_a_code_of_ascii_digits_or_malformed(typed: str) -> None:
    try:
        code = Code.parse(typed)
    except MalformedCode:
        return
    assert set(code.text) <= set("0123456789")
    assert 6 <= len(code.text) <= 10


@given(st.text(alphabet="0123456789", min_size=6, max_size=10))
def test_a_code_hides_from_repr_and_str(digits: str) -> None:
    assert digits not in f"{Code(digits)!r} {Code(digits)} {[Code(digits)]}"


@pytest.mark.parametrize("parse", [Code.parse, RecoveryCode.parse, SharedSecret.from_base32])
@pytest.mark.parametrize("mark", ["\u200b", "\u2060", "\ufeff", "\u2800"])
def test_the_error_names_an_invisible_character_in_the_middle(parse: Callable[[str], object], mark: str) -> None:
    with pytest.raises(DomainError) as caught:
        parse(f"234567{mark}23456722345672")

    assert str(caught.value).endswith(f", but has an invisible character (U+{ord(mark):04X}) in the middle")
    assert "234567" not in str(caught.value)


def test_the_error_about_a_malformed_code_does_not_repeat_it() -> None:
    typed = "98765432" + "x1"

    with pytest.raises(MalformedCode) as caught:
        Code.parse(typed)

    assert "98765432" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("expected", "equal"), [("123456", True), ("123457", False), ("023456", False), ("1234", False)]
)
def test_codes_are_equal_digit_by_digit(expected: str, equal: bool) -> None:
    assert Code("123456").equals(expected) is equal

"""The ranges that the RFCs and the service allow."""

from typing import Any

import pytest

from domain.errors import InvalidValue
from domain.parameters import HashAlgorithm, HotpParameters, TotpParameters, check_name
from tests.domain.examples import hotp, one_time_code


@pytest.mark.parametrize("values", [{}, {"digits": 6}, {"digits": 8}, {"look_ahead": 0}, {"look_ahead": 50}])
def test_hotp_parameters_reach_to_their_limits(values: dict[str, Any]) -> None:
    HotpParameters(**values)


@pytest.mark.parametrize("values", [{"digits": 5}, {"digits": 9}, {"look_ahead": -1}, {"look_ahead": 51}])
def test_hotp_parameters_beyond_their_limits_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=next(iter(values))):
        HotpParameters(**values)


@pytest.mark.parametrize(
    "values", [{"digits": 6}, {"digits": 8}, {"interval": 15}, {"interval": 300}, {"window": 0}, {"window": 10}]
)
def test_totp_parameters_reach_to_their_limits(values: dict[str, Any]) -> None:
    TotpParameters(**values)


@pytest.mark.parametrize(
    "values", [{"digits": 5}, {"digits": 9}, {"interval": 14}, {"interval": 301}, {"window": -1}, {"window": 11}]
)
def test_totp_parameters_beyond_their_limits_are_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=next(iter(values))):
        TotpParameters(**values)


def test_the_default_parameters_are_the_ones_that_all_authenticators_support() -> None:
    assert HotpParameters() == HotpParameters(HashAlgorithm.SHA1, digits=6, look_ahead=10)
    assert TotpParameters() == TotpParameters(HashAlgorithm.SHA1, digits=6, interval=30, window=1)


@pytest.mark.parametrize("counter", [-1, 2**63])
def test_an_initial_counter_beyond_63_bits_is_refused(counter: int) -> None:
    with pytest.raises(InvalidValue, match="initial_counter"):
        hotp(counter, initial_counter=counter)


@pytest.mark.parametrize("digits", ["12345", "12345678901"])
def test_a_one_time_code_has_six_to_ten_digits(digits: str) -> None:
    with pytest.raises(InvalidValue, match="digits"):
        one_time_code(digits)


NAMES = [
    "a",
    "alice@example.com",
    "Zo\u00eb \u014cno",
    " padded ",
    "x" * 128,
    "100% & more/?#",
    pytest.param("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", id="Persian with a non-joiner"),
    pytest.param("\u0dc1\u0dca\u200d\u0dbb\u0dd3", id="Sinhala with a joiner"),
    pytest.param("\u5c71\u7530\u3000\u592a\u90ce", id="Japanese with an ideographic space"),
    pytest.param("Soci\u00e9t\u00e9\u00a0SA", id="no-break space"),
    pytest.param("\U0001f469\u200d\U0001f4bb", id="emoji of a sequence"),
    pytest.param("\u2764\ufe0f", id="emoji with a variation selector"),
    pytest.param("\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", id="emoji of tags"),
    pytest.param("\U0001fae9", id="emoji newer than this Python"),
    pytest.param("a\u200bb", id="zero-width space inside"),
    pytest.param("\ue000", id="private use"),
]
NO_NAMES = [
    pytest.param("", id="empty"),
    pytest.param("  ", id="blank"),
    pytest.param("x" * 129, id="too long"),
    pytest.param("Example: alice", id="colon"),
    pytest.param("a\nb", id="newline"),
    pytest.param("a\x00b", id="NUL"),
    pytest.param("a\u202eb", id="turns the direction of writing"),
    pytest.param("a\u2028b", id="line separator"),
    pytest.param("a\u2029b", id="paragraph separator"),
    pytest.param("a\u0085b", id="next line"),
    pytest.param("a\u061cb", id="Arabic letter mark"),
    pytest.param("a\u2066b\u2069", id="isolate"),
    pytest.param("a\ud800", id="lone surrogate"),
    pytest.param("\u3000\u00a0", id="only white space"),
    pytest.param("\u200b\ufeff\u2060", id="only invisible marks"),
    pytest.param("\ufe0f", id="only a variation selector"),
    pytest.param("\u3164\u115f", id="only Hangul fillers"),
    pytest.param("\u2800 \u2800", id="only Braille blanks"),
    pytest.param("\U000e0041", id="only a tag"),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_not_changed(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "must have 1 to 128 bytes in UTF-8"),
        ("x" * 129, "must have 1 to 128 bytes in UTF-8"),
        ("\u200b", "must have a visible character"),
        ("a\nb", "must have no colon, line break, control character or mark that changes the direction of the text"),
    ],
)
def test_each_rule_of_a_name_has_its_own_message(name: str, reason: str) -> None:
    with pytest.raises(InvalidValue, match=f"^{reason}$"):
        check_name(name)


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_an_authenticator_would_not_show_as_written_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        check_name(name)

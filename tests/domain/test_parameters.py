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


def test_authenticators_get_what_they_all_honour_unless_asked_otherwise() -> None:
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


@pytest.mark.parametrize(
    "name", ["a", "alice@example.com", "Zo\u00eb \u014cno", " padded ", "x" * 128, "100% & more/?#"]
)
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("  ", id="blank"),
        pytest.param("x" * 129, id="too long"),
        pytest.param("Example: alice", id="colon"),
        pytest.param("a\nb", id="newline"),
        pytest.param("a\x00b", id="NUL"),
        pytest.param("a\u202eb", id="turns the direction of writing"),
        pytest.param("a\u200bb", id="zero-width space"),
        pytest.param("\ud800", id="lone surrogate"),
    ],
)
def test_a_name_that_an_authenticator_would_not_show_as_written_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        check_name(name)

"""The probabilities of the security model follow from the rules of the domain."""

import math
import re

import pytest

from domain.authenticators import MOST_AUTHENTICATORS
from domain.failures import DEFAULT_LOCKS, NO_FAILURES
from domain.one_time_code import DEFAULT_CODE_DIGITS
from domain.parameters import DEFAULT_DIGITS, DEFAULT_LOOK_AHEAD, DEFAULT_WINDOW
from tests.support.documents import page, rows, section

GUESSING = section(page("explanation/security"), "Guessing")
TABLE = rows(GUESSING)
HOUR, DAY = 3600, 86400
TIMES = {"until the first lock": 0, "an hour": HOUR, "a day": DAY, "30 days": 30 * DAY, "a year": 365 * DAY}
VALID_TOTP, VALID_HOTP = 2 * DEFAULT_WINDOW + 1, DEFAULT_LOOK_AHEAD + 1


def guesses_within(seconds: int) -> int:
    """Return how many codes are judged if a guess arrives whenever no lock is in force."""
    failures, now, count = NO_FAILURES, 0, 0
    while now <= seconds:
        failures = failures.another(now, DEFAULT_LOCKS)
        count += 1
        now = max(now, failures.locked_until)
        if failures.locked_until and not seconds:
            break
    return count


def percent(text: str) -> float:
    return float(text.removesuffix("%"))


def test_the_table_has_these_times() -> None:
    assert [row[0] for row in TABLE] == [*TIMES]


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_the_probabilities_follow_from_the_locks(row: list[str]) -> None:
    guesses = guesses_within(TIMES[row[0]])
    expected = [
        100 * -math.expm1(guesses * math.log1p(-valid / 10**digits))
        for valid, digits in ((VALID_TOTP, DEFAULT_DIGITS), (VALID_HOTP, DEFAULT_DIGITS), (VALID_TOTP, 8))
    ]

    assert int(row[1].replace(",", "")) == guesses
    assert [percent(cell) for cell in row[2:]] == pytest.approx(expected, rel=0.05)


def test_the_schedule_of_locks_is_that_of_the_domain() -> None:
    failures, locks = NO_FAILURES, []
    for _ in range(11):
        failures = failures.another(0, DEFAULT_LOCKS)
        locks.append(failures.locked_until)

    assert locks == [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900]
    for seconds in locks[4:-1]:
        assert f"{seconds} s" in GUESSING


def test_a_code_at_the_shared_gate_is_guessed_in_four_months() -> None:
    chance = VALID_TOTP / 10**DEFAULT_DIGITS
    guesses_a_day = 500 * 4 + guesses_within(DAY)

    assert 3 < math.log(2) / (guesses_a_day * chance) / 30 < 4
    assert "within four months" in GUESSING


def test_the_odds_of_ten_authenticators_are_as_the_page_states() -> None:
    for valid, in_a_day, in_a_month in ((VALID_TOTP, "0.31 %", "8.3 %"), (VALID_HOTP, "1.1 %", "27 %")):
        live = MOST_AUTHENTICATORS * valid
        for seconds, stated in ((DAY, in_a_day), (30 * DAY, in_a_month)):
            expected = 100 * -math.expm1(guesses_within(seconds) * math.log1p(-live / 10**DEFAULT_DIGITS))
            assert percent(stated) == pytest.approx(expected, rel=0.05)
            assert stated in GUESSING
        assert re.search(rf"\b{live}\b", GUESSING)


def test_five_guesses_at_a_one_time_code_are_as_unlikely_as_the_page_states() -> None:
    assert f"{100 * 5 / 10**DEFAULT_CODE_DIGITS:.4f} %" in GUESSING

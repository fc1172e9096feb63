"""Properties of matching a code that hold for HOTP and TOTP."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code import Code
from domain.failures import DEFAULT_LOCKS
from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from domain.secret_credential import SecretCredential
from domain.verdict import Accepted, Reason, Rejected
from infrastructure.crypto.hotp import PyotpHotp
from tests.domain.examples import ALGORITHM, STEP, code_of, hotp, totp, wrong_codes
from tests.support.fakes import NOON

COLLIDING = SharedSecret((251_119).to_bytes(20, "big"))
"""A secret whose 6-digit codes at noon and one time step later are equal."""


class CountingAlgorithm(PyotpHotp):
    """An algorithm that counts the codes that it computes."""

    def __init__(self) -> None:
        self.computed = 0

    def codes(
        self, secret: SharedSecret, algorithm: HashAlgorithm, digits: int, moving_factors: Sequence[int]
    ) -> list[str]:
        self.computed += len(moving_factors)
        return super().codes(secret, algorithm, digits, moving_factors)


def work(credential: SecretCredential, code: Code) -> int:
    """Return how many codes are computed to judge one."""
    algorithm = CountingAlgorithm()
    credential.judge(code, NOON, algorithm, DEFAULT_LOCKS)
    return algorithm.computed


@pytest.mark.parametrize("window", [0, 1, 10])
@pytest.mark.parametrize("ago", [1, 2, 40, 100_000])
def test_a_valid_a_spent_and_a_wrong_totp_code_take_the_same_work(window: int, ago: int) -> None:
    credential = totp(STEP - ago, window=window)
    codes = [
        code_of(credential, STEP),
        code_of(credential, STEP - ago),
        next(wrong_codes(credential, STEP, STEP - ago)),
    ]

    assert len({work(credential, code) for code in codes}) == 1


@pytest.mark.parametrize("look_ahead", [0, 10, 50])
def test_a_valid_a_spent_and_a_wrong_hotp_code_take_the_same_work(look_ahead: int) -> None:
    credential = hotp(500, look_ahead=look_ahead)
    codes = [code_of(credential, 500 + look_ahead), code_of(credential, 499), next(wrong_codes(credential, 500))]

    assert len({work(credential, code) for code in codes}) == 1


@pytest.mark.parametrize("window", [0, 1, 10])
def test_digits_that_two_neighbouring_steps_share_are_accepted_once(window: int) -> None:
    credential = totp(secret=COLLIDING, window=window)
    shown = code_of(credential, STEP)
    assert shown == code_of(credential, STEP + 1)
    first = credential.judge(shown, NOON, ALGORITHM, DEFAULT_LOCKS)
    assert first.verdict == Accepted()

    for later in range(0, 30 * (window + 3), 5):
        again = first.state.judge(shown, NOON + later, ALGORITHM, DEFAULT_LOCKS)
        assert again.verdict == Rejected(Reason.REPLAYED, 5)


class FewCodes(PyotpHotp):
    """An algorithm with so few codes that neighbouring moving factors often share one."""

    def codes(self, secret: object, algorithm: object, digits: int, moving_factors: Sequence[int]) -> list[str]:
        return [f"{factor * factor % 7:0{digits}d}" for factor in moving_factors]


@given(st.data(), st.integers(0, 10), st.integers(-20, 20))
def test_no_totp_code_on_display_is_accepted_twice(data: st.DataObject, window: int, drift: int) -> None:
    """It is refused in its own step and in the following ones, until another code is accepted."""
    credential = totp(window=window, drift=drift)
    shown = Code(f"{data.draw(st.integers(0, 6)):06d}")
    moment, accepted = NOON, 0
    for wait in data.draw(st.lists(st.integers(0, 120), max_size=12)):
        moment += wait
        outcome = credential.judge(shown, moment, FewCodes(), DEFAULT_LOCKS)
        credential = outcome.state
        accepted += outcome.verdict == Accepted()

    assert accepted <= 1


@given(st.integers(0, 6), st.integers(0, 50), st.integers(1, 8))
def test_no_hotp_code_on_display_is_accepted_twice(number: int, look_ahead: int, times: int) -> None:
    credential = hotp(20, look_ahead=look_ahead)
    shown = Code(f"{number:06d}")
    accepted = 0
    for _ in range(times):
        outcome = credential.judge(shown, NOON, FewCodes(), DEFAULT_LOCKS)
        credential = outcome.state
        accepted += outcome.verdict == Accepted()

    assert accepted <= 1

"""The HOTP adapter equals a second implementation of the RFC."""

from hypothesis import given
from hypothesis import strategies as st

from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from infrastructure.crypto.hotp import PyotpHotp
from tests.domain.reference import hotp_value

COUNTERS = st.integers(0, 2**63 + 10_000)


@given(
    st.binary(min_size=16, max_size=128),
    st.sampled_from(HashAlgorithm),
    st.integers(6, 8),
    st.lists(COUNTERS, max_size=5),
)
def test_codes_equal_those_of_the_rfc_in_the_order_of_their_moving_factors(
    key: bytes, algorithm: HashAlgorithm, digits: int, counters: list[int]
) -> None:
    codes = PyotpHotp().codes(SharedSecret(key), algorithm, digits, counters)

    assert codes == [hotp_value(key, counter, digits, algorithm.value.lower()) for counter in counters]


def test_codes_keep_their_leading_zeros() -> None:
    codes = PyotpHotp().codes(SharedSecret(b"12345678901234567890"), HashAlgorithm.SHA1, 6, range(200))

    assert {len(code) for code in codes} == {6}
    assert any(code.startswith("0") for code in codes)


def test_there_are_no_codes_without_moving_factors() -> None:
    assert PyotpHotp().codes(SharedSecret(bytes(20)), HashAlgorithm.SHA1, 6, range(0)) == []

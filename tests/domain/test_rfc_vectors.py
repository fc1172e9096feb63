"""The test values of RFC 4226 appendix D and RFC 6238 appendix B, through the real algorithm and the entities."""

import pytest

from domain.code import Code
from domain.failures import DEFAULT_LOCKS
from domain.parameters import HashAlgorithm
from domain.secret import SharedSecret
from domain.verdict import Accepted
from infrastructure.crypto.hotp import PyotpHotp
from tests.domain.examples import ALGORITHM, hotp, totp
from tests.domain.reference import hotp_value

RFC_4226_SEED = b"12345678901234567890"
RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]

SEEDS = {
    HashAlgorithm.SHA1: b"12345678901234567890",
    HashAlgorithm.SHA256: b"12345678901234567890123456789012",
    HashAlgorithm.SHA512: b"1234567890123456789012345678901234567890123456789012345678901234",
}
RFC_6238 = [
    (59, HashAlgorithm.SHA1, "94287082"),
    (59, HashAlgorithm.SHA256, "46119246"),
    (59, HashAlgorithm.SHA512, "90693936"),
    (1111111109, HashAlgorithm.SHA1, "07081804"),
    (1111111109, HashAlgorithm.SHA256, "68084774"),
    (1111111109, HashAlgorithm.SHA512, "25091201"),
    (1111111111, HashAlgorithm.SHA1, "14050471"),
    (1111111111, HashAlgorithm.SHA256, "67062674"),
    (1111111111, HashAlgorithm.SHA512, "99943326"),
    (1234567890, HashAlgorithm.SHA1, "89005924"),
    (1234567890, HashAlgorithm.SHA256, "91819424"),
    (1234567890, HashAlgorithm.SHA512, "93441116"),
    (2000000000, HashAlgorithm.SHA1, "69279037"),
    (2000000000, HashAlgorithm.SHA256, "90698825"),
    (2000000000, HashAlgorithm.SHA512, "38618901"),
    (20000000000, HashAlgorithm.SHA1, "65353130"),
    (20000000000, HashAlgorithm.SHA256, "77737706"),
    (20000000000, HashAlgorithm.SHA512, "47863826"),
]


def test_the_algorithm_computes_the_values_of_rfc_4226() -> None:
    codes = PyotpHotp().codes(SharedSecret(RFC_4226_SEED), HashAlgorithm.SHA1, 6, range(10))

    assert codes == RFC_4226


@pytest.mark.parametrize(("time", "algorithm", "value"), RFC_6238)
def test_the_algorithm_computes_the_values_of_rfc_6238(time: int, algorithm: HashAlgorithm, value: str) -> None:
    assert PyotpHotp().codes(SharedSecret(SEEDS[algorithm]), algorithm, 8, [time // 30]) == [value]


@pytest.mark.parametrize(("time", "algorithm", "value"), RFC_6238)
def test_the_reference_of_these_tests_computes_the_values_of_rfc_6238(
    time: int, algorithm: HashAlgorithm, value: str
) -> None:
    assert hotp_value(SEEDS[algorithm], time // 30, 8, algorithm.value.lower()) == value


def test_a_hotp_credential_accepts_the_values_of_rfc_4226_one_after_the_other() -> None:
    credential = hotp(secret=SharedSecret(RFC_4226_SEED), look_ahead=0)

    for value in RFC_4226:
        outcome = credential.judge(Code(value), 0, ALGORITHM, DEFAULT_LOCKS)
        assert outcome.verdict == Accepted()
        credential = outcome.state

    assert credential.counter == 10


@pytest.mark.parametrize(("counter", "value"), list(enumerate(RFC_4226)))
def test_a_hotp_credential_finds_every_value_of_rfc_4226_at_its_counter(counter: int, value: str) -> None:
    outcome = hotp(secret=SharedSecret(RFC_4226_SEED)).judge(Code(value), 0, ALGORITHM, DEFAULT_LOCKS)

    assert (outcome.verdict, outcome.state.counter) == (Accepted(), counter + 1)


@pytest.mark.parametrize(("time", "algorithm", "value"), RFC_6238)
def test_a_totp_credential_accepts_the_values_of_rfc_6238_at_their_times(
    time: int, algorithm: HashAlgorithm, value: str
) -> None:
    credential = totp(secret=SharedSecret(SEEDS[algorithm]), algorithm=algorithm, digits=8, window=0)

    outcome = credential.judge(Code(value), time, ALGORITHM, DEFAULT_LOCKS)

    assert (outcome.verdict, outcome.state.last_step) == (Accepted(), time // 30)

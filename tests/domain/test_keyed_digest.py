"""Digests that are stored instead of codes."""

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.keyed_digest import DIGEST_BYTES, keyed_digest
from domain.secret import SharedSecret
from tests.domain.examples import SECRET

CODES = st.text("0123456789", min_size=6, max_size=10)


def test_a_digest_is_a_truncated_hmac() -> None:
    # `printf 314159 | openssl dgst -sha256 -hmac 12345678901234567890`
    assert keyed_digest(SECRET, "314159").hex() == "4cb29ba48fe44fc638430a0074728420"


@given(CODES, CODES)
def test_no_two_codes_share_a_digest(one: str, other: str) -> None:
    assume(one != other)

    assert keyed_digest(SECRET, one) != keyed_digest(SECRET, other)


@given(CODES, st.binary(min_size=16, max_size=64))
def test_no_two_secrets_make_the_same_digest_of_a_code(code: str, key: bytes) -> None:
    assume(key.rstrip(b"\0") != SECRET.key)

    assert keyed_digest(SharedSecret(key), code) != keyed_digest(SECRET, code)


@given(CODES)
def test_a_digest_does_not_contain_its_code(code: str) -> None:
    digest = keyed_digest(SECRET, code)

    assert len(digest) == DIGEST_BYTES
    assert code.encode() not in digest

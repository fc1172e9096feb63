"""API keys: their scopes, their expiry and their format."""

import re
import string
from zlib import crc32

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.api_key import EXPIRY_NOTICE, ApiKey, Scope, digest_of
from domain.api_key_format import (
    ALPHABET,
    CHECKSUM_CHARACTERS,
    ENTROPY_BYTES,
    PATTERN,
    PREFIX,
    api_key_of,
    is_mistyped,
    is_well_formed,
)
from domain.errors import InvalidValue
from tests.support.documents import page, rows, section

DAY = 86400
keys = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES).map(api_key_of)
letters = st.sampled_from(ALPHABET)


def key_with(expires_at: int | None) -> ApiKey:
    return ApiKey(tenant="shop", id="web", digest=bytes(32), expires_at=expires_at)


def test_each_scope_includes_itself_and_those_before_it() -> None:
    included = {scope: [other for other in Scope if scope.includes(other)] for scope in Scope}

    assert included == {
        Scope.VERIFY: [Scope.VERIFY],
        Scope.ENROL: [Scope.VERIFY, Scope.ENROL],
        Scope.MANAGE: [Scope.VERIFY, Scope.ENROL, Scope.MANAGE],
    }


@given(st.integers(min_value=EXPIRY_NOTICE, max_value=2**40), st.integers(min_value=0, max_value=2**41))
def test_a_key_is_valid_until_the_second_before_it_expires(expires_at: int, now: int) -> None:
    assert key_with(expires_at).expired(now) is (now >= expires_at)


@given(st.integers(min_value=EXPIRY_NOTICE, max_value=2**40), st.integers(min_value=0, max_value=2**41))
def test_a_key_expires_soon_from_30_days_before(expires_at: int, now: int) -> None:
    assert key_with(expires_at).expires_soon(now) is (now >= expires_at - 30 * DAY)


@given(st.integers(min_value=0, max_value=2**41))
def test_a_key_without_an_end_never_expires(now: int) -> None:
    assert not key_with(None).expired(now)
    assert not key_with(None).expires_soon(now)


@given(keys)
def test_a_key_is_well_formed_and_has_the_prefix_and_the_length(key: str) -> None:
    assert is_well_formed(key)
    assert not is_mistyped(key)
    assert len(key) == len(PREFIX) + 32 + 6
    assert re.fullmatch(PATTERN, key)


@given(keys)
def test_the_checksum_is_the_crc_32_of_everything_before_it_in_base62(key: str) -> None:
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    number = 0
    for letter in key[-CHECKSUM_CHARACTERS:]:
        number = number * 62 + digits.index(letter)

    assert number == crc32(key[:-CHECKSUM_CHARACTERS].encode())


@given(st.lists(st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES), min_size=2, max_size=20, unique=True))
def test_different_random_bytes_give_different_keys(many: list[bytes]) -> None:
    random_parts = {int.from_bytes(each) % 62**32 for each in many}

    assert len({api_key_of(each) for each in many}) == len(random_parts)


@given(keys, st.data())
def test_one_wrong_character_is_noticed(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=len(PREFIX), max_value=len(key) - 1))
    letter = data.draw(letters)
    assume(letter != key[place])

    assert is_mistyped(key[:place] + letter + key[place + 1 :])


@given(keys, st.data())
def test_two_exchanged_characters_are_noticed(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=len(PREFIX), max_value=len(key) - 2))
    first, second = key[place : place + 2]
    assume(first != second)

    assert is_mistyped(key[:place] + second + first + key[place + 2 :])


@given(keys, st.data())
def test_a_missing_or_an_additional_character_is_noticed(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=len(PREFIX), max_value=len(key) - 1))

    assert is_mistyped(key[:place] + key[place + 1 :])
    assert is_mistyped(key[:place] + data.draw(letters) + key[place:])


@pytest.mark.parametrize("change", [" {}", "{} ", "{}\n", "x{}", "{}é", "{}\u0661"])
def test_a_key_with_anything_around_it_is_not_well_formed(change: str) -> None:
    assert not is_well_formed(change.format(api_key_of(bytes(32))))


@given(st.text())
def test_a_text_without_the_prefix_is_not_mistyped(text: str) -> None:
    assume(not text.startswith(PREFIX))

    assert not is_mistyped(text)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_another_number_of_random_bytes_is_refused(length: int) -> None:
    with pytest.raises(InvalidValue):
        api_key_of(bytes(length))


def test_the_digest_is_sha_256() -> None:
    # FIPS 180-4, the example of NIST for one block.
    assert digest_of("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


VECTORS = rows(section(page("reference/api-keys"), "Test vectors"))


def test_the_reference_has_several_test_vectors() -> None:
    assert len(VECTORS) >= 3


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[1].strip("`"))
def test_the_test_vectors_of_the_reference_are_right(vector: list[str]) -> None:
    entropy, key, sha256 = (cell.strip("`") for cell in vector)

    assert api_key_of(bytes.fromhex(entropy)) == key
    assert digest_of(key).hex() == sha256


def test_the_expression_for_scanners_is_that_of_the_reference() -> None:
    assert f"`{PATTERN}`" in page("reference/api-keys")

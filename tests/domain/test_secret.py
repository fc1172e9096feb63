"""Parsing and displaying shared secrets."""

import base64
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidSecret
from domain.secret import SharedSecret, base32_bytes
from tests.domain.test_characters import MARKS, SEPARATORS

KEY = b"12345678901234567890"
BASE32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
SECRETS = st.binary(min_size=16, max_size=128)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BASE32, id="plain"),
        pytest.param(BASE32.lower(), id="lower case"),
        pytest.param("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", id="spaces"),
        pytest.param(" gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq ", id="hyphens"),
        pytest.param("GEZDGNBVGY3TQOJQ\r\nGEZDGNBVGY3TQOJQ\r\n", id="line breaks"),
        pytest.param(
            "GEZD\tGNBV\u00a0GY3T\u3000QOJQ\u2009GEZD\u2028GNBV\u0085GY3T\u205fQOJQ", id="white space of any kind"
        ),
        pytest.param("GEZD\u2013GNBV\u2212GY3T\u00adQOJQ\u2010GEZDGNBVGY3TQOJQ", id="dashes of any kind"),
        pytest.param("\ufeff" + BASE32 + "\u200b", id="invisible marks at the ends"),
        pytest.param(BASE32 + "=\u2060", id="padding before a mark"),
    ],
)
def test_base32_is_read_as_people_paste_it(text: str) -> None:
    assert SharedSecret.from_base32(text).key == KEY


@given(SECRETS, st.data())
def test_characters_that_pasting_adds_change_no_secret(key: bytes, data: st.DataObject) -> None:
    text = SharedSecret(key).base32
    gaps = data.draw(st.lists(st.sampled_from(SEPARATORS), min_size=len(text), max_size=len(text)))
    first, last = data.draw(st.text(MARKS, max_size=2)), data.draw(st.text(MARKS, max_size=2))

    typed = first + "".join(gap + letter for gap, letter in zip(gaps, text, strict=True)) + last

    assert SharedSecret.from_base32(typed).key == key


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", max_size=300))
def test_the_error_names_a_length_that_is_impossible_in_base32(text: str) -> None:
    if len(text) % 8 in {1, 3, 6}:
        with pytest.raises(InvalidSecret, match=f"^has {len(text)} characters, which base32 never has: "):
            SharedSecret.from_base32(text)
    else:
        assert len(base32_bytes(text)) == len(text) * 5 // 8


@given(SECRETS)
def test_padding_is_optional(key: bytes) -> None:
    padded = base64.b32encode(key).decode()

    assert SharedSecret.from_base32(padded) == SharedSecret.from_base32(padded.rstrip("=")) == SharedSecret(key)


@given(SECRETS)
def test_a_secret_survives_its_own_base32(key: bytes) -> None:
    assert SharedSecret.from_base32(SharedSecret(key).base32).key == key


def test_base32_is_shown_without_padding() -> None:
    assert SharedSecret(b"0123456789abcdef").base32 == "GAYTEMZUGU3DOOBZMFRGGZDFMY"


@pytest.mark.parametrize("size", [16, 17, 20, 32, 64, 127, 128])
def test_secrets_of_128_to_1024_bits_are_accepted(size: int) -> None:
    assert SharedSecret.from_base32(base64.b32encode(bytes(size)).decode()).key == bytes(size)


@pytest.mark.parametrize("size", [0, 1, 10, 15, 129, 1000])
def test_shorter_and_longer_secrets_are_refused(size: int) -> None:
    with pytest.raises(InvalidSecret, match="128 to 1024 bits"):
        SharedSecret.from_base32(base64.b32encode(bytes(size)).decode())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1" + BASE32[1:], id="one"),
        pytest.param("0" + BASE32[1:], id="zero"),
        pytest.param("8" + BASE32[1:], id="eight"),
        pytest.param(BASE32 + "!", id="punctuation"),
        pytest.param(BASE32[:8] + "\u200b" + BASE32[8:], id="zero-width space inside"),
        pytest.param(BASE32[:8] + "=" + BASE32[8:], id="padding inside"),
        pytest.param(BASE32 + "A", id="no whole byte"),
        pytest.param("\u00e9" + BASE32[1:], id="accent"),
        pytest.param("\uff27" + BASE32[1:], id="full-width letter"),
        pytest.param("\u0131" * 32, id="dotless i, an I in upper case"),
        pytest.param("\u017f" * 32, id="long s, an S in upper case"),
        pytest.param("\ufb00" * 16, id="ligature, two letters in upper case"),
        pytest.param("\ud800" * 32, id="lone surrogates"),
    ],
)
def test_a_text_that_is_not_base32_is_refused(text: str) -> None:
    with pytest.raises(InvalidSecret, match="base32"):
        SharedSecret.from_base32(text)


@given(st.text(max_size=300))
def test_any_text_is_a_secret_or_refused(text: str) -> None:
    try:
        secret = SharedSecret.from_base32(text)
    except InvalidSecret:
        return
    assert 16 <= len(secret.key) <= 128


@given(SECRETS)
def test_a_secret_hides_from_repr_and_str(key: bytes) -> None:
    assert f"{SharedSecret(key)!r} {SharedSecret(key)} {[SharedSecret(key)]}" == (
        f"{SharedSecret(KEY)!r} {SharedSecret(KEY)} {[SharedSecret(KEY)]}"
    )


@pytest.mark.parametrize("text", [BASE32[:-1] + "1", BASE32[:16], BASE32 * 8])
def test_the_error_about_a_bad_secret_does_not_repeat_it(text: str) -> None:
    with pytest.raises(InvalidSecret) as caught:
        SharedSecret.from_base32(text)

    assert text[:16] not in "".join(traceback.format_exception(caught.value))

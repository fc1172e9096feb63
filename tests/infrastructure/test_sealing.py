"""A sealed value opens only for its own credential and field."""

import base64
import traceback
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.owner import CredentialId, Factor, Owner, OwnerKind
from infrastructure.crypto.sealing import EncryptionKey, KeyRing, SealingError

OLD = EncryptionKey("a", bytes(range(32)))
# One bit from "a", so that a flipped bit in the name can meet another key.
NEW = EncryptionKey("c", bytes(range(100, 132)))
RING = KeyRing((OLD,))
BOTH = KeyRing((NEW, OLD))
CREDENTIAL_ID = CredentialId(Owner(OwnerKind.ACCOUNT, "shop/alice"), Factor.TOTP)
SECRET = b"12345678901234567890"
ELSEWHERE = [
    pytest.param(replace(CREDENTIAL_ID, owner=Owner(OwnerKind.ACCOUNT, "shop/bob")), id="another owner"),
    pytest.param(replace(CREDENTIAL_ID, owner=Owner(OwnerKind.SESSION, "shop/alice")), id="another kind of owner"),
    pytest.param(replace(CREDENTIAL_ID, factor=Factor.HOTP), id="another factor"),
]


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8 % len(value)] ^= 1 << bit % 8
    return bytes(changed)


@given(st.binary(max_size=200))
def test_a_sealed_value_opens(plaintext: bytes) -> None:
    assert RING.open(RING.seal(plaintext, CREDENTIAL_ID, "secret"), CREDENTIAL_ID, "secret") == plaintext


def test_every_sealing_gives_another_value() -> None:
    assert RING.seal(SECRET, CREDENTIAL_ID, "secret") != RING.seal(SECRET, CREDENTIAL_ID, "secret")


@given(st.binary(min_size=16, max_size=128))
def test_a_sealed_value_does_not_contain_the_plaintext(plaintext: bytes) -> None:
    assert plaintext not in RING.seal(plaintext, CREDENTIAL_ID, "secret")


@pytest.mark.parametrize("credential_id", ELSEWHERE)
def test_a_sealed_value_does_not_open_for_another_credential(credential_id: CredentialId) -> None:
    blob = RING.seal(SECRET, CREDENTIAL_ID, "secret")

    with pytest.raises(SealingError):
        RING.open(blob, credential_id, "secret")


def test_a_sealed_value_does_not_open_as_another_field() -> None:
    blob = RING.seal(SECRET, CREDENTIAL_ID, "secret")

    with pytest.raises(SealingError):
        RING.open(blob, CREDENTIAL_ID, "code")


def test_a_sealed_value_does_not_open_under_another_key_of_the_same_name() -> None:
    blob = KeyRing((EncryptionKey(OLD.id, bytes(32)),)).seal(SECRET, CREDENTIAL_ID, "secret")

    with pytest.raises(SealingError):
        RING.open(blob, CREDENTIAL_ID, "secret")


@given(st.integers(min_value=0, max_value=8 * 200))
@example(9)
def test_a_sealed_value_does_not_open_when_any_bit_is_flipped(bit: int) -> None:
    blob = flipped(BOTH.seal(SECRET, CREDENTIAL_ID, "secret"), bit)

    with pytest.raises(SealingError):
        BOTH.open(blob, CREDENTIAL_ID, "secret")


def test_a_sealed_value_does_not_open_when_its_end_is_missing() -> None:
    blob = RING.seal(SECRET, CREDENTIAL_ID, "secret")

    for length in range(len(blob)):
        with pytest.raises(SealingError):
            RING.open(blob[:length], CREDENTIAL_ID, "secret")


def test_a_sealed_value_does_not_open_with_further_bytes() -> None:
    blob = RING.seal(SECRET, CREDENTIAL_ID, "secret")

    with pytest.raises(SealingError):
        RING.open(blob + b"\0", CREDENTIAL_ID, "secret")


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda tail: b"\x01a" + tail))
def test_an_arbitrary_value_does_not_open(blob: bytes) -> None:
    with pytest.raises(SealingError):
        RING.open(blob, CREDENTIAL_ID, "secret")


def test_an_unknown_key_is_named() -> None:
    blob = KeyRing((NEW,)).seal(SECRET, CREDENTIAL_ID, "secret")

    with pytest.raises(SealingError, match="key 'c'"):
        RING.open(blob, CREDENTIAL_ID, "secret")


def test_an_impossible_name_of_a_key_is_not_repeated() -> None:
    with pytest.raises(SealingError) as caught:
        RING.open(b"\x14" + b"no name of a key, \n!" + bytes(60), CREDENTIAL_ID, "secret")

    assert "no name" not in str(caught.value)


def test_the_first_key_seals() -> None:
    blob = BOTH.seal(SECRET, CREDENTIAL_ID, "secret")

    assert KeyRing((NEW,)).open(blob, CREDENTIAL_ID, "secret") == SECRET


def test_a_key_that_no_longer_seals_still_opens() -> None:
    assert BOTH.open(RING.seal(SECRET, CREDENTIAL_ID, "secret"), CREDENTIAL_ID, "secret") == SECRET


def test_an_instance_with_both_keys_opens_values_of_a_rotated_instance() -> None:
    blob = BOTH.seal(SECRET, CREDENTIAL_ID, "secret")

    assert KeyRing((OLD, NEW)).open(blob, CREDENTIAL_ID, "secret") == SECRET


def test_a_key_ring_needs_a_key() -> None:
    with pytest.raises(ValueError, match="at least one"):
        KeyRing(())


@given(st.from_regex(r"[A-Za-z0-9._-]{1,32}", fullmatch=True), st.binary(min_size=32, max_size=32))
def test_a_key_is_read_from_its_form_in_the_settings(key_id: str, material: bytes) -> None:
    text = f"{key_id}:{base64.b64encode(material).decode()}"

    assert EncryptionKey.parse(text) == EncryptionKey(key_id, material)


GOOD = base64.b64encode(NEW.material).decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="no id"),
        pytest.param(":" + GOOD, id="empty id"),
        pytest.param("k" * 33 + ":" + GOOD, id="long id"),
        pytest.param("k y:" + GOOD, id="space in the id"),
        pytest.param("kéy:" + GOOD, id="accent in the id"),
        pytest.param("key\n:" + GOOD, id="newline in the id"),
        pytest.param("key:" + GOOD[:-1], id="missing padding"),
        pytest.param("key:" + GOOD[:40], id="too short"),
        pytest.param("key:" + GOOD[:40] + GOOD, id="too long"),
        pytest.param("key:" + GOOD[:20] + "!" + GOOD[21:], id="punctuation"),
        pytest.param("key:" + GOOD[:20] + " " + GOOD[20:], id="space"),
        pytest.param("key:" + GOOD[:20] + "é" + GOOD[21:], id="accent"),
        pytest.param("key:", id="nothing"),
    ],
)
def test_an_invalid_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|ASCII") as caught:
        EncryptionKey.parse(text)

    assert GOOD[:16] not in "".join(traceback.format_exception(caught.value))


@given(st.binary(min_size=32, max_size=32))
def test_a_key_hides_from_repr(material: bytes) -> None:
    assert f"{EncryptionKey('k', material)!r} {EncryptionKey('k', material)}" == (
        f"{EncryptionKey('k', bytes(32))!r} {EncryptionKey('k', bytes(32))}"
    )


def test_a_key_ring_hides_its_keys_from_repr() -> None:
    assert not any(form in repr(BOTH) for form in (GOOD, NEW.material.hex(), repr(NEW.material)[2:-1]))


@given(st.integers(min_value=0, max_value=8 * 200))
def test_the_error_contains_neither_secret_nor_key(bit: int) -> None:
    blob = flipped(BOTH.seal(SECRET, CREDENTIAL_ID, "secret"), bit)

    with pytest.raises(SealingError) as caught:
        BOTH.open(blob, CREDENTIAL_ID, "secret")

    shown = "".join(traceback.format_exception(caught.value))
    assert not any(form in shown for form in (SECRET.decode(), SECRET.hex(), GOOD, NEW.material.hex()))
